"""The paths under which tiles are served: `tile/<level>/<index>[.p/<width>]`, as C2SP tlog-tiles and every reader of
such logs write them.

Owns their one right form and reads no other: a tile that had two paths would be cached twice, and a reader that guessed
one could be led to another tile. It knows nothing of which tiles a tree has.
"""

import re
from typing import Final

from registry.domain.merkle import TILE_WIDTH, Tile

MOST_TILE_LEVELS: Final = 8
"""Levels 0 to 7, which hold 256**8 leaves. The format goes to 63; no tree of 64 bits has a hash above level 7."""
_MOST_INDEX_GROUPS: Final = 6
"""Up to 10**18 tiles of a level, so that an index always fits 64 bits."""
_GROUP: Final = 1_000
_PATH: Final = re.compile(
    r"tile/(?P<level>[0-7])/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class TilePathInvalid(Exception):  # noqa: N818 - it states what was found
    """A text is not the path of a tile. The message says why, for people."""


def tile_path(tile: Tile, width: int) -> str:
    """width: hashes in the tile, 1 to 256; a full tile's path does not say it."""
    if not 0 <= tile.level < MOST_TILE_LEVELS or tile.index < 0 or not 1 <= width <= TILE_WIDTH:
        raise ValueError("there is no such tile")
    rest, last = divmod(tile.index, _GROUP)
    groups = [f"{last:03}"]
    while rest:
        rest, group = divmod(rest, _GROUP)
        groups.insert(0, f"x{group:03}")
    if len(groups) > _MOST_INDEX_GROUPS:
        raise ValueError("there is no such tile")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{tile.level}/{'/'.join(groups)}{partial}"


def parse_tile_path(text: str) -> tuple[Tile, int]:
    """The tile and its width, 256 for a full one. Raises TilePathInvalid for all that tile_path does not write."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise TilePathInvalid("A tile's path is tile/LEVEL/INDEX or tile/LEVEL/INDEX.p/WIDTH.")
    tile = Tile(int(match["level"]), int(match["index"].replace("/", "").replace("x", "")))
    width = TILE_WIDTH if match["width"] is None else int(match["width"])
    if (match["width"] is not None and width >= TILE_WIDTH) or tile_path(tile, width) != text:
        raise TilePathInvalid("A tile's path has a width below 256, and no more zeros than it needs.")
    return tile, width
