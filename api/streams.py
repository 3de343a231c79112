"""Answering in parts, and letting go of what the parts are made from."""

from collections.abc import AsyncIterator, Callable, Mapping

from anyio import CancelScope
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send


class ReleasingStream(StreamingResponse):
    """A streamed answer that calls `release` in a thread however it ends: complete, broken off, or never begun because
    its client has gone.
    """

    def __init__(
        self, parts: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str, release: Callable[[], None]
    ) -> None:
        super().__init__(parts, 200, headers, media_type)
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):  # a client that goes away cancels everything else
                await run_in_threadpool(self._release)
