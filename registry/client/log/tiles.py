"""Verifying a log from what is public: its signed checkpoint, and all of its tiles.

That the tree is the signed one, and that it has only grown since a checkpoint that was kept. What the events say is not
public: whether their bodies are still those whose hashes these are, only the registry's own database can tell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.client._errors import InvalidRequest
from registry.client.log.growth import judge_shorter
from registry.client.log.source import CheckpointUnknown, LogSource
from registry.domain.contradictions import Contradiction, Kind, NotVerifiable
from registry.domain.merkle import TILE_WIDTH, Edge, FullTile, Tile, tile_sizes
from registry.domain.signed_notes import Checkpoint, NoteInvalid, Verifier, claims, opened
from registry.signatures import holds

Progress = Callable[[int, int], None]
"""Called with the hashes done and those there are."""
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class VerifiedTiles:
    """A log whose tree is the signed one. tiles: how many were held against it, partial ones included."""

    checkpoint: Checkpoint
    note: str
    tiles: int


def verify_tiles(source: LogSource, verifier: Verifier, kept: Checkpoint | None, progress: Progress) -> VerifiedTiles:
    """kept: a checkpoint of this log that was seen before, its signature already checked.

    Raises Contradiction about the first thing that does not hold; RegistryError where it could not be read, and
    NotVerifiable where what was read is not this log, or an old copy of it.
    """
    try:
        note = source.checkpoint()
    except CheckpointUnknown:
        if kept is None:
            raise
        cut = f"{_shorter(0, kept.size)}: its end was cut off, or an older state was restored."
        raise Contradiction(Kind.ROLLED_BACK, cut) from None
    checkpoint = signed_checkpoint(note, verifier)
    if kept is not None and kept.size > checkpoint.size:
        judge_shorter(source, checkpoint, kept, _shorter(checkpoint.size, kept.size))
    tree = _Tree(source, kept)
    for _, full, partial in tile_sizes(checkpoint.size)[:1]:
        for index in range(full + (1 if partial else 0)):
            tree.take(index, TILE_WIDTH if index < full else partial)
            progress(tree.edge.size, checkpoint.size)
    tree.hold_partial(checkpoint.size)
    if tree.edge.root() != checkpoint.root:
        said = f"The tiles do not make the tree of {checkpoint.size:,} events that was signed: a hash was changed."
        raise Contradiction(Kind.TREE_CHANGED, said)
    return VerifiedTiles(checkpoint, note, tree.tiles)


def signed_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """Raises Contradiction where this key is said to have signed it, and it does not hold; NotVerifiable where the note
    says no such thing: whoever has written that, it is nothing of this log.
    """
    try:
        return Checkpoint.parse(opened(note, verifier, holds), verifier.name)
    except NoteInvalid as invalid:
        if not claims(note, verifier):
            raise NotVerifiable(
                f"What was shown is not a checkpoint of this log: it is not signed by {verifier.name} with this key. "
                "Are the address and the verifier key right, and does nothing else answer on the way?"
            ) from None
        raise Contradiction(Kind.CHECKPOINT_UNSIGNED, f"The log's checkpoint does not hold. {invalid}") from None


def _shorter(size: int, kept: int) -> str:
    return f"The log ends at {size:,} events, and the checkpoint that you kept has {kept:,}"


class _Tree:
    """Grown from the lowest tiles; those above are held against it as they become full."""

    def __init__(self, source: LogSource, kept: Checkpoint | None) -> None:
        self.edge: Final = Edge()
        self.tiles = 0
        self._source = source
        self._kept = kept
        self._above: list[list[bytes]] = []
        """The roots that the partial tiles of levels 1, 2, ... are made of."""

    def take(self, index: int, width: int) -> None:
        """The next tile of leaf hashes. Raises Contradiction, RegistryError."""
        self.tiles += 1
        for hash_ in self._fetched(Tile(0, index), width):
            for tile in self.edge.append(hash_):
                self._filled(tile)
            if self._kept is not None and self._kept.size == self.edge.size and self._kept.root != self.edge.root():
                said = f"The checkpoint of {self._kept.size:,} events that you kept was signed over another log"
                sentence = f"{said}: what is there now was written and signed afterwards."
                raise Contradiction(Kind.HISTORY_REWRITTEN, sentence)

    def hold_partial(self, size: int) -> None:
        """The tiles at the right edge above the lowest level."""
        for level, full, partial in tile_sizes(size)[1:]:
            if partial:
                self._compare(Tile(level, full), self._above[level - 1])

    def _filled(self, tile: FullTile) -> None:
        level = tile.tile.level
        if level:
            self._compare(tile.tile, tile.hashes)
            self._above[level - 1] = []
        if len(self._above) == level:
            self._above.append([])
        self._above[level].append(tile.root)

    def _compare(self, tile: Tile, hashes: "tuple[bytes, ...] | list[bytes]") -> None:
        self.tiles += 1
        if self._fetched(tile, len(hashes)) != list(hashes):
            said = f"The tile {tile.level}/{tile.index} is not made of the tiles below it: it was changed."
            raise Contradiction(Kind.TILE_CHANGED, said)

    def _fetched(self, tile: Tile, width: int) -> list[bytes]:
        try:
            return self._source.tile(tile, width)
        except InvalidRequest as refused:
            if refused.status != _NOT_FOUND:
                raise
            said = f"The log is signed, and does not have its tile {tile.level}/{tile.index}."
            raise Contradiction(Kind.TILE_MISSING, said) from None
