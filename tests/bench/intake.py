"""A provider's requests: how many signed text messages a second the registry takes in, against a bare form endpoint,
how long the slowest wait meanwhile, and what one costs.

Every message is of another number, and there are so many lines that the flood guard has nothing to hold back: it is on,
with its default limits.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import cycle
from statistics import median, quantiles
from typing import Any, Final
from urllib.parse import urlsplit

from registry.domain.flood import DEFAULT_DECOY_CONTACTS

from . import numbers
from .installation import Installation
from .load import Connection, drive, form, post
from .servers import Server, hello_server
from .table import Result, Row

_CONNECTIONS: Final = 64
_ROUNDS: Final = 10
_REQUESTS: Final = 400
_WARM: Final = 400
_LINES: Final = 20
_ACCOUNT: Final = "AC" + "0123456789abcdef" * 2
_AUTH_TOKEN: Final = "fedcba9876543210" * 2
_FIELDS: Final = {
    "ToCountry": "US",
    "ToState": "WA",
    "NumMedia": "0",
    "ToCity": "SEATTLE",
    "FromZip": "98101",
    "FromState": "WA",
    "SmsStatus": "received",
    "FromCity": "SEATTLE",
    "Body": "are you there",
    "FromCountry": "US",
    "ToZip": "",
    "NumSegments": "1",
    "AccountSid": _ACCOUNT,
    "ApiVersion": "2010-04-01",
}
_MICROSECONDS: Final = 1_000_000
_MILLISECONDS: Final = 1_000
_FIRST: Final = 7
"""Of `numbers.everyone`; so that some of those that call have a contact already."""

# The library is not annotated.
_Validator: Final[Any] = import_module("twilio.request_validator").RequestValidator


@dataclass
class _Costs:
    """One entry a round. rate: requests a second. cpu: microseconds of processor time per request."""

    rate: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    waits: list[float] = field(default_factory=list[float])
    """Seconds of every single request."""

    def add(self, server: Server, requests: Sequence[bytes]) -> None:
        spent, began = server.cpu_seconds(), time.perf_counter()
        self.waits += drive(server.port, requests, _CONNECTIONS)
        self.rate.append(len(requests) / (time.perf_counter() - began))
        self.cpu.append((server.cpu_seconds() - spent) / len(requests) * _MICROSECONDS)


def measure(installation: Installation) -> Result:
    """In rounds, the registry and the bare endpoint by turns: the same requests, by the same load. On a copy of the
    database, so that what is measured next finds no more in it than before.
    """
    with installation.copy("intake") as database, installation.server(database) as server:
        return _measure(installation, database, server)


def _measure(installation: Installation, database: str, server: Server) -> Result:
    count = _WARM + _ROUNDS * _REQUESTS
    if count > _LINES * DEFAULT_DECOY_CONTACTS:
        raise ValueError("the flood guard would quarantine lines, and take its time for it")
    urls = _lines(installation, server)
    signed = [_message(*line, number) for line, number in zip(cycle(urls), _numbers(count), strict=False)]
    bare = [form("/form", fields, headers) for _, fields, headers in signed]
    requests = [form(path, fields, headers) for path, fields, headers in signed]
    intake, floor, postgres = _Costs(), _Costs(), list[float]()
    with hello_server(installation.log) as hello:
        drive(server.port, requests[:_WARM], _CONNECTIONS)
        drive(hello.port, bare[:_WARM], _CONNECTIONS)
        for first in range(_WARM, count, _REQUESTS):
            spent = installation.postgres_cpu_seconds()
            intake.add(server, requests[first : first + _REQUESTS])
            postgres.append((installation.postgres_cpu_seconds() - spent) / _REQUESTS * _MICROSECONDS)
            floor.add(hello, bare[first : first + _REQUESTS])
    _check(installation, database, count)
    ratio = median(rate / most for rate, most in zip(intake.rate, floor.rate, strict=True))
    slowest = quantiles(intake.waits, n=100)[-1]
    return Result(
        (
            Row("signed SMS: requests a second / bare form endpoint", 0.2, 0.3, ratio, at_least=True),
            Row("signed SMS: p99 at that load", 1_000, 200, slowest * _MILLISECONDS, "ms"),
        ),
        (
            (
                f"signed SMS on {_CONNECTIONS} connections",
                f"{median(intake.rate):,.0f} requests/s, p50 {median(intake.waits) * _MILLISECONDS:.1f} ms",
            ),
            (f"bare form endpoint on {_CONNECTIONS} connections", f"{median(floor.rate):,.0f} requests/s"),
            ("signed SMS, CPU per request: API and signers", f"{median(intake.cpu):.0f} us"),
            ("signed SMS, CPU per request: PostgreSQL", f"{median(postgres):.0f} us"),
            ("bare form endpoint, CPU per request", f"{median(floor.cpu):.0f} us"),
        ),
    )


def _lines(installation: Installation, server: Server) -> list[tuple[str, str]]:
    """Decoys with an address each, and the credential that requests to them are signed with. Returns the addresses
    and the numbers.
    """
    with Connection(server.port) as connection:

        def submit(path: str, body: Mapping[str, object]) -> Any:
            return json.loads(connection.exchange(post(path, body, installation.investigator)))

        submit(
            "/v1/provider-credentials",
            {"provider": "twilio", "account_sid": _ACCOUNT, "auth_token": _AUTH_TOKEN},
        )
        urls: list[tuple[str, str]] = []
        for number in range(_LINES):
            line = {"label": f"Line {number}", "number": f"+180055501{number:02}", "role": "advertisement"}
            decoy = submit("/v1/decoys", line)["id"]
            urls.append((submit(f"/v1/decoys/{decoy}/intake-token", {})["urls"]["twilio"], line["number"]))
    return urls


def _numbers(count: int) -> Sequence[str]:
    everyone = numbers.everyone()
    if count + _FIRST > len(everyone):
        raise ValueError("a number would call twice")
    return everyone[_FIRST : _FIRST + count]


def _message(url: str, line: str, number: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """The path, the fields and the headers of what Twilio sends of a text message, signed by Twilio's own library."""
    sid = "SM" + os.urandom(16).hex()
    fields = _FIELDS | {"SmsMessageSid": sid, "SmsSid": sid, "MessageSid": sid, "From": number, "To": line}
    signature = str(_Validator(_AUTH_TOKEN).compute_signature(url, fields))
    return urlsplit(url).path, fields, {"X-Twilio-Signature": signature}


def _check(installation: Installation, database: str, count: int) -> None:
    """RuntimeError where not every message was recorded, or something was held back."""
    with installation.connect_as_superuser(database) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM registry.hits WHERE provider = 'twilio'),"
            " (SELECT count(*) FROM registry.decoys WHERE quarantined_at IS NOT NULL),"
            " (SELECT count(*) FROM registry.exclusions)"
        ).fetchone()
    if row != (count, 0, 0):
        raise RuntimeError(f"of {count} messages so many were recorded, lines and numbers held: {row}")
