"""One registry as Python sees it: a method for every question, typed answers, typed errors."""

import base64
import json
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from registry.client._answers import Account, Answers, LookupAnswer
from registry.client._connection import NOT_MODIFIED, Connection, Patience
from registry.client._document import Document
from registry.client._evaluation import Evaluation, Evaluations
from registry.client._listed import ListedSet, prefix_text
from registry.client._parameters import Parameters, SetFacts
from registry.client._questions import Asking, Disclosure, Question
from registry.client.target import OPEN_ROAD, Target, UnencryptedWarning
from registry.domain.confidential import Confidential
from registry.domain.tags import ELEMENT_BYTES, PROOF_BYTES

if TYPE_CHECKING:
    from registry.client._private_check import PrivateAnswers

_TIMEOUT: Final = 30.0
_PATIENCE: Final = 30.0


class RegistryClient(Confidential):
    """Asks one registry with one API key. Thread-safe; close it, or use it as a context manager.

    timeout: of one attempt, in seconds. patience: for how many seconds in all a request is repeated that found nobody,
    or was told to come back later. public_keys: of generations that are known already; the others are believed at
    first sight, and from then on held to. transport: stands in for the network.

    Every POST carries an Idempotency-Key, fresh unless one is given, so that repeating it costs nothing. Requests
    raise RegistryError and what derives from it; the constructor raises InvalidTarget.
    """

    __slots__ = ("_connection", "_public_keys")

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = _TIMEOUT,
        patience: float = _PATIENCE,
        public_keys: Mapping[int, bytes] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        target = Target.of(base_url, api_key)
        if target.readable_on_the_way:
            warnings.warn(OPEN_ROAD, UnencryptedWarning, stacklevel=2)
        self._connection = Connection(target, Patience(patience, timeout), transport)
        self._public_keys = dict(public_keys or {})

    def __repr__(self) -> str:
        return f"RegistryClient({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def url(self) -> str:
        """The registry's address."""
        return self._connection.target.url

    @property
    def public_keys(self) -> Mapping[int, bytes]:
        """By generation: the public key that it is held to."""
        return dict(self._public_keys)

    def account(self) -> Account:
        return Account.read(Document.parse(self._connection.get("/v1/account").content))

    def look_up(
        self,
        number: str,
        *,
        purpose: str,
        case_ref: str | None = None,
        region: str | None = None,
        possessed_since: date | None = None,
        possessed_until: date | None = None,
        idempotency_key: str | None = None,
    ) -> LookupAnswer:
        """The registry learns the number."""
        question = Question(number, region, possessed_since, possessed_until).document()
        body = {**Asking(purpose, case_ref).document(), **question}
        return LookupAnswer.read(self._post("/v1/lookups", body, idempotency_key))

    def check(
        self,
        questions: Sequence[Question],
        *,
        purpose: str,
        case_ref: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answers:
        """1 to 10,000 questions. The registry learns the numbers."""
        items = [question.document() for question in questions]
        body = {**Asking(purpose, case_ref).document(), "items": items}
        return Answers.read(self._post("/v1/checks", body, idempotency_key), len(items))

    def check_private(
        self,
        questions: Iterable[Question | str],
        *,
        purpose: str,
        case_ref: str | None = None,
        region: str | None = None,
        buckets: bool = False,
    ) -> "PrivateAnswers":
        """Like `check`, for as many questions as fit into memory, without telling the registry the numbers.

        Every different number costs one, and every number that is listed another. region: of questions that name none.
        buckets: ask only for parts of the set where that is less, which tells the registry the first bits of ids.
        """
        from registry.client._private_check import PrivateCheck  # noqa: PLC0415 - it takes the numbering plans along

        asked = [Question(one) if isinstance(one, str) else one for one in questions]
        asked = [one if one.region else replace(one, region=region) for one in asked]
        return PrivateCheck(self, Asking(purpose, case_ref)).run(asked, buckets=buckets)

    def parameters(self) -> Parameters:
        """Raises KeyChanged where a generation has another public key than it had before."""
        found = Parameters.read(Document.parse(self._connection.get("/v1/private/parameters").content))
        found.require_keys(self._public_keys)
        self._public_keys |= found.public_keys()
        return found

    def evaluate(
        self,
        blinded: bytes,
        *,
        purpose: str,
        case_ref: str | None = None,
        generations: Sequence[int] | None = None,
        idempotency_key: str | None = None,
    ) -> Evaluations:
        """blinded: 32 bytes for each number. The answer is not verified yet: only who blinded it can do that."""
        body: dict[str, Any] = {**Asking(purpose, case_ref).document(), "blinded": _base64(blinded)}
        if generations is not None:
            body["generations"] = list(generations)
        answer = self._post("/v1/private/evaluations", body, idempotency_key)
        evaluations = tuple(
            Evaluation(
                one.whole("generation"),
                one.octets("evaluated", len(blinded) // ELEMENT_BYTES * ELEMENT_BYTES),
                one.octets("proof", PROOF_BYTES),
            )
            for one in answer.children("evaluations")
        )
        return Evaluations(evaluations, answer.text("audit_id"))

    def listed_set(self, generation: int, *, etag: str | None = None) -> ListedSet | None:
        """None where the set is still the one of `etag`."""
        response = self._connection.get("/v1/private/set", {"generation": str(generation)}, etag)
        return _listed(generation, response)

    def bucket(self, generation: int, prefix: int, facts: SetFacts, *, etag: str | None = None) -> ListedSet | None:
        """The ids whose first `facts.prefix_bits` bits are `prefix`, with others among them that nobody has.

        The registry learns that some number of the asker's has this prefix.
        """
        text = prefix_text(prefix, facts.prefix_bits)
        response = self._connection.get(f"/v1/private/set/{text}", {"generation": str(generation)}, etag)
        found = _listed(generation, response)
        return None if found is None else found.require_prefix(prefix, facts.prefix_bits, facts.bucket_entries)

    def disclose(
        self,
        items: Sequence[Disclosure],
        *,
        purpose: str,
        case_ref: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answers:
        """1 to 1,000 tags that a set had. The registry learns them."""
        documents = [item.document(_base64(item.tag)) for item in items]
        body = {**Asking(purpose, case_ref).document(), "items": documents}
        return Answers.read(self._post("/v1/private/disclosures", body, idempotency_key), len(documents))

    def _post(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Document:
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return self._connection.post(path, content, idempotency_key or str(uuid.uuid4()))


def _listed(generation: int, response: httpx.Response) -> ListedSet | None:
    if response.status_code == NOT_MODIFIED:
        return None
    return ListedSet(generation, response.content, response.headers.get("ETag"))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
