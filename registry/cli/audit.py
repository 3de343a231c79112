"""`demand-registry audit`: what is done with the audit log as a whole. Exporting is for the application's login, and
dropping for the schema's owner.
"""

import click

from registry.cli import audit_export, audit_retention
from registry.cli.failures import PlainGroup


@click.group(
    "audit",
    cls=PlainGroup,
    epilog="\b\n"
    "Examples:\n"
    "  demand-registry audit export --since 2026-11-01 --until 2026-12-01 --output november.ndjson\n"
    "  demand-registry audit export --ocsf | siem-import\n"
    "  demand-registry audit drop-bodies --before 2024-12-01 --dry-run",
)
def command() -> None:
    """The audit log as a whole: hand out events, and drop what need not be kept."""


command.add_command(audit_export.command)
command.add_command(audit_retention.drop_bodies)
command.add_command(audit_retention.drop_private)
