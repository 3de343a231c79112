"""A private check of a file: its numbers never leave this machine, and the registry's list never reaches a disk of it.

Numbers are read and held against the sets here, evaluated by worker processes, and told about by one request for each
thousand that are listed.
"""

import json
import random
from array import array
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from registry.client._evaluation import newest_listed
from registry.client._membership import Membership
from registry.client._parameters import Parameters
from registry.client._private_check import DISCLOSURES_MOST, NOT_SERVED
from registry.client._questions import Asking, Disclosure
from registry.client._reading import NumberReader, Unreadable
from registry.client._registry_client import RegistryClient
from registry.client.file_checks.file_questions import Costs
from registry.client.file_checks.journal import Pending
from registry.client.file_checks.local import Local
from registry.client.file_checks.packed_rows import PackedRows, written
from registry.client.file_checks.plain_check import cells_of
from registry.client.file_checks.table_file import FileChanged
from registry.client.file_checks.workers import Done, Workers
from registry.domain.checked_table import NOTES, RowRefusal, answered_cells, refused_cells
from registry.domain.policy import Outcome
from registry.domain.tables import Record

_FEWEST_AT_ONCE: Final = 50
_ROWS_AT_ONCE: Final = 1_000
_chance: Final = random.SystemRandom()


class PrivateCheck:
    """parameters: of the registry, their keys found good. buckets: see Membership.cheapest."""

    def __init__(
        self, client: RegistryClient, asking: Asking, parameters: Parameters, local: Local, *, buckets: bool
    ) -> None:
        self.costs: Final = Costs()
        self._client = client
        self._asking = asking
        self._parameters = parameters
        self._local = local
        self._buckets = buckets
        self._reader = NumberReader(parameters)
        self._active = [generation.number for generation in parameters.generations]
        self._rows = PackedRows()
        self._listed = array("I")
        self._receipts = array("I")
        self._audit_ids: dict[int, str] = {}
        self._distinct: array[int] = array("Q")

    def ask(self, workers: Workers) -> None:
        """Everything that was not answered before.

        Raises RegistryError or WorkerFailed; what was answered by then is kept.
        """
        self._evaluate(workers)
        self._compare()
        self._disclose()

    def answer(self, at: int, _record: Record) -> Sequence[str]:
        """The cells to append to a row."""
        if at >= len(self._rows):
            raise FileChanged
        problem, notes = self._rows.problem(at), self._rows.notes(at)
        if problem is not None:
            return refused_cells(problem, "")
        if not self._rows.numbers[at]:
            outcome, reason = NOT_SERVED
            return answered_cells(outcome=outcome, reason=reason, evidence=None, notes=notes, audit_id="")
        if self._listed[at]:
            return self._told(at)
        audit_id = self._audit_ids[self._receipts[at]]
        return answered_cells(outcome=Outcome.NONE, reason=None, evidence=None, notes=notes, audit_id=audit_id)

    def remarks(self) -> tuple[str, ...]:
        """What the asker should know of the answers."""
        ours, theirs = self._reader.version, self._parameters.normaliser_version
        if ours == theirs:
            return ()
        remark = (
            f"This program reads numbers by {ours}, the registry by {theirs}. Numbers of plans that changed in between "
            "may be read differently; bring the older of both up to date."
        )
        return (remark,)

    def _evaluate(self, workers: Workers) -> None:
        """Reads the file and has its numbers evaluated meanwhile."""
        rows = self._local.file.rows
        self._local.progress.stage("Evaluating", rows)

        def done(one: Done) -> None:
            self.costs.evaluated += one.charged
            self.costs.audit_ids += one.audit_ids
            self._local.progress.advance(one.numbers)

        size = min(self._parameters.batch_max, max(_FEWEST_AT_ONCE, -(-rows // len(workers))))
        workers.run(self._batches(size), done)
        workers.dismiss()

    def _batches(self, size: int) -> Iterator[list[str]]:
        """Numbers to evaluate, each drawn by chance from twice as many as a batch holds."""
        pool: list[int] = []
        for number in self._unknown():
            pool.append(number)
            if len(pool) >= 2 * size:
                _chance.shuffle(pool)
                yield list(map(written, pool[size:]))
                del pool[size:]
        _chance.shuffle(pool)
        for start in range(0, len(pool), size):
            yield list(map(written, pool[start : start + size]))

    def _unknown(self) -> Iterator[int]:
        """Every different number that is not in the cache, as the file is read."""
        seen: set[int] = set()
        known, active = self._local.cache.count() > 0, set(self._active)
        others = 0
        for number in self._read():
            if number == 0 or number in seen:
                others += 1
            else:
                seen.add(number)
                if known and self._local.cache.tags(written(number)).keys() >= active:
                    self.costs.from_cache += 1
                    others += 1
                else:
                    yield number
            if others == _ROWS_AT_ONCE:
                self._local.progress.advance(others)
                others = 0
        self._local.progress.advance(others)
        self.costs.numbers = len(seen)
        self._distinct = array("Q", seen)

    def _read(self) -> Iterator[int]:
        """The number of every row, as it is packed; 0 for one that asks nothing."""
        table = self._local.file.table
        for record in self._local.file.records():
            if record.blank:
                continue
            asked = table.question(record)
            if isinstance(asked, RowRefusal):
                self._rows.append(Unreadable(asked.code, asked.field, asked.detail), None, None)
            else:
                since, until = asked.possessed_since, asked.possessed_until
                self._rows.append(self._reader.read(asked.number, asked.region, since, until), since, until)
            yield self._rows.numbers[-1]

    def _compare(self) -> None:
        """In which generation's set every row's number is; 0 for none. The sets are gone from memory afterwards."""
        membership = self._membership()
        self._audit_ids = self._local.cache.audit_ids()
        newest = self._active[0]
        for number in self._rows.numbers:
            receipt = listed = 0
            if number:
                kept = self._local.cache.tags(written(number))
                receipt = kept[newest].receipt
                tags = {generation: kept[generation].tag for generation in self._active}
                listed = newest_listed(tags, membership.lists) or 0
            self._receipts.append(receipt)
            self._listed.append(listed)

    def _membership(self) -> Membership:
        if not self._distinct:
            return Membership({})
        if self._buckets:
            return Membership.cheapest(self._client, self._tags_under)
        return Membership.whole(self._client, self._parameters)

    def _tags_under(self, generation: int) -> Iterator[bytes]:
        return (self._local.cache.tags(written(number))[generation].tag for number in self._distinct)

    def _disclose(self) -> None:
        """First what an interrupted run may have paid for, by the very requests that it sent."""
        for pending in self._local.journal.unfinished():
            self._send(_unpacked(pending.body or b""), pending)
        self._local.progress.stage("Asking about listed numbers", sum(map(bool, self._listed)))
        batch: dict[bytes, Disclosure] = {}
        for at, generation in enumerate(self._listed):
            if not generation:
                continue
            self._local.progress.advance(1)
            item = self._item(at)
            name = self._name(item)
            if name not in batch and self._local.journal.answer(name) is None:
                batch[name] = item
            if len(batch) == DISCLOSURES_MOST:
                self._disclose_batch(batch)
                batch = {}
        if batch:
            self._disclose_batch(batch)

    def _disclose_batch(self, batch: dict[bytes, Disclosure]) -> None:
        items = list(batch.values())
        request = self._local.folder.name(b"disclosures", *batch)
        self._send(items, self._local.journal.begin(request, _packed(items)))

    def _send(self, items: Sequence[Disclosure], pending: Pending) -> None:
        answers = self._client.disclose(
            items,
            purpose=self._asking.purpose,
            case_ref=self._asking.case_ref,
            idempotency_key=pending.idempotency_key,
        )
        cells = [cells_of(answer, answers.audit_id) for answer in answers.results]
        told = zip(map(self._name, items), cells, strict=True)
        self._local.journal.finish(pending, told, answers.audit_id, answers.guidance)
        self.costs.disclosed += len(items)

    def _item(self, at: int) -> Disclosure:
        """What is asked about a row whose number is listed."""
        kept = self._local.cache.tags(written(self._rows.numbers[at]))
        return Disclosure(kept[self._listed[at]].tag, *self._rows.window(at))

    def _name(self, item: Disclosure) -> bytes:
        dates = (item.possessed_since, item.possessed_until)
        return self._local.folder.name(b"item", item.tag, *((_iso(day) or "").encode() for day in dates))

    def _told(self, at: int) -> Sequence[str]:
        cells = self._local.journal.answer(self._name(self._item(at)))
        assert cells is not None, "every listed number was asked about"  # noqa: S101 - `ask` comes first
        return (*cells[:NOTES], " ".join(self._rows.notes(at)), *cells[NOTES + 1 :])


def _packed(items: Sequence[Disclosure]) -> bytes:
    """As the journal keeps them: tags, which say nothing without the registry's key, and dates."""
    return json.dumps(
        [(item.tag.hex(), _iso(item.possessed_since), _iso(item.possessed_until)) for item in items]
    ).encode()


def _unpacked(body: bytes) -> list[Disclosure]:
    return [Disclosure(bytes.fromhex(tag), _date(since), _date(until)) for tag, since, until in json.loads(body)]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
