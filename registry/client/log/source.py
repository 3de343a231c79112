"""A registry's public log over HTTP: its checkpoint, its tiles, and proofs that it has only grown.

Believes nothing: every answer has a size that it may not exceed and a form that it must have, and nobody is led to
another address. What is verified is the reader's business.
"""

import base64
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import httpx

from registry.client._connection import problem
from registry.client._document import Document
from registry.client._errors import InvalidRequest, ProtocolError, QuotaExceeded, RegistryError, Unavailable
from registry.client.log.deadline import within
from registry.client.target import Target, checked_url
from registry.domain.merkle import HASH_BYTES, Tile
from registry.domain.tile_paths import tile_path

_MOST_CHECKPOINT: Final = 1_000_000
_MOST_PROOF: Final = 65_536
_MOST_PROBLEM: Final = 65_536
_TIMEOUT_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 10.0
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
_UNKNOWN_CHECKPOINT: Final = "unknown_checkpoint"
_NOT_FOUND: Final = 404


class CheckpointUnknown(RegistryError):  # noqa: N818 - named after what was answered
    """The log has no checkpoint of a size that was asked for, or none at all."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """How often a request is made that nobody answers, all in all, and for how many seconds each may go on.

    The latter bounds all of an answer, also where some of it arrives again and again.
    """

    attempts: int = 4
    seconds: float = 60.0


class LogSource:
    """One registry's log. Used by one thread. transport: stands in for the network."""

    def __init__(
        self, url: str, persistence: Persistence | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        """Raises InvalidTarget for what is no address."""
        self.url: Final = checked_url(url)
        target = Target(self.url, key="")  # nobody is asked who they are
        self._persistence = persistence or Persistence()
        self._http = httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(_TIMEOUT_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=not target.loopback,
            verify=target.encrypted,
            follow_redirects=False,
            transport=transport,
            headers={
                "Accept-Encoding": "identity",  # hashes do not become smaller, and nothing can unfold in memory
                "User-Agent": f"demand-registry-client/{version('demand-registry')}",
            },
        )

    def close(self) -> None:
        self._http.close()

    def checkpoint(self) -> str:
        """The newest signed note, unverified. Raises RegistryError; CheckpointUnknown where nothing is sealed yet.

        Caches on the way are asked not to answer by themselves.
        """
        try:
            content = self._get("/log/checkpoint", {}, _MOST_CHECKPOINT, {"Cache-Control": "no-cache"})
        except InvalidRequest as refused:
            if refused.status == _NOT_FOUND:
                raise CheckpointUnknown("The log shows no checkpoint.", code=refused.code, status=_NOT_FOUND) from None
            raise
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise ProtocolError("The checkpoint is not text.") from None

    def tile(self, tile: Tile, width: int) -> list[bytes]:
        """The first so many hashes of a tile. Raises RegistryError."""
        path = tile_path(tile, width)
        length = width * HASH_BYTES
        content = self._get(f"/log/{path}", {}, length)
        if len(content) != length:
            raise ProtocolError(f"The tile {path} has not the {width} hashes that it must have.")
        return [content[start : start + HASH_BYTES] for start in range(0, length, HASH_BYTES)]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof between two checkpoints, unverified. Raises RegistryError, CheckpointUnknown among them."""
        content = self._get("/v1/audit/consistency", {"from": str(old), "to": str(new)}, _MOST_PROOF)
        document = Document.parse(content)
        if (document.whole("from"), document.whole("to")) != (old, new):
            raise ProtocolError("The proof is not the one that was asked for.")
        return [_hash(text) for text in document.texts("hashes")]

    def _get(self, path: str, params: dict[str, str], most: int, headers: "dict[str, str] | None" = None) -> bytes:
        try:
            request = self._http.build_request("GET", path, params=params, headers=headers)
        except httpx.InvalidURL:
            raise ProtocolError(f"{self.url} is no address that can be asked.") from None
        pause = _FIRST_PAUSE
        for attempt in range(1, self._persistence.attempts + 1):
            try:
                return self._once(request, most)
            except (Unavailable, QuotaExceeded) as error:
                if attempt == self._persistence.attempts:
                    raise
                time.sleep(min(error.retry_after or pause, _LONGEST_PAUSE))
                pause *= 2
        raise ValueError("a request is made at least once")

    def _once(self, request: httpx.Request, most: int) -> bytes:
        seconds = self._persistence.seconds
        try:
            response, content = within(seconds, lambda: self._exchange(request, most, time.monotonic() + seconds))
        except TimeoutError:
            raise Unavailable(
                f"{self.url} has not answered in full within {seconds:g} seconds.", code="connection"
            ) from None
        except httpx.TransportError as error:
            raise self._unavailable(error) from None
        if response.is_success:
            return content
        if response.is_redirect:
            raise ProtocolError("The registry sends to another address, which is not followed: give that one instead.")
        found = problem(httpx.Response(response.status_code, headers=_headers(response), content=content))
        if found.status == _NOT_FOUND and found.code == _UNKNOWN_CHECKPOINT:
            raise CheckpointUnknown(found.detail, code=found.code, title=found.title, status=found.status)
        raise found

    def _exchange(self, request: httpx.Request, most: int, until: float) -> tuple[httpx.Response, bytes]:
        response = self._http.send(request, stream=True)
        try:
            return response, _read(response, most if response.is_success else _MOST_PROBLEM, until)
        finally:
            response.close()

    def _unavailable(self, error: httpx.TransportError) -> RegistryError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return ProtocolError(f"The certificate of {self.url} is not one that this machine trusts.")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            said = f"Nothing answers at {self.url}. Is the registry running, and is the address right?"
        elif isinstance(error, httpx.TimeoutException):
            said = f"{self.url} has not answered in time."
        else:
            said = f"The connection to {self.url} ended early."
        return Unavailable(said, code="connection")


def _headers(response: httpx.Response) -> dict[str, str]:
    """Those that say what a problem is."""
    return {name: response.headers[name] for name in ("Content-Type", "Retry-After") if name in response.headers}


def _hash(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        found = b""
    if len(found) != HASH_BYTES:
        raise ProtocolError("The proof's hashes are not written as they must be.")
    return found


def _read(response: httpx.Response, most: int, until: float) -> bytes:
    """until: on the monotonic clock. Nobody waits for what comes later; it only ends this thread."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ProtocolError("The answer is compressed, which was not asked for.")
    content = bytearray()
    for part in response.iter_raw():
        content += part
        if len(content) > most:
            raise ProtocolError("The answer is larger than it can be.")
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(content)
