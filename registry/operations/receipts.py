"""Receipts: the proof that an event is in the log, against the newest checkpoint (C2SP tlog-proof)."""

from registry.db import sealed_log
from registry.db.audit_entries import Entry
from registry.db.database import Reading
from registry.domain.errors import Code, Refused
from registry.domain.merkle import hashes_of, inclusion_path
from registry.domain.signed_notes import Receipt


def receipt_of(tx: Reading, entry: Entry) -> Receipt:
    """Refused(not_sealed) where the event is not in a checkpoint yet: a second later it is, where a sealer runs."""
    head = sealed_log.last_checkpoint(tx)
    if entry.index is None or head is None or entry.index >= head.size:
        detail = "The event is recorded and waits to be sealed. Ask again in a moment."
        raise Refused(Code.NOT_SEALED, detail, retry_after=2.0)
    path = inclusion_path(entry.index, head.size)
    hashes = hashes_of(path, lambda nodes: sealed_log.node_hashes(tx, head.size, nodes))
    return Receipt(entry.body, entry.index, tuple(hashes), head.note)
