"""`demand-registry exclusions import`: an investigator, or the operator, excludes a file of numbers at a registry.

Needs no database and none of the server's packages. The file is sent as it is; the registry reads it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from registry.cli.file_columns import rows, show_columns, warn_of_numbers
from registry.cli.import_hits import Refusals, is_lines, show_refusals, submit
from registry.cli.output import json_option, print_json
from registry.cli.prompts import Moment
from registry.cli.registry_target import target_of, target_options
from registry.domain.exclusions import GIVEN_REASONS

if TYPE_CHECKING:
    from datetime import datetime

_ENDPOINT: Final = "/v1/exclusions/imports"


@click.command(
    "import",
    epilog="The API key is an investigator's with the scope hits, or the operator's, and read from --api-key-file "
    "(REGISTRY_API_KEY_FILE), else from REGISTRY_API_KEY, else it is asked for. An investigator's reasons are "
    "outreach, own_staff and advertised_number. Exit code 1 also where a row was refused, in a rehearsal too: "
    "whoever stands in it can still be listed. In a rehearsal also where a column that is not read seems to hold "
    "numbers.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry exclusions import team.csv --reason own_staff --region US --dry-run\n"
    "  demand-registry exclusions import ads.csv --map number=Phone --reason advertised_number --expires 2027-06-30",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--map", "mapping", multiple=True, metavar="FIELD=COLUMN", help="For other headers; may be repeated.")
@click.option("--reason", type=click.Choice([reason.value for reason in GIVEN_REASONS]), help="Of rows that name none.")
@click.option("--region", help="Two letters, such as US: for numbers without a country code, in rows that name none.")
@click.option(
    "--expires", type=Moment(), help="Until then, for rows that name no end. Without it: until it is removed."
)
@click.option("--dry-run", is_flag=True, help="Say what would happen and exclude nothing.")
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the refused rows to this CSV: line, code, detail.",
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
    """Exclude a file of numbers: CSV with the header number,region,reason,expires_at, any other header by --map, a
    plain list of numbers, or NDJSON. It says which columns were read. A file may be imported again: what is excluded
    already keeps its reason, and its end is only ever moved to a later one that the file names.
    """
    if refused is not None and refused.exists() and refused.samefile(file):
        raise click.UsageError("--refused would write over the file that is imported.")
    target = target_of(url, api_key_file, data_dir)
    with Refusals(refused) as refusals:
        query = _query(options)
        summary = submit(target, file, _ENDPOINT, query, refusals, lines=is_lines(file), shown=not as_json)
    if as_json:
        print_json({**summary, "refused_by_code": dict(refusals.codes)})
    else:
        show_columns(summary)
        would = "would be " if summary.get("dry_run") else ""
        longer = f"{summary['extended']:,} {would}excluded for longer, " if summary["extended"] else ""
        click.echo(
            f"{rows(summary['rows'])}: {summary['added']:,} {would}excluded, {longer}{summary['already']:,} excluded "
            f"already, {summary['refused']:,} refused."
        )
        show_refusals(refusals)
    unread = warn_of_numbers(summary, left="they are not excluded by this", again="Import it again")
    if summary["refused"]:
        click.echo(_still_listable(summary), err=True)
    if summary["refused"] or (unread and summary["dry_run"]):
        ctx.exit(1)


def _still_listable(summary: Mapping[str, Any]) -> str:
    many: int = summary["refused"]
    rows, they = ("1 row was", "Its number is") if many == 1 else (f"{many:,} rows were", "Their numbers are")
    return f"{rows} refused. {they} not excluded by this file and can be listed: correct the file and import it again."


def _query(options: Mapping[str, Any]) -> dict[str, list[str]]:
    """The endpoint's query parameters."""
    mapping: tuple[str, ...] = options["mapping"]
    if any(not all(entry.partition("=")) for entry in mapping):
        raise click.UsageError("--map is written FIELD=COLUMN, for example --map number=Phone.")
    expires: datetime | None = options["expires"]
    given = {
        "reason": options["reason"],
        "region": options["region"],
        "expires_at": None if expires is None else expires.isoformat(timespec="seconds"),
    }
    query = {"dry_run": ["true" if options["dry_run"] else "false"]}
    query |= {name: [str(value)] for name, value in given.items() if value is not None}
    return {**query, "map": list(mapping)} if mapping else query
