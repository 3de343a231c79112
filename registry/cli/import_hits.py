"""`demand-registry import`: an investigator submits a file of contacts to a registry, wherever that runs.

Needs no database and none of the server's packages. The file is sent as it is; the registry reads it.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from registry.cli.file_columns import rows
from registry.cli.import_stream import AGAIN, NDJSON, events
from registry.cli.output import console, json_option, print_json, print_table
from registry.cli.registry_target import target_of, target_options

if TYPE_CHECKING:
    from uuid import UUID

    from registry.client.target import Target

_SHOWN_REFUSALS: Final = 10
_ENDPOINT: Final = "/v1/hits/imports"
_LINES_SUFFIXES: Final = frozenset({".ndjson", ".jsonl"})


@dataclass(slots=True)
class Refusals:
    """Refused rows: all of them into a file where one is wanted, the first few and the counts kept. Never a cell."""

    path: Path | None
    first: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    codes: Counter[str] = field(default_factory=Counter[str])
    _file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self) -> None:
        """Makes the file, once the registry has accepted the import. An earlier one is written over."""
        if self.path is not None and self._file is None:
            try:
                self._file = self.path.open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise click.ClickException(f"{self.path} cannot be written: {error.strerror}.") from None
            csv.writer(self._file).writerow(("line", "code", "detail"))

    def add(self, row: Mapping[str, Any]) -> None:
        self.codes[str(row["code"])] += 1
        if len(self.first) < _SHOWN_REFUSALS:
            self.first.append(row)
        if self._file is not None:
            csv.writer(self._file).writerow((row["line"], row["code"], row["detail"]))


@click.command(
    "import",
    epilog="The API key is read from --api-key-file (REGISTRY_API_KEY_FILE), else from REGISTRY_API_KEY, else it is "
    "asked for. Exit code 1 also where every row was refused.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry import hits.csv --dry-run --refused refused.csv\n"
    "  demand-registry import twilio.csv --format twilio\n"
    "  demand-registry import calls.csv --channel voice --region US --decoy 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d \\\n"
    "      --map number=Caller --map occurred_at='Start time' --map source_id=CallId",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option(
    "--format",
    "layout",
    type=click.Choice(["auto", "own", "twilio", "ndjson"]),
    default="auto",
    show_default=True,
    help="own: the registry's header; twilio: Twilio's message log; auto: whichever it is.",
)
@click.option("--map", "mapping", multiple=True, metavar="FIELD=COLUMN", help="For other headers; may be repeated.")
@click.option("--decoy", type=click.UUID, help="The decoy of rows that name none.")
@click.option("--channel", type=click.Choice(["sms", "mms", "chat", "voice"]), help="Of rows that name none.")
@click.option("--region", help="Two letters, such as US: for numbers without a country code, in rows that name none.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and record nothing.")
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the refused rows to this CSV: line, code, detail.",
)
@target_options("investigator")
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
    """Submit a file of contacts: CSV with the registry's own header, Twilio's message log, any other header by --map,
    or NDJSON. A file may be imported again: what was recorded before counts once.
    """
    if refused is not None and refused.exists() and refused.samefile(file):
        raise click.UsageError("--refused would write over the file that is imported.")
    target = target_of(url, api_key_file, data_dir)
    with Refusals(refused) as refusals:
        lines = is_lines(file) or options["layout"] == "ndjson"
        summary = submit(target, file, _ENDPOINT, _query(options), refusals, lines=lines, shown=not as_json)
    if as_json:
        print_json({**summary, "refused_by_code": dict(refusals.codes)})
    else:
        _show(summary, refusals)
    if summary["rows"] and summary["refused"] == summary["rows"]:
        ctx.exit(1)


def _query(options: Mapping[str, Any]) -> dict[str, list[str]]:
    """The endpoint's query parameters."""
    mapping: tuple[str, ...] = options["mapping"]
    if any(not all(entry.partition("=")) for entry in mapping):
        raise click.UsageError("--map is written FIELD=COLUMN, for example --map number=Caller.")
    decoy: UUID | None = options["decoy"]
    query = {"format": [str(options["layout"])], "dry_run": ["true" if options["dry_run"] else "false"]}
    given = {"decoy_id": decoy, "channel": options["channel"], "region": options["region"]}
    query |= {name: [str(value)] for name, value in given.items() if value is not None}
    return {**query, "map": list(mapping)} if mapping else query


def is_lines(file: Path) -> bool:
    """Whether a file's name says that it is NDJSON."""
    return file.suffix.lower() in _LINES_SUFFIXES


def submit(
    target: "Target",
    file: Path,
    endpoint: str,
    query: Mapping[str, list[str]],
    refusals: Refusals,
    *,
    lines: bool,
    shown: bool,
    also: Mapping[str, Mapping[str, str]] | None = None,
    again: str = AGAIN,
) -> Mapping[str, Any]:
    """The summary. Progress goes to standard error, where somebody looks. lines: the file is NDJSON. also: events whose
    rows are kept with the refused ones, and the code and detail that they have there. again: as for `events`.
    """
    also = also or {}
    with ExitStack() as held:
        progress = held.enter_context(_progress(shown=shown))
        upload = progress.add_task("Sending", total=file.stat().st_size)
        task = progress.add_task("Rows", total=None, visible=False)
        summary: Mapping[str, Any] = {}
        for event in events(
            target,
            file,
            endpoint=endpoint,
            media_type=NDJSON if lines else "text/csv",
            query=query,
            sent=lambda count: progress.advance(upload, count),
            again=again,
        ):
            refusals.begin()
            if "progress" in event:
                done = event["progress"]
                progress.update(task, completed=done["rows"], total=done["of"], visible=True)
            elif "refused" in event:
                refusals.add(event["refused"])
            for name in also.keys() & event.keys():
                refusals.add({**event[name], **also[name]})
            summary = event.get("summary", summary)
        return summary


def _progress(*, shown: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    err = console(stderr=True)
    return Progress(*columns, console=err, transient=True, disable=not (shown and err.is_terminal))


def _show(summary: Mapping[str, Any], refusals: Refusals) -> None:
    would = "would be " if summary.get("dry_run") else ""
    click.echo(
        f"{rows(summary['rows'])}: {summary['recorded']:,} {would}recorded, {summary['duplicate']:,} known before, "
        f"{summary['refused']:,} refused, {summary['ignored']:,} no contact."
    )
    show_refusals(refusals)


def show_refusals(refusals: Refusals) -> None:
    """How many by their code, and the first few by their lines; nothing where there are none."""
    if not refusals.first:
        return
    click.echo()
    print_table(("Code", "Rows"), refusals.codes.most_common(), empty="")
    click.echo()
    print_table(
        ("Line", "Code", "What is wrong"),
        [(row["line"], row["code"], row["detail"]) for row in refusals.first],
        empty="",
    )
    more = sum(refusals.codes.values()) - len(refusals.first)
    if refusals.path is not None:
        click.echo(f"All refused rows: {refusals.path}")
    elif more:
        click.echo(f"And {more:,} more; --refused FILE writes them all.")
