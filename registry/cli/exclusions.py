"""`demand-registry exclusions`: numbers that are never listed. Its verbs are imported only when they are asked for, so
that all of them run on the base install over HTTP, and only what works on the database itself needs more.
"""

from typing import Final

import click

from registry.cli.deferred import deferred

_VERBS: Final = {
    "import": ("import_exclusions", "command"),
    "add": ("exclusion_verbs", "add"),
    "remove": ("exclusion_verbs", "remove"),
    "remove-file": ("remove_exclusions", "command"),
    "list": ("exclusion_verbs", "list_all"),
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _VERBS:
            return None
        return deferred(f"exclusions {cmd_name}", *_VERBS[cmd_name])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    ("import", "Exclude a file of numbers."),
                    ("add", "Exclude a number, at once."),
                    ("remove", "End the exclusion of a number."),
                    ("remove-file", "End the exclusions of a file of numbers."),
                    ("list", "Show the exclusions that are in force."),
                ]
            )


@click.group(
    "exclusions",
    cls=_Verbs,
    epilog="`add` and `remove` ask for the number without showing it, or it is the one line of standard input. It is "
    "not stored: the list shows ids, reasons and dates. With an API key of an investigator or the operator all of them "
    "go over HTTP; without one, `add`, `remove` and `list` work on the database itself, for the operator.\n\n"
    "\b\n"
    "Examples, with an investigator's key that has the scope hits in REGISTRY_API_KEY:\n"
    "  demand-registry exclusions import team.csv --reason own_staff --region US\n"
    "  demand-registry exclusions add --reason outreach --region US\n"
    "  demand-registry exclusions remove < number.txt\n"
    "  demand-registry exclusions remove-file left.csv --region US",
)
def command() -> None:
    """Numbers that are never listed, whatever contacts are recorded: outreach workers, police, survivors.

    A question about one is answered exactly like one about a number that nobody ever saw.
    """
