// Package schema reads what an author wrote in YAML, TOML or JSON into Go structs, strictly: a schema is a Go struct.
//
// A struct says everything about the keys it takes in its field tags, and both the decoder and the JSON Schema that
// editors use are read from them, so the two cannot drift apart:
//
//	type Player struct {
//		Edition string `key:"edition" enum:"flowplayer7,native" doc:"Which player the pages load."`
//		Loop    bool   `key:"loop" doc:"Start again at the end."`
//	}
//
// The tags are:
//
//	key       the key's name; a field without it is none of the document's business
//	doc       one sentence for whoever edits the file
//	enum      the values a text may have, separated by commas
//	min, max  the least and the greatest value of a number
//	pattern   a regular expression a text must match as a whole, unless it is empty
//	want      how to say to a blogger what a text or a number must be ("a colour such as \"#c2410c\"")
//	example   a value for hints
//	like      names other programs give this key, separated by commas: used for suggestions only
//	required  "true" where the key must be there
//
// Besides strings, booleans, numbers, slices, maps and structs, a field may be a [time.Time] ("2026-11-22 10:00"), a
// [time.Duration] ("1:30", "90", "1m30s"), a pointer to any of them, a union (see [OneOf]), or a [Line].
//
// Decoding finds every problem of a document, not the first, and gives each the line of the file it stands on, also
// when the document is the front matter of a larger file. There is one tree for the three syntaxes (tree.go), one
// reader for each of them (yaml.go, toml.go, json.go), and one decoder (decode.go), so a rule holds in all three.
//
// The package is the project's only door to YAML and TOML. It opens no files.
package schema

import (
	"errors"
	"time"
)

// Syntax is the notation of a document.
type Syntax uint8

// The syntaxes.
const (
	YAML Syntax = iota // YAML 1.2 as gopkg.in/yaml.v3 reads it; one document, no merge keys, no tags of one's own
	TOML               // TOML 1.0
	JSON               // RFC 8259
)

// A Source is a document and the place where it stands.
type Source struct {
	File     string         // slash-separated path for messages
	Line     int            // line of File on which Data starts; 0 means 1
	Syntax   Syntax         //
	Data     []byte         // UTF-8 without a byte order mark, LF line ends: see [Text]
	Location *time.Location // of dates that name no zone; nil means UTC
}

const (
	maxBytes = 1 << 20 // of a document; a front matter is a thousandth of that
	maxDepth = 64      // of nesting; also what ends an alias that contains itself
	maxNodes = 1 << 17 // after aliases are followed: the "billion laughs" end here
)

// Decode reads the document into the struct that dst points to. Fields whose keys are missing or empty ("title:") keep
// the value they have, so defaults are set beforehand. The error is an errors.Join of [diag.Problem], one for each thing
// wrong; the rest of the document is decoded all the same. Lines tells where the keys stand.
func Decode(src Source, dst any) (Lines, error) {
	d := &decoder{source: src}
	root := d.read()
	if root != nil {
		d.document(root, dst)
	}
	return Lines{root}, errors.Join(d.problems...)
}

// read turns the document into a tree, or returns nil after reporting why it cannot.
func (d *decoder) read() *node {
	if len(d.source.Data) > maxBytes {
		d.report(d.at(d.fileLine(1), "larger than 1 MB: too large for settings").WithHint("long texts belong below the front matter"))
		return nil
	}
	switch d.source.Syntax {
	case TOML:
		return d.readTOML()
	case JSON:
		return d.readJSON()
	default:
		return d.readYAML()
	}
}
