"""`demand-registry subjects`: what a person may ask about their own number. The number is asked for, never an argument.

A letter never holds the number, and neither does what is printed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, moment, print_json, print_table
from registry.cli.prompts import ask_number
from registry.cli.session import Session, session
from registry.db import organisations
from registry.domain.credentials import OrganisationKind
from registry.domain.disclosures import Disclosure, Reach
from registry.domain.errors import Refused
from registry.domain.letter_forms import html, plain_text
from registry.domain.letters import TITLE, Answer, Sender, compose
from registry.domain.references import case_ref
from registry.operations.subject_disclosures import SubjectDisclosures

_FORMS: Final = {"text": plain_text, "html": html}
_PAGE: Final = 100
_ORGANISATIONS: Final = 500


class _CaseRef(click.ParamType[str]):
    name = "reference"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return case_ref(str(value))
        except Refused as refused:
            self.fail(refused.detail, param, ctx)


@dataclass(frozen=True, slots=True)
class _Found:
    """All pages. audit_ids: the receipts of the answers, one for each page."""

    disclosures: list[Disclosure]
    reach: Reach
    audit_ids: list[UUID]


@click.group(
    "subjects",
    cls=PlainGroup,
    epilog="The number is asked for without showing it, or is the one line of standard input. It is not stored.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry subjects disclosures --region US\n"
    "  demand-registry subjects disclosures --letter html --output letter.html --proofs proofs < number.txt",
)
def command() -> None:
    """What a person may ask about their own number."""


@command.command("disclosures")
@click.option("--region", help="Two letters, such as US: for a number without its country code.")
@click.option("--case", "case", type=_CaseRef(), help="Your own reference for the audit log, without names or numbers.")
@click.option("--letter", type=click.Choice(sorted(_FORMS)), help="Write a letter to the person instead of a table.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where the letter goes.")
@click.option("--proofs", type=click.Path(file_okay=False, path_type=Path), help="Folder for the proof of each answer.")
@click.option("--operator", "operator", help="Of the letter: who writes. Default: the operator's organisation.")
@click.option("--contact", help="Of the letter: how you are reached. Without it: a line to fill in.")
@click.option("--authority", help="Of the letter: where else a complaint can go. Without it: a line to fill in.")
@json_option
def disclosures(
    *,
    region: str | None,
    case: str | None,
    letter: str | None,
    output: Path | None,
    proofs: Path | None,
    operator: str | None,
    contact: str | None,
    authority: str | None,
    as_json: bool,
) -> None:
    """List who was told something about a number, what, when and why: every answer about it other than `none`.

    For a person who asks about their own number; it is recorded under the purpose subject_request. Questions that were
    answered `none` never appear, since they are not stored.
    """
    if letter is not None and as_json:
        raise click.UsageError("--letter and --json cannot be used together.")
    if letter is None and any(one is not None for one in (output, operator, contact, authority)):
        raise click.UsageError("--output, --operator, --contact and --authority are of a letter: use --letter.")
    number = ask_number(twice=False)
    if proofs is not None:
        proofs.mkdir(parents=True, exist_ok=True)
    with session() as opened:
        found = _every_page(opened, SubjectDisclosures(number, region, case, limit=_PAGE))
        sender = Sender(operator or _operator(opened), contact, authority, _address(opened)) if letter else Sender()
        answer = _answer(opened, found, enclosed=proofs is not None)
    if proofs is not None:
        _write_proofs(proofs, found.disclosures)
    if as_json:
        print_json(_document(found))
    elif letter is not None:
        _write(_FORMS[letter](TITLE, compose(answer, sender)), output)
    else:
        _print(found)
    if proofs is not None and not as_json and (letter is None or output is not None):
        click.echo(f"Proofs written: {sum(one.sealed for one in found.disclosures):,}.")


def _every_page(opened: Session, asked: SubjectDisclosures) -> _Found:
    answered = opened.run(asked)
    items, audit_ids = [*answered.result.items], [answered.audit_id]
    while answered.result.next is not None:
        answered = opened.run(replace(asked, after=answered.result.next))
        items += answered.result.items
        audit_ids.append(answered.audit_id)
    return _Found(items, answered.result.reach, audit_ids)


def _answer(opened: Session, found: _Found, *, enclosed: bool) -> Answer:
    registry = opened.registry
    today = registry.clock().date()
    return Answer(
        found.disclosures, found.reach, found.audit_ids[0], today, registry.settings.dispute_days, enclosed=enclosed
    )


def _operator(opened: Session) -> str | None:
    """The name of the operator's organisation, where there is exactly one."""
    every = opened.registry.database.transaction(lambda tx: organisations.page(tx, after=None, most=_ORGANISATIONS))
    names = [one.name for one in every if one.kind == OrganisationKind.OPERATOR and one.suspended_at is None]
    return names[0] if len(names) == 1 else None


def _address(opened: Session) -> str | None:
    """Of the guidance, where it is one that others can open."""
    url = opened.registry.settings.guidance_url
    return url if url.startswith(("https://", "http://")) else None


def _write_proofs(folder: Path, found: Sequence[Disclosure]) -> None:
    for one in found:
        if one.proof is not None:
            (folder / f"{one.event}.tlog-proof").write_text(one.proof, encoding="utf-8", newline="")


def _write(letter: str, output: Path | None) -> None:
    if output is None:
        click.echo(letter, nl=False)
        return
    output.write_text(letter, encoding="utf-8")
    click.echo(f"The letter is in {output}. Write the number into it by hand, if at all.")


def _document(found: _Found) -> dict[str, Any]:
    return {
        "data": [_fields(one) for one in found.disclosures],
        "generations": [
            {"generation": one.number, "searched": one.searched, "retired_at": one.retired_at}
            for one in found.reach.generations
        ],
        "unsearchable_until": found.reach.unsearchable_until,
        "kept_since": found.reach.kept_since,
        "audit_ids": found.audit_ids,
    }


def _fields(one: Disclosure) -> dict[str, Any]:
    """Under the names of the HTTP API."""
    known = fields(one)
    renamed = {"event_id": known.pop("event"), "case_ref": known.pop("case"), "organisation": known.pop("recipient")}
    return {**known, **renamed, "sealed": one.sealed}


def _print(found: _Found) -> None:
    print_table(
        ("Event", "Time (UTC)", "Organisation", "Kind", "Purpose", "Told", "Sealed"),
        [_row(one) for one in found.disclosures],
        empty="No answer was found in which anything was told about this number.",
    )
    reach = found.reach
    if reach.unsearchable_until is not None:
        click.echo(
            f"Disclosures made until {moment(reach.unsearchable_until)} under destroyed keys cannot be found any more."
        )
    if reach.kept_since is not None:
        click.echo(f"Events from before {moment(reach.kept_since)} were dropped.")


def _row(one: Disclosure) -> tuple[Any, ...]:
    name, kind = (one.recipient.name, one.recipient.kind) if one.recipient else ("(command line)", "operator")
    told = " or ".join(one.told) or "-"
    return (one.event, one.time, name, kind, one.purpose, told, "yes" if one.sealed else "not yet")
