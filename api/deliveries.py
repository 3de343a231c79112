"""Providers' requests as they arrive, which no API key comes with: read, and nothing of them believed yet.

A request that fails is charged to its address, and recorded. Whatever is wrong with the address or the signature is
answered alike.
"""

from dataclasses import dataclass, field
from typing import Final

from fastapi import Request as HttpRequest
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api import metrics
from api.calls import printable
from registry.db import admission
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Purpose
from registry.domain.intake.received import Delivery
from registry.domain.intake.signatures import HEADERS
from registry.domain.limits import network_of
from registry.domain.policy import Provider
from registry.operations.operation import NOBODY, Caller, Request
from registry.operations.registry import Registry
from registry.operations.take_in import Intake

BODY_BYTES: Final = 65_536
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
_UTF_8: Final = frozenset({"", "utf-8", "utf8"})
_FORM_PROVIDERS: Final = frozenset({Provider.TWILIO, Provider.TELNYX})
_BUCKET: Final = b"intake"
"""Failures here and failures with API keys from one address are counted apart."""
_TOO_MANY: Final = "Too many requests from this address were not signed as they must be."
UNRECORDED: Final = frozenset({Code.DATABASE_UNAVAILABLE, Code.OVERLOADED})


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request to a line's address, before anything of it is believed."""

    registry: Registry
    provider: Provider
    token: str = field(repr=False)
    request: Request

    async def delivery(self, http: HttpRequest) -> Delivery:
        """Reads the request. Raises Refused, recorded, for one that is too large or of another type."""
        try:
            form = _is_form(http, self.provider)
            body = await _body(http)
        except Refused as refusal:
            raise await run_in_threadpool(self.failed, refusal, NOBODY) from None
        headers = {name: http.headers[name] for name in HEADERS if len(http.headers.getlist(name)) == 1}
        return Delivery(self.provider, self._url(http), body, headers, self.registry.clock(), form)

    def failed(self, refusal: Refused, claimed: Caller) -> Refused:
        """Charges a failure to the address, and records it, unless there were too many from there to record more."""
        metrics.intake_failures.labels(self.provider.value).inc()
        address = network_of(self.request.address)
        (fingerprint,) = self.registry.tagging.fingerprints([(Purpose.ADDRESS, (address, _BUCKET))])
        most = self.registry.settings.failures_per_minute
        wait = self.registry.database.run_single(lambda c: admission.spend_address(c, fingerprint, most))
        if wait > 0:
            return Refused(Code.QUOTA_EXCEEDED, _TOO_MANY, retry_after=wait, violated=("address",))
        return self.refused(refusal, claimed)

    def refused(self, refusal: Refused, caller: Caller) -> Refused:
        """The refusal with its receipt, where it can be recorded."""
        metrics.operations.labels(Intake.name, refusal.headline).inc()
        if refusal.code not in UNRECORDED:
            refusal.audit_id = self.registry.record_refusal(refusal.headline, Intake.name, caller, self.request)
        return refusal

    def _url(self, http: HttpRequest) -> str:
        """What the provider was told to call, which its signature covers: never what a header says of it."""
        path = bytes(http.scope.get("raw_path") or http.scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        query: str = http.scope["query_string"].decode("latin-1")
        return f"{self.registry.settings.public_address}{path}" + (f"?{query}" if query else "")


def arrival(http: HttpRequest, provider: str, token: str) -> Arrival:
    """Refused(not_found) for a provider that there is not."""
    try:
        known = Provider(provider)
    except ValueError:
        raise Refused(Code.NOT_FOUND, "There is nothing at this address.") from None
    registry: Registry = http.app.state.registry
    request = Request(
        id=http.state.request_id,
        route=f"{http.method} {http.scope['route'].path}",
        address=None if http.client is None else http.client.host,
        user_agent=printable(http.headers.get("user-agent")),
    )
    return Arrival(registry, known, token, request)


def _is_form(http: HttpRequest, provider: Provider) -> bool:
    kind, _, parameters = http.headers.get("content-type", "").partition(";")
    charsets = [p.partition("=")[2].strip(' "').lower() for p in parameters.split(";") if "charset" in p.lower()]
    form = kind.strip().lower() == FORM
    taken = (form and provider in _FORM_PROVIDERS) or kind.strip().lower() == JSON
    if not taken or not set(charsets) <= _UTF_8 or http.headers.get("content-encoding", "identity") != "identity":
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Providers' requests are forms or JSON, in UTF-8.")
    return form


async def _body(http: HttpRequest) -> bytes:
    announced = http.headers.get("content-length", "")
    body = bytearray()
    try:
        if announced.isdigit() and int(announced[:12]) > BODY_BYTES:
            raise _too_large()
        async for part in http.stream():
            body += part
            if len(body) > BODY_BYTES:
                raise _too_large()
    except ClientDisconnect:
        raise Refused(Code.UPLOAD_INCOMPLETE, "The connection ended before the whole request had arrived.") from None
    return bytes(body)


def _too_large() -> Refused:
    return Refused(Code.BODY_TOO_LARGE, f"The body is larger than {BODY_BYTES} bytes.")
