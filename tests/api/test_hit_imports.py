import json
from collections.abc import Callable
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from shapes import IMPORT, REFUSED_ROW, refusal_of

PATH = "/v1/hits/imports"
NDJSON = "application/x-ndjson"
TWILIO = "From,To,Body,Status,SentDate,ApiVersion,NumSegments,ErrorCode,AccountSid,Sid,Direction,Price,PriceUnit"
AT = "2026-11-01T10:00:00Z"


def import_file(member: Member, content: str | bytes, kind: str = "text/csv", **query: Any) -> Any:
    return member.post(PATH, content=content, params=query, headers={"Content-Type": kind})


def imported(member: Member, content: str | bytes, kind: str = "text/csv", **query: Any) -> dict[str, Any]:
    answer = import_file(member, content, kind, **query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told.keys() == IMPORT
    assert told["audit_id"] == told["audit_ids"][-1]
    assert all(row.keys() == REFUSED_ROW for row in told["refused_rows"])
    assert len(told["refused_rows"]) == told["refused"]
    assert told["rows"] == told["recorded"] + told["duplicate"] + told["refused"] + told["ignored"]
    return told


def counts(told: dict[str, Any]) -> tuple[int, int, int, int]:
    """recorded, duplicate, refused, ignored."""
    return told["recorded"], told["duplicate"], told["refused"], told["ignored"]


@pytest.fixture
def fresh(fresh_number: Callable[[], str]) -> tuple[str, str, str]:
    return fresh_number(), fresh_number(), fresh_number()


def test_our_own_header_is_read_in_any_order_and_refused_rows_are_named_by_line(
    investigator: Member, employer: Member, trail: AuditTrail, decoy: str, fresh: tuple[str, str, str]
) -> None:
    content = (
        "occurred_at,Channel,number,region,decoy_id,source_id,attestation,diverted,remark\n"
        f'{AT},sms,{fresh[0]},,{decoy},own-1,,,"two\nlines"\n'
        f"{AT},voice,{fresh[1]},,{decoy},own-2,a,no,\n"
        "\n"
        f"{AT},sms,anonymous,,{decoy},own-3,,,\n"
        f"2026-11-02 09:00:00 UTC,MMS,{fresh[2][2:]},US,{decoy},own-4,,TRUE,\n"
        f"{AT},sms,{fresh[0]},,{decoy},own-1,,,again\n"
        f"yesterday,sms,{fresh[0]},,{decoy},own-5,,,\n"
    )
    answer = import_file(investigator, content)
    told = answer.json()
    assert told.keys() == IMPORT
    assert counts(told) == (3, 1, 2, 0)
    assert (told["rows"], told["dry_run"]) == (6, False)
    rows = [(row["line"], row["code"], row["field"]) for row in told["refused_rows"]]
    assert rows == [(6, "withheld", "number"), (9, "invalid_value", "occurred_at")]
    outcomes = [employer.look_up(number)["outcome"] for number in fresh]
    assert outcomes == ["contact_observed", "contact_observed", "none"]  # the third was diverted
    (event,) = trail.of(answer)
    assert told["audit_ids"] == [event["id"]] == [told["audit_id"]]
    assert (event["operation"], event["result"]) == ("import_hits", "ok")
    assert event["count"] == {"submitted": 6, "charged": 6, "recorded": 3, "duplicate": 1, "refused": 2}


def test_twilios_message_log_is_recognised_and_its_bodies_go_nowhere(
    house: House, investigator: Member, employer: Member, fresh: tuple[str, str, str]
) -> None:
    line, caller, other = fresh
    investigator.register_decoy(line)

    def row(sender: str, to: str, direction: str, sid: str) -> str:
        text = f'"Hello Canary, it is {sender}, ""Body-Canary"""'
        return f"{sender},{to},{text},received,Sun 01 Nov 2026 10:00:00 +0000,2010,1,,AC1,{sid},{direction},-0.01,USD\n"

    content = f"{TWILIO}\n" + "".join(
        [
            row(caller, line, "inbound", "SM1-Canary"),
            row(line, other, "outbound-api", "SM2-Canary"),
            row(caller, line, "inbound", "MM3-Canary"),
            row(other, "+12065550000", "inbound", "SM4-Canary"),
            row("262966", line, "inbound", "SM5-Canary"),
            row(line, caller, "outbound-reply", "SM6-Canary"),
        ]
    )
    told = imported(investigator, content)
    assert counts(told) == (2, 0, 2, 2)
    assert [(row["line"], row["code"]) for row in told["refused_rows"]] == [(5, "unknown_decoy"), (6, "short_code")]
    evidence = employer.look_up(caller)["evidence"]
    assert (evidence["contacts"], evidence["channels"]) == (2, ["mms", "sms"])
    assert employer.look_up(other)["outcome"] == "none"
    stored = house.everything_stored()
    for canary in ("anary", caller[-10:], line[-10:]):
        assert canary not in stored
    assert "anary" not in str(told)


def test_any_other_file_can_be_mapped(
    investigator: Member, employer: Member, decoy: str, fresh: tuple[str, str, str]
) -> None:
    content = f"Caller ID;When;Kind;Ref\n{fresh[0][2:]};{AT};voice;map-1\n{fresh[1][2:]};{AT};;map-2\n"
    mapping = ["number=Caller ID", "occurred_at=when", "channel=Kind", "source_id=Ref"]
    told = imported(investigator, content, map=mapping, decoy_id=decoy, channel="sms", region="US")
    assert counts(told) == (2, 0, 0, 0)
    assert [employer.look_up(number)["outcome"] for number in fresh[:2]] == ["none", "contact_observed"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"map": "number"}, "invalid_value"),
        ({"map": "number="}, "invalid_value"),
        ({"map": "=Caller"}, "invalid_value"),
        ({"map": "body=Caller"}, "invalid_value"),
        ({"map": ["number=Caller"] * 11}, "too_many_items"),
        ({"map": "number=Telefon"}, "column_not_found"),
        ({"map": "number=Caller"}, "column_not_found"),
        ({}, "column_not_found"),
        ({"format": "twilio"}, "column_not_found"),
        ({"format": "xml"}, "invalid_value"),
        ({"channel": "fax"}, "invalid_value"),
        ({"decoy_id": "first"}, "invalid_value"),
        ({"dry_run": "perhaps"}, "invalid_value"),
        ({"region": "x" * 17}, "invalid_value"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(
    investigator: Member, trail: AuditTrail, query: dict[str, Any], code: str
) -> None:
    answer = import_file(investigator, f"Caller,When\n+12065550188,{AT}\n", **query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert "5550188" not in answer.text
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("import_hits", code)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"number": ""}, "empty", "number"),
        ({"number": "MYBANK"}, "sender_name", "number"),
        ({"number": "+442079460123"}, "region_not_served", "number"),
        ({"number": "2065550188"}, "unknown_region", "number"),
        ({"region": "Texas"}, "unknown_region", "region"),
        ({"decoy_id": ""}, "missing_field", "decoy_id"),
        ({"decoy_id": "line 4"}, "unknown_decoy", "decoy_id"),
        ({"decoy_id": "01980000-0000-7000-8000-000000000000"}, "unknown_decoy", "decoy_id"),
        ({"channel": ""}, "missing_field", "channel"),
        ({"channel": "fax"}, "invalid_value", "channel"),
        ({"attestation": "Z"}, "invalid_value", "attestation"),
        ({"verification": "maybe"}, "invalid_value", "verification"),
        ({"attestation": "A", "verification": "failed"}, "invalid_value", "attestation"),
        ({"diverted": "maybe"}, "invalid_value", "diverted"),
        ({"occurred_at": ""}, "missing_field", "occurred_at"),
        ({"occurred_at": "2026-11-01 10:00:00"}, "invalid_value", "occurred_at"),
        ({"occurred_at": "2027-01-01T00:00:00Z"}, "date_in_future", "occurred_at"),
        ({"source_id": "x" * 201}, "invalid_value", "source_id"),
    ],
)
def test_a_row_that_cannot_be_recorded_says_why_in_every_format(
    investigator: Member, decoy: str, number: str, change: dict[str, str], code: str, field: str
) -> None:
    good = {"decoy_id": decoy, "number": number, "channel": "sms", "occurred_at": AT, "attestation": "", "diverted": ""}
    good |= {"region": "", "source_id": "", "verification": ""}
    bad = {**good, **change}
    table = f"{','.join(good)}\n{','.join(bad.values())}\n"
    for content, kind, line in ((table, "text/csv", 2), (json.dumps(bad), NDJSON, 1)):
        (row,) = imported(investigator, content, kind)["refused_rows"]
        assert (row["line"], row["code"], row["field"]) == (line, code, field)


def test_a_failed_call_of_a_providers_log_is_none_as_it_is_at_intake(
    investigator: Member, employer: Member, decoy: str, fresh: tuple[str, str, str]
) -> None:
    rows = [
        f"{decoy},{number},voice,{at},{verification}"
        for number, verification in zip(fresh, ("failed", "PASSED", ""), strict=True)
        for at in ("2026-11-01T10:00:00Z", "2026-11-02T10:00:00Z")
    ]
    told = imported(investigator, "\n".join(["decoy_id,number,channel,occurred_at,verification", *rows]))
    assert told["recorded"] == 6
    outcomes = [employer.look_up(number)["outcome"] for number in fresh]
    assert outcomes == ["none", "contact_observed", "contact_observed"]


def test_ndjson_has_the_members_of_a_hit_and_a_bad_line_stops_no_other(
    investigator: Member, employer: Member, decoy: str, fresh: tuple[str, str, str]
) -> None:
    lines = [
        json.dumps({**hit(decoy, fresh[0]), "source_id": "line-1", "diverted": False, "attestation": None}).encode(),
        b"",
        b'{"number": ',
        b"[1]",
        b'{"number": "\xff"}',
        json.dumps({**hit(decoy, fresh[1]), "Body": "Canary"}).encode(),
        json.dumps({**hit(decoy, fresh[1]), "number": 12065550188}).encode(),
        b'{"number": "\\u0000"}',
        json.dumps(hit(decoy, fresh[1])).encode(),
    ]
    told = imported(investigator, b"\xef\xbb\xbf" + b"\r\n".join(lines), NDJSON)
    assert counts(told) == (2, 0, 6, 0)
    assert [(row["line"], row["code"]) for row in told["refused_rows"]] == [
        (3, "invalid_json"),
        (4, "wrong_type"),
        (5, "invalid_utf8"),
        (6, "unknown_field"),
        (7, "wrong_type"),
        (8, "nul_byte"),
    ]
    assert "anary" not in str(told)
    assert [employer.look_up(number)["outcome"] for number in fresh[:2]] == ["contact_observed"] * 2


@pytest.mark.parametrize("kind", [NDJSON, "application/ndjson", "text/plain"])
def test_ndjson_is_told_by_its_type_or_its_format(investigator: Member, decoy: str, number: str, kind: str) -> None:
    query = {"format": "ndjson"} if kind == "text/plain" else {}
    assert imported(investigator, json.dumps(hit(decoy, number)), kind, **query)["recorded"] == 1


def test_a_dry_run_says_what_would_happen_and_records_nothing(
    house: House, investigator: Member, employer: Member, trail: AuditTrail, decoy: str, fresh: tuple[str, str, str]
) -> None:
    investigator.record(hit(decoy, fresh[0], AT, source_id="dry-1"))
    rows = [("dry-1", fresh[0]), ("dry-2", fresh[1]), ("dry-3", "anonymous"), ("dry-2", fresh[1])]
    content = "source_id,number\n" + "".join(f"{source},{number}\n" for source, number in rows)
    content = content.replace("\n", f",{AT},sms,{decoy}\n").replace(AT, "occurred_at", 1)
    content = content.replace(f"sms,{decoy}", "channel,decoy_id", 1)
    answer = import_file(investigator, content, dry_run="true")
    rehearsed = answer.json()
    assert counts(rehearsed) == (1, 2, 1, 0)
    assert rehearsed["dry_run"] is True
    assert trail.of(answer)[0]["operation"] == "import_hits_dry_run"
    assert employer.look_up(fresh[1])["outcome"] == "none"
    done = imported(investigator, content)
    assert counts(done) == counts(rehearsed)
    assert done["refused_rows"] == rehearsed["refused_rows"]
    assert employer.look_up(fresh[1])["outcome"] == "contact_observed"


@pytest.mark.parametrize("source", ["source_id,", ""])
def test_the_same_file_twice_records_nothing_twice(
    investigator: Member, employer: Member, decoy: str, fresh: tuple[str, str, str], source: str
) -> None:
    content = f"{source}number,decoy_id,channel,occurred_at\n"
    content += "".join(f"{f'{number}-x,' if source else ''}{number},{decoy},sms,{AT}\n" for number in fresh)
    assert counts(imported(investigator, content)) == (3, 0, 0, 0)
    assert counts(imported(investigator, content)) == (0, 3, 0, 0)
    assert employer.look_up(fresh[0])["evidence"]["contacts"] == 1


def test_a_hit_that_was_sent_one_by_one_is_a_duplicate_in_a_file(investigator: Member, decoy: str, number: str) -> None:
    investigator.record(hit(decoy, number, AT), hit(decoy, number, AT, source_id="both-ways"))
    content = f"source_id,number,decoy_id,channel,occurred_at\n,{number},{decoy},sms,{AT}\n"
    content += f"both-ways,{number},{decoy},sms,{AT}\n"
    assert counts(imported(investigator, content)) == (0, 2, 0, 0)


def test_progress_is_told_line_by_line_and_the_summary_comes_last(
    investigator: Member, trail: AuditTrail, decoy: str, number: str
) -> None:
    """2,100 rows: two chunks, with one refused row in each and one recorded."""
    rows = [f"{number},{decoy},sms,{AT}"] * 2_100
    rows[10] = rows[2_050] = f"withheld,{decoy},sms,{AT}"
    content = "number,decoy_id,channel,occurred_at\n" + "\n".join(rows)
    headers = {"Content-Type": "text/csv", "Accept": NDJSON}
    answer = investigator.post(PATH, content=content, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == NDJSON
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [list(event) for event in events] == [["refused"], ["progress"], ["refused"], ["progress"], ["summary"]]
    assert [event["refused"]["line"] for event in events if "refused" in event] == [12, 2_052]
    progress = [event["progress"] for event in events if "progress" in event]
    assert progress == [{"rows": 2_000, "of": 2_100}, {"rows": 2_100, "of": 2_100}]
    summary = events[-1]["summary"]
    assert summary.keys() == IMPORT - {"refused_rows"}
    assert counts(summary) == (1, 2_097, 2, 0)
    recorded = trail.of(answer)
    assert summary["audit_ids"] == [event["id"] for event in recorded]
    assert [event["count"]["submitted"] for event in recorded] == [2_000, 100]
    assert {event["operation"] for event in recorded} == {"import_hits"}


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "text/csv", 422, "file_empty"),
        (b"\n\n", NDJSON, 422, "file_empty"),
        (b"PK\x03\x04", "text/csv", 422, "file_not_text"),
        (b'number,occurred_at\n"2065550188,', "text/csv", 422, "row_too_long"),
        (b"number,occurred_at\n", "application/json", 415, "unsupported_media_type"),
        (b"\xef\xbb\xbfnumber,occurred_at\ncaf\xe9,", "text/csv", 400, "invalid_utf8"),
    ],
)
def test_a_file_that_is_none_is_refused(
    investigator: Member, trail: AuditTrail, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = import_file(investigator, content, kind)
    refusal_of(answer, status, code)
    assert trail.only(answer)["result"] == code


def test_a_file_with_a_header_and_no_rows_has_nothing_to_import(investigator: Member, trail: AuditTrail) -> None:
    answer = import_file(investigator, "number,occurred_at\n")
    assert counts(answer.json()) == (0, 0, 0, 0)
    assert trail.only(answer)["result"] == "ok"


@pytest.mark.parametrize("kind", ["text/csv", NDJSON])
def test_a_file_over_the_caps_is_refused(other_house: House, kind: str) -> None:
    member = other_house.member("investigator")
    head, row = ("", "{}\n") if kind == NDJSON else ("number,occurred_at\n", "x,y\n")
    assert import_file(member, head + row * 5, kind).status_code == 200
    refusal_of(import_file(member, head + row * 6, kind), 413, "too_many_rows")
    refusal_of(import_file(member, head + "x" * 4_097, kind), 413, "body_too_large")


def test_an_ndjson_line_that_is_too_long_is_refused_alone(other_house: House) -> None:
    told = imported(other_house.member("investigator"), "{}\n" + "x" * 2_049 + "\n{}\n", NDJSON)
    assert [row["code"] for row in told["refused_rows"]] == ["missing_field", "row_too_long", "missing_field"]
