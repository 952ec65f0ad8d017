// Package caption reads the captions people have – WebVTT, SubRip (.srt), SubStation Alpha (.ass, .ssa) – and writes
// them as WebVTT, which is what browsers show.
//
// WebVTT is read strictly, because a browser drops a cue it cannot read without a word: such a cue is a problem with
// its line. The other formats have no standard and many writers, so they are read as players read them: in whatever
// order and encoding, with or without blank lines and numbers between the cues, with cues that begin before the film.
// What cannot be a time is a problem there too. Of their markup <i>, <b> and <u> are kept; colours, fonts and places
// are left out, and every other character is text.
//
// The invariant: what [Track.WebVTT] writes, [Read] reads back to the same cues, in order of time.
//
// The package opens no file. Nothing it returns is larger than a small multiple of what it was given.
package caption

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"matinee/internal/diag"
)

// Extensions are the names' ends of files that [Read] understands, in order of preference.
var Extensions = []string{".vtt", ".srt", ".ass", ".ssa"}

// MaxSize is the largest file worth reading, in bytes: ten hours of dense captions are below 2 MB.
const MaxSize = 16 << 20

// A Track is the captions of a film in one language.
type Track struct {
	Head   []string // STYLE and REGION blocks of a WebVTT file, without line end
	Cues   []Cue    // in order of their beginnings; they may overlap
	Legacy bool     // the file was not Unicode and was taken for Windows-1252
}

// A Cue is a text and when it is shown.
type Cue struct {
	ID         string // of a WebVTT file
	Start, End time.Duration
	Settings   string // of a WebVTT file: "line:0 align:start"
	Text       string // WebVTT cue text: lines that are not empty, escaped, tags closed
	Line       int    // of the timing in the file that was read
}

// Read reads a caption file. Its name, a path, says the format and stands in problems, each a [diag.Problem].
func Read(name string, data []byte) (*Track, error) {
	ext := strings.ToLower(path.Ext(name))
	if !slices.Contains(Extensions, ext) {
		return nil, diag.At(name, 0, "captions of this type are not understood").
			WithHint("use WebVTT (.vtt), SubRip (.srt) or SubStation Alpha (.ass)")
	}
	if len(data) > MaxSize {
		return nil, diag.At(name, 0, "%d bytes are too much for a text file", len(data))
	}
	if line := invalid(data); ext == ".vtt" && line > 0 { // which is UTF-8 by definition
		return nil, diag.At(name, line, "not UTF-8 text").WithHint("save the file as UTF-8")
	}
	text, legacy := decode(data)
	lines := strings.Split(text, "\n")
	var t *Track
	var err error
	switch {
	case ext == ".vtt" || isWebVTT(lines[0]):
		t, err = readWebVTT(name, lines)
	case ext == ".srt":
		t, err = readSubRip(name, lines)
	default:
		t, err = readSubStation(name, lines)
	}
	if err != nil {
		return nil, err
	}
	t.Legacy = legacy
	slices.SortStableFunc(t.Cues, func(a, b Cue) int { return cmp.Compare(a.Start, b.Start) })
	return t, nil
}

// invalid is the line of the first byte that is not UTF-8, or 0.
func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			before := data[:i]
			return 1 + bytes.Count(before, []byte("\n"))
		}
		i += n
	}
	return 0
}

// decode makes UTF-8 with LF line ends of a file. What is not Unicode is taken for Windows-1252, of which Latin-1 is a
// part: no other encoding can be told from it by looking.
func decode(data []byte) (text string, legacy bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		text = fromUTF16(data[2:], func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 })
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		text = fromUTF16(data[2:], func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 })
	case utf8.Valid(data):
		text = strings.TrimPrefix(string(data), "\ufeff")
	default:
		decoded, err := charmap.Windows1252.NewDecoder().Bytes(data)
		if err != nil { // it has a meaning for every byte
			decoded = bytes.ToValidUTF8(data, []byte("\ufffd"))
		}
		text, legacy = string(decoded), true
	}
	return newlines.Replace(text), legacy
}

var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd")

func fromUTF16(data []byte, unit func([]byte) uint16) string {
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, unit(data))
	}
	return string(utf16.Decode(units))
}

// WebVTT is the track as a file (https://www.w3.org/TR/webvtt1/).
func (t *Track) WebVTT() []byte {
	var b bytes.Buffer
	b.WriteString("WEBVTT\n")
	for _, block := range t.Head {
		b.WriteString("\n" + block + "\n")
	}
	for _, c := range t.Cues {
		b.WriteByte('\n')
		if c.ID != "" {
			b.WriteString(c.ID + "\n")
		}
		b.WriteString(Time(c.Start) + " --> " + Time(c.End))
		if c.Settings != "" {
			b.WriteString(" " + c.Settings)
		}
		b.WriteByte('\n')
		if c.Text != "" {
			b.WriteString(c.Text + "\n")
		}
	}
	return b.Bytes()
}

// Time is a time as WebVTT writes it: "00:01:02.500".
func Time(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// Escape makes WebVTT cue text of a line of plain text.
func Escape(text string) string {
	return escapes.Replace(strings.Join(strings.Fields(text), " "))
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Plain is cue text without its tags, in one line.
func Plain(text string) string {
	var b strings.Builder
	for text != "" {
		before, rest, ok := strings.Cut(text, "<")
		b.WriteString(before)
		if !ok {
			break
		}
		_, text, _ = strings.Cut(rest, ">")
	}
	// Cue text has the character references of HTML (WebVTT §6.4).
	return strings.Join(strings.Fields(html.UnescapeString(b.String())), " ")
}
