"""Every operation asked for what it is there for, with canaries wherever a request can hold one.

`succeed` runs the operations of the API, `run_beside_the_api` those of the registry that the API does not offer.
Whoever adds an operation adds it here: the hunt fails for one that was not asked.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from blinding import Batch, encoded
from canaries import (
    ASKED,
    DECOY,
    DISPUTED,
    EXCLUDED,
    IDEMPOTENCY_KEY,
    LISTED,
    MESSAGE,
    NOT_SERVED,
    NOT_SERVED_EITHER,
    NUMBERS,
    OTHER_DECOY,
    REF,
    REFUSED,
    RETRACTED,
    SOURCE_ID,
    UNLISTED,
    national,
)
from canary_commands import LONG_AGO, hand_out, hunt_commands, operators_command_line
from canary_intake import take_in
from holders import in_process
from holders import tags as tags_of
from hunting_ground import KEYS, Answer, Ask, Ground
from psycopg import sql

from registry.domain.signed_notes import Receipt
from registry.keys import SecretKey
from registry.operations.drop_event_bodies import DropEventBodies
from registry.operations.list_records import ListGenerations
from registry.operations.manage_generations import AddGeneration, RetireGeneration
from registry.operations.operation import COMMAND_LINE, Operation, Request
from registry.operations.registry import Registry
from registry.operations.verify_listings import VerifyListings

PURPOSE = "company_number"
_THEN = datetime.now(UTC) - timedelta(days=3)
_TWILIO_HEADER = (
    "From,To,Body,Status,SentDate,ApiVersion,NumSegments,ErrorCode,AccountSid,Sid,Direction,Price,PriceUnit"
)


def succeed(ground: Ground) -> None:
    investigator, employer, operator = (ground.keys[kind] for kind in ("investigator", "employer", "operator"))
    decoy = _decoys(ground, investigator)
    _hits(ground, investigator, decoy)
    _imports(ground, investigator, decoy)
    take_in(ground, investigator, decoy)
    _exclusions(ground, investigator)
    _questions(ground, employer)
    _private(ground, employer)
    _administration(ground, operator)
    _log(ground, operator)
    _good(ground, Ask("getAccount", key=employer))
    for operation in ("getLiveness", "getReadiness", "getMetrics"):
        _good(ground, Ask(operation))


def _good(ground: Ground, ask: Ask) -> Answer:
    return ground.good(ask)


def _json(ground: Ground, ask: Ask, content: object) -> Any:
    return _good(ground, ask.with_json(content)).json


def _decoys(ground: Ground, key: str) -> str:
    ask = Ask("createDecoy", key=key).with_headers(Idempotency_Key=f'"{IDEMPOTENCY_KEY}"')
    content = {"label": "A canary's line", "number": DECOY, "role": "advertisement", "region": "US"}
    decoy = str(_json(ground, ask, content)["id"])
    assert ("idempotency-replayed", "true") in _good(ground, ask.with_json(content)).headers
    assert ground.ask(ask.with_json({**content, "number": OTHER_DECOY})).status == 422
    assert ground.ask(Ask("createDecoy", key=key).with_json(content)).status == 409
    change = Ask("changeDecoy", path={"decoy_id": decoy}, key=key)
    _json(ground, change, {"number": national(OTHER_DECOY), "region": "us", "label": "Another name"})
    _json(ground, change, {"number": f"tel:{DECOY}", "region": None})
    for operation in ("quarantineDecoy", "releaseDecoy"):
        _good(ground, Ask(operation, path={"decoy_id": decoy}, key=key))
    _good(ground, Ask("listDecoys", query={"limit": "1"}, key=key))
    _good(ground, Ask("getBaseline", query={"region": "us", "since": "2026-01-01"}, key=key))
    return decoy


def _hits(ground: Ground, key: str, decoy: str) -> None:
    hits: list[dict[str, Any]] = [
        {"source_id": f"{SOURCE_ID}-{LISTED}", "number": LISTED},
        {"source_id": LISTED, "number": national(LISTED), "region": "US"},
        {"number": f"{LISTED};ext=7", "channel": "voice", "attestation": "A", "diverted": True},
        {"source_id": SOURCE_ID, "number": RETRACTED},
        {"number": NOT_SERVED, "source_id": NOT_SERVED},
        {"number": REFUSED[:-3], "source_id": f"{SOURCE_ID}{REFUSED}"},
        {"number": REFUSED, "region": REFUSED},
        {"number": f"{REFUSED} {MESSAGE}"},
    ]
    common = {"decoy_id": decoy, "channel": "sms", "occurred_at": _THEN.isoformat()}
    ask = Ask("createHits", key=key).with_headers(Idempotency_Key=f'"{REFUSED} {IDEMPOTENCY_KEY}"')
    results = _json(ground, ask, {"hits": [{**common, **hit} for hit in hits]})["results"]
    assert [one["status"] for one in results] == ["recorded"] * 4 + ["refused"] * 4
    _json(ground, Ask("createHits", key=key), {"hits": [{**common, **hits[0]}]})  # a duplicate
    _good(ground, Ask("listHits", query={"limit": "2"}, key=key))
    retract = Ask("retractHit", path={"hit_id": results[3]["id"]}, key=key)
    _json(ground, retract, {"reason": "spoofed"})
    assert ground.ask(retract.with_json({"reason": "spoofed"})).status == 409
    _taken_back_together(ground, key, decoy)


def _taken_back_together(ground: Ground, key: str, decoy: str) -> None:
    """Of one hour of another day, in which nothing came that other tests of the hunt look for."""
    since = _THEN - timedelta(days=1)
    made_up = {"decoy_id": decoy, "channel": "voice", "number": RETRACTED, "source_id": f"{SOURCE_ID}-{RETRACTED}"}
    _json(ground, Ask("createHits", key=key), {"hits": [{**made_up, "occurred_at": since.isoformat()}]})
    window = {"since": since.isoformat(), "until": (since + timedelta(hours=1)).isoformat()}
    shown: Any = _good(ground, Ask("listHits", query={"decoy_id": decoy, "retracted": "false", **window}, key=key)).json
    assert len(shown["data"]) == 1
    ask, body = Ask("retractHits", key=key), {"decoy_id": decoy, "reason": "spoofed", **window}
    for also, retracted in (({"dry_run": True}, 1), ({}, 1), ({}, 0)):
        assert _json(ground, ask, {**body, **also})["retracted"] == retracted
    stranger = ask.with_json({**body, "decoy_id": shown["data"][0]["id"]})
    assert ground.ask(stranger).status == 404


def _imports(ground: Ground, key: str, decoy: str) -> None:
    """Recorded and refused rows of our own layout, Twilio's, another, and NDJSON."""
    when = f"{_THEN:%Y-%m-%dT%H:%M:%SZ}"
    own = "source_id,decoy_id,number,region,channel,occurred_at,remark\n" + "".join(
        f"{number}-{SOURCE_ID},{decoy},{number},US,sms,{when},{MESSAGE}\n" for number in (*NUMBERS.values(), "12")
    )
    twilio = f"{_TWILIO_HEADER}\n" + "".join(
        f'{number},{DECOY},"{MESSAGE} {number}",received,{when},2010-04-01,1,,AC{SOURCE_ID},SM{number},{way},,USD\n'
        for number in (LISTED, REFUSED[:-2])
        for way in ("inbound", "outbound-api")
    )
    other = f'Caller;Their "Line";When\n{national(LISTED)};{DECOY};{when}\n{REFUSED}9999;{DECOY};{LISTED}\n'
    lines = [
        {"number": LISTED, "decoy_number": DECOY, "channel": "chat", "occurred_at": when, "source_id": SOURCE_ID + "L"},
        {"number": REFUSED, "decoy_number": REFUSED, "channel": REFUSED, "occurred_at": LISTED},
        {"number": {"of": REFUSED}},
        {REFUSED: REFUSED, "body": MESSAGE},
    ]
    ndjson = "".join(f"{json.dumps(line)}\n" for line in lines) + f'{{"number": "{REFUSED}\n'
    csv = {"Content-Type": "text/csv"}
    mapped = {"map": "number=Caller", "channel": "sms", "region": "US"}
    for ask in (
        Ask("importHits", body=own.encode(), headers=csv, query={"dry_run": "true"}, key=key),
        Ask("importHits", body=own.encode(), headers=csv, key=key),
        Ask("importHits", body=twilio.encode(), headers={**csv, "Accept": "application/x-ndjson"}, key=key),
        Ask("importHits", body=ndjson.encode(), headers={"Content-Type": "application/x-ndjson"}, key=key),
    ):
        _good(ground, ask)
    # One name can be given once in a dictionary, so the other columns bear our own names.
    renamed = other.replace('Their "Line"', "decoy_number").replace("When", "occurred_at")
    _good(ground, Ask("importHits", body=renamed.encode(), headers=csv, query=mapped, key=key))


def _exclusions(ground: Ground, key: str) -> None:
    """An investigator's own, from a table, from lines and one by one; all are taken back, so that they hide nothing."""
    numbers = (EXCLUDED, ASKED, NOT_SERVED, REFUSED[:-3], MESSAGE)
    table = "name,number,region,reason,expires_at\n" + "".join(f"{MESSAGE},{n},US,outreach,\n" for n in numbers)
    table += f"{LISTED},{REFUSED},{REFUSED},{REFUSED},{REFUSED}\n"
    lines = [{"number": NOT_SERVED_EITHER}, {"number": {"of": REFUSED}}, {REFUSED: MESSAGE}, {"number": REFUSED[:-2]}]
    ndjson = "".join(f"{json.dumps(line)}\n" for line in lines) + f'{{"number": "{REFUSED}\n'
    csv, whole, region = {"Content-Type": "text/csv"}, {"reason": "own_staff"}, {"region": "US"}
    for ask in (
        Ask("importExclusions", body=table.encode(), headers=csv, query={"dry_run": "true"}, key=key),
        Ask("importExclusions", body=table.encode(), headers={**csv, "Accept": "application/x-ndjson"}, key=key),
        Ask(
            "importExclusions",
            body=ndjson.encode(),
            headers={"Content-Type": "application/x-ndjson"},
            query=whole,
            key=key,
        ),
    ):
        _good(ground, ask)
    _json(ground, Ask("addExclusion", key=key), {"number": national(DISPUTED), "region": "US", "reason": "own_staff"})
    for query in ({"dry_run": "true", **region}, region):
        _good(ground, Ask("removeExclusionFile", body=table.encode(), headers=csv, query=query, key=key))
    kind = {"Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"}
    _good(ground, Ask("removeExclusionFile", body=ndjson.encode(), headers=kind, key=key))
    _json(ground, Ask("addExclusion", key=key), {"number": NOT_SERVED, "reason": "outreach"})
    kept: Any = _good(ground, Ask("listExclusions", query={"active": "true"}, key=key)).json
    assert len(kept["data"]) == 2
    for one in kept["data"]:
        _good(ground, Ask("endExclusion", path={"exclusion_id": one["id"]}, key=key))


def _questions(ground: Ground, key: str) -> None:
    day = f"{_THEN:%Y-%m-%d}"
    lookup = {"purpose": PURPOSE, "case_ref": "HR-2026-118"}
    once = Ask("createLookup", key=key).with_headers(Idempotency_Key=f'"{IDEMPOTENCY_KEY} {LISTED}"')
    answer, again = (_json(ground, once, {**lookup, "number": national(LISTED), "region": "US"}) for _ in range(2))
    assert answer["evidence"] == again["evidence"]
    assert ground.ask(once.with_json({**lookup, "number": REFUSED})).status == 422
    assert (answer["number"], answer["outcome"]) == (LISTED, "contact_observed")
    for number in NUMBERS.values():
        _json(ground, Ask("createLookup", key=key), {**lookup, "number": number, "possessed_since": day})
    items = [{"ref": f"{REF} {number}", "number": number, "region": "CA"} for number in NUMBERS.values()]
    refused = [
        {"ref": REFUSED, "number": REFUSED[:-4]},
        {"number": MESSAGE},
        {"ref": REF, "number": REFUSED, "region": REFUSED},
    ]
    answer = _json(ground, Ask("createCheck", key=key), {**lookup, "items": items + refused})
    assert answer["counts"]["refused"] == len(refused)
    rows = [(number, day, f"{REF} {number}") for number in (*NUMBERS.values(), REFUSED[:-4], MESSAGE)]
    table = "Phone,Since,Remark\n" + "".join(f"{','.join(row)}\n" for row in [*rows, (REFUSED, LISTED, "")])
    query = {"purpose": PURPOSE, "number_column": "Phone", "since_column": "Since", "region": "US"}
    ask = Ask("checkFile", body=table.encode(), headers={"Content-Type": "text/csv"}, query=query, key=key)
    assert LISTED.encode() in _good(ground, ask).body


def _private(ground: Ground, key: str) -> None:
    asked = {"purpose": PURPOSE, "case_ref": "HR-2026-118"}
    parameters: Any = _good(ground, Ask("getPrivateParameters", key=key)).json["generations"][0]
    evaluate = Ask("createPrivateEvaluation", key=key).with_headers(Idempotency_Key=f'"{IDEMPOTENCY_KEY} {ASKED}"')
    everybody = [*NUMBERS.values(), UNLISTED]
    blinded = encoded(Batch.of_numbers(everybody).blinded)
    for _ in range(2):
        _json(ground, evaluate, {**asked, "blinded": blinded})
    generation = {"generation": str(parameters["generation"])}
    whole = Ask("getPrivateSet", query=generation, key=key)
    _good(ground, whole)
    assert ground.ask(whole.with_headers(If_None_Match=parameters["set"]["etag"])).status == 304
    digits = -(-parameters["set"]["prefix_bits"] // 4)
    _good(ground, Ask("getPrivateBucket", path={"prefix": "0" * digits}, query=generation, key=key))
    tags = [tags_of(ground.registry, number)[0] for number in everybody]
    items = [{"tag": encoded(tag), "ref": f"{REF} {number}"} for tag, number in zip(tags, everybody, strict=True)]
    disclose = Ask("createPrivateDisclosure", key=key).with_headers(Idempotency_Key=f'"{IDEMPOTENCY_KEY} {DECOY}"')
    refused = {"tag": encoded(tags[0]), "ref": REF, "possessed_since": "2030-01-01"}
    answer, again = (_json(ground, disclose, {**asked, "items": [*items, refused]}) for _ in range(2))
    assert answer["results"] == again["results"]
    assert answer["results"][0]["outcome"] == "contact_observed"
    assert answer["results"][everybody.index(UNLISTED)]["outcome"] == "none"
    assert answer["counts"]["refused"] == 1


def _administration(ground: Ground, key: str) -> None:
    organisation = {
        "organisation_id": _json(
            ground,
            Ask("createOrganisation", key=key).with_headers(Idempotency_Key=f'"{LISTED}"'),
            {"name": "A canary's cage", "kind": "employer"},
        )["id"]
    }
    issue = Ask("issueKey", path=organisation, key=key).with_headers(Idempotency_Key=f'"{REFUSED}"')
    issued = _json(ground, issue, {"scopes": ["lookups"]})
    ground.remember_key("new employer", issued["key"])
    assert _json(ground, issue, {"scopes": ["lookups"]})["key"] is None
    _good(ground, Ask("listKeys", path=organisation, key=key))
    _json(ground, Ask("expireKey", path={"key_id": issued["id"]}, key=key), {"expires_at": None})
    _json(ground, Ask("setLimits", path=organisation, key=key), {"numbers_per_day": 1})
    _good(ground, Ask("suspendOrganisation", path=organisation, key=key))
    _good(ground, Ask("resumeOrganisation", path=organisation, key=key))
    quota = {"purpose": PURPOSE, "items": [{"number": number} for number in NUMBERS.values()]}
    assert ground.ask(Ask("createCheck", key=issued["key"]).with_json(quota)).status == 429
    _good(ground, Ask("revokeKey", path={"key_id": issued["id"]}, key=key))
    _good(ground, Ask("listOrganisations", query={"limit": "1"}, key=key))

    lines: Any = _good(ground, Ask("listDecoys", query={"quarantined": "false"}, key=key)).json
    line = {"decoy_id": lines["data"][0]["id"]}
    _good(ground, Ask("quarantineDecoy", path=line, key=key))
    assert ground.ask(Ask("releaseDecoy", path=line, key=ground.keys["investigator"])).status == 409
    _good(ground, Ask("releaseDecoy", path=line, key=key))
    _json(ground, Ask("addExclusion", key=key), {"number": EXCLUDED, "reason": "outreach"})
    _json(ground, Ask("addExclusion", key=key), {"number": ASKED, "reason": "police"})
    assert ground.ask(Ask("addExclusion", key=key).with_json({"number": ASKED, "reason": "police"})).status == 409
    _good(ground, Ask("listExclusions", key=key))
    _json(ground, Ask("removeExclusion", key=key), {"number": national(ASKED), "region": "CA"})
    dispute = _json(ground, Ask("openDispute", key=key), {"number": DISPUTED})["id"]
    assert ground.ask(Ask("openDispute", key=key).with_json({"number": DISPUTED})).status == 409
    _good(ground, Ask("listDisputes", key=key))
    _json(ground, Ask("closeDispute", path={"dispute_id": dispute}, key=key), {"resolution": "withdrawn"})
    _subjects(ground, key)


def _subjects(ground: Ground, key: str) -> None:
    """Who was told about each number; again under the same Idempotency-Key; and further pages."""
    ask = Ask("listSubjectDisclosures", key=key)
    body = {"purpose": "subject_request", "case_ref": "SR-2026-3", "limit": 2}
    once = ask.with_headers(Idempotency_Key=f'"{IDEMPOTENCY_KEY} {REFUSED}"')
    page, again = (_json(ground, once, {**body, "number": national(LISTED), "region": "US"}) for _ in range(2))
    assert [one["told"] for one in page["data"]] == [["contact_observed"]] * 2
    assert again["data"][0]["told"] == ["disclosures"]
    _json(ground, ask, {**body, "number": LISTED, "cursor": page["next_cursor"]})
    for number in NUMBERS.values():
        _json(ground, ask, {**body, "number": number})


def _log(ground: Ground, key: str) -> None:
    """An event about a canary: listed, proved once the process has sealed it, and in the log that strangers read."""
    query = {"operation": "look_up", "limit": "1"}
    listed: Any = _good(ground, Ask("listEvents", query=query, key=key)).json
    event = listed["data"][0]["id"]
    _good(ground, Ask("listEvents", query={**query, "cursor": listed["next_cursor"]}, key=key))
    _good(ground, Ask("listEvents", query={"limit": "500"}, key=key))
    leaf = sql.SQL("SELECT l.idx FROM audit.leaf l JOIN audit.event e USING (xid, id) WHERE e.event_id = {}")
    until = time.monotonic() + 30
    while not ground.rows(leaf.format(sql.Literal(event))):
        assert time.monotonic() < until
        time.sleep(0.05)
    proof = _good(ground, Ask("proveEvent", path={"event_id": event}, key=key))
    assert Receipt.parse(proof.body.decode()).entry is not None
    checkpoint = _good(ground, Ask("getCheckpoint"))
    etag = next(value for name, value in checkpoint.headers if name.lower() == "etag")
    assert ground.ask(Ask("getCheckpoint").with_headers(If_None_Match=etag)).status == 304
    size = int(checkpoint.body.splitlines()[1])
    _good(ground, Ask("getTile", path={"level": "0", "index": f"000.p/{min(size, 255)}"}))
    _good(ground, Ask("getConsistency", query={"from": "0", "to": str(size)}))


def run_beside_the_api(ground: Ground) -> None:
    """What only the command line does, refusals and faults among it. Afterwards the API's own keys are out of date."""
    hunt_commands(ground)
    registry = ground.registry
    run = _runner(ground, registry)
    run(VerifyListings(repair=True))
    run(ListGenerations())
    run(RetireGeneration(1))  # the only one
    run(DropEventBodies(LONG_AGO))  # a fault: the application may not
    more, number = KEYS.with_new_generation()
    public = {known: SecretKey(seed).public_key for known, seed in more.seeds.items()}
    run(AddGeneration(number, public[number]))
    run(AddGeneration(number, public[number]))  # a fault: there is one of this number
    two = Registry.of(registry.settings, registry.database, in_process(registry.settings, more))
    run = _runner(ground, two)
    run(RetireGeneration(1))  # hits depend on it
    run(RetireGeneration(number))
    _rekey(ground)


def _rekey(ground: Ground) -> None:
    """The key has leaked: everything that is stored goes to another. What is shown of it is searched like a log."""
    command = operators_command_line(ground)
    ground.log.write(command.done("generations", "rekey", "1", "--yes"))
    for letter in ("text", "html"):
        told = command.done("subjects", "disclosures", "--letter", letter, typed=LISTED)
        assert "contact_observed" in told
        ground.log.write(told)
    hand_out(ground, command)


def _runner(ground: Ground, registry: Registry) -> Any:
    def run(operation: Operation[Any, Any]) -> None:
        try:
            registry.run(operation, COMMAND_LINE, Request(registry.new_id(), "cli test"))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is searched
            ground.exceptions.append(error)

    return run
