"""The floor of a request: a bare FastAPI endpoint that takes a small JSON body and gives a small JSON answer.

`python -m tests.bench.hello PORT` serves it exactly as `demand-registry serve` serves the registry. It comes twice: run
in a thread like every route of the registry, which is the floor, and in the event loop, where it may never wait. The
floor of a provider's request is one that takes a form and gives an empty document of TwiML.
"""

import socket
import sys
from typing import Annotated, Final
from unittest.mock import patch
from urllib.parse import parse_qsl

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel

from registry.cli import http_server
from registry.settings import Settings

APPLICATION = f"{__package__}.hello:build"
_TWIML: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


class Question(BaseModel):
    number: str
    region: str | None = None
    purpose: str


class Answer(BaseModel):
    number: str
    outcome: str
    guidance: str


async def fields_of(request: Request) -> dict[str, str]:
    """A form's fields. FastAPI's own way needs a parser of multipart bodies, and takes longer."""
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


def build() -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.post("/hello")
    def hello(question: Question) -> Answer:
        return Answer(number=question.number, outcome="none", guidance="/guidance")

    @app.post("/hello-in-event-loop")
    async def hello_in_event_loop(question: Question) -> Answer:
        return Answer(number=question.number, outcome="none", guidance="/guidance")

    @app.post("/form")
    def form(fields: Annotated[dict[str, str], Depends(fields_of)]) -> Response:
        return Response(_TWIML if fields["From"] else "", media_type="text/xml")

    del hello, hello_in_event_loop, form  # FastAPI has them
    return app


def main(port: int) -> None:
    settings = Settings.build(port=port)
    with (
        patch.object(http_server, "APPLICATION", APPLICATION),
        http_server.ended_by_signals(),
        socket.socket() as listener,
    ):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        http_server.serve(settings, listener)


if __name__ == "__main__":
    main(int(sys.argv[1]))
