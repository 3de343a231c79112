from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from registry.domain.policy import Assessment, Attestation, Channel, Contact, Grade, Outcome, Policy, Role, answer
from registry.domain.possession import Window

POLICY = Policy()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
# Few decoys, days and hours, so that coincidences are common; and days on both sides of the expiry.
DAYS = st.dates(date(2026, 2, 26), date(2026, 3, 4)) | st.dates(date(2024, 11, 18), date(2024, 11, 25))


@st.composite
def contacts(draw: st.DrawFn) -> Contact:
    decoy = draw(st.integers(1, 4))
    day = draw(DAYS)
    hour = draw(st.sampled_from([0, 11, 12, 13, 23]))
    return Contact(
        decoy=UUID(int=decoy),
        organisation=UUID(int=100 + decoy // 2),
        role=draw(st.sampled_from([Role.ADVERTISEMENT] * 4 + list(Role))),
        live_from=draw(st.none() | st.just(datetime(2026, 2, 28, 12, tzinfo=UTC))),
        live_until=draw(st.none() | st.just(datetime(2026, 3, 3, 12, tzinfo=UTC))),
        acquired_on=draw(st.none() | st.just(date(2026, 2, 20))),
        occurred_at=datetime(day.year, day.month, day.day, hour, tzinfo=UTC),
        channel=draw(st.sampled_from([Channel.VOICE] * 4 + list(Channel))),
        attestation=draw(st.none() | st.sampled_from(Attestation)),
        diverted=draw(st.sampled_from([False, False, False, True])),
        line_type=draw(st.sampled_from(["mobile", "voip", "unknown", "toll_free"])),
        retracted=draw(st.sampled_from([False, False, False, True])),
    )


HISTORIES = st.lists(contacts(), max_size=6)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    since = draw(st.none() | DAYS)
    until = draw(st.none() | DAYS)
    if since is not None and until is not None and until < since:
        since, until = until, since
    return Window(since, until)


def model_grade(history: Sequence[Contact]) -> Grade | None:
    """Section 6's sentences, word by word, over contacts that count."""
    decoys = {contact.decoy for contact in history}
    organisations = {contact.organisation for contact in history}
    days = {contact.occurred_at.date() for contact in history}
    strong = [contact for contact in history if contact.channel != "voice" or contact.attestation == "A"]
    grades = [Grade.SINGLE] if strong else []
    if len(history) >= 2 and (len(decoys) >= 2 or len(days) >= 2):
        grades.append(Grade.REPEATED)
    if len(decoys) >= 2 and len(organisations) >= 2:
        grades.append(Grade.CORROBORATED)
    return grades[-1] if grades else None


def grade(assessment: Assessment) -> Grade | None:
    return None if assessment.evidence is None else assessment.evidence.grade


@given(HISTORIES)
def test_the_grade_is_what_the_policy_says_in_words(history: list[Contact]) -> None:
    counting = [contact for contact in history if POLICY.counts(contact, NOW)]
    assert grade(POLICY.assess(history, NOW)) is model_grade(counting)


@given(contacts())
def test_a_contact_counts_only_while_its_decoy_is_live_and_it_is_not_expired(contact: Contact) -> None:
    opens = contact.live_from or datetime.min.replace(tzinfo=UTC)
    if contact.acquired_on is not None:
        burnt_in = contact.acquired_on + timedelta(days=7)
        opens = max(opens, datetime(burnt_in.year, burnt_in.month, burnt_in.day, tzinfo=UTC))
    closes = contact.live_until or datetime.max.replace(tzinfo=UTC)
    at = contact.occurred_at
    allowed = (
        contact.role is Role.ADVERTISEMENT
        and not contact.retracted
        and not contact.diverted
        and contact.line_type != "toll_free"
        and opens <= at < closes
        and at.replace(year=at.year + 2) > NOW
    )
    assert POLICY.counts(contact, NOW) is allowed


@given(HISTORIES.flatmap(lambda history: st.tuples(st.just(history), st.permutations(history))), windows())
def test_the_order_of_contacts_does_not_matter(orders: tuple[list[Contact], list[Contact]], window: Window) -> None:
    history, shuffled = orders
    assert POLICY.assess(shuffled, NOW, window) == POLICY.assess(history, NOW, window)


@given(HISTORIES, windows(), st.integers(-14, 14))
def test_the_zone_of_the_datetimes_does_not_matter(history: list[Contact], window: Window, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    moved = [replace(contact, occurred_at=contact.occurred_at.astimezone(zone)) for contact in history]
    assert POLICY.assess(moved, NOW.astimezone(zone), window) == POLICY.assess(history, NOW, window)


@given(HISTORIES, contacts())
def test_another_contact_never_lowers_the_grade(history: list[Contact], another: Contact) -> None:
    before, after = grade(POLICY.assess(history, NOW)), grade(POLICY.assess([*history, another], NOW))
    if before is not None:
        assert after is not None
        assert after.rank >= before.rank


@given(HISTORIES, windows())
def test_contacts_that_do_not_count_leave_no_trace(history: list[Contact], window: Window) -> None:
    counting = [contact for contact in history if POLICY.counts(contact, NOW)]
    assert POLICY.assess(history, NOW, window) == POLICY.assess(counting, NOW, window)


@given(HISTORIES)
def test_nothing_changes_before_changes_at_and_something_expires_then(history: list[Contact]) -> None:
    assessment = POLICY.assess(history, NOW)
    counting = [contact for contact in history if POLICY.counts(contact, NOW)]
    if assessment.changes_at is None:
        assert counting == []
        assert POLICY.assess(history, NOW + timedelta(days=365 * 50)) == assessment
    else:
        assert assessment.changes_at > NOW
        assert POLICY.assess(history, assessment.changes_at - TICK) == assessment
        left = [contact for contact in counting if POLICY.counts(contact, assessment.changes_at)]
        assert len(left) < len(counting)


@given(HISTORIES, windows())
def test_a_window_counts_exactly_the_contacts_inside_it(history: list[Contact], window: Window) -> None:
    since, until = window.since or date.min, window.until or date.max
    inside = [contact for contact in history if since <= contact.occurred_at.date() <= until]
    assessment = POLICY.assess(history, NOW, window)
    expected = POLICY.assess(inside, NOW).evidence
    assert assessment.evidence == (None if assessment.boundary else expected)
    assert assessment.changes_at == POLICY.assess(history, NOW).changes_at


@given(HISTORIES, windows())
def test_the_boundary_is_what_the_first_and_last_day_alone_make_something(
    history: list[Contact], window: Window
) -> None:
    since, until = window.since or date.min, window.until or date.max
    inside = [contact for contact in history if since <= contact.occurred_at.date() <= until]
    inner = [contact for contact in inside if contact.occurred_at.date() not in (window.since, window.until)]
    something, without_bounds = POLICY.assess(inside, NOW).evidence, POLICY.assess(inner, NOW).evidence
    boundary = something is not None and without_bounds is None
    assert POLICY.assess(history, NOW, window).boundary is boundary


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.integers(1, 240))  # noqa: DTZ001 - hypothesis adds the zone
def test_expiry_keeps_the_time_of_day_and_never_skips_a_month(occurred_at: datetime, months: int) -> None:
    expiry = Policy(retention_months=months).expires_at(occurred_at)
    assert expiry.timetz() == occurred_at.timetz()
    assert (expiry.year - occurred_at.year) * 12 + expiry.month - occurred_at.month == months
    assert expiry.day == occurred_at.day or (expiry.day < occurred_at.day and (expiry + timedelta(days=1)).day == 1)


@given(st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), min_size=2))  # noqa: DTZ001 - hypothesis adds the zone
def test_contacts_expire_in_the_order_in_which_they_happened(moments: list[datetime]) -> None:
    moments.sort()
    expiries = [POLICY.expires_at(moment) for moment in moments]
    assert expiries == sorted(expiries)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2022, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.integers(1, 30),
    st.timedeltas(timedelta(days=-4), timedelta(days=4)),
)
def test_a_contact_counts_exactly_until_its_expiry(occurred_at: datetime, months: int, offset: timedelta) -> None:
    policy = Policy(retention_months=months)
    expiry = policy.expires_at(occurred_at)
    contact = Contact(
        decoy=UUID(int=1),
        organisation=UUID(int=2),
        role=Role.ADVERTISEMENT,
        live_from=None,
        live_until=None,
        acquired_on=None,
        occurred_at=occurred_at,
        channel=Channel.SMS,
        attestation=None,
        diverted=False,
        line_type="mobile",
        retracted=False,
    )
    assert policy.counts(contact, expiry + offset) is (offset < timedelta(0))


@given(history=HISTORIES, window=windows(), excluded=st.booleans(), disputed=st.booleans())
def test_evidence_is_given_only_with_contact_observed_and_a_reason_only_with_indeterminate(
    *, history: list[Contact], window: Window, excluded: bool, disputed: bool
) -> None:
    outcome, reason, evidence = answer(POLICY.assess(history, NOW, window), excluded=excluded, disputed=disputed)
    assert (evidence is not None) is (outcome is Outcome.CONTACT_OBSERVED)
    assert (reason is not None) is (outcome is Outcome.INDETERMINATE)
    assert outcome is Outcome.NONE or not excluded
