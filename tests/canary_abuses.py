"""Requests that no operation takes, with a canary in everything that is wrong with them, made from the document.

`abuse` sends, to every operation: a canary as each path and query parameter, header, body, member and name of a member;
keys that are none; bodies that are not JSON, not UTF-8, or of another type. `break_down` has the database fail in the
middle of what succeeded before.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from canaries import LISTED, MESSAGE, REFUSED, SOURCE_ID, national
from hunting_ground import Ask, Ground
from psycopg import sql

_THE_EMPLOYERS: Final = {
    *("createLookup", "createCheck", "checkFile", "getAccount", "getPrivateParameters", "createPrivateEvaluation"),
    *("getPrivateSet", "getPrivateBucket", "createPrivateDisclosure"),
}
_ANY_ID: Final = "01980000-0000-7000-8000-000000000000"
_NOT_JSON: Final = (
    b'{"number": "%s"' % REFUSED.encode(),
    b"%s" % REFUSED.encode(),
    b'{"number": %s}' % REFUSED.encode(),
    b'{"number": "%s\xff"}' % REFUSED.encode(),
    b'{"number": "%s\x00"}' % REFUSED.encode(),
    b'{"number": "%s\\ud800"}' % REFUSED.encode(),
    b'{"number": "%s", "number": }' % LISTED.encode(),
    b"<number>%s</number>" % REFUSED.encode(),
    b"",
)
_WRONG: Final = (
    REFUSED,
    national(REFUSED),
    int(REFUSED),
    [REFUSED],
    {"number": REFUSED},
    {REFUSED: REFUSED},
    f"{MESSAGE} {REFUSED} " * 30,
    f"\u202e{REFUSED}\x00",
)


def abuse(ground: Ground) -> None:
    """After `succeed`: what it made is there to be abused."""
    good = _succeeded(ground)
    for operation, (method, _, described) in sorted(ground.operations.items()):
        whole = replace(good[operation], body=None, query={}, headers={})
        if "security" in described:
            _pretend(ground, replace(whole, key=None))
        for name in whole.path:
            ground.ask(replace(whole, path={**whole.path, name: REFUSED}))
            ground.ask(replace(whole, path={**whole.path, name: f"../{REFUSED}"}))
        for name in (*_parameters(described, "query"), REFUSED, "number"):
            ground.ask(replace(whole, query={"purpose": "company_number", name: REFUSED}))
        if method in {"POST", "PATCH"}:
            _headers(ground, whole)
            for body in _bodies(ground, described):
                ground.ask(replace(whole, body=body))
        for kind in _file_types(described):
            for body in (*_NOT_JSON, *_files()):
                ask = replace(whole, body=body, query={"purpose": "company_number"})
                ground.ask(ask.with_headers(Content_Type=kind))
    _outside_of_http(ground)


def break_down(ground: Ground) -> None:
    """Every operation again that succeeded, on a database whose errors quote what they were given."""
    tables = (
        *("organisations", "api_keys", "decoys", "hits", "submissions", "listings", "exclusions", "disputes"),
        *("charges", "private_sets", "private_set_slots", "decoy_days"),
        *("provider_credentials", "withheld_contacts", "withheld_sources"),
    )
    for table in tables:
        ground.as_superuser(
            sql.SQL("ALTER TABLE registry.{} ADD CONSTRAINT broken CHECK (false) NOT VALID").format(
                sql.Identifier(table)
            )
        )
    _again(ground)
    for table in tables:
        ground.as_superuser(sql.SQL("ALTER TABLE registry.{} DROP CONSTRAINT broken").format(sql.Identifier(table)))

    ground.as_superuser(
        sql.SQL(
            "CREATE FUNCTION audit.broken() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'broken: %', NEW USING DETAIL = encode(NEW.body, 'escape'); END $$"
        ),
        sql.SQL("CREATE TRIGGER broken BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.broken()"),
    )
    _again(ground)
    ground.as_superuser(sql.SQL("DROP TRIGGER broken ON audit.event"), sql.SQL("DROP FUNCTION audit.broken"))

    ground.as_superuser(sql.SQL("ALTER FUNCTION registry.admit RENAME TO unbroken"))
    ground.as_superuser(
        sql.SQL(
            "CREATE FUNCTION registry.admit(text, text, integer, bigint) RETURNS SETOF record LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'broken: % % % %', $1, $2, $3, $4; END $$"
        )
    )
    _again(ground)
    ground.as_superuser(
        sql.SQL("DROP FUNCTION registry.admit"), sql.SQL("ALTER FUNCTION registry.unbroken RENAME TO admit")
    )


def _again(ground: Ground) -> None:
    for ask in _succeeded(ground).values():
        # Another Idempotency-Key, so that no stored answer is given.
        ground.ask(ask.with_headers(Idempotency_Key=f'"{REFUSED}-{len(ground.answers)}"'))


def _succeeded(ground: Ground) -> dict[str, Ask]:
    """operationId -> its first request that succeeded."""
    return {answer.ask.operation: answer.ask for answer in reversed(ground.answers) if answer.status < 300}


def _file_types(described: dict[str, Any]) -> list[str]:
    return [kind for kind in described.get("requestBody", {}).get("content", {}) if kind != "application/json"]


def _parameters(described: dict[str, Any], place: str) -> list[str]:
    return [parameter["name"] for parameter in described.get("parameters", []) if parameter["in"] == place]


def _pretend(ground: Ground, ask: Ask) -> None:
    """Keys that are none, a wrong secret of one that is, and one that may not do this."""
    good = ground.keys["employer"]
    public, secret = good[:17], good[17:-6]
    for text in (
        REFUSED,
        good[:-1],
        good.replace("test", "live"),
        _with_checksum(public + secret[::-1]),
        _with_checksum(f"drk_test_{REFUSED[-8:]}{secret}"),
        good if ask.operation not in _THE_EMPLOYERS else f"{good}\t{good}",
    ):
        ground.ask(replace(ask, key=text))
    ground.ask(ask.with_headers(Authorization=f"Basic {good}"))
    ground.ask(ask.with_headers(Authorization=good))
    ground.ask(ask)


def _with_checksum(body: str) -> str:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = alphabet[digit] + digits
    return body + digits


def _headers(ground: Ground, ask: Ask) -> None:
    for name in ("Idempotency_Key", "Content_Type", "Content_Encoding", "Accept", "X_Request_Id", "Cookie"):
        ground.ask(ask.with_json({"number": REFUSED}).with_headers(**{name: f"{SOURCE_ID} {REFUSED}"}))
    ground.ask(ask.with_json({}).with_headers(User_Agent=f"{REFUSED} {national(LISTED)} {LISTED[2:5]} {LISTED[5:]}"))
    ground.ask(ask.with_headers(Content_Type=f"application/json; charset={REFUSED}"))


def _bodies(ground: Ground, described: dict[str, Any]) -> Iterator[bytes]:
    """Each of the wrong values as the body itself, and as every member of what the document describes, however deep."""
    yield from _NOT_JSON
    for wrong in _WRONG:
        yield json.dumps(wrong).encode()
    schema = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    for body in _spoilt(ground, schema):
        yield json.dumps(body).encode()


def _spoilt(ground: Ground, schema: dict[str, Any]) -> Iterator[Any]:
    resolved = _resolved(ground, schema)
    if "items" in resolved:
        for item in _spoilt(ground, resolved["items"]):
            yield [item]
    members = resolved.get("properties", {})
    whole = {name: _plausible(ground, member) for name, member in members.items()}
    if members:
        yield {**whole, REFUSED: REFUSED}
    for name, member in members.items():
        yield {name: REFUSED}
        for wrong in (*_WRONG, *_spoilt(ground, member)):
            yield {**whole, name: wrong}


def _plausible(ground: Ground, schema: dict[str, Any]) -> Any:
    """Something that the schema may take, so that only what is spoilt is wrong."""
    resolved = _resolved(ground, schema)
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in resolved:
        return resolved["enum"][0]
    if "const" in resolved:
        return resolved["const"]
    if resolved.get("type") == "array":
        return [_plausible(ground, resolved["items"])]
    if resolved.get("type") == "object":
        return {name: _plausible(ground, member) for name, member in resolved.get("properties", {}).items()}
    by_format = {"uuid": _ANY_ID, "date": "2026-01-15", "date-time": "2026-01-15T10:00:00Z"}
    by_type = {"boolean": False, "integer": 1}
    return by_format.get(resolved.get("format", ""), by_type.get(resolved.get("type", ""), "A canary"))


def _resolved(ground: Ground, schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _resolved(ground, ground.document["components"]["schemas"][name])
    branches = [branch for branch in schema.get("anyOf", []) if branch.get("type") != "null"]
    return _resolved(ground, branches[0]) if branches else schema


def _files() -> tuple[bytes, ...]:
    """Files that are refused whole or row by row."""
    number = REFUSED.encode()
    return (
        b"%s\n%s\n" % (number, number),
        b"Phone of %s,When\n%s,%s\n" % (number, number, number),
        b"number,occurred_at,channel,decoy_id\n%s,%s,%s,%s\n" % (number, number, number, number),
        b'number\n"%s\n' % number,
        b"number\n" + number * 20_000 + b"\n",
        b"\xff\xfe%s" % REFUSED.encode("utf-16-le"),
        b'{"number": "%s", "%s": 1}\n{"decoy_number": "%s"}\n' % (number, number, number),
        b"\x00%s" % number,
    )


def _outside_of_http(ground: Ground) -> None:
    """What the server refuses before there is a request, and requests for what there is not."""
    for data in (
        f"GET {REFUSED} HTTP/1.1\r\n\r\n",
        f"X{REFUSED[1:]} /v1/lookups HTTP/1.1\r\nHost: registry\r\n\r\n",
        f"POST /v1/lookups HTTP/1.1\r\nHost: registry\r\n{REFUSED}: {REFUSED}\r\nContent-Length: {REFUSED}\r\n\r\n",
        f"{REFUSED}\r\n\r\n",
        f"GET /v1/lookups/{REFUSED}?number={LISTED} HTTP/1.1\r\nHost: {REFUSED}\r\nConnection: close\r\n\r\n",
        f"GET /{REFUSED} HTTP/1.1\r\nHost: registry\r\nReferer: https://{REFUSED}/\r\nConnection: close\r\n\r\n",
        f"DELETE /v1/lookups HTTP/1.1\r\nHost: registry\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{REFUSED}",
        f"GET /docs/assets/{REFUSED} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n",
    ):
        with ground.send(data.encode()) as connection:
            connection.settimeout(5)
            while connection.recv(65_536):
                pass
