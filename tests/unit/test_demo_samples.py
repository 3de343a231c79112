from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from urllib.parse import urlencode
from uuid import UUID, uuid5

import phonenumbers
import pytest

from registry.demo.callers import (
    CALLER_LINES,
    CONTACTED_COMPANY_LINES,
    DECOY_LINES,
    OUTREACH_LINES,
    UNCONTACTED_COMPANY_LINES,
)
from registry.demo.company import FOREIGN_ROWS, CompanyRow
from registry.demo.contacts import Contact, Fate
from registry.demo.decoys import Decoy, Feed, Role
from registry.demo.formats import Written
from registry.demo.samples import DUPLICATES, HITS, Samples, generate
from registry.demo.stories import NOT_SERVED
from registry.demo.twilio import Delivery, form, made_up_account
from registry.domain import policy, possession, references
from registry.domain.errors import Code, Refused
from registry.domain.intake.contacts import contact_of
from registry.domain.intake.received import Delivery as Arrived
from registry.domain.numbers import Normaliser, RegionNotServed

pytestmark = pytest.mark.long

TODAY = date(2026, 11, 21)
SANDBOX = Normaliser(frozenset({"US", "CA"}), accept_fictional=True)
WORLD = Normaliser(frozenset({*phonenumbers.SUPPORTED_REGIONS, "001"}), accept_fictional=True)
NAMESPACE = UUID("0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d")


def chance(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - sample data: repeatable, not secret


def samples(run_name: str = "krtbmw", today: date = TODAY) -> Samples:
    return generated(run_name, today)


@cache
def generated(run_name: str, today: date) -> Samples:
    return generate(chance(run_name), today, run_name)


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
    for delivery in drawn.live.deliveries:
        if delivery.number is not None:
            happened = as_twilio_tells_it(delivery, decoys[delivery.decoy], drawn.pointing.investigator.name, today)
            held.setdefault(delivery.number, []).append(happened)
    return held


def as_twilio_tells_it(delivery: Delivery, decoy: Decoy, organisation: str, today: date) -> policy.Contact:
    """What the registry reads in the request."""
    body = urlencode(form(delivery, made_up_account(), decoy.number.e164)).encode()
    at = datetime(today.year, today.month, today.day, 8, tzinfo=UTC)
    url = "https://registry.test/v1/intake/twilio/t"
    read = contact_of(Arrived(policy.Provider.TWILIO, url, body, {}, at, form=True))
    assert read is not None
    assert (read.number, read.unknown_verification) == (delivery.number, False)
    contact = Contact(
        organisation=organisation,
        decoy=delivery.decoy,
        written=Written(read.number, None),
        number=delivery.number,
        channel=read.channel,
        occurred_at=at,
        attestation=read.attestation,
        diverted=read.diverted,
    )
    seen = as_the_policy_sees_it(contact, {decoy.key: decoy}, retracted=False)
    return replace(seen, verification=read.verification)


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


def refusal(text: str, region: str | None, normaliser: Normaliser = SANDBOX) -> Code:
    with pytest.raises(Refused) as refused:
        normaliser.normalise(text, region)
    return refused.value.code


def test_the_same_random_source_day_and_run_give_the_same_samples() -> None:
    assert generate(chance("krtbmw"), TODAY, "krtbmw") == samples()
    assert generate(chance("another"), TODAY, "krtbmw") != samples()


def test_two_runs_share_no_name_source_id_or_uncontacted_company_number_that_the_other_contacts() -> None:
    one, other = samples(), samples("wvtsrq")
    assert not {s.investigator.name for s in one.submissions} & {s.investigator.name for s in other.submissions}
    assert one.employer != other.employer
    assert not {h.source_id for s in one.submissions for h in s.hits} & {
        h.source_id for s in other.submissions for h in s.hits
    }
    used = (CALLER_LINES, CONTACTED_COMPANY_LINES, OUTREACH_LINES, UNCONTACTED_COMPANY_LINES, DECOY_LINES)
    uses = [set(lines) for lines in used]
    assert sum(map(len, uses)) == len(set[int]().union(*uses))
    assert set[int]().union(*uses) <= set(range(100, 200))


def test_four_organisations_have_thirteen_decoys_of_which_ten_are_advertised() -> None:
    assert [len(s.investigator.decoys) for s in samples().submissions] == [4, 3, 3, 3]
    roles = Counter(decoy.role for decoy in samples().decoys())
    assert roles == {Role.ADVERTISEMENT: 10, Role.CONTROL: 2, Role.DETERRENCE: 1}
    numbers = [SANDBOX.normalise(decoy.number.e164).e164 for decoy in samples().decoys()]
    assert len(set(numbers)) == 13
    for decoy in samples().decoys():
        assert decoy.live_until is None or decoy.live_from < decoy.live_until
        assert decoy.acquired_on is None or decoy.acquired_on <= decoy.live_from.date()


def test_five_thousand_hits_are_submitted_in_all_three_ways_or_told_by_the_provider() -> None:
    counts = {s.investigator.name: len(s.hits) for s in samples().submissions}
    assert sum(counts.values()) + len(samples().live.deliveries) == HITS
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
        window = possession.Window(day(row.since), day(row.until))
        held = contacts_by_number(run_name, today).get(row.number, [])
        assessment = policy.Policy().assess(held, now, window)
        excluded = row.number in {member.e164 for member in samples(run_name, today).live.team}
        outcome, reason, evidence = policy.answer(assessment, excluded=excluded, disputed=False)
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
    assert expected["contact_observed", None, "single"] == 19
    assert expected["contact_observed", None, "repeated"] == 12
    assert expected["contact_observed", None, "corroborated"] == 9
    assert expected["indeterminate", "possession_boundary", None] == 4
    assert expected["indeterminate", "region_not_served", None] == FOREIGN_ROWS
    assert expected["problem", None, None] == 12


def test_seventy_two_company_numbers_are_among_the_contacts() -> None:
    called = {
        hit.contact.number
        for submission in samples().submissions
        for hit in submission.hits
        if hit.contact.number is not None
    }
    told = {delivery.number for delivery in samples().live.deliveries if delivery.number is not None}
    company = {row.number for row in samples().company}
    assert (len(called & company), len(told & company), len((called | told) & company)) == (62, 12, 72)


def test_what_twilio_tells_is_of_every_kind_and_reaches_the_control_line_too() -> None:
    live = samples().live
    roles = {decoy.key: decoy.role for decoy in samples().pointing.investigator.decoys}
    by_role = Counter(roles[delivery.decoy] for delivery in live.deliveries)
    assert by_role[Role.CONTROL] == 4
    assert by_role[Role.ADVERTISEMENT] == len(live.deliveries) - 4
    told = [delivery for delivery in live.deliveries if delivery.number is not None]
    assert len(told) == len(live.deliveries) - 3
    assert {SANDBOX.normalise(delivery.caller).e164 for delivery in told} == {delivery.number for delivery in told}
    assert {refusal(d.caller, None) for d in live.deliveries if d.number is None} == {Code.WITHHELD}
    verstats = {delivery.verstat for delivery in live.deliveries if delivery.is_call}
    assert {"TN-Validation-Passed-A", "TN-Validation-Failed-A", "TN-Validation-Passed-A-Diverted"} <= verstats
    assert sum(not delivery.is_call for delivery in live.deliveries) > 3
    sids = {delivery.sid for delivery in live.deliveries}
    assert len(sids) == len(live.deliveries)
    assert live.repeated in live.deliveries


def test_the_outreach_team_would_be_listed_if_it_were_not_excluded() -> None:
    now = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)
    held = contacts_by_number("krtbmw", TODAY)
    (first, second, *others) = [held.get(member.e164, []) for member in samples().live.team]
    for contacts in (first, second):
        evidence = policy.Policy().assess(contacts, now).evidence
        assert evidence is not None
        assert (evidence.grade, evidence.contacts) == (policy.Grade.REPEATED, 3)
    assert others == [[]] * 6


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
        possession.Window(day(row.since), day(row.until))
    except (Refused, ValueError):
        return True
    return False
