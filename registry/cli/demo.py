"""`demand-registry demo`: plays sample data through the running sandbox and shows what both sides see.

It opens the database beside the registry for one thing: to issue itself an operator's key, which it revokes at the end.
"""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from registry.cli import run_file
from registry.cli.failures import PlainCommand
from registry.cli.output import console
from registry.cli.session import Session, session
from registry.db import organisations
from registry.demo.http import DemoApi
from registry.demo.script import run
from registry.domain.credentials import Mode, OrganisationKind
from registry.operations.manage_keys import IssueKey, RevokeKey
from registry.operations.manage_organisations import CreateOrganisation
from registry.settings import Settings

OPERATOR_NAME: Final = "Demo operator"
_KEY_LASTS: Final = timedelta(hours=1)


@click.command(
    "demo",
    cls=PlainCommand,
    epilog="Start `demand-registry run` first, and type this in another terminal, in the same folder.",
)
@click.option("--url", envvar="REGISTRY_URL", help="Where the registry answers. Default: where `run` runs.")
def command(url: str | None) -> None:
    """Four organisations submit some 5,000 invented contacts, and an HR department checks 2,000 numbers."""
    with session() as opened:
        settings = opened.registry.settings
        if settings.mode is not Mode.SANDBOX:
            raise click.ClickException(
                "This registry is live, and the demo would record invented contacts in it. Play it in a sandbox: "
                "REGISTRY_DATA_DIR=/tmp/demo demand-registry run"
            )
        with _operator_key(opened) as key, DemoApi(url or _url(settings), key) as api:
            run(api, console(), datetime.now(UTC).date())


def _url(settings: Settings) -> str:
    return run_file.running_url(settings.data_dir) or run_file.url_of(settings.host, settings.port)


@contextmanager
def _operator_key(opened: Session) -> Generator[str]:
    """A key of the demo's operator, for an hour at most."""
    operator = opened.registry.database.transaction(lambda tx: organisations.by_name(tx, OPERATOR_NAME))
    if operator is None:
        operator = opened.run(CreateOrganisation(OrganisationKind.OPERATOR, OPERATOR_NAME)).result
    if operator.kind != OrganisationKind.OPERATOR or operator.suspended_at is not None:
        raise click.ClickException(f"The organisation '{OPERATOR_NAME}' is suspended, or not of the kind operator.")
    issued = opened.run(IssueKey(operator.id, expires_at=datetime.now(UTC) + _KEY_LASTS)).result
    try:
        yield issued.text
    finally:
        opened.run(RevokeKey(issued.stored.id))
