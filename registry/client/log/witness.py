"""Witnessing a log: holding each new checkpoint against the last one that was seen, and remembering it.

Owns the state file, which is a signed note as the log gave it, and nothing else. It only ever goes forward: what
contradicts it is kept beside it as evidence, since two checkpoints that one key has signed and that do not fit together
convict whoever has that key.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.client.log.growth import judge_shorter
from registry.client.log.source import CheckpointUnknown, LogSource
from registry.client.log.tiles import signed_checkpoint
from registry.domain.contradictions import Contradiction, Kind, NotVerifiable
from registry.domain.merkle import ProofInvalid, verify_consistency
from registry.domain.signed_notes import Checkpoint, NoteInvalid, Verifier, opened
from registry.signatures import holds

_MODE: Final = 0o644
_MOST_BYTES: Final = 1_000_000
_MOST_CONFLICTS: Final = 10
"""Files beside the state. Whoever answers must not be able to fill a disk with them."""
_TURN_SECONDS: Final = 60.0
_LOOK_AGAIN_SECONDS: Final = 0.05


class StateInvalid(Exception):  # noqa: N818 - it states what was found
    """The state file holds no checkpoint that the given key has signed. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen, and what had been seen before: None the first time."""

    checkpoint: Checkpoint
    before: Checkpoint | None


class Contradicted(Contradiction):
    """What the log shows does not fit what was remembered. evidence: the file that holds both, if any.

    others: the conflicts that were kept before, where they are so many that this one was not.
    """

    def __init__(self, found: Contradiction, evidence: Path | None, others: tuple[Path, ...] = ()) -> None:
        super().__init__(found.kind, found.sentence)
        self.evidence: Final = evidence
        self.others: Final = others


def observe(source: LogSource, verifier: Verifier, state: Path, turn_seconds: float = _TURN_SECONDS) -> Observation:
    """Fetches the checkpoint, verifies it against the remembered one, and remembers it. One at a time per state file.

    turn_seconds: for how long to wait for another one. Raises Contradicted, NotVerifiable, StateInvalid, RegistryError,
    OSError; the state is then what it was before.
    """
    with _alone(state, turn_seconds):
        remembered = _remembered(state, verifier)
        note: str | None = None
        try:
            note = _shown(source, remembered)
            checkpoint = signed_checkpoint(note, verifier)
            if remembered is None:
                _store(state, note)
                return Observation(checkpoint, None)
            before, _ = remembered
            _require_growth(source, before, checkpoint)
        except Contradiction as found:
            raise _with_evidence(state, remembered, note, found) from None
        if checkpoint.size > before.size:
            _store(state, note)
        return Observation(checkpoint, before)


def _shown(source: LogSource, remembered: "tuple[Checkpoint, str] | None") -> str:
    try:
        return source.checkpoint()
    except CheckpointUnknown:
        if remembered is None:
            raise
        said = f"The log shows no checkpoint at all, and it had {remembered[0].size:,} events when it was last seen."
        raise Contradiction(Kind.ROLLED_BACK, said) from None


def _require_growth(source: LogSource, before: Checkpoint, now: Checkpoint) -> None:
    """Raises Contradiction unless the log seen before is the beginning of the one shown now; NotVerifiable where that
    is an old copy of it.
    """
    if now.size < before.size:
        said = f"The log shows {now.size:,} events, and it had {before.size:,} when it was last seen"
        judge_shorter(source, now, before, said)
    if now.size == before.size:
        if now.root != before.root:
            said = f"The log shows another tree of {now.size:,} events than the one that was last seen"
            raise Contradiction(Kind.SPLIT_VIEW, f"{said}, and both are signed.")
        return
    try:
        proof = source.consistency(before.size, now.size)
        verify_consistency(before.size, before.root, now.size, now.root, proof)
    except CheckpointUnknown:
        said = f"The log has {now.size:,} events and no longer knows its checkpoint of {before.size:,}"
        raise Contradiction(Kind.HISTORY_REWRITTEN, f"{said}: it was cut and continued in another way.") from None
    except ProofInvalid as invalid:
        said = f"The log of {now.size:,} events is not shown to continue the one of {before.size:,} that was last seen"
        raise Contradiction(Kind.HISTORY_REWRITTEN, f"{said}. {invalid}") from None


def _remembered(state: Path, verifier: Verifier) -> tuple[Checkpoint, str] | None:
    """The checkpoint and its note; None before the first. Raises StateInvalid."""
    try:
        with state.open("rb") as file:
            note = file.read(_MOST_BYTES + 1).decode("utf-8")
        return Checkpoint.parse(opened(note, verifier, holds), verifier.name), note
    except FileNotFoundError:
        return None
    except (NoteInvalid, UnicodeDecodeError) as invalid:
        why = str(invalid) if isinstance(invalid, NoteInvalid) else "It is not text."
        raise StateInvalid(
            f"{state} does not hold a checkpoint that this verifier key has signed. {why} Was another verifier key "
            "given than before? Where the registry itself names a new key, ask it why before you begin a new state."
        ) from None


def _with_evidence(
    state: Path, remembered: "tuple[Checkpoint, str] | None", note: str | None, found: Contradiction
) -> Contradicted:
    """Nothing is kept where there are not two notes. A disk that is full must not hide what was found."""
    if remembered is None or note is None:
        return Contradicted(found, None)
    try:
        return _kept_once(state, *remembered, note, found)
    except OSError:
        return Contradicted(found, None)


def _kept_once(state: Path, before: Checkpoint, kept: str, note: str, found: Contradiction) -> Contradicted:
    """Both notes in one file beside the state. Nothing is written over."""
    content = f"{found.sentence}\n\nWhat was remembered:\n\n{kept}\nWhat was shown:\n\n{note}".encode()
    prefix = f"{state.name}.conflict-"
    there = sorted(path for path in state.parent.iterdir() if path.name.startswith(prefix) and path.is_file())
    for path in there:
        if path.read_bytes() == content:
            return Contradicted(found, path)
    if len(there) >= _MOST_CONFLICTS:
        return Contradicted(found, None, tuple(there))
    base = state.with_name(f"{prefix}{before.size}")
    names = [base, *(base.with_name(f"{base.name}-{number}") for number in range(2, _MOST_CONFLICTS + 1))]
    free = next(path for path in names if path not in there)
    _store(free, content.decode())
    return Contradicted(found, free)


def _store(path: Path, content: str) -> None:
    """All of it or nothing, and on the disk when it returns."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode())
            file.flush()
            os.fchmod(file.fileno(), _MODE)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone(state: Path, seconds: float) -> Generator[None]:
    """One witness of a state file at a time; another one waits, but not for ever. The lock is a file of its own, since
    the state is replaced.
    """
    path = state.with_name(f"{state.name}.lock")
    until = time.monotonic() + seconds
    with path.open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    said = f"Another witness has held {path} for more than {seconds:g} seconds: nothing was looked at."
                    raise NotVerifiable(said) from None
            time.sleep(_LOOK_AGAIN_SECONDS)
        yield
