"""`demand-registry exclusions remove-file`: an investigator, or the operator, ends the exclusions of a file of numbers.

Needs no database and none of the server's packages. The file is sent as it is; the registry reads it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from registry.cli.file_columns import rows, show_columns, warn_of_numbers
from registry.cli.import_hits import Refusals, is_lines, show_refusals, submit
from registry.cli.output import json_option, print_json
from registry.cli.registry_target import target_of, target_options

_ENDPOINT: Final = "/v1/exclusions/removals/files"
_NOT_EXCLUDED: Final = "not_excluded"
_ALSO: Final = {
    _NOT_EXCLUDED: {"code": _NOT_EXCLUDED, "detail": "The number is not excluded, or an earlier row ended it."}
}
_AGAIN: Final = "What was ended stays ended; send the file again for the rest."


@click.command(
    "remove-file",
    epilog="The API key is an investigator's with the scope hits, or the operator's, and read from --api-key-file "
    "(REGISTRY_API_KEY_FILE), else from REGISTRY_API_KEY, else it is asked for. A file that was imported can be given "
    "as it is; its reasons and ends are not looked at. Exit code 1 where any row was refused: its number may still be "
    "excluded. A number that is not excluded is none. In a rehearsal exit code 1 also where a column that is not read "
    "seems to hold numbers.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry exclusions remove-file left.csv --region US --dry-run\n"
    "  demand-registry exclusions remove-file left.csv --map number=Phone --region US --refused refused.csv",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--map", "mapping", multiple=True, metavar="FIELD=COLUMN", help="For other headers; may be repeated.")
@click.option("--region", help="Two letters, such as US: for numbers without a country code, in rows that name none.")
@click.option("--organisation", type=click.UUID, metavar="ID", help="For the operator: end this one's.")
@click.option("--all", "every", is_flag=True, help="For the operator: end every side's.")
@click.option(
    "--mistaken",
    is_flag=True,
    help="They should never have been: contacts from before count again. Otherwise these stay out for good.",
)
@click.option("--dry-run", is_flag=True, help="Say what would happen and end nothing.")
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the rows of which nothing ended to this CSV: line, code, detail.",
)
@target_options("investigator or operator")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    file: Path,
    refused: Path | None,
    url: str | None,
    api_key_file: Path | None,
    data_dir: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """End the exclusions of a file of numbers, such as those of a team that has left: CSV, a plain list of numbers, or
    NDJSON. A file may be sent again.
    """
    if refused is not None and refused.exists() and refused.samefile(file):
        raise click.UsageError("--refused would write over the file that is read.")
    if options["every"] and options["organisation"] is not None:
        raise click.UsageError("--organisation and --all exclude one another.")
    target = target_of(url, api_key_file, data_dir)
    with Refusals(refused) as refusals:
        summary = submit(
            target,
            file,
            _ENDPOINT,
            _query(options),
            refusals,
            lines=is_lines(file),
            shown=not as_json,
            also=_ALSO,
            again=_AGAIN,
        )
    if as_json:
        by_code = {code: rows for code, rows in refusals.codes.items() if code != _NOT_EXCLUDED}
        print_json({**summary, "refused_by_code": by_code})
    else:
        show_columns(summary)
        would = "would be " if summary.get("dry_run") else ""
        click.echo(
            f"{rows(summary['rows'])}: {summary['ended']:,} {would}ended, {summary['not_excluded']:,} not excluded, "
            f"{summary['refused']:,} refused.{_counts(summary, mistaken=options['mistaken'])}"
        )
        show_refusals(refusals)
    unread = warn_of_numbers(summary, left="nothing of theirs ends by this", again="Send it again")
    if summary["refused"]:
        click.echo(_still_excluded(summary), err=True)
    if summary["refused"] or (unread and summary["dry_run"]):
        ctx.exit(1)


def _counts(summary: Mapping[str, Any], *, mistaken: bool) -> str:
    if summary.get("dry_run") or not summary["ended"]:
        return ""
    return " Contacts from before count again." if mistaken else " Contacts count from now on."


def _still_excluded(summary: Mapping[str, Any]) -> str:
    many: int = summary["refused"]
    rows, they = ("1 row was", "Its number") if many == 1 else (f"{many:,} rows were", "Their numbers")
    return f"{rows} refused. {they} may still be excluded: correct the file and send it again."


def _query(options: Mapping[str, Any]) -> dict[str, list[str]]:
    """The endpoint's query parameters."""
    mapping: tuple[str, ...] = options["mapping"]
    if any(not all(entry.partition("=")) for entry in mapping):
        raise click.UsageError("--map is written FIELD=COLUMN, for example --map number=Phone.")
    query = {
        name: ["true" if options[option] else "false"]
        for name, option in (("dry_run", "dry_run"), ("all", "every"), ("mistaken", "mistaken"))
    }
    query |= {name: [str(options[name])] for name in ("region", "organisation") if options[name] is not None}
    return {**query, "map": list(mapping)} if mapping else query
