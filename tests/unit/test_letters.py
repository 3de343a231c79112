"""The letter to a person who asks who was told about their number: what it says, what it never says, and its forms."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from uuid import UUID

import pytest

from registry.domain.audit import Actor, Event, Requested
from registry.domain.disclosures import Disclosure, Reach, Recipient, SearchedGeneration, Told, read
from registry.domain.letter_forms import Block, Bullets, Heading, Lines, Paragraph, Table, html, plain_text
from registry.domain.letters import BLANK, TITLE, Answer, Sender, compose, in_words

ID = UUID("01a1e43a-7a00-7fc9-a752-2ce8e83bf3da")
AT = datetime(2026, 11, 3, 14, 5, tzinfo=UTC)
EMPLOYER = Recipient(ID, "employer", "Acme Freight")
HELD = SearchedGeneration(2, searched=True, retired_at=None)
DESTROYED = SearchedGeneration(1, searched=False, retired_at=datetime(2026, 5, 1, 8, 0, tzinfo=UTC))
ALL_OF_IT = Reach((HELD,), None)
TOLD = Disclosure(
    event=ID,
    time=AT,
    operation="look_up",
    recipient=EMPLOYER,
    purpose="company_number",
    case="HR-2026-118",
    numbers=1,
    told=(Told.CONTACT_OBSERVED,),
    policy="2026-12",
    proof="c2sp.org/tlog-proof@v1\n",
)
SENDER = Sender("Example Registry", "subjects@registry.example", "The data protection authority", None)


def answer(*disclosures: Disclosure, reach: Reach = ALL_OF_IT, enclosed: bool = True) -> Answer:
    return Answer(disclosures, reach, ID, date(2026, 11, 15), 30, enclosed=enclosed)


def text(*disclosures: Disclosure, reach: Reach = ALL_OF_IT, enclosed: bool = True, sender: Sender = SENDER) -> str:
    """The letter as it reads, without its line breaks."""
    letter = plain_text(TITLE, compose(answer(*disclosures, reach=reach, enclosed=enclosed), sender))
    return " ".join(letter.split())


def event(count: dict[str, int], operation: str = "check") -> bytes:
    return Event(
        id=ID,
        time=AT,
        operation=operation,
        result="ok",
        actor=Actor(organisation=EMPLOYER.id),
        request=Requested(ID, "POST /v1/checks"),
        nonce=bytes(16),
        purpose="investigation",
        case=None,
        count={"submitted": 3, "charged": 3, **count},
        policy="2026-12",
    ).body()


@pytest.mark.parametrize(
    ("count", "told"),
    [
        ({"contact_observed": 1}, (Told.CONTACT_OBSERVED,)),
        ({"contact_observed": 2, "none": 1, "indeterminate": 0, "refused": 0}, (Told.CONTACT_OBSERVED,)),
        ({"contact_observed": 0, "none": 2, "indeterminate": 1, "refused": 0}, (Told.INDETERMINATE,)),
        ({"contact_observed": 1, "none": 1, "indeterminate": 1}, (Told.CONTACT_OBSERVED, Told.INDETERMINATE)),
        ({"something_new": 1}, ()),
    ],
)
def test_an_event_tells_of_a_number_what_its_counts_allow_and_no_more(
    count: dict[str, int], told: tuple[Told, ...]
) -> None:
    found = read(event(count), EMPLOYER, None)
    assert found.told == told
    assert (found.event, found.time, found.operation, found.numbers) == (ID, AT, "check", 3)
    assert (found.recipient, found.purpose, found.case, found.policy) == (EMPLOYER, "investigation", None, "2026-12")
    assert (found.proof, found.sealed) == (None, False)


def test_an_earlier_request_of_the_subject_tells_of_disclosures() -> None:
    found = read(event({"disclosures": 4}, "subject_disclosures"), None, "a proof")
    assert (found.told, found.sealed) == ((Told.DISCLOSURES,), True)


def test_disclosures_cannot_be_found_up_to_the_last_retirement_of_a_key_that_is_gone() -> None:
    later = replace(DESTROYED, number=2, retired_at=datetime(2026, 6, 1, tzinfo=UTC))
    unknown = SearchedGeneration(4, searched=False, retired_at=None)
    retired = SearchedGeneration(3, searched=True, retired_at=datetime(2026, 7, 1, tzinfo=UTC))
    assert Reach((DESTROYED, later, retired, unknown), None).unsearchable_until == later.retired_at
    assert Reach((HELD, retired), None).unsearchable_until is None


def test_the_letter_says_to_whom_what_was_told_when_and_why() -> None:
    said = text(TOLD)
    assert "We found 1 answer in which" in said
    assert "No. 1 When: 3 November 2026, 14:05 UTC Who was told: Acme Freight: an employer" in said
    assert "Checking a phone number that belongs to the company. Their reference: HR-2026-118" in said
    assert "That contact from this number was observed (“contact_observed”)." in said
    assert f"Receipt number: {ID}" in said
    assert "With “contact_observed” goes a short description" in said
    assert "“indeterminate” means" not in said


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("employer", "an employer"),
        ("investigator", "works against sex trafficking"),
        ("partner", "a partner organisation"),
        ("operator", "the operator of this registry"),
        ("laboratory", "another kind of organisation"),
    ],
)
def test_each_kind_of_organisation_is_named_in_words(kind: str, words: str) -> None:
    assert words in text(replace(TOLD, recipient=replace(EMPLOYER, kind=kind))).partition("The reason they gave:")[0]


@pytest.mark.parametrize(
    ("purpose", "words"),
    [
        ("company_number", "Checking a phone number that belongs to the company."),
        ("investigation", "An investigation."),
        ("subject_request", "A request by the person whose number it is, such as yours."),
        ("partner_screening", "Checking numbers for a service that the organisation offers."),
        (None, "They gave none."),
    ],
)
def test_each_purpose_is_put_in_words(purpose: str | None, words: str) -> None:
    assert f"The reason they gave: {words} What they were told" in text(replace(TOLD, purpose=purpose, case=None))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ((Told.INDETERMINATE,), "told: That the registry cannot say (“indeterminate”)."),
        ((Told.CONTACT_OBSERVED, Told.INDETERMINATE), "Our record does not show which."),
        ((Told.DISCLOSURES,), "told: Who had been told about this number before, as in this letter."),
        ((), "told: Our record does not say."),
    ],
)
def test_what_was_told_is_put_in_words(told: tuple[Told, ...], words: str) -> None:
    said = text(replace(TOLD, told=told))
    assert words in said
    assert ("“indeterminate” means" in said) == (Told.INDETERMINATE in told)
    assert ("goes a short description" in said) == (Told.CONTACT_OBSERVED in told)


def test_an_answer_to_the_operator_itself_is_told_as_its_own() -> None:
    assert "Who was told: We ourselves, the operator of this registry" in text(replace(TOLD, recipient=None))


def test_a_question_about_many_numbers_is_told_as_such() -> None:
    assert "They asked about 1,200 numbers at once." in text(replace(TOLD, numbers=1_200))


def test_disclosures_are_in_the_order_of_time_in_utc() -> None:
    later = AT.astimezone(timezone(timedelta(hours=-8))) + timedelta(days=59)
    said = text(replace(TOLD, time=later), TOLD)
    assert "We found 2 answers" in said
    assert said.index("No. 1 When: 3 November 2026, 14:05 UTC") < said.index("No. 2 When: 1 January 2027, 14:05 UTC")


def test_where_nothing_was_told_the_letter_says_so_and_what_that_means() -> None:
    said = text()
    assert "We found nothing that was told about your number" in said
    assert "This does not mean that nobody asked." in said
    assert "Questions that were answered “none”" in said
    for absent in ("Receipt number", "small file", "Talk to the organisations", "later letters will list it"):
        assert absent not in said


def test_the_letter_says_how_far_it_reaches() -> None:
    for disclosures in ((), (TOLD,)):
        whole = text(*disclosures)
        assert "has been destroyed" not in whole
        assert "Older records were deleted" not in whole
        short = text(*disclosures, reach=Reach((DESTROYED, HELD), datetime(2026, 2, 28, 23, 0, tzinfo=UTC)))
        assert "Answers given up to 1 May 2026, if they were recorded under a key that has been destroyed" in short
        assert "Answers from before 28 February 2026. Older records were deleted." in short


@pytest.mark.parametrize("disclosures", [(), (TOLD,)])
def test_the_letter_never_says_that_the_person_did_anything(disclosures: tuple[Disclosure, ...]) -> None:
    said = text(*disclosures)
    assert "You are not accused of anything." in said
    assert "The registry cannot say that you, or anybody, did anything." in said
    assert "can be faked by somebody else" in said
    assert re.search(r"\b(buy|purchas|solicit|guilt|offen[cd]|suspect|crim)", said, re.IGNORECASE) is None


@pytest.mark.parametrize("disclosures", [(), (TOLD,)])
def test_the_letter_says_what_the_person_can_do(disclosures: tuple[Disclosure, ...]) -> None:
    said = text(*disclosures)
    for words in (
        "Dispute what is recorded.",
        "We decide within 30 days.",
        "Ask us to exclude your number, for good",
        "Get advice before anything is decided about you",
        "Complain: to us, or to the authority",
        "How to reach us: subjects@registry.example",
        "Where else to complain: The data protection authority",
    ):
        assert words in said


def test_the_number_is_left_to_be_filled_in_by_hand() -> None:
    said = text(TOLD)
    assert f"Number: {BLANK} We have left your number out of this letter on purpose" in said


def test_what_the_operator_does_not_say_is_left_blank() -> None:
    blanks = text(TOLD, sender=Sender()).count(BLANK)
    assert blanks == text(TOLD).count(BLANK) + 4  # its name twice, its contact, the authority
    assert "Our guidance:" not in text(TOLD)
    url = "https://registry.example/guidance"
    assert f"Our guidance: {url}" in text(TOLD, sender=replace(SENDER, guidance=url))


def test_the_proofs_are_announced_as_they_come() -> None:
    waiting = replace(TOLD, proof=None)
    assert "With this letter comes 1 small file, named" in text(TOLD)
    assert "With this letter come 2 small files, each named" in text(TOLD, TOLD)
    assert "we send you 1 small file, named after its receipt number." in text(TOLD, enclosed=False)
    assert "we send you 2 small files, each named after its receipt number." in text(TOLD, TOLD, enclosed=False)
    assert "the proof was not ready" not in text(TOLD)
    assert "For 1 answer the proof was not ready yet" in text(TOLD, waiting)
    said = text(waiting)
    assert "small file" not in said
    assert "For 1 answer the proof was not ready yet" in said


@pytest.mark.parametrize(("month", "words"), [(1, "9 January 2027"), (12, "9 December 2027")])
def test_days_are_written_in_words(month: int, words: str) -> None:
    assert in_words(date(2027, month, 9)) == words


PARTS: tuple[Block, ...] = (
    Heading("A <b>heading</b>"),
    Paragraph("One & two. " * 12),
    Bullets(("First", "Second " * 15)),
    Lines((("From", "Here"), ("Somewhere", "https://registry.example/" + "a" * 80))),
    Table("Caption <i>", ("No.", "Who"), (("1", '<script>alert("x")</script>'), ("2", "Other"))),
)


def test_plain_text_stays_within_its_width_but_for_words_that_are_longer() -> None:
    lines = plain_text("A title", PARTS).split("\n")
    assert lines[:3] == ["A title", "=======", ""]
    long = [line for line in lines if len(line) > 76]
    assert long == ["Somewhere: https://registry.example/" + "a" * 80]
    assert all(line == line.rstrip() for line in lines)
    assert "No. 2\n   Who: Other\n" in plain_text("A title", PARTS)


class Outline(HTMLParser):
    """Tags with their attributes in order; every one must be closed."""

    VOID = frozenset({"meta"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_html_is_whole_in_itself_and_readable_without_eyes() -> None:
    outline = Outline(html(TITLE, compose(answer(TOLD, replace(TOLD, told=())), SENDER)))
    names = [tag for tag, _ in outline.tags]
    assert outline.named("html") == [{"lang": "en"}]
    assert (names.count("title"), names.count("h1"), names.count("main"), names.count("caption")) == (1, 1, 1, 1)
    assert not {"script", "img", "link", "a", "iframe", "form", "object"} & set(names)
    assert not [one for _, attributes in outline.tags for one in attributes if one in {"src", "href", "style"}]
    assert [cell["scope"] for cell in outline.named("th")] == ["col"] * 6 + ["row"] * 2
    assert names.count("td") == 10
    assert "url(" not in outline.text
    assert "@import" not in outline.text


def test_html_escapes_whatever_an_organisation_calls_itself() -> None:
    evil = '<script>alert("x")</script>&amp;'
    named = replace(TOLD, recipient=Recipient(ID, "employer", evil), case="</td>")
    sender = Sender(evil, evil, evil, f"https://registry.example/?{evil}")
    page = html(TITLE, compose(answer(named), sender))
    outline = Outline(page)
    assert "script" not in {tag for tag, _ in outline.tags}
    assert outline.text.count(evil) == 6
    assert Outline(html("<title>", PARTS)).named("script") == []


def test_both_forms_say_the_same() -> None:
    blocks = compose(answer(TOLD), SENDER)
    page = " ".join(Outline(html(TITLE, blocks)).text.split())
    plain = re.sub(r"\n[-=]{3,}\n|^ *- ", "\n", plain_text(TITLE, blocks), flags=re.MULTILINE)
    for block in blocks:
        if isinstance(block, Paragraph | Heading):
            assert block.text in page
            assert block.text in " ".join(plain.split())


def test_white_space_in_what_the_operator_gives_is_made_even() -> None:
    assert "How to reach us: 1 Main Street Springfield" in text(
        TOLD, sender=Sender(contact=" 1 Main Street\nSpringfield ")
    )
