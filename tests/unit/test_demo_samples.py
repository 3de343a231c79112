import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from uuid import UUID, uuid5

import httpx
import phonenumbers
import pytest
from rich.console import Console

from registry.demo.answers import Recorded, read_answer
from registry.demo.callers import (
    CALLER_LINES,
    CONTACTED_COMPANY_LINES,
    DECOY_LINES,
    SENDER_NAMES,
    SHORT_CODES,
    UNCONTACTED_COMPANY_LINES,
    UNUSABLE,
    WITHHELD,
    Number,
    examples_of_other_regions,
    examples_of_served_regions,
    fictional_numbers,
    invalid_examples,
)
from registry.demo.company import FOREIGN_ROWS, CompanyRow
from registry.demo.contacts import Contact, Fate
from registry.demo.decoys import Decoy, Feed, Role
from registry.demo.employer_report import masked, show_check
from registry.demo.files import (
    BATCH,
    COMPANY_HEADER,
    OWN_HEADER,
    OWN_UNREADABLE_ROWS,
    TWILIO_HEADER,
    company_csv,
    json_batches,
    own_csv,
    replies,
    twilio_csv,
)
from registry.demo.formats import STYLES, write
from registry.demo.http import DemoApi
from registry.demo.samples import DUPLICATES, HITS, Hit, Samples, Submission, generate
from registry.demo.script import run
from registry.demo.stories import NOT_SERVED
from registry.domain import policy, references
from registry.domain.errors import Code, Refused
from registry.domain.numbers import EXTENSION_IGNORED, Normaliser, RegionNotServed

TODAY = date(2026, 11, 21)
SANDBOX = Normaliser(frozenset({"US", "CA"}), accept_fictional=True)
WORLD = Normaliser(frozenset({*phonenumbers.SUPPORTED_REGIONS, "001"}), accept_fictional=True)
NAMESPACE = UUID("0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d")


@cache
def samples(run_name: str = "krtbmw", today: date = TODAY) -> Samples:
    return generate(Random(run_name), today, run_name)


@cache
def contacts_by_number(run_name: str, today: date) -> dict[str, list[policy.Contact]]:
    """What the registry would hold of each number, retractions included."""
    held: dict[str, list[policy.Contact]] = {}
    drawn = samples(run_name, today)
    decoys = {decoy.key: decoy for decoy in drawn.decoys()}
    for submission in drawn.submissions:
        for hit in submission.hits:
            number = hit.contact.number
            if hit.contact.fate is Fate.RECORDED and number is not None:
                retracted = hit.source_id == submission.retract
                held.setdefault(number, []).append(as_the_policy_sees_it(hit.contact, decoys, retracted=retracted))
    return held


def as_the_policy_sees_it(contact: Contact, decoys: dict[str, Decoy], *, retracted: bool) -> policy.Contact:
    decoy = decoys[contact.decoy]
    return policy.Contact(
        decoy=uuid5(NAMESPACE, decoy.key),
        organisation=uuid5(NAMESPACE, contact.organisation),
        role=policy.Role(decoy.role),
        live_from=decoy.live_from,
        live_until=decoy.live_until,
        acquired_on=decoy.acquired_on,
        occurred_at=contact.occurred_at,
        channel=policy.Channel(contact.channel),
        attestation=None if contact.attestation is None else policy.Attestation(contact.attestation),
        diverted=contact.diverted,
        line_type=WORLD.normalise(contact.written.text, contact.written.region).line_type,
        retracted=retracted,
    )


def submissions(feed: Feed) -> list[Submission]:
    return [submission for submission in samples().submissions if submission.investigator.feed is feed]


def decoy_ids() -> dict[str, str]:
    return {decoy.key: str(uuid5(NAMESPACE, decoy.key)) for decoy in samples().decoys()}


def decoy_numbers() -> dict[str, str]:
    return {decoy.key: decoy.number.e164 for decoy in samples().decoys()}


def refusal(text: str, region: str | None, normaliser: Normaliser = SANDBOX) -> Code:
    with pytest.raises(Refused) as refused:
        normaliser.normalise(text, region)
    return refused.value.code


def rows_of(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def fictional_sample(lines: range, count: int) -> list[Number]:
    numbers = fictional_numbers(Random(1), lines)
    return [next(numbers) for _ in range(count)]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_reads_back_as_the_number_it_was_written_for(style: str) -> None:
    numbers = [
        *fictional_sample(CALLER_LINES, 60),
        *examples_of_served_regions(),
        *examples_of_other_regions(),
    ]
    for number in numbers:
        written = write(number, style)
        read = WORLD.normalise(written.text, written.region)
        assert read.e164 == number.e164, (style, number.region)
        assert (read.notes == (EXTENSION_IGNORED,)) == ("extension" in style)


def test_the_styles_are_as_messy_as_what_people_and_machines_write() -> None:
    number = Number("+12065550177", "US")
    texts = {style: write(number, style).text for style in STYLES}
    assert len(set(texts.values())) == len(STYLES)
    assert texts["national"] == "(206) 555-0177"
    assert texts["dialled from abroad"] == "00 1 206-555-0177"
    assert write(Number("+447400123456", "GB"), "dialled from abroad").text == "011 44 7400 123456"
    assert texts["dots"] == "+1.206.555.0177"
    assert texts["tel URI with extension"] == "tel:+1-206-555-0177;ext=12"
    assert texts["vanity letters"] == "(206) JKL-0177"
    assert texts["full-width digits"].startswith("\uff0b\uff11")
    assert "\u0662\u0660\u0666" in texts["Arabic digits"]


@pytest.mark.parametrize(
    ("texts", "codes"),
    [
        (WITHHELD, {Code.WITHHELD}),
        (SHORT_CODES, {Code.SHORT_CODE}),
        (SENDER_NAMES, {Code.SENDER_NAME}),
        (UNUSABLE, {Code.NOT_A_NUMBER, Code.TOO_SHORT, Code.TOO_MANY_DIGITS, Code.SENDER_NAME}),
    ],
)
def test_what_stands_in_place_of_a_number_is_refused_for_what_it_is(texts: tuple[str, ...], codes: set[Code]) -> None:
    assert {refusal(text, "US") for text in texts} == codes


def test_invalid_examples_are_no_numbers_anywhere() -> None:
    assert len(invalid_examples()) > 200
    assert {refusal(text, None, WORLD) for text in invalid_examples()} <= {
        Code.NOT_VALID,
        Code.TOO_SHORT,
        Code.TOO_MANY_DIGITS,
    }


def test_examples_of_other_regions_come_from_all_over_the_world_and_are_not_served() -> None:
    assert len({number.region for number in examples_of_other_regions()}) > 230
    for number in examples_of_other_regions():
        with pytest.raises(RegionNotServed):
            SANDBOX.normalise(number.e164)


def test_the_same_random_source_day_and_run_give_the_same_samples() -> None:
    assert generate(Random("krtbmw"), TODAY, "krtbmw") == samples()
    assert generate(Random("another"), TODAY, "krtbmw") != samples()


def test_two_runs_share_no_name_source_id_or_uncontacted_company_number_that_the_other_contacts() -> None:
    one, other = samples(), samples("wvtsrq")
    assert not {s.investigator.name for s in one.submissions} & {s.investigator.name for s in other.submissions}
    assert one.employer != other.employer
    assert not {h.source_id for s in one.submissions for h in s.hits} & {
        h.source_id for s in other.submissions for h in s.hits
    }
    uses = [set(lines) for lines in (CALLER_LINES, CONTACTED_COMPANY_LINES, UNCONTACTED_COMPANY_LINES, DECOY_LINES)]
    assert sum(map(len, uses)) == len(set[int]().union(*uses))
    assert set[int]().union(*uses) <= set(range(100, 200))


def test_four_organisations_have_twelve_decoys_of_which_ten_are_advertised() -> None:
    assert [len(s.investigator.decoys) for s in samples().submissions] == [4, 3, 3, 2]
    roles = Counter(decoy.role for decoy in samples().decoys())
    assert roles == {Role.ADVERTISEMENT: 10, Role.CONTROL: 1, Role.DETERRENCE: 1}
    numbers = [SANDBOX.normalise(decoy.number.e164).e164 for decoy in samples().decoys()]
    assert len(set(numbers)) == 12
    for decoy in samples().decoys():
        assert decoy.live_until is None or decoy.live_from < decoy.live_until
        assert decoy.acquired_on is None or decoy.acquired_on <= decoy.live_from.date()


def test_five_thousand_hits_are_submitted_in_all_three_ways() -> None:
    counts = {s.investigator.name: len(s.hits) for s in samples().submissions}
    assert sum(counts.values()) == HITS
    assert min(counts.values()) > 800
    assert {s.investigator.feed for s in samples().submissions} == set(Feed)


@pytest.mark.parametrize("run_name", ["krtbmw", "wvtsrq", "bcdfgh"])
def test_every_hit_is_worth_what_it_is_said_to_be(run_name: str) -> None:
    tomorrow = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=1)
    reasons: Counter[str] = Counter()
    for submission in samples(run_name).submissions:
        own = {decoy.key for decoy in submission.investigator.decoys}
        for hit in submission.hits:
            contact = hit.contact
            if contact.fate is not Fate.REFUSED:
                read = SANDBOX.normalise(contact.written.text, contact.written.region)
                assert read.e164 == contact.number
                assert contact.decoy in own
                assert contact.occurred_at < tomorrow - timedelta(days=1)
            elif contact.decoy not in own:
                reasons["unknown_decoy"] += 1
            elif contact.occurred_at >= tomorrow + timedelta(days=1):
                reasons["date_in_future"] += 1
            else:
                reasons[refusal(contact.written.text, contact.written.region)] += 1
    assert reasons["region_not_served"] == 420
    assert reasons["unknown_decoy"] == reasons["date_in_future"] == 4
    assert reasons["withheld"] == 130
    assert {"short_code", "sender_name", "not_a_number", "too_short", "too_many_digits"} <= set(reasons)


def test_hits_show_repeats_spoofing_and_diversion() -> None:
    contacts = [hit.contact for s in samples().submissions for hit in s.hits if hit.contact.fate is Fate.RECORDED]
    callers = Counter(contact.number for contact in contacts)
    assert sum(count > 1 for count in callers.values()) > 300
    unvouched = [c for c in contacts if c.channel == "voice" and c.attestation in (None, "C")]
    assert len(unvouched) > 300
    assert sum(contact.diverted for contact in contacts) > 20
    assert {contact.channel for contact in contacts} == {"voice", "sms", "mms", "chat"}
    assert all(contact.attestation is None for contact in contacts if contact.channel != "voice")


def test_a_source_id_comes_twice_only_where_the_hit_is_a_duplicate() -> None:
    duplicates = 0
    for submission in samples().submissions:
        seen: dict[str, Contact] = {}
        for hit in submission.hits:
            assert len(hit.source_id) <= 64
            if hit.contact.fate is Fate.DUPLICATE:
                duplicates += 1
                assert seen[hit.source_id].number == hit.contact.number
            else:
                assert hit.source_id not in seen
            seen[hit.source_id] = hit.contact
    assert duplicates == DUPLICATES


def test_no_text_that_the_registry_keeps_looks_like_a_number() -> None:
    kept = [samples().employer]
    for submission in samples().submissions:
        kept.append(submission.investigator.name)
        kept.extend(decoy.label for decoy in submission.investigator.decoys)
        if submission.investigator.feed is not Feed.TWILIO_FILE:
            kept.extend(hit.source_id for hit in submission.hits)
    assert all(references.label(text, 100) == text for text in kept)


def test_exactly_one_hit_is_retracted_and_it_came_in_as_json() -> None:
    retracting = [submission for submission in samples().submissions if submission.retract is not None]
    assert len(retracting) == 1
    assert retracting[0].investigator.feed is Feed.JSON
    hits = [hit for hit in retracting[0].hits if hit.source_id == retracting[0].retract]
    assert hits[0].contact.fate is Fate.RECORDED


@pytest.mark.parametrize(
    ("run_name", "today"),
    [
        ("krtbmw", TODAY),
        ("wvtsrq", TODAY),
        ("bcdfgh", date(2028, 2, 29)),
        ("zzkkmm", date(2027, 1, 1)),
        ("ttnnrr", date(2027, 3, 31)),
    ],
)
def test_the_policy_answers_every_row_of_the_company_file_as_the_stories_say(run_name: str, today: date) -> None:
    now = datetime(today.year, today.month, today.day, 9, tzinfo=UTC)
    for row in samples(run_name, today).company:
        if row.expected is None or row.expected == NOT_SERVED:
            continue
        assert row.number is not None
        window = policy.Window(day(row.since), day(row.until))
        held = contacts_by_number(run_name, today).get(row.number, [])
        assessment = policy.Policy().assess(held, now, window)
        outcome, reason, evidence = policy.answer(assessment, excluded=False, disputed=False)
        grade = None if evidence is None else evidence.grade
        assert (outcome, reason, grade) == (row.expected.outcome, row.expected.reason, row.expected.grade), row.device


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def test_every_outcome_and_grade_is_among_the_two_thousand_rows() -> None:
    expected = Counter(
        ("problem", None, None)
        if row.expected is None
        else (row.expected.outcome, row.expected.reason, row.expected.grade)
        for row in samples().company
    )
    assert sum(expected.values()) == 2_000
    assert expected["contact_observed", None, "single"] == 15
    assert expected["contact_observed", None, "repeated"] == 12
    assert expected["contact_observed", None, "corroborated"] == 9
    assert expected["indeterminate", "possession_boundary", None] == 4
    assert expected["indeterminate", "region_not_served", None] == FOREIGN_ROWS
    assert expected["problem", None, None] == 12


def test_sixty_company_numbers_are_among_the_contacts() -> None:
    called = {
        hit.contact.number
        for submission in samples().submissions
        for hit in submission.hits
        if hit.contact.number is not None
    }
    assert len(called & {row.number for row in samples().company}) == 60


def test_company_rows_stand_for_the_number_that_they_claim() -> None:
    for row in samples().company:
        if row.expected is None:
            assert is_unusable(row), row.device
        elif row.expected == NOT_SERVED:
            with pytest.raises(RegionNotServed) as refused:
                SANDBOX.normalise(row.phone, row.country or "US")
            assert refused.value.number.e164 == row.number
        else:
            assert SANDBOX.normalise(row.phone, row.country or "US").e164 == row.number


def is_unusable(row: CompanyRow) -> bool:
    try:
        SANDBOX.normalise(row.phone, row.country or "US")
        policy.Window(day(row.since), day(row.until))
    except (Refused, ValueError):
        return True
    return False


def test_json_batches_hold_every_hit_once_and_at_most_a_thousand() -> None:
    for submission in submissions(Feed.JSON):
        batches = list(json_batches(submission.hits, decoy_ids()))
        assert all(0 < len(batch) <= BATCH for batch in batches)
        items = [item for batch in batches for item in batch]
        assert [item["source_id"] for item in items] == [hit.source_id for hit in submission.hits]
        assert {key for item in items for key in item} == set(OWN_HEADER)
        for item, hit in zip(items, submission.hits, strict=True):
            assert item["number"] == hit.contact.written.text
            assert datetime.fromisoformat(str(item["occurred_at"])) == hit.contact.occurred_at
            assert item.get("region") == hit.contact.written.region


def test_the_own_file_holds_every_hit_and_some_unreadable_rows() -> None:
    (submission,) = submissions(Feed.OWN_FILE)
    rows = rows_of(own_csv(submission.hits, decoy_ids()))
    assert tuple(rows[0]) == OWN_HEADER
    assert len(rows) == len(submission.hits) + OWN_UNREADABLE_ROWS
    for row, hit in zip(rows, submission.hits, strict=False):
        assert row["number"] == hit.contact.written.text
        assert row["diverted"] == ("true" if hit.contact.diverted else "")
    source_ids = {hit.source_id for hit in submission.hits}
    assert not source_ids & {row["source_id"] for row in rows[-OWN_UNREADABLE_ROWS:]}


def test_the_message_log_has_the_hits_as_inbound_rows_and_the_replies_as_outbound_ones() -> None:
    (submission,) = submissions(Feed.TWILIO_FILE)
    rows = rows_of(twilio_csv(submission.hits, decoy_numbers()))
    assert tuple(rows[0]) == TWILIO_HEADER
    inbound = [row for row in rows if row["Direction"] == "inbound"]
    assert [row["Sid"] for row in inbound] == [hit.source_id for hit in submission.hits]
    assert len(rows) - len(inbound) == replies(submission.hits) > 300
    by_sid = {hit.source_id: hit for hit in submission.hits}
    for row in inbound:
        contact = by_sid[row["Sid"]].contact
        assert row["From"] == contact.written.text
        assert row["To"] == decoy_numbers()[contact.decoy] or contact.fate is not Fate.RECORDED
        assert row["Sid"].startswith("MM") == (contact.channel == "mms")


def test_a_message_log_can_say_all_that_is_to_be_said_of_its_hits() -> None:
    (submission,) = submissions(Feed.TWILIO_FILE)
    for hit in submission.hits:
        assert hit.contact.channel in ("sms", "mms")
        assert not hit.contact.diverted
        assert hit.contact.written.text == hit.contact.number or hit.contact.fate is Fate.REFUSED


def test_the_company_file_is_as_messy_as_a_spreadsheet_leaves_it() -> None:
    content = company_csv(samples().company)
    assert content.startswith(b"\xef\xbb\xbfEmployee device;Phone;Country;Since;Until\r\n")
    assert content.count(b"\r\n\r\n") == 5
    rows = rows_of(content, ";")
    assert [tuple(row.values()) for row in rows] == [
        (row.device, row.phone, row.country, row.since, row.until) for row in samples().company
    ]
    assert any(row.device.startswith("=") for row in samples().company)
    assert any(";" in row.device for row in samples().company)
    texts = [row.phone for row in samples().company]
    assert any("ext" in text for text in texts)
    assert any("\u0660" <= character <= "\u0669" for text in texts for character in text)


def test_an_answered_file_is_read_without_its_blank_lines() -> None:
    columns = (
        "outcome;reason;grade;contacts;decoys;organisations;first_contact;last_contact;channels;policy;notes;problem"
    )
    text = (
        f"{';'.join(COMPANY_HEADER)};{columns}\r\n"
        "Handset;+12065550101;;;;contact_observed;;single;1;1;1;2026-03-01;2026-03-01;sms;2026-11;;\r\n"
        ";;;;;;;;;;;;;;;;\r\n"
        "\r\n"
        "Tablet;n/a;;;;;;;;;;;;;;;not_a_number\r\n"
    )
    observed, unusable = read_answer(text)
    assert (observed.grade, observed.contacts, observed.last_contact) == ("single", "1", "2026-03-01")
    assert (unusable.outcome, unusable.problem) == ("", "not_a_number")


def test_counts_of_several_requests_add_up_and_ids_keep_their_places() -> None:
    first = Recorded(submitted=3, recorded=2, refused=1, ids={0: "a", 2: "b"})
    first.refusals.add("withheld", "The number was withheld.")
    second = Recorded(submitted=2, recorded=1, duplicate=1, ids={1: "c"})
    second.refusals.add("withheld", "The number was withheld.", 4)
    first.merge(second)
    assert (first.submitted, first.recorded, first.duplicate, first.refused) == (5, 3, 1, 1)
    assert first.ids == {0: "a", 2: "b", 4: "c"}
    assert first.refusals.count == {"withheld": 5}


def test_a_masked_number_shows_its_last_two_digits_only() -> None:
    assert masked("+12065550177") == "\u2022" * 9 + "77"
    assert masked(None) == ""


def test_the_employers_report_prints_no_number_and_takes_no_markup_from_the_file() -> None:
    answer = ["contact_observed", "", "single", "1", "1", "1", "2026-03-01", "2026-03-01", "sms", "2026-11", "", ""]
    rows = [
        CompanyRow("[bold]Handset[/bold]", "(206) 555-0177", "US", "", "", "+12065550177", None)
        for _ in samples().company[:3]
    ]
    columns = (
        "outcome;reason;grade;contacts;decoys;organisations;first_contact;last_contact;channels;policy;notes;problem"
    )
    lines = [f"{';'.join(COMPANY_HEADER)};{columns}"]
    lines += [";".join([row.device, row.phone, row.country, "", "", *answer]) for row in rows]
    asked = Samples(run="krtbmw", submissions=(), employer="Elmwood", company=tuple(rows))
    printed = text_of(lambda out: show_check(out, asked, read_answer("\r\n".join(lines))))
    assert "555" not in printed
    assert "\u2022\u202277" in printed
    assert "[bold]Handset[/bold]" in printed
    assert "single" in printed


def text_of(show: Callable[[Console], None]) -> str:
    out = io.StringIO()
    show(Console(file=out, width=200))
    return out.getvalue()


def refusing(response: httpx.Response) -> str:
    """What the demo prints when the registry's first answer is this one."""

    def play(out: Console) -> None:
        api = DemoApi("http://registry.test/", "drk_test_key", transport=httpx.MockTransport(lambda _request: response))
        with api, pytest.raises(SystemExit) as end:
            run(api, out, TODAY)
        assert end.value.code == 1

    return text_of(play)


def test_a_problem_is_shown_with_its_title_detail_code_and_errors() -> None:
    document = {
        "type": "/problems#invalid-request",
        "title": "The request is not valid",
        "status": 422,
        "detail": "See errors.",
        "code": "invalid_request",
        "errors": [{"pointer": "/name", "code": "missing_field", "detail": "A name is needed."}],
    }
    media_type = {"Content-Type": "application/problem+json"}
    printed = refusing(httpx.Response(422, json=document, headers=media_type))
    assert "The request is not valid (invalid_request)" in printed
    assert "See errors." in printed
    assert "/name: A name is needed." in printed


@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_that_is_not_a_registrys_is_said_to_be_none(status: int) -> None:
    printed = refusing(httpx.Response(status, text="<html>hello</html>"))
    assert f"HTTP {status}" in printed
    assert "Is the address right?" in printed


@pytest.mark.parametrize(
    ("error", "said"),
    [(httpx.ConnectError("refused"), "Is the registry running?"), (httpx.ReadTimeout("slow"), "took over 60 seconds")],
)
def test_a_registry_that_does_not_answer_is_reported_as_such(error: httpx.TransportError, said: str) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    def play(out: Console) -> None:
        with (
            DemoApi("http://registry.test", "key", transport=httpx.MockTransport(fail)) as api,
            pytest.raises(SystemExit),
        ):
            run(api, out, TODAY)

    assert said in text_of(play)


def test_numbers_of_hits_stay_out_of_source_ids_and_decoy_keys() -> None:
    def names(hit: Hit) -> str:
        return f"{hit.source_id} {hit.contact.decoy}"

    digits = [hit.contact.number[1:] for s in samples().submissions for hit in s.hits if hit.contact.number]
    text = " ".join(names(hit) for s in samples().submissions for hit in s.hits)
    assert not any(number in text for number in digits)
