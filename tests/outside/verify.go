// Verifies what the audit log publishes with the Go module mirror's own code, golang.org/x/mod/sumdb: notes, inclusion,
// consistency, tiles and receipts. It shares nothing with the registry, and computes no hash of the tree by itself.
//
// Standard input: a JSON list of jobs. Standard output: a JSON list of the same length; an empty text accepts the job,
// any other one says why it is refused.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Base64 in JSON: []byte and tlog.Hash both are.
type job struct {
	Kind  string      `json:"kind"`
	Key   string      `json:"key"`
	Text  string      `json:"text"`
	Index int64       `json:"index"`
	Leaf  tlog.Hash   `json:"leaf"`
	Old   int64       `json:"old"`
	Was   tlog.Hash   `json:"old_root"`
	Size  int64       `json:"size"`
	Root  tlog.Hash   `json:"root"`
	Proof []tlog.Hash `json:"proof"`
	From  string      `json:"from"`
	Path  string      `json:"path"`
}

func main() {
	var raw []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&raw); err != nil {
		log.Fatal(err)
	}
	said := make([]string, len(raw))
	for at, text := range raw {
		if err := refusal(text); err != nil {
			said[at] = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		log.Fatal(err)
	}
}

// refusal also turns a panic into one: what a library cannot digest it has not accepted.
func refusal(text []byte) (err error) {
	defer func() {
		if found := recover(); found != nil {
			err = fmt.Errorf("panic: %v", found)
		}
	}()
	var asked job
	if err := json.Unmarshal(text, &asked); err != nil {
		return err
	}
	switch asked.Kind {
	case "note":
		_, err := opened(asked.Text, asked.Key)
		return err
	case "inclusion":
		return tlog.CheckRecord(asked.Proof, asked.Size, asked.Root, asked.Index, asked.Leaf)
	case "consistency":
		return tlog.CheckTree(asked.Proof, asked.Size, asked.Root, asked.Old, asked.Was)
	case "tiles":
		return checkTiles(asked.From, asked.Size, asked.Root)
	case "tile path":
		return checkPath(asked.Path)
	case "receipt":
		return checkReceipt(asked.Text, asked.Key)
	}
	log.Fatalf("no kind of job is called %q", asked.Kind)
	return nil
}

func opened(text string, key string) (string, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", err
	}
	found, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return "", err
	}
	return found.Text, nil
}

// checkReceipt reads a C2SP tlog-proof whose extra data is the entry, and whose origin is the key's name.
func checkReceipt(text string, key string) error {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "extra ") {
		return fmt.Errorf("not a tlog-proof with its entry")
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	if !strings.HasPrefix(lines[2], "index ") {
		return fmt.Errorf("the proof has no index")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof := make(tlog.RecordProof, len(lines)-3)
	for at, line := range lines[3:] {
		if proof[at], err = tlog.ParseHash(line); err != nil {
			return err
		}
	}
	signed, err := opened(checkpoint, key)
	if err != nil {
		return err
	}
	size, root, err := checkpointOf(signed, key)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry))
}

func checkpointOf(signed string, key string) (int64, tlog.Hash, error) {
	lines := strings.Split(signed, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != strings.SplitN(key, "+", 2)[0] {
		return 0, tlog.Hash{}, fmt.Errorf("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return size, root, err
}
