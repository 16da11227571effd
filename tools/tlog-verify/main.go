// tlog-verify checks exported audit tiles with Go's stock sumdb/note and sumdb/tlog.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is that of C2SP tlog-tiles: 256 hashes a tile.
const tileHeight = 8

type checkpoint struct {
	origin string
	tree   tlog.Tree
}

func main() {
	vkeysFile := flag.String("vkeys", "", "file with one verifier key per line")
	older := flag.String("extends", "", "directory of an older export, which must be a prefix")
	flag.Parse()
	if flag.NArg() != 1 || *vkeysFile == "" {
		fmt.Fprintln(os.Stderr, "usage: tlog-verify -vkeys FILE [-extends OLDER_DIR] DIR")
		os.Exit(64)
	}
	if err := run(flag.Arg(0), *vkeysFile, *older); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, vkeysFile, older string) error {
	verifiers, err := readVkeys(vkeysFile)
	if err != nil {
		return err
	}
	logs, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	verified := 0
	for _, log := range logs {
		if !log.IsDir() {
			continue
		}
		olderLog := ""
		if older != "" {
			olderLog = filepath.Join(older, log.Name())
		}
		if err := verifyLog(filepath.Join(dir, log.Name()), olderLog, verifiers); err != nil {
			return fmt.Errorf("%s: %w", log.Name(), err)
		}
		verified++
	}
	if verified == 0 {
		return errors.New("no log")
	}
	return nil
}

func readVkeys(file string) (note.Verifiers, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []note.Verifier
	for _, line := range strings.Fields(string(text)) {
		verifier, err := note.NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		list = append(list, verifier)
	}
	return note.VerifierList(list...), nil
}

func readCheckpoint(dir string, verifiers note.Verifiers) (checkpoint, error) {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return checkpoint{}, err
	}
	opened, err := note.Open(text, verifiers)
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || opened.Sigs[0].Name != lines[0] {
		return checkpoint{}, errors.New("malformed checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return checkpoint{}, errors.New("malformed size")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return checkpoint{}, errors.New("malformed root")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return checkpoint{lines[0], tree}, nil
}

func verifyLog(dir, olderDir string, verifiers note.Verifiers) error {
	current, err := readCheckpoint(dir, verifiers)
	if err != nil {
		return err
	}
	if current.tree.N > 0 {
		// TileHashReader checks every tile that it reads against the signed root.
		hashes := tlog.TileHashReader(current.tree, &tileFiles{dir: dir, last: map[string][]byte{}})
		if err := verifyEntries(dir, current.tree, hashes); err != nil {
			return err
		}
		if err := verifyExtends(olderDir, current, hashes, verifiers); err != nil {
			return err
		}
	}
	fmt.Printf("%s: verified, %d leaves, root %x\n", filepath.Base(dir), current.tree.N, current.tree.Hash[:])
	return nil
}

func verifyEntries(dir string, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := tree.N - first
		if width > 1<<tileHeight {
			width = 1 << tileHeight
		}
		entries, err := readBundle(dir, first>>tileHeight, int(width))
		if err != nil {
			return fmt.Errorf("leaf %d: %w", first, err)
		}
		indexes := make([]int64, len(entries))
		for at := range entries {
			indexes[at] = tlog.StoredHashIndex(0, first+int64(at))
		}
		stored, err := hashes.ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("leaf %d: %w", first, err)
		}
		for at, entry := range entries {
			if tlog.RecordHash(entry) != stored[at] {
				return fmt.Errorf("leaf %d: the entry is not the one in the tree", first+int64(at))
			}
		}
		proof, err := tlog.ProveRecord(tree.N, first, hashes)
		if err != nil {
			return fmt.Errorf("leaf %d: %w", first, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, first, stored[0]); err != nil {
			return fmt.Errorf("leaf %d: %w", first, err)
		}
	}
	return nil
}

func verifyExtends(olderDir string, current checkpoint, hashes tlog.HashReader, verifiers note.Verifiers) error {
	if olderDir == "" {
		return nil
	}
	older, err := readCheckpoint(olderDir, verifiers)
	if err != nil {
		return fmt.Errorf("older export: %w", err)
	}
	if older.origin != current.origin || older.tree.N > current.tree.N {
		return errors.New("the older export is not of this log, or larger")
	}
	if older.tree.N == 0 {
		return nil
	}
	proof, err := tlog.ProveTree(current.tree.N, older.tree.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, current.tree.N, current.tree.Hash, older.tree.N, older.tree.Hash)
}

// bundlePath is `tile/entries/<N>[.p/<W>]`: the path that tlog gives a tile, without its height and level.
func bundlePath(tile tlog.Tile, kind string) string {
	path := tile.Path()
	path = path[strings.Index(path[len("tile/8/"):], "/")+len("tile/8/"):]
	return filepath.Join("tile", kind, path)
}

func readBundle(dir string, index int64, width int) ([][]byte, error) {
	tile := tlog.Tile{H: tileHeight, L: 0, N: index, W: width}
	data, err := os.ReadFile(filepath.Join(dir, bundlePath(tile, "entries")))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) >= 2 && len(entries) < width {
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			break
		}
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	if len(entries) != width || len(data) > 0 {
		return nil, errors.New("malformed entry bundle")
	}
	return entries, nil
}

// tileFiles reads tiles from the export. It keeps the last tile of each level, because neighbours are asked for together.
type tileFiles struct {
	dir  string
	last map[string][]byte
}

func (files *tileFiles) Height() int { return tileHeight }

func (files *tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	answers := make([][]byte, 0, len(tiles))
	for _, tile := range tiles {
		path := filepath.Join(files.dir, bundlePath(tile, strconv.Itoa(tile.L)))
		data, known := files.last[path]
		if !known {
			var err error
			if data, err = os.ReadFile(path); err != nil {
				return nil, err
			}
			if len(files.last) >= 64 {
				files.last = map[string][]byte{}
			}
			files.last[path] = data
		}
		answers = append(answers, data)
	}
	return answers, nil
}

func (files *tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}
