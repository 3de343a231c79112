"""`demand-registry subjects disclosures`: the table, the letter and the proofs, across every change of keys."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from command_line import CommandLine, on_a_terminal
from holders import tags as tags_of

from registry.domain.credentials import OrganisationKind, Purpose
from registry.domain.policy import Channel, Role
from registry.domain.signed_notes import Receipt
from registry.log_key import LogKey
from registry.operations.assembly import open_registry
from registry.operations.check import Check
from registry.operations.disclose import Disclose, TagItem
from registry.operations.look_up import LookUp
from registry.operations.manage_decoys import RegisterDecoy
from registry.operations.operation import Caller, Operation, Request
from registry.operations.questions import Question
from registry.operations.record_hits import RecordHits
from registry.operations.registry import Registry
from registry.operations.seal import Sealer
from registry.operations.submitted_hits import Hit
from registry.settings import Settings
from registry.signatures import holds

NUMBER: Final = "+12065550142"
"""Reserved for fiction, as are all here."""
LOG_KEY: Final = LogKey("registry.example.org/log", bytes(range(32)))
EVIL: Final = "Acme <script>alert(1)</script>"


@dataclass(frozen=True)
class Told:
    """A registry with two employers and an investigator, who are told about a number."""

    cli: CommandLine
    callers: dict[str, Caller]
    decoy: UUID
    number: str = NUMBER

    @contextmanager
    def registry(self) -> Generator[Registry]:
        """As a process that starts now has it."""
        opened = open_registry(Settings.from_environment(self.cli.environment))
        try:
            yield opened
        finally:
            opened.close()

    def run(self, who: str, operation: Operation[Any, Any]) -> str:
        """The receipt."""
        with self.registry() as registry:
            request = Request(registry.new_id(), "test")
            return str(registry.run(operation, self.callers[who], request).audit_id)

    def record(self) -> None:
        hit = Hit(self.number, self.decoy, Channel.SMS, datetime.now(UTC) - timedelta(hours=1))
        self.run("Example Watch", RecordHits([hit]))

    def look_up(self, who: str, purpose: Purpose = Purpose.COMPANY_NUMBER) -> str:
        return self.run(who, LookUp(Question(self.number), purpose, "HR-2026-118"))

    def disclose(self, who: str) -> str:
        with self.registry() as registry:
            tag = tags_of(registry, self.number)[0]
        return self.run(who, Disclose([TagItem(tag)], Purpose.COMPANY_NUMBER, None))

    def seal(self) -> None:
        with self.registry() as registry:
            assert Sealer(registry.database, LOG_KEY).seal() is not None

    def found(self, *options: str) -> Any:
        return self.cli.json("subjects", "disclosures", *options, typed=f"{self.number}\n")

    def others(self) -> list[tuple[str, str]]:
        """Who was told, and the receipt, oldest first, without the operator's own requests."""
        return [
            (one["organisation"]["name"], one["event_id"])
            for one in reversed(self.found()["data"])
            if one["told"] != ["disclosures"]
        ]

    def said(self, *options: str) -> str:
        return self.cli.done("subjects", "disclosures", *options, typed=f"{self.number}\n")

    def letter(self, *options: str, form: str = "text") -> str:
        return self.said("--letter", form, *options)


def installed(cli: CommandLine) -> Told:
    kinds = {
        "Example Watch": OrganisationKind.INVESTIGATOR,
        EVIL: OrganisationKind.EMPLOYER,
        "Harbour Freight Lines": OrganisationKind.EMPLOYER,
        "The Registry's Keeper": OrganisationKind.OPERATOR,
    }
    callers = {name: Caller(UUID(cli.organisation(kind.value, name)), kind, name) for name, kind in kinds.items()}
    opened = open_registry(Settings.from_environment(cli.environment))
    request = Request(opened.new_id(), "test")
    operation = RegisterDecoy("A line", "+12065550100", Role.ADVERTISEMENT)
    decoy = opened.run(operation, callers["Example Watch"], request).result
    opened.close()
    return Told(cli, callers, decoy.id)


@pytest.fixture(scope="module")
def settled(shared: CommandLine) -> tuple[Told, Iterator[str]]:
    """An installation that tests share, and a number for each of them."""
    return installed(shared), (f"+1253555{last:04}" for last in range(142, 199))


@pytest.fixture
def told(settled: tuple[Told, Iterator[str]]) -> Told:
    """About a number with one contact, which nobody has asked about."""
    made = replace(settled[0], number=next(settled[1]))
    made.record()
    return made


@pytest.fixture
def alone(cli: CommandLine) -> Told:
    """Likewise, in an installation whose keys may be changed."""
    made = installed(cli)
    made.record()
    return made


def searched(document: Any) -> dict[int, bool]:
    return {one["generation"]: one["searched"] for one in document["generations"]}


def test_disclosures_are_found_under_every_key_that_is_held(alone: Told) -> None:
    """The first generation is retired, the second was carried on by the third after its key had leaked."""
    expected = [(EVIL, alone.look_up(EVIL))]
    alone.cli.done("generations", "add")
    alone.record()  # takes the number's contacts along to the second generation
    check = Check([Question(NUMBER), Question("+12065550143")], Purpose.COMPANY_NUMBER, None)
    expected += [
        ("Harbour Freight Lines", alone.run("Harbour Freight Lines", check)),
        ("Harbour Freight Lines", alone.disclose("Harbour Freight Lines")),
    ]
    alone.cli.done("generations", "retire", "1", "--force")
    alone.cli.done("generations", "rekey", "2", "--yes")
    expected.append(("Example Watch", alone.look_up("Example Watch", Purpose.INVESTIGATION)))
    assert alone.others() == expected
    document = alone.found()
    assert [(one["generation"], one["searched"]) for one in document["generations"]] == [
        (1, True),
        (2, True),
        (3, True),
    ]
    assert document["unsearchable_until"] is None

    alone.cli.done("generations", "retire", "1", "--destroy")
    assert alone.others() == expected[1:]
    document = alone.found()
    assert [(one["generation"], one["searched"]) for one in document["generations"]] == [
        (1, False),
        (2, True),
        (3, True),
    ]
    assert document["unsearchable_until"] == document["generations"][0]["retired_at"]
    assert "under destroyed keys cannot be found any more.\n" in alone.said()
    assert "under a key that has been destroyed since" in " ".join(alone.letter().split())


def test_what_a_request_finds_is_remembered_under_its_own_generation(alone: Told) -> None:
    """Also where the number's contacts have left that generation, so that nothing else says which one it was: a
    rekeying of another one must not take it along.
    """
    alone.look_up(EVIL)
    alone.cli.done("generations", "add")
    alone.cli.done("generations", "add")
    alone.record()
    alone.found()  # disclosed: the tag under generation 1, which has no contacts any more
    alone.cli.done("generations", "rekey", "2", "--yes")
    assert [one["told"] for one in alone.found()["data"]] == [["disclosures"], ["contact_observed"]]


def test_the_table_names_who_was_told_what_and_why(told: Told) -> None:
    assert told.said() == "No answer was found in which anything was told about this number.\n"
    receipt = told.look_up("Harbour Freight Lines")
    national = f"({told.number[2:5]}) {told.number[5:8]}-{told.number[8:]}"
    said = told.cli.done("subjects", "disclosures", "--case", "SR-7", "--region", "US", typed=national)
    for words in (receipt, "Harbour Freight Lines", "employer", "company_number", "contact_observed", "not yet"):
        assert words in said
    newest, _ = told.found()["data"]
    assert (newest["case_ref"], newest["organisation"], newest["purpose"]) == ("SR-7", None, "subject_request")
    assert "(command line)" in told.said()


def test_all_pages_are_fetched(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.cli.subjects._PAGE", 2)
    receipts = [told.look_up(EVIL) for _ in range(5)]
    document = told.found()
    assert [one["event_id"] for one in document["data"]] == receipts[::-1]
    assert len(document["audit_ids"]) == 3


def test_the_letter_goes_to_a_file_and_its_proofs_to_a_folder(told: Told, tmp_path: Path) -> None:
    receipt = told.look_up("Harbour Freight Lines")
    told.seal()
    late = told.look_up(EVIL)
    letter, proofs = tmp_path / "letter.txt", tmp_path / "new" / "proofs"
    said = told.letter("--output", str(letter), "--proofs", str(proofs))
    assert said == f"The letter is in {letter}. Write the number into it by hand, if at all.\nProofs written: 1.\n"
    (file,) = proofs.iterdir()
    assert file.name == f"{receipt}.tlog-proof"
    proof = Receipt.parse(file.read_text(encoding="utf-8"))
    proof.verify(LOG_KEY.verifier, holds)
    assert proof.entry is not None
    assert json.loads(proof.entry)["id"] == receipt
    text = " ".join(letter.read_text(encoding="utf-8").split())
    assert "From: The Registry's Keeper" in text
    assert "With this letter comes 1 small file" in text
    assert "For 1 answer the proof was not ready yet" in text
    assert text.index(receipt) < text.index(late)
    told.seal()
    assert told.said("--proofs", str(proofs)).endswith("Proofs written: 3.\n")


@pytest.mark.parametrize("form", ["text", "html"])
def test_the_letter_holds_no_part_of_the_number(told: Told, form: str) -> None:
    told.look_up(EVIL)
    letter = told.letter(form=form)
    receipts = {one["event_id"] for one in told.found()["data"]}
    for receipt in receipts:
        letter = letter.replace(receipt, "")
    for part in (told.number[-4:], told.number[-7:-3], told.number[2:8], told.number[2:6]):
        assert part not in letter


def test_the_html_letter_escapes_an_organisations_name(told: Told) -> None:
    told.look_up(EVIL)
    letter = told.letter(form="html")
    assert letter.startswith("<!doctype html>")
    assert "Acme &lt;script&gt;alert(1)&lt;/script&gt;" in letter
    assert "<script" not in letter
    assert EVIL in told.letter(form="text")


def test_a_letter_about_nothing_says_so(told: Told) -> None:
    assert "We found nothing that was told about your number" in told.letter()


def test_what_the_letter_says_of_the_operator_can_be_given(told: Told) -> None:
    options = ("--operator", "We", "--contact", "post@registry.example", "--authority", "The ombudsman")
    address = {"REGISTRY_GUIDANCE_URL": "https://registry.example/guidance"}
    other = replace(told, cli=told.cli.with_environment(**address))
    letter = " ".join(other.letter(*options).split())
    assert letter.count(" We ") > 1
    for words in (
        *("From: We To:", "How to reach us: post@registry.example", "Where else to complain: The ombudsman"),
        "Our guidance: https://registry.example/guidance",
    ):
        assert words in letter
    another = told.cli.organisation("operator", "Another keeper")
    assert "From: ____" in " ".join(told.letter().split())  # which of the two writes, nobody can say
    told.cli.done("organisations", "suspend", another)
    assert "From: The Registry's Keeper" in " ".join(told.letter().split())
    assert "Our guidance:" not in told.letter()


def test_options_that_do_not_go_together_are_refused_before_a_number_is_asked_for(told: Told) -> None:
    refused = told.cli.refused
    assert "--letter and --json" in refused("subjects", "disclosures", "--letter", "text", "--json", code=2)
    assert "use --letter" in refused("subjects", "disclosures", "--contact", "us", code=2)
    assert "use --letter" in refused("subjects", "disclosures", "--output", "letter.txt", code=2)
    said = refused("subjects", "disclosures", "--case", told.number, typed=told.number, code=2)
    assert "55501" not in said


def test_refusals_are_told_without_the_number(told: Told) -> None:
    said = told.cli.refused("subjects", "disclosures", typed="+1 206 555")
    assert "(too_short)" in said
    assert "206 555" not in said
    assert "206555" not in said
    assert "one line with one phone number" in told.cli.refused("subjects", "disclosures", code=2)


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_asked(told: Told, tmp_path: Path) -> None:
    told.look_up(EVIL)
    (tmp_path / "file").write_text("")
    said = told.cli.refused("subjects", "disclosures", "--proofs", str(tmp_path / "file" / "proofs"), typed=told.number)
    assert "Not a directory" in said
    assert len(told.found()["data"]) == 1  # the refused one has not looked


def test_a_terminal_does_not_show_what_is_typed(told: Told) -> None:
    told.look_up(EVIL)
    said = on_a_terminal(["subjects", "disclosures"], told.cli.environment, [("Phone number", told.number)])
    assert "contact_observed" in said
    assert "55501" not in said
