"""What the demo needs of the registry's HTTP API, as an integrator would write it: one small typed method per request.

It must never put a number into a URL, nor into an error's text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from registry.demo.answers import Recorded
from registry.demo.decoys import Decoy

TIMEOUT_SECONDS = 60.0
_INTAKE: Final = "/v1/intake/"


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """The registry said no, or did not answer.

    errors: what is wrong where in the request, one sentence each. code: None if the registry itself did not speak.
    """

    def __init__(self, title: str, detail: str, code: str | None, errors: tuple[str, ...] = ()) -> None:
        super().__init__(f"{title}: {detail}")
        self.title = title
        self.detail = detail
        self.code = code
        self.errors = errors


@dataclass(frozen=True, slots=True)
class FileQuestion:
    """How to read a file of numbers, and why they are asked about. The fields are the names of its columns."""

    number_column: str
    region_column: str
    since_column: str
    until_column: str
    region: str
    purpose: str
    case_ref: str


class DemoApi:
    """A client of one registry. Administration speaks with the operator's key, everything else with a key passed in.

    base_url: where the registry answers, without `/v1`. transport: for tests, how requests travel.
    """

    def __init__(self, base_url: str, operator_key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._operator_key = operator_key
        self._client = httpx.Client(
            base_url=self.base_url,
            timeout=TIMEOUT_SECONDS,
            transport=transport,
            # A registry on this machine is not behind the company's proxy, whatever the environment says.
            mounts={"all://127.0.0.1": transport, "all://localhost": transport},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def create_organisation(self, name: str, kind: str) -> str:
        """The new organisation's id."""
        return str(self._post("/v1/organisations", self._operator_key, {"name": name, "kind": kind})["id"])

    def issue_key(self, organisation: str, scopes: Sequence[str], expires_at: datetime) -> str:
        """A new key of the organisation, in full: the registry shows it this once."""
        body = {"scopes": list(scopes), "expires_at": rfc3339(expires_at)}
        return str(self._post(f"/v1/organisations/{organisation}/keys", self._operator_key, body)["key"])

    def set_limits(self, organisation: str, *, requests_per_minute: int, numbers_per_day: int) -> None:
        body = {"requests_per_minute": requests_per_minute, "numbers_per_day": numbers_per_day}
        self._send("PATCH", f"/v1/organisations/{organisation}/limits", self._operator_key, json=body)

    def register_decoy(self, key: str, decoy: Decoy) -> str:
        """The decoy's id."""
        body: dict[str, str] = {
            "label": decoy.label,
            "number": decoy.number.e164,
            "region": decoy.number.region,
            "role": decoy.role,
            "live_from": rfc3339(decoy.live_from),
        }
        if decoy.live_until is not None:
            body["live_until"] = rfc3339(decoy.live_until)
        if decoy.acquired_on is not None:
            body["acquired_on"] = decoy.acquired_on.isoformat()
        return str(self._post("/v1/decoys", key, body)["id"])

    def record_hits(self, key: str, hits: Sequence[Mapping[str, str | bool]]) -> Recorded:
        answer = self._post("/v1/hits", key, {"hits": hits})
        recorded = Recorded(
            submitted=len(hits),
            recorded=int(answer["recorded"]),
            duplicate=int(answer["duplicate"]),
            refused=int(answer["refused"]),
        )
        for item in answer["results"]:
            if item["status"] == "recorded":
                recorded.ids[int(item["index"])] = str(item["id"])
            elif item["status"] == "refused":
                recorded.refusals.add(str(item["problem"]["code"]), str(item["problem"]["detail"]))
        return recorded

    def import_hits(self, key: str, content: bytes, *, layout: str, dry_run: bool) -> Recorded:
        """layout: `own` or `twilio`."""
        query = {"dry_run": "true" if dry_run else "false", "format": layout}
        answer = _object(self._send_file("/v1/hits/imports", key, content, query))
        recorded = Recorded(
            submitted=int(answer["rows"]),
            recorded=int(answer["recorded"]),
            duplicate=int(answer["duplicate"]),
            refused=int(answer["refused"]),
            ignored=int(answer["ignored"]),
        )
        for row in answer["refused_rows"]:
            recorded.refusals.add(str(row["code"]), str(row["detail"]))
        return recorded

    def retract(self, key: str, hit: str, reason: str) -> None:
        self._post(f"/v1/hits/{hit}/retraction", key, {"reason": reason})

    def add_twilio_credential(self, key: str, account_sid: str, auth_token: str) -> None:
        body = {"provider": "twilio", "account_sid": account_sid, "auth_token": auth_token}
        self._post("/v1/provider-credentials", key, body)

    def intake_url(self, key: str, decoy: str) -> str:
        """The address to paste into Twilio's console, new and shown this once."""
        return str(_object(self._send("POST", f"/v1/decoys/{decoy}/intake-token", key))["urls"]["twilio"])

    def deliver(self, url: str, parameters: Mapping[str, str], signature: str) -> None:
        """A form as Twilio posts it, without an API key. url: what was signed; sent to where this client sends."""
        path = urlsplit(url).path
        path = path[path.index(_INTAKE) :]
        self._send("POST", path, None, data=dict(parameters), headers={"X-Twilio-Signature": signature})

    def withheld(self, key: str) -> int:
        """How many callers withheld their number, on all lines of the key's organisation."""
        listed = _object(self._send("GET", "/v1/decoys", key, params={"limit": "500"}))
        return sum(int(decoy["withheld_contacts"]) for decoy in listed["data"])

    def baseline(self, key: str, **narrowed: str) -> dict[str, Any]:
        """Control lines against advertised ones. narrowed: query parameters."""
        return _object(self._send("GET", "/v1/statistics/baseline", key, params=narrowed))

    def import_exclusions(self, key: str, content: bytes, *, reason: str, region: str) -> dict[str, Any]:
        return _object(self._send_file("/v1/exclusions/imports", key, content, {"reason": reason, "region": region}))

    def check_file(self, key: str, content: bytes, question: FileQuestion) -> str:
        """The same rows with the answer's columns appended, as CSV."""
        query = {
            "purpose": question.purpose,
            "case_ref": question.case_ref,
            "number_column": question.number_column,
            "region_column": question.region_column,
            "since_column": question.since_column,
            "until_column": question.until_column,
            "region": question.region,
        }
        return self._send_file("/v1/checks/files", key, content, query).content.decode("utf-8-sig")

    def look_up(self, key: str, question: Mapping[str, str]) -> dict[str, Any]:
        return self._post("/v1/lookups", key, question)

    def _post(self, path: str, key: str, body: Mapping[str, object]) -> dict[str, Any]:
        return _object(self._send("POST", path, key, json=body))

    def _send_file(self, path: str, key: str, content: bytes, query: Mapping[str, str]) -> httpx.Response:
        return self._send("POST", path, key, content=content, params=query, headers={"Content-Type": "text/csv"})

    def _send(self, method: str, path: str, key: str | None, **request: Any) -> httpx.Response:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        headers |= request.pop("headers", {})
        try:
            response = self._client.request(method, path, headers=headers, **request)
        except httpx.TimeoutException:
            raise Problem("No answer", f"{self.base_url} took over {TIMEOUT_SECONDS:.0f} seconds.", None) from None
        except httpx.TransportError:
            raise Problem("No answer", f"Nothing answers at {self.base_url}. Is the registry running?", None) from None
        if not response.is_success:
            raise _problem(response)
        return response


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = response.json()
    except ValueError:
        raise _stranger(response) from None
    return answer


def _problem(response: httpx.Response) -> Problem:
    if response.headers.get("Content-Type", "").partition(";")[0] != "application/problem+json":
        return _stranger(response)
    told = _object(response)
    errors = tuple(f"{error['pointer']}: {error['detail']}" for error in told.get("errors") or ())
    return Problem(str(told["title"]), str(told.get("detail") or ""), str(told.get("code")), errors)


def _stranger(response: httpx.Response) -> Problem:
    return Problem(f"HTTP {response.status_code}", "The answer is not a registry's. Is the address right?", None)
