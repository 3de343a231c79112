"""Organisations that ask privately over the API, with nothing but what the API tells them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from blinding import Chain, encoded, set_id, split, tags_through
from house import House
from members import KEYS, Member

from registry.domain.credentials import Scope
from registry.key_file import KeyFile
from registry.operations.assembly import public_keys

ASKING: Final = frozenset({Scope.LOOKUPS, Scope.PRIVATE})
"""What no key is given unless it is wanted."""
FOUR_KEYS: Final = KeyFile(
    {**KEYS.seeds, **{number: bytes([number]) * 32 for number in (2, 3, 4)}}, KEYS.fingerprint_key
)
"""The tests' usual generation, which is 1, and three more."""
PUBLIC_KEYS: Final = public_keys(FOUR_KEYS)


@dataclass(frozen=True, slots=True)
class PrivateAsker:
    """An organisation whose key may ask privately."""

    member: Member

    def parameters(self) -> Any:
        answer = self.member.get("/v1/private/parameters")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def chains(self) -> dict[int, Chain]:
        """Active generation -> the way to a tag under it, newest generation first, as the parameters tell it."""
        return {
            told["generation"]: [
                (link["generation"], base64.b64decode(link["public_key"])) for link in (*told["chain"], told)
            ]
            for told in self.parameters()["generations"]
        }

    def send(self, blinded: bytes | str, **more: Any) -> Any:
        """The answer to a batch. Members that are None are left out. headers: more of them."""
        headers = more.pop("headers", {})
        text = encoded(blinded) if isinstance(blinded, bytes) else blinded
        body = {"purpose": "company_number", "blinded": text, **more}
        kept = {name: value for name, value in body.items() if value is not None}
        return self.member.post("/v1/private/evaluations", kept, headers=headers)

    def evaluate(self, generation: int, blinded: bytes) -> tuple[bytes, bytes]:
        answer = self.send(blinded, generations=[generation])
        assert answer.status_code == 200, answer.text
        (told,) = answer.json()["evaluations"]
        assert told["generation"] == generation
        return base64.b64decode(told["evaluated"]), base64.b64decode(told["proof"])

    def tags(self, e164s: Sequence[str]) -> dict[int, list[bytes]]:
        """Active generation -> each number's tag under it, newest generation first."""
        return {number: tags_through(chain, e164s, self.evaluate) for number, chain in self.chains().items()}

    def set_ids(self, generation: int) -> list[bytes]:
        answer = self.member.get("/v1/private/set", params={"generation": generation})
        assert answer.status_code == 200, answer.text
        return split(answer.content)

    def disclose(self, *items: Mapping[str, Any], **more: Any) -> Any:
        """items: as in the body, but for the tag, which may be bytes."""
        headers = more.pop("headers", {})
        sent = [
            {**item, "tag": encoded(item["tag"]) if isinstance(item.get("tag"), bytes) else item.get("tag")}
            for item in items
        ]
        body = {"purpose": "company_number", "items": sent, **more}
        kept = {name: value for name, value in body.items() if value is not None}
        return self.member.post("/v1/private/disclosures", kept, headers=headers)

    def ask(self, items: Sequence[Mapping[str, str]]) -> list[tuple[Any, Any, Any]]:
        """Outcome, reason and evidence of each item, found the private way. items: as POST /v1/checks takes them."""
        by_generation = self.tags([item["number"] for item in items])
        sets = {generation: set(self.set_ids(generation)) for generation in by_generation}
        found: dict[int, bytes] = {}
        for generation, tags in by_generation.items():
            for index, tag in enumerate(tags):
                if index not in found and set_id(generation, tag) in sets[generation]:
                    found[index] = tag
        told: list[tuple[Any, Any, Any]] = [("none", None, None)] * len(items)
        if found:
            windows = [{name: items[index][name] for name in items[index] if name != "number"} for index in found]
            answer = self.disclose(*({"tag": found[i], **w} for i, w in zip(found, windows, strict=True)))
            assert answer.status_code == 200, answer.text
            for index, result in zip(found, answer.json()["results"], strict=True):
                told[index] = (result["outcome"], result["reason"], result["evidence"])
        return told


def private_asker(house: House, **limits: int) -> PrivateAsker:
    """A new employer."""
    return PrivateAsker(house.member("employer", scopes=ASKING, **limits))


def left_today(answer: Any) -> int:
    """Numbers that the organisation may still ask about today."""
    return int(answer.headers["ratelimit"].partition('"org-day";r=')[2].partition(";")[0])
