package ledger_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"matinee/internal/ledger"
)

type document struct {
	Version int    `json:"version"`
	Files   []file `json:"files"`
}

type file struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

func decode(text string) (document, error) {
	var d document
	err := ledger.Decode(strings.NewReader(text), map[string]ledger.Member{
		"version": ledger.Value(&d.Version),
		"files":   ledger.List(&d.Files, func(f *file) error { f.Size++; return nil }),
	})
	return d, err
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]document{
		`{}`:                                {},
		`{"version": 1, "files": []}`:       {Version: 1},
		`{"files":null,"version":2}`:        {Version: 2},
		`{"files":[{"path":"a"},{}]}`:       {Files: []file{{"a", 1}, {"", 1}}},
		`{"new":{"files":[1]},"version":3}`: {Version: 3},
	} {
		if got, err := decode(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		``:                          "EOF",
		`[]`:                        "want an object",
		`{"version":"1"}`:           "version: json: cannot unmarshal",
		`{"files":{}}`:              "files: want a list",
		`{"files":[{"path":1}]}`:    "files: json: cannot unmarshal",
		`{"files":[{"path":"a"}`:    "EOF",
		`{"files":[{"path":"a"}]`:   "EOF",
		`{"version":1,}`:            "invalid character",
		`{"files":[{"path":"a"},]}`: "invalid character",
	} {
		if _, err := decode(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestEachEndsTheReading(t *testing.T) {
	enough := errors.New("enough")
	var files []file
	err := ledger.Decode(strings.NewReader(`{"files":[{},{},{}]}`), map[string]ledger.Member{
		"files": ledger.List(&files, func(*file) error {
			if len(files) == 2 {
				return enough
			}
			return nil
		}),
	})
	if !errors.Is(err, enough) || len(files) != 2 {
		t.Errorf("%d files, %v", len(files), err)
	}
}

func TestEncode(t *testing.T) {
	var b strings.Builder
	err := ledger.Encode(&b, ledger.One("version", 1), ledger.Many("files", []file{{"a&b", 2}, {"c", 3}}), ledger.Many[file]("gone", nil))
	const want = `{
"version": 1,
"files": [
{"path":"a&b","size":2},
{"path":"c","size":3}
],
"gone": []
}
`
	if err != nil || b.String() != want {
		t.Errorf("%v, %s", err, b.String())
	}
	if err := ledger.Encode(&b, ledger.Many("files", []any{1, func() {}})); err == nil {
		t.Error("a function has a JSON form")
	}
}

// A writer that fails says so, however much is to be written: what is written never waits to be whole.
func TestEncodeInPieces(t *testing.T) {
	files := make([]file, 10_000)
	full := &disk{room: 20_000}
	if err := ledger.Encode(full, ledger.Many("files", files)); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
	if full.largest > 5000 {
		t.Errorf("%d bytes were written at once", full.largest)
	}
	if err := ledger.Encode(&disk{room: 5}, ledger.One("version", 1)); !errors.Is(err, errFull) {
		t.Errorf("a full disk at the end: %v", err)
	}
}

var errFull = errors.New("full")

type disk struct{ room, largest int }

func (d *disk) Write(p []byte) (int, error) {
	d.largest = max(d.largest, len(p))
	if d.room -= len(p); d.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// FuzzDecode holds that what is read is what encoding/json reads of the same text.
func FuzzDecode(f *testing.F) {
	f.Add(`{"version":1,"files":[{"path":"a","size":2},{"path":"b"}],"more":[{}]}`)
	f.Add(`{"files":null}`)
	f.Add(`{"version":1,"version":2}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decode(text)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		d := json.NewDecoder(strings.NewReader(text))
		if err := d.Decode(&members); err != nil {
			t.Fatalf("%q was read, and is no JSON object: %v", text, err)
		}
		var want document
		if version := members["version"]; version != nil && json.Unmarshal(version, &want.Version) != nil || got.Version != want.Version {
			t.Errorf("%q: version %d, want %d", text, got.Version, want.Version)
		}
	})
}
