"""`demand-registry generations`: the tag keys. A new one is added to the key file first and to the database then.

Must be run where the key file is. No secret is ever printed.
"""

from typing import Final

import click

from registry.cli import rekey
from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, print_json, print_table
from registry.cli.session import Session, session
from registry.db import generations
from registry.db.generations import Generation
from registry.domain.errors import Code, Refused
from registry.keys import SecretKey
from registry.operations.list_records import ListGenerations
from registry.operations.manage_generations import AddGeneration, RetireGeneration

_RESTART: Final = "Restart all running processes: until then they answer 503, since their keys are out of date."


@click.group(
    "generations",
    cls=PlainGroup,
    epilog="Rotation: add a generation, copy the key file to every machine, restart, and retire the old one when its "
    "contacts have expired. After a leak: rekey.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry generations list\n"
    "  demand-registry generations add\n"
    "  demand-registry generations retire 1 --destroy",
)
def command() -> None:
    """Generations: one tag key each. New contacts are stored under the newest; questions are asked under all active."""


command.add_command(rekey.command)


@command.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """Show all generations and whether this key file holds their secrets."""
    with session() as opened:
        answered = opened.run(ListGenerations())
        held = set(opened.keys.content.seeds)
    if as_json:
        data = [{**fields(one), "in_key_file": one.number in held} for one in answered.result]
        print_json({"data": data, "audit_id": answered.audit_id})
        return
    print_table(
        ("Generation", "Chained from", "Since (UTC)", "Retired", "In the key file", "Public key"),
        [
            (g.number, g.parent, g.created_at, g.retired_at, "yes" if g.number in held else "no", g.public_key.hex())
            for g in answered.result
        ],
        empty="There are no generations yet.",
    )


@command.command("add")
@json_option
def add(as_json: bool) -> None:
    """Make a new key, under which new contacts are stored from now on.

    Running processes answer 503 until they are restarted with the new key file, since without it they would not find
    what is stored under it.
    """
    with session() as opened:
        number, seed = _next_generation(opened)
        answered = opened.run(AddGeneration(number, SecretKey(seed).public_key))
        path = opened.keys.path.resolve()
    if as_json:
        print_json({"number": number, "key_file": path, "audit_id": answered.audit_id})
        return
    click.echo(f"Generation {number} is active; its secret is in {path}.")
    click.echo("Back the file up and copy it to every machine of this registry.")
    click.echo(_RESTART)


@command.command("retire")
@click.argument("number", metavar="N", type=click.IntRange(1, 32_767))
@click.option("--force", is_flag=True, help="Give up what is stored under it alone, exclusions included.")
@click.option("--destroy", is_flag=True, help="Then remove its secret from the key file, for ever.")
@json_option
def retire(number: int, force: bool, destroy: bool, as_json: bool) -> None:
    """Ask no question under generation N any more.

    It is refused while contacts, exclusions, disputes or decoys hang on it. With --force those are given up: an
    exclusion that is given up may list somebody again. A generation that is retired already can still be destroyed,
    unless an active one is chained from it.
    """
    with session() as opened:
        if destroy:
            _refuse_if_needed(opened, number)
        audit_id = None
        if _is_retired(opened, number):
            if not destroy:
                raise Refused(Code.INVALID_VALUE, f"Generation {number} is retired already.")
        else:
            audit_id = opened.run(RetireGeneration(number, force)).audit_id
        held = number in opened.keys.content.seeds
        if destroy and held:
            opened.keys.replace(opened.keys.content.without(number))
    if as_json:
        print_json({"number": number, "destroyed": destroy and held, "audit_id": audit_id})
        return
    if audit_id is not None:
        click.echo(f"Generation {number} is retired.")
        click.echo(_RESTART)
    _tell_about_secret(number, held=held, destroyed=destroy)


def _refuse_if_needed(opened: Session, number: int) -> None:
    """Numbers reach the tags of a chained generation through the secrets of those it is chained from."""
    known = opened.registry.generations
    chained = [one for one in sorted(known.active) if one != number and number in known.chain(one)]
    if chained:
        detail = (
            f"Generation {chained[0]} is chained from generation {number}: without its secret nothing could be found."
        )
        raise Refused(Code.INVALID_VALUE, detail)


def _tell_about_secret(number: int, *, held: bool, destroyed: bool) -> None:
    if not held:
        click.echo(f"The key file holds no secret of generation {number}.")
    elif destroyed:
        click.echo(f"The secret of generation {number} is destroyed in this key file. Destroy its copies and backups.")
    else:
        click.echo(
            "Its secret is still in the key file. To make what is stored under it useless to everybody: "
            f"demand-registry generations retire {number} --destroy"
        )


def _next_generation(opened: Session) -> tuple[int, bytes]:
    """Number and seed of a generation that the key file holds and the database does not know yet: one that an
    interrupted `add` has left, or a new one. Never one that would be older than those there are, or that is chained.
    """
    content = opened.keys.content
    known = {one.number for one in _all(opened)}
    waiting = [number for number in sorted(content.seeds.keys() - content.chained) if number > max(known, default=0)]
    if not waiting:
        content, number = content.with_new_generation(known)
        opened.keys.replace(content)
        waiting = [number]
    return waiting[0], content.seeds[waiting[0]]


def _is_retired(opened: Session, number: int) -> bool:
    return any(one.number == number and one.retired_at is not None for one in _all(opened))


def _all(opened: Session) -> list[Generation]:
    return opened.registry.database.transaction(generations.all_generations)
