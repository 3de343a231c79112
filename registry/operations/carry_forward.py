"""What is stored of a number under older keys follows it to its newest tag, when it is there with all of its tags."""

from collections.abc import Iterable, Sequence

from registry.db import decoys, disputes, exclusions, hits
from registry.db.database import Writing
from registry.operations.registry import Registry


def carry_forward(tx: Writing, registry: Registry, numbers: Iterable[Sequence[bytes]]) -> list[bytes]:
    """Contacts, exclusions, disputes, and the lines that have the number, of every organisation. So one tag answers for
    the whole number, as private checks need it.

    numbers: each one's tags under the active generations, newest first. Returns the tags that something changed for,
    whose listings must be refreshed in the same transaction. Asks nothing while one generation is active.
    """
    if len(registry.generations.active) == 1:
        return []
    pairs = {older: newest for newest, *rest in numbers for older in rest}
    current = registry.generations.current
    left = hits.carry(tx, pairs, current)
    return [
        *left,
        *(pairs[tag] for tag in left),
        *exclusions.carry(tx, pairs, current),
        *disputes.carry(tx, pairs, current),
        *decoys.carry(tx, pairs, current),
    ]
