"""The emergency chain after a tag key has leaked: every stored tag of a generation is carried into a new one.

What is prepared is committed bit by bit and may be interrupted at any moment. The switch is one transaction. Nobody
needs a number for it, and neither an old nor a new tag leaves the database and the signers.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from registry.db import generations, rekeying
from registry.db.database import Database, Writing
from registry.db.rekeying import BATCH, Rekeying
from registry.domain.audit import index_digest
from registry.domain.errors import Code, Refused
from registry.domain.generations import Generations
from registry.keys import SecretKey
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.registry import Registry

Chain = Callable[[Sequence[bytes]], list[bytes]]
"""What tags of the old generation become, in order: `Chainers.chain` under the successor's number."""

_PASSES: Final = 5
_FIRST_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """tags: how many different ones. rows: how many rows of each table were rewritten."""

    generation: int
    successor: int
    tags: int
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RekeyGeneration(WriteOperation[None, Rekeyed]):
    """The switch: in one transaction every tag of a generation is replaced by the one chained from it, and the old ones
    are destroyed. Runs as the schema's owner, after `prepare_tags`, whose work it completes.

    Retracted contacts, removed exclusions and closed disputes are rewritten as well, and so is `audit.subject`, the
    index of who was told about which tag: it would otherwise hold what the thief of the key can read. Its rows are
    append only, so their trigger sleeps for this transaction, and the `subjects` digests of the events that named these
    tags no longer fit. In their place this operation's own event binds the whole index as it leaves it: its `subjects`
    is the SHA-256, in hexadecimal, over all rows of `audit.subject` in the byte order of (event, tag), each row as the
    16 bytes of its event's id and the 32 bytes of its tag.

    Refused(overloaded) where the tables could not be had in time: nothing was changed, and it may be tried again.
    """

    name = "rekey_generation"
    holds_generations = False
    rekeying: Rekeying
    chain: Chain = field(repr=False)

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Rekeyed]:
        work = self.rekeying
        rekeying.hold_everything(tx)
        if rekeying.find_firmly(tx) != work or not _may_follow(work, generations.public(tx)):
            raise Refused(Code.INVALID_VALUE, "The generations were changed meanwhile. Run it again.")
        # What was recorded since it was prepared: few tags, so that the tables are not held for their arithmetic.
        _prepare_rest(tx, work, self.chain)
        tags = rekeying.prepared(tx)
        generations.add(tx, work.successor, work.public_key, work.generation)
        rows = rekeying.rewrite(tx, work)
        generations.retire(tx, work.generation)
        index = index_digest(rekeying.index_rows(tx))
        rekeying.note_switch(tx)
        done = Rekeyed(work.generation, work.successor, tags, rows)
        return Done(done, count={"tags": tags, **rows}, generation=work.successor, index=index)


def chosen(known: Generations, wanted: int | None) -> int:
    """The generation that is to be rekeyed. Raises Refused where none is named and it is not clear, or where it is not
    active.
    """
    if wanted is None:
        if len(known.active) > 1:
            numbers = ", ".join(str(number) for number in sorted(known.active))
            raise Refused(Code.INVALID_VALUE, f"Several generations are active: say which. They are {numbers}.")
        return known.current
    if wanted not in known.active:
        raise Refused(Code.NOT_FOUND, "There is no active generation of this number.")
    return wanted


def is_usable(work: Rekeying, known: Generations, seed: bytes | None) -> bool:
    """Whether what was prepared before can be continued. seed: of the successor, if the key file holds one.

    It cannot where that was lost since, or another generation has its number, or the old one is retired.
    """
    return _may_follow(work, known) and seed is not None and SecretKey(seed).public_key == work.public_key


def _may_follow(work: Rekeying, known: Generations) -> bool:
    return work.switched_in is None and work.generation in known.active and work.successor not in known.known


def prepare_tags(database: Database, work: Rekeying, chain: Chain, told: Callable[[float], None]) -> None:
    """Chains every tag that is stored, some thousand at a time, each lot in a transaction of its own. What was done
    before is not done again, whatever interrupted it.

    What is recorded meanwhile is picked up in another pass, until so little is left that the switch can do it. told: is
    called with the part of the current pass that is done, from 0 to 1. Raises Refused.
    """
    for _ in range(_PASSES):
        if _pass(database, work, chain, told) <= BATCH:
            return


def _pass(database: Database, work: Rekeying, chain: Chain, told: Callable[[float], None]) -> int:
    """Walks through all tags in byte order; returns how many were new. While the signers are at work, the lot before is
    stored and the next one read.
    """

    def read(after: bytes) -> list[tuple[bytes, bool]]:
        return database.transaction(lambda tx: rekeying.tags_after(tx, work.generation, after))

    def keep(tags: Sequence[bytes], successors: Sequence[bytes]) -> None:
        database.transaction(lambda tx: rekeying.keep(tx, work.generation, tags, successors))

    new = 0
    kept: Future[None] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="rekeying") as executor:
        batch = read(b"")
        while batch:
            last = batch[-1][0]
            upcoming = executor.submit(read, last)
            fresh = [tag for tag, prepared in batch if not prepared]
            successors = chain(fresh)
            if kept is not None:
                kept.result()
            kept = executor.submit(keep, fresh, successors)
            new += len(fresh)
            told(int.from_bytes(last[:_FIRST_BYTES], "big") / 2 ** (8 * _FIRST_BYTES))  # tags are evenly spread
            batch = upcoming.result()
        if kept is not None:
            kept.result()
    return new


def _prepare_rest(tx: Writing, work: Rekeying, chain: Chain) -> None:
    batch = rekeying.tags_after(tx, work.generation, b"")
    while batch:
        fresh = [tag for tag, prepared in batch if not prepared]
        rekeying.keep(tx, work.generation, fresh, chain(fresh))
        batch = rekeying.tags_after(tx, work.generation, batch[-1][0])
