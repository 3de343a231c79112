"""`demand-registry exclusions add | remove | list`: over HTTP with an API key, for its side, or on the database itself,
for the operator. The number is asked for, never an argument.

Only what works on the database needs the server's packages, and imports them.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Union
from uuid import UUID

import click

from registry.cli.deferred import imported
from registry.cli.excluded_over_http import OverHttp
from registry.cli.output import json_option, print_json, print_table
from registry.cli.prompts import Moment, ask_number
from registry.cli.registry_target import is_named, target_of, target_options
from registry.domain.exclusions import GIVEN_REASONS

if TYPE_CHECKING:
    from registry.cli.excluded import OnTheDatabase

_WAYS = (
    "With an API key (--api-key-file, REGISTRY_API_KEY_FILE, REGISTRY_API_KEY) or an address (--url, REGISTRY_URL) "
    "this goes over HTTP, for the side whose key it is. Without either it works on the database, for the operator."
)
_region = click.option("--region", help="Two letters, such as US: for a number without its country code.")
_target = target_options("investigator or operator")


@click.command("add", epilog=_WAYS)
@click.option("--reason", type=click.Choice([reason.value for reason in GIVEN_REASONS]), required=True)
@_region
@click.option("--expires", type=Moment(), help="Until then. Without it: until it is removed.")
@_target
@json_option
def add(
    *,
    reason: str,
    region: str | None,
    expires: datetime | None,
    url: str | None,
    api_key_file: Path | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Exclude a number, at once."""
    side = _side("add", url, api_key_file, data_dir)
    document = side.add(ask_number(twice=True), reason, region, expires)
    if as_json:
        print_json(document)
    else:
        click.echo(f"The number is excluded, under the id {document['id']}.")


@click.command("remove", epilog=_WAYS)
@_region
@click.option(
    "--id", "id_", type=click.UUID, help="One of the list, instead of a number; the operator's may be anybody's."
)
@click.option(
    "--organisation",
    metavar="ID|NAME",
    help="For the operator: end this one's exclusion of the number. Over HTTP by its id.",
)
@click.option("--all", "every", is_flag=True, help="For the operator: end every side's exclusion of the number.")
@click.option(
    "--mistaken",
    is_flag=True,
    help="It should never have been: earlier contacts count again. With --id also of one that ended.",
)
@_target
@json_option
def remove(
    *,
    region: str | None,
    id_: UUID | None,
    organisation: str | None,
    every: bool,
    mistaken: bool,
    url: str | None,
    api_key_file: Path | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """End the exclusion of a number: that of your own side, unless something else is asked. What the number does from
    now on counts, and what it did before only with --mistaken.
    """
    if sum((id_ is not None, organisation is not None, every)) > 1:
        raise click.UsageError("--id, --organisation and --all exclude one another.")
    side = _side("remove", url, api_key_file, data_dir)
    if id_ is not None:
        document = side.end(id_, mistaken=mistaken)
    else:
        document = side.remove(ask_number(twice=False), region, organisation, every=every, mistaken=mistaken)
    if as_json:
        print_json(document)
        return
    for ended in document["ids"]:
        again = ended in document["given_back"]
        counts = "contacts from before count again" if again else "contacts count from now on"
        click.echo(f"The exclusion {ended} has ended: the number's {counts}, unless another one keeps them out.")


@click.command("list", epilog=_WAYS)
@click.option("--ended", is_flag=True, help="Only those that have been removed or have expired.")
@click.option("--all", "every", is_flag=True, help="Both.")
@click.option("--organisation", metavar="ID|NAME", help="For the operator: only this one's. Over HTTP by its id.")
@_target
@json_option
def list_all(
    *,
    ended: bool,
    every: bool,
    organisation: str | None,
    url: str | None,
    api_key_file: Path | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Show the exclusions that are in force, newest first: your own side's, or for the operator everybody's."""
    if ended and every:
        raise click.UsageError("--ended and --all exclude one another.")
    side = _side("list", url, api_key_file, data_dir)
    document = side.listed(organisation, active=None if every else not ended)
    if as_json:
        print_json(document)
        return
    print_table(
        ("Id", "Reason", "Added by", "Since (UTC)", "Expires", "Removed", "Mistaken"),
        [
            (
                *(one["id"], one["reason"], one["organisation"] or "operator"),
                *(one["created_at"], one["expires_at"], one["removed_at"], one["mistaken"]),
            )
            for one in document["data"]
        ],
        empty="There is no such exclusion."
        if ended or every
        else "No number is excluded. --all shows those that have ended.",
    )


def _side(verb: str, url: str | None, api_key_file: Path | None, data_dir: Path) -> Union[OverHttp, "OnTheDatabase"]:
    if is_named(url, api_key_file):
        return OverHttp(target_of(url, api_key_file, data_dir))
    database: type[OnTheDatabase] = imported(f"exclusions {verb}", "excluded", "OnTheDatabase")
    return database()
