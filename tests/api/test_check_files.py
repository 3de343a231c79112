"""A table in, the same table out: the same rows in the same order with columns appended, whatever else is in it."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from shapes import refusal_of

PATH = "/v1/checks/files"
APPENDED = [
    *("outcome", "reason", "grade", "contacts", "decoys", "organisations", "first_contact", "last_contact"),
    *("channels", "policy", "notes", "problem", "audit_id"),
]
SEEN, UNSEEN, WITHHELD = "+12065550161", "+12065550162", "anonymous"


def check_file(member: Member, content: str | bytes, **query: Any) -> Any:
    headers = {"Content-Type": "text/csv"}
    return member.post(PATH, params={"purpose": "company_number", **query}, content=content, headers=headers)


def read(answer: Any, encoding: str = "utf-8", delimiter: str = ",") -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode(encoding), newline=""), delimiter=delimiter))


def told(answer: Any) -> list[dict[str, str]]:
    header, *rows = read(answer)
    return [dict(zip(header, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def asker(house: House) -> Member:
    """An employer in a registry where SEEN was seen twice."""
    investigator = house.member("investigator")
    decoy = investigator.register_decoy("+12065550169")
    first = hit(decoy, SEEN, "2026-11-01T10:00:00Z", source_id="file-1")
    vouched = {"channel": "voice", "attestation": "A", "source_id": "file-2"}
    investigator.record(first, hit(decoy, SEEN, "2026-11-05T10:00:00Z", **vouched))
    return house.member("employer")


def test_every_row_comes_back_with_its_answer(asker: Member, trail: AuditTrail) -> None:
    lines = ["Name,Phone,Since", f"Ann,{SEEN},2026-01-01", f"Bob,({UNSEEN[2:5]}) 555-0162 x9,", f"Cyd,{WITHHELD},"]
    lines += ["Dee,+44 20 7946 0123,", f"Eve,{SEEN},2026-11-05", f"Flo,{SEEN},5 Nov 2026"]
    answer = check_file(asker, "\n".join(lines), since_column="Since", region="US", case_ref="HR-2026-118")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["link"] == '</guidance>; rel="help"'
    header, *rows = read(answer)
    assert header == ["Name", "Phone", "Since", *APPENDED]
    assert [row[:3] for row in rows] == [line.split(",") for line in lines[1:]]
    (event,) = trail.of(answer)
    assert {row[-1] for row in rows} == {event["id"]}
    evidence = ["repeated", "2", "1", "1", "2026-11-01", "2026-11-05", "sms voice", "2026-12.4"]
    nothing = [""] * 8
    assert [row[3:-1] for row in rows] == [
        ["contact_observed", "", *evidence, "", ""],
        ["none", "", *nothing, "extension_ignored", ""],
        ["", "", *nothing, "", "withheld"],
        ["indeterminate", "region_not_served", *nothing, "", ""],
        ["indeterminate", "possession_boundary", *nothing, "", ""],
        ["", "", *nothing, "", "invalid_value"],
    ]
    assert (event["operation"], event["purpose"], event["case"]) == ("check_file", "company_number", "HR-2026-118")
    counts = {"contact_observed": 1, "none": 1, "indeterminate": 2, "refused": 2}
    assert event["count"] == {"submitted": 6, "charged": 6, **counts}
    assert event["request"]["route"] == f"POST {PATH}"


NAMES = ['Müller; "Tom"', "line\nbreak", "a,b\tc|d", "O'Neil \u2013 £5", " spaces "]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_quoting_delimiter_encoding_and_line_endings_stay_as_they_were(
    asker: Member, encoding: str, delimiter: str, ending: str
) -> None:
    numbers = [SEEN, UNSEEN, WITHHELD, SEEN, UNSEEN]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending)
    writer.writerows([["Name", "Phone"], *map(list, zip(NAMES, numbers, strict=True))])
    sent = text.getvalue().encode(encoding)
    answer = check_file(asker, sent)
    assert answer.content[:2] == sent[:2]
    header, *rows = read(answer, encoding, delimiter)
    assert header == ["Name", "Phone", *APPENDED]
    assert [row[:2] for row in rows] == [list(pair) for pair in zip(NAMES, numbers, strict=True)]
    assert [row[2] for row in rows] == ["contact_observed", "none", "", "contact_observed", "none"]
    decoded = answer.content.decode(encoding)
    assert decoded.endswith(ending)
    assert ("\r\n" in decoded) is (ending == "\r\n")


def test_latin_1_comes_back_byte_for_byte(asker: Member) -> None:
    name = "Jos\xe9 \x81 M\xfcller".encode("latin-1")
    answer = check_file(asker, b"Name,Phone\n" + name + b"," + UNSEEN.encode() + b"\n")
    assert answer.content.splitlines()[1].startswith(name + b"," + UNSEEN.encode() + b",none,")


def test_empty_lines_and_blank_rows_stay_where_they_are(asker: Member) -> None:
    answer = check_file(asker, f"\n\nPhone,Name\n\n{UNSEEN},a\n,\n\n{SEEN},b\n\n")
    lines = answer.text.split("\n")
    assert [line.split(",")[0] for line in lines] == ["", "", "Phone", "", UNSEEN, "", "", SEEN, "", ""]
    assert lines[5] == "," + "," * len(APPENDED)
    assert [line for index, line in enumerate(lines) if index in {0, 1, 3, 6, 8, 9}] == [""] * 6


def test_ragged_rows_are_made_as_wide_as_the_widest(asker: Member) -> None:
    rows = read(check_file(asker, f"Phone,Name\n{UNSEEN}\n{SEEN},b,c,d\n{UNSEEN},e\n"))
    assert [row[:4] for row in rows] == [
        ["Phone", "Name", "", ""],
        [UNSEEN, "", "", ""],
        [SEEN, "b", "c", "d"],
        [UNSEEN, "e", "", ""],
    ]
    assert [row[4] for row in rows] == ["outcome", "none", "contact_observed", "none"]


def test_two_hundred_columns_are_no_trouble_and_go_in_smaller_chunks(asker: Member, trail: AuditTrail) -> None:
    header = [f"c{at}" for at in range(199)]
    header.insert(77, "Mobile")
    rows = [[*(f"v{row}-{at}" for at in range(77)), WITHHELD, *("" for _ in range(122))] for row in range(450)]
    answer = check_file(asker, "\n".join(",".join(row) for row in [header, *rows]))
    found = read(answer)
    assert found[0] == [*header, *APPENDED]
    assert [row[:200] for row in found[1:]] == rows
    assert {row[-2] for row in found[1:]} == {"withheld"}
    assert [event["count"]["submitted"] for event in trail.of(answer)] == [200, 200, 50]


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "=cmd|' /C calc'!A0", "@SUM(A1)", "+A1", "-A1+1", "\t=1", " =1", "\uff1d1+1", '=HYPERLINK("http://x")'],
)
def test_a_formula_in_a_cell_comes_out_as_text(asker: Member, cell: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["Phone", "Note", cell], [UNSEEN, cell, ""]])
    header, row = read(check_file(asker, text.getvalue()))
    assert header[2] == f"'{cell}"
    assert row[:4] == [UNSEEN, f"'{cell}", "", "none"]


def test_a_table_without_a_header_is_answered_row_by_row(asker: Member) -> None:
    rows = read(check_file(asker, f"{SEEN}\n{UNSEEN}\n{WITHHELD}\n"))
    assert [row[0] for row in rows] == [SEEN, UNSEEN, WITHHELD]
    assert [row[1] for row in rows] == ["contact_observed", "none", ""]
    wide = f"Ann,{UNSEEN}\nBob,{SEEN}\n"
    rows = read(check_file(asker, wide, number_column="column_2"))
    assert [row[2] for row in rows] == ["none", "contact_observed"]


def test_columns_of_the_same_name_are_kept_and_the_leftmost_is_read(asker: Member) -> None:
    header, row = read(check_file(asker, f"Phone,Phone,outcome,Problem\n{SEEN},{UNSEEN},mine,mine too\n"))
    assert header[:4] == ["Phone", "Phone", "outcome", "Problem"]
    assert header[4:] == ["outcome_2", *APPENDED[1:-2], "problem_2", "audit_id"]
    assert row[:5] == [SEEN, UNSEEN, "mine", "mine too", "contact_observed"]


@pytest.mark.parametrize(
    "name", ["number", "PHONE NUMBER", "Phone", "telephone", "Mobile Number", "mobile", "Cell-Phone", "msisdn", "E164"]
)
def test_the_column_of_the_numbers_is_found_by_its_name(asker: Member, name: str) -> None:
    assert told(check_file(asker, f"Device,{name}\n17,{SEEN}\n"))[0]["outcome"] == "contact_observed"


def test_columns_can_be_named(asker: Member) -> None:
    content = (
        "Phone,Work line,Land,From,To\n"
        f"{UNSEEN},206-555-0161,US,2026-11-02,\n"
        f"{UNSEEN},206-555-0161,US,2026-11-02,2026-11-04\n"
        f"{UNSEEN},206-555-0161,Texas,,\n"
        f"{UNSEEN},206-555-0161,,2026-11-04,2026-11-02\n"
        f"{UNSEEN},206-555-0161,us,,2026-12-24\n"
    )
    columns = {"number_column": "work LINE", "region_column": "Land", "since_column": "From", "until_column": "To"}
    rows = told(check_file(asker, content, region="US", **columns))
    assert [row["outcome"] for row in rows] == ["contact_observed", "none", "", "", ""]
    assert [row["problem"] for row in rows] == ["", "", "unknown_region", "window_reversed", "date_in_future"]
    assert (rows[0]["contacts"], rows[0]["first_contact"]) == ("1", "2026-11-05")


def test_a_file_of_several_chunks_has_an_event_for_each_under_one_request(asker: Member, trail: AuditTrail) -> None:
    numbers = [WITHHELD] * 4_100
    numbers[0] = numbers[2_500] = SEEN
    numbers[1_999] = numbers[4_099] = UNSEEN
    answer = check_file(asker, "Device,Phone\n" + "".join(f"{at},{text}\n" for at, text in enumerate(numbers)))
    rows = told(answer)
    assert [row["Device"] for row in rows] == [str(at) for at in range(4_100)]
    assert [row["Phone"] for row in rows] == numbers
    outcomes = {at: row["outcome"] for at, row in enumerate(rows) if row["outcome"]}
    assert outcomes == {0: "contact_observed", 1_999: "none", 2_500: "contact_observed", 4_099: "none"}
    events = trail.of(answer)
    assert [event["count"]["submitted"] for event in events] == [2_000, 2_000, 100]
    assert [event["count"]["refused"] for event in events] == [1_998, 1_999, 99]
    assert [len(trail.disclosed(event["id"])) for event in events] == [1, 1, 0]
    by_chunk = [{row["audit_id"] for row in rows[start : start + 2_000]} for start in (0, 2_000, 4_000)]
    assert by_chunk == [{event["id"]} for event in events]


def test_nothing_of_a_file_is_kept(house: House, asker: Member, number: str) -> None:
    answer = check_file(asker, f"Canary column,Phone\nMs Canary,{number}\n")
    assert answer.status_code == 200
    stored = house.everything_stored()
    assert "anary" not in stored
    assert number[-10:] not in stored


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"\n \n\n", "file_empty"),
        (b"PK\x03\x04 a workbook", "file_not_text"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "file_not_text"),
        (b"%PDF-1.7", "file_not_text"),
        (b"Phone\n2065550161\x00\n", "file_not_text"),
        (b"\xef\xbb\xbfPhone\ncaf\xe9\n", "invalid_utf8"),
        (b"Name,Device\nAnn,17\n", "column_not_found"),
        (b'Phone,Name\n2065550161,"never closed\n' + b"x,y\n" * 3, "row_too_long"),
        (b"Phone\n" + b"," * 1_001, "row_too_long"),
    ],
)
def test_a_file_that_is_no_table_of_numbers_is_refused(
    asker: Member, trail: AuditTrail, content: bytes, code: str
) -> None:
    answer = check_file(asker, content)
    refusal_of(answer, 400 if code == "invalid_utf8" else 422, code)
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("check_file", code)
    assert event["count"] == {"submitted": 0, "charged": 0}


@pytest.mark.parametrize("name", ["number_column", "region_column", "since_column", "until_column"])
def test_a_column_that_is_not_there_is_not_made_up(asker: Member, name: str) -> None:
    answer = check_file(asker, f"Phone,Name,Ext 55501\n{UNSEEN},Ann,x\n", **{name: "Telefon"})
    problem = refusal_of(answer, 422, "column_not_found")
    assert "Phone, Name, column_3" in problem["detail"]


def test_a_table_with_a_header_and_no_rows_comes_back_with_its_columns(asker: Member, trail: AuditTrail) -> None:
    answer = check_file(asker, "Phone,Name\n")
    assert read(answer) == [["Phone", "Name", *APPENDED]]
    (event,) = trail.of(answer)
    assert (event["result"], event["count"]["submitted"]) == ("ok", 0)


def test_a_file_over_the_caps_that_the_operator_has_set_is_refused(other_house: House) -> None:
    member = other_house.member("employer")
    assert check_file(member, "Phone\n" + "x\n" * 5).status_code == 200
    refusal_of(check_file(member, "Phone\n" + "x\n" * 6), 413, "too_many_rows")
    refusal_of(check_file(member, "Phone\n" + "x" * 4_091), 413, "body_too_large")
    parts = (b"x" * 1_000 for _ in range(5))
    headers = {**member.headers, "Content-Type": "text/csv"}
    unannounced = member.client.post(f"{PATH}?purpose=company_number", content=parts, headers=headers)
    refusal_of(unannounced, 413, "body_too_large")


@pytest.mark.parametrize(
    ("query", "code", "status"),
    [
        ({"purpose": ""}, "invalid_value", 422),
        ({"purpose": "curiosity"}, "invalid_value", 422),
        ({"case_ref": "call 2065550177"}, "number_in_text", 422),
        ({"case_ref": "HR\0"}, "nul_byte", 400),
        ({"region": "U" * 17}, "invalid_value", 422),
        ({"number_column": "x" * 201}, "invalid_value", 422),
    ],
)
def test_a_file_comes_with_a_purpose_and_references_like_any_question(
    asker: Member, trail: AuditTrail, query: dict[str, str], code: str, status: int
) -> None:
    answer = check_file(asker, f"Phone\n{UNSEEN}\n", **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "2065550177" not in answer.text
    assert trail.only(answer)["result"] == code


def test_a_file_without_a_purpose_is_refused(asker: Member) -> None:
    answer = asker.post(PATH, content=f"Phone\n{UNSEEN}\n", headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["code"]) == (422, "missing_field")


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "image/png", ""])
def test_a_file_comes_as_the_body_itself(asker: Member, kind: str) -> None:
    headers = {"Content-Type": kind}
    answer = asker.post(f"{PATH}?purpose=company_number", content=f"Phone\n{UNSEEN}\n", headers=headers)
    refusal_of(answer, 415, "unsupported_media_type")


def test_a_file_answers_like_a_check(
    asker: Member, second_investigator: Member, fresh_number: Callable[[], str]
) -> None:
    number = fresh_number()
    second_investigator.record(hit(second_investigator.register_decoy(number), number))
    numbers = [number, SEEN, UNSEEN, WITHHELD, "+44 20 7946 0123", f"{SEEN}x3", ""]
    rows = told(check_file(asker, "Name,Phone\n" + "".join(f"n,{text}\n" for text in numbers)))
    body = {"purpose": "company_number", "items": [{"number": text} for text in numbers]}
    results = asker.post("/v1/checks", body).json()["results"]
    for row, result in zip(rows, results, strict=True):
        evidence: dict[str, Any] = result["evidence"] or {}
        assert row["outcome"] == (result["outcome"] or "")
        assert row["reason"] == (result["reason"] or "")
        assert row["problem"] == ("" if result["problem"] is None else result["problem"]["code"])
        assert row["notes"] == " ".join(result["notes"])
        assert row["channels"] == " ".join(evidence.get("channels", []))
        for name in ("grade", "contacts", "decoys", "organisations", "first_contact", "last_contact", "policy"):
            assert row[name] == str(evidence.get(name, ""))
