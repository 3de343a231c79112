"""The API with one difference: it ends as by `kill -9` when its answer to one path is about to leave, after COMMIT."""

import os
import signal
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import serving

PATH_VARIABLE: Final = "KILLED_BEFORE_ANSWERING"


def build() -> ASGIApp:
    """Called by uvicorn in the process that will end."""
    application = serving.build()
    path = os.environ[PATH_VARIABLE]

    async def dying(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_or_die(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["path"] == path:
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await application(scope, receive, send_or_die)

    return dying
