import pytest

from registry.domain.merkle import Tile
from registry.domain.tile_paths import TilePathInvalid, parse_tile_path, tile_path

PATHS = [
    (Tile(0, 0), 256, "tile/0/000"),
    (Tile(0, 7), 1, "tile/0/007.p/1"),
    (Tile(1, 999), 255, "tile/1/999.p/255"),
    (Tile(7, 1_000), 256, "tile/7/x001/000"),
    (Tile(0, 1_234_067), 256, "tile/0/x001/x234/067"),
    (Tile(0, 1_234_067), 112, "tile/0/x001/x234/067.p/112"),
    (Tile(0, 10**18 - 1), 256, "tile/0/x999/x999/x999/x999/x999/999"),
]


@pytest.mark.parametrize(("tile", "width", "path"), PATHS)
def test_a_tile_has_one_path(tile: Tile, width: int, path: str) -> None:
    assert tile_path(tile, width) == path
    assert parse_tile_path(path) == (tile, width)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/x01/000",
        "tile/0/X001/000",
        "tile/0/x001//000",
        "tile/0/x001/x999/x999/x999/x999/x999/999",
        "tile/8/000",
        "tile/00/000",
        "tile/-1/000",
        "tile/entries/000",
        "tile/8/0/000",
        "tile/0/-01",
        "tile/0/+01",
        "tile/0/0 1",
        "tile/0/\u0660\u0660\u0661",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/1/",
        "tile/0/000.P/1",
        "tile/0/000,p/1",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/000\n",
        " tile/0/000",
        "tile/0/../0/000",
        "log/tile/0/000",
    ],
)
def test_every_other_form_is_refused(text: str) -> None:
    with pytest.raises(TilePathInvalid):
        parse_tile_path(text)


@pytest.mark.parametrize(
    ("tile", "width"),
    [
        (Tile(-1, 0), 1),
        (Tile(8, 0), 1),
        (Tile(0, -1), 1),
        (Tile(0, 10**18), 1),
        (Tile(0, 0), 0),
        (Tile(0, 0), 257),
    ],
)
def test_what_is_no_tile_has_no_path(tile: Tile, width: int) -> None:
    with pytest.raises(ValueError, match="no such tile"):
        tile_path(tile, width)
