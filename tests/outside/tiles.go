package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// C2SP's tlog-tiles leaves out the height, which the module mirror's paths begin with.
const withHeight, withoutHeight = "tile/8/", "tile/"

// source is a folder, or the address that a server has its tiles under.
type source string

func (from source) Height() int { return height }

func (from source) SaveTiles([]tlog.Tile, [][]byte) {}

func (from source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(tiles))
	for at, tile := range tiles {
		data, err := from.read(strings.Replace(tile.Path(), withHeight, withoutHeight, 1))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		found[at] = data
	}
	return found, nil
}

func (from source) read(path string) ([]byte, error) {
	if !strings.HasPrefix(string(from), "http") {
		return os.ReadFile(filepath.Join(string(from), filepath.FromSlash(path)))
	}
	answer, err := http.Get(strings.TrimSuffix(string(from), "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// checkTiles reads every tile of the tree: the right edge against the root, and each full tile against its parent's hash.
//
// TileHashReader alone would not do: x/mod 0.7 proves the tiles of the edge, but of the others it passes over as many as
// the edge has hashes that share a tile.
func checkTiles(from string, size int64, root tlog.Hash) error {
	reader := source(from)
	found, err := tlog.TreeHash(size, tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader))
	if err != nil {
		return err
	}
	if found != root {
		return fmt.Errorf("the tiles make another root")
	}
	tiles := tilesOf(size)
	data, err := reader.ReadTiles(tiles)
	if err != nil {
		return err
	}
	at := make(map[place]int, len(tiles))
	for i, tile := range tiles {
		at[place{tile.L, tile.N}] = i
	}
	for i, tile := range tiles {
		if tile.W < 1<<height {
			continue
		}
		above, known := at[place{tile.L + 1, tile.N >> height}]
		if !known {
			return fmt.Errorf("%s has no parent", tile.Path())
		}
		told, err := tlog.HashFromTile(tiles[above], data[above], tlog.StoredHashIndex(height*(tile.L+1), tile.N))
		if err != nil {
			return err
		}
		made, err := rootOf(tile, data[i])
		if err != nil {
			return err
		}
		if made != told {
			return fmt.Errorf("inconsistent tile: %s", tile.Path())
		}
	}
	return nil
}

func tilesOf(size int64) (found []tlog.Tile) {
	for level := 0; size > 0; level, size = level+1, size>>height {
		for index := int64(0); index<<height < size; index++ {
			width := size - index<<height
			if width > 1<<height {
				width = 1 << height
			}
			found = append(found, tlog.Tile{H: height, L: level, N: index, W: int(width)})
		}
	}
	return found
}

type place struct {
	level int
	index int64
}

// rootOf makes the root of a full tile from its halves, the largest subtrees that are in it by name.
func rootOf(tile tlog.Tile, data []byte) (tlog.Hash, error) {
	level := height*(tile.L+1) - 1
	left, err := tlog.HashFromTile(tile, data, tlog.StoredHashIndex(level, 2*tile.N))
	if err != nil {
		return tlog.Hash{}, err
	}
	right, err := tlog.HashFromTile(tile, data, tlog.StoredHashIndex(level, 2*tile.N+1))
	return tlog.NodeHash(left, right), err
}

func checkPath(path string) error {
	given := strings.Replace(path, withoutHeight, withHeight, 1)
	tile, err := tlog.ParseTilePath(given)
	if err == nil && tile.Path() != given {
		err = fmt.Errorf("not the one right form of %s", tile.Path())
	}
	return err
}
