"""`demand-registry check`: an employer asks about a file of numbers, plainly or without showing the registry any.

Needs no database and none of the server's packages. Must never repeat a cell of the file or a key.
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import click

from registry.cli.check_failures import CheckCommand
from registry.cli.check_progress import Bar
from registry.cli.file_columns import rows
from registry.cli.registry_target import target_of, target_options
from registry.client.file_checks.check import check_file
from registry.client.file_checks.file_questions import FileQuestions, Summary
from registry.client.file_checks.folder import default_root
from registry.client.target import Target
from registry.domain.checked_table import QuestionColumns
from registry.domain.credentials import Purpose
from registry.domain.references import case_ref as checked_case_ref
from registry.domain.tags import ELEMENT_BYTES

_OBSERVED: Final = 1


@click.command(
    "check",
    cls=CheckCommand,
    epilog="The API key is read from --api-key-file (REGISTRY_API_KEY_FILE), else from REGISTRY_API_KEY, else it is "
    "asked for; private checks need one with the scope `private`.\n\n"
    "Interrupted in any way, the same command goes on where it was: what was paid for is kept in --cache, for you "
    "alone to read, and is not paid for again. A private check keeps what it learned of a number for later checks too, "
    "until the registry changes its key; what is listed is asked anew each time.\n\n"
    "Exit codes: 0 no contact was observed, 1 for at least one number a contact was observed (not where the answer is "
    "`indeterminate`), 2 anything else, 130 interrupted.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry check numbers.csv --private --out results.csv\n"
    "  demand-registry check devices.csv --column Mobile --region US --since-column 'Issued on' --case-ref HR-2026-118",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--private", is_flag=True, help="Show the registry no number; it learns how many, and which are listed.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The result: the same rows with the answers appended. An earlier one is written over. "
    "Default: beside FILE, as NAME.checked.csv.",
)
@click.option("--column", help="The column of the numbers, where its name does not say so.")
@click.option("--region-column", help="The column of their regions.")
@click.option("--region", help="Two letters, such as US: for numbers without a country code, in rows that name none.")
@click.option("--since-column", help="The column with the date since when each number is yours.")
@click.option("--until-column", help="The column with the date until when it was.")
@click.option(
    "--purpose", type=click.Choice([str(purpose) for purpose in Purpose]), default="company_number", show_default=True
)
@click.option("--case-ref", help="Your own reference for the registry's audit log: no names, no numbers.")
@click.option(
    "--buckets",
    is_flag=True,
    help="With --private: fetch only the parts of the set that are needed, where that is less. The whole set tells the "
    "registry nothing; a part tells it the first bits of what stands for each of your numbers.",
)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="GENERATION:BASE64",
    help="With --private: a key that the registry must have, as its operator told you. Others are believed when first "
    "met, and held to from then on. May be repeated.",
)
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Default: in your own cache folder.")
@target_options("employer")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    file: Path,
    out: Path | None,
    cache: Path | None,
    url: str | None,
    api_key_file: Path | None,
    data_dir: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Ask about a file of numbers: any CSV with a column of them. The result is the same rows in the same order, with
    what is known of each number appended.
    """
    if not options["private"] and (options["buckets"] or options["public_keys"]):
        raise click.UsageError("--buckets and --public-key belong to --private.")
    columns = _columns(options)
    case_ref = None if options["case_ref"] is None else checked_case_ref(options["case_ref"])
    public_keys = _public_keys(options["public_keys"])
    target = target_of(url, api_key_file, data_dir)
    questions = FileQuestions(
        path=file,
        out=out or file.with_name(f"{file.stem}.checked{file.suffix or '.csv'}"),
        target=target,
        purpose=options["purpose"],
        case_ref=case_ref,
        columns=columns,
        root=cache or default_root(),
        private=options["private"],
        buckets=options["buckets"],
        public_keys=public_keys,
    )
    with Bar(shown=not as_json) as bar:
        summary = check_file(questions, bar, bar.say_waiting)
    for remark in summary.remarks:
        click.echo(f"Note: {remark}", err=True)
    if as_json:
        from registry.cli.output import print_json  # noqa: PLC0415 - it takes the tables for people along

        print_json(_document(summary, questions))
    else:
        _show(summary, target)
    if summary.observed:
        ctx.exit(_OBSERVED)


def _columns(options: Mapping[str, Any]) -> QuestionColumns:
    """Raises Refused(unknown_region) before anything is paid for."""
    region: str | None = options["region"]
    if region is not None:
        from registry.domain.numbers import region_code  # noqa: PLC0415 - it takes the numbering plans along

        region = region_code(region)
    return QuestionColumns(
        number=options["column"],
        region=options["region_column"],
        since=options["since_column"],
        until=options["until_column"],
        default_region=region,
    )


def _public_keys(given: tuple[str, ...]) -> dict[int, bytes]:
    keys: dict[int, bytes] = {}
    for entry in given:
        generation, _, encoded = entry.partition(":")
        try:
            keys[int(generation)] = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            keys.clear()
            break
    if len(keys) != len(given) or any(len(key) != ELEMENT_BYTES for key in keys.values()):
        raise click.UsageError("--public-key is written GENERATION:BASE64, each generation once, the key of 32 bytes.")
    return keys


def _document(summary: Summary, questions: FileQuestions) -> dict[str, Any]:
    costs = summary.costs
    return {
        "mode": "private" if questions.private else "plain",
        "rows": summary.rows,
        "counts": summary.counts,
        "refused_by_code": summary.refused_by_code,
        "numbers": {"distinct": costs.numbers, "from_cache": costs.from_cache},
        "charged": costs.charged,
        "charged_for": {"evaluations": costs.evaluated, "disclosures": costs.disclosed, "questions": costs.asked},
        "result": summary.out,
        "guidance": _link(summary, questions.target),
        "audit_ids": costs.audit_ids,
        "remarks": summary.remarks,
    }


def _link(summary: Summary, target: Target) -> str | None:
    return None if summary.guidance is None else urljoin(f"{target.url}/", summary.guidance)


def _show(summary: Summary, target: Target) -> None:
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in summary.counts.items())
    click.echo(f"{rows(summary.rows)}: {counts}.")
    for code, count in summary.refused_by_code.items():
        click.echo(f"  refused as {code}: {count:,}")
    known = f"; {summary.costs.from_cache:,} were known from before" if summary.costs.from_cache else ""
    click.echo(f"Charged: {summary.costs.charged:,} numbers{known}.")
    click.echo(f"Result: {summary.out}")
    link = _link(summary, target)
    if link is not None and (summary.observed or summary.counts["indeterminate"]):
        click.echo(f"What to do next: {link}")
