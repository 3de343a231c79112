"""A registry with stories to tell, and a running API that is asked about them privately and plainly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caller_stories import Stories
from members import Member
from noble import NobleClient
from running_api import RunningApi

from registry.key_file import KeyFile
from registry.keys import KEY_INFO


@dataclass(frozen=True)
class PrivateScene:
    """pins: generation -> public key in base64, worked out from the seeds by the other implementation."""

    noble: NobleClient
    api: RunningApi
    employer: Member
    stories: Stories
    pins: Mapping[int, str]

    @property
    def job(self) -> dict[str, Any]:
        """What every job needs that speaks to the API."""
        address = f"http://127.0.0.1:{self.api.port}"
        return {"url": address, "key": self.employer.key, "purpose": "company_number", "pinned": self.pins}

    @property
    def parameters(self) -> Any:
        answer = self.employer.get("/v1/private/parameters")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask_privately(self, *, windows: bool = False, **more: Any) -> Any:
        """The other client's answers, the members that it found and its downloads."""
        given = {**more, "windows": self.stories.windows} if windows else more
        return self.noble.run("check", **self.job, numbers=self.stories.everybody, **given)

    def ask_plainly(self, *, windows: bool = False) -> list[dict[str, Any]]:
        items = self.stories.items(windows=windows)
        answer = self.employer.post("/v1/checks", {"purpose": "company_number", "items": items})
        assert answer.status_code == 200, answer.text
        kept = ("number", "outcome", "reason", "evidence")
        return [{name: result[name] for name in kept} for result in answer.json()["results"]]


def pins_of(noble: NobleClient, keys: KeyFile) -> dict[int, str]:
    given = {"info": KEY_INFO.decode(), "input_prefix": "", "numbers": []}
    return {
        number: noble.run("tag_vectors", seed=seed.hex(), generation=number, **given)["public_key"]
        for number, seed in keys.seeds.items()
    }
