package output

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"matinee/internal/diag"
	"matinee/internal/ledger"
)

// An Entry is what the manifest knows of a file of the folder. Everything but ModTime depends on the site alone, so
// two machines write the same.
type Entry struct {
	Path    string `json:"path"`
	Class   string `json:"class"`
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"` // hexadecimal
	Key     string `json:"key,omitempty"`
	ModTime int64  `json:"mtime_ns"` // Unix time in nanoseconds, on this machine only
}

// version of the manifest's format.
const version = 1

// ReadManifest reads the entries of a manifest, sorted by path; none when there is no manifest yet.
func ReadManifest(name string) ([]Entry, error) {
	file, err := os.Open(name) //nolint:gosec // of the site
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, writeError("read", name, err)
	}
	defer file.Close() //nolint:errcheck // only read
	var entries []Entry
	if info, err := file.Stat(); err == nil {
		entries = make([]Entry, 0, info.Size()/lineLength)
	}
	found := 0
	err = ledger.Decode(file, map[string]ledger.Member{
		"version": ledger.Value(&found),
		// A manifest decides what is removed: its names are not trusted more than those of a page.
		"files": ledger.List(&entries, func(e *Entry) error { return checkName(e.Path) }),
	})
	if err == nil && found != version {
		err = fmt.Errorf("version %d, where this program knows %d", found, version)
	}
	if err != nil {
		return nil, diag.At(filepath.ToSlash(name), 0, "the manifest of the last build cannot be read: %v", err).
			WithHint("delete it together with the folder it describes, and build again")
	}
	return entries, nil
}

// lineLength is about what an entry takes in the file, in bytes.
const lineLength = 256

// marshalManifest writes one line per file, for people who compare two manifests.
func marshalManifest(entries []Entry) []byte {
	var b bytes.Buffer
	b.Grow(lineLength * (len(entries) + 1))
	if err := ledger.Encode(&b, ledger.One("version", version), ledger.Many("files", entries)); err != nil {
		panic(err) // strings and integers always have a JSON form
	}
	return b.Bytes()
}
