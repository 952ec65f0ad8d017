package markdown

import (
	"bytes"
	stdhtml "html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
)

// A buffer is what HTML is written to. It is a util.BufWriter of goldmark, whose resolving of backslashes and
// character references it uses.
type buffer struct{ bytes.Buffer }

// Buffered makes buffer a util.BufWriter.
func (b *buffer) Buffered() int { return b.Len() }

// Flush makes buffer a util.BufWriter.
func (b *buffer) Flush() error { return nil }

func (b *buffer) put(parts ...string) {
	for _, s := range parts {
		b.WriteString(s)
	}
}

// escape writes plain text as HTML, for an element or a double-quoted attribute.
func (b *buffer) escape(s string) {
	start := 0
	for i := range len(s) {
		var entity string
		switch s[i] {
		case '&':
			entity = "&amp;"
		case '<':
			entity = "&lt;"
		case '>':
			entity = "&gt;"
		case '"':
			entity = "&quot;"
		default:
			continue
		}
		b.put(s[start:i], entity)
		start = i + 1
	}
	b.WriteString(s[start:])
}

// markdown writes the text of a node as HTML: backslashes taken off, character references resolved.
func (b *buffer) markdown(s []byte) {
	start := b.Len()
	html.DefaultWriter.Write(b, s)
	if bytes.Contains(s, []byte("&#")) { // "&#1;" is no character of HTML
		if written := b.Bytes()[start:]; !isClean(written) {
			written = clean(written)
			b.Truncate(start)
			b.Write(written)
		}
	}
}

// resolved is the text of a node with backslashes taken off and character references resolved.
func resolved(s []byte) string {
	if bytes.IndexByte(s, '\\') < 0 && bytes.IndexByte(s, '&') < 0 {
		return string(s)
	}
	var b buffer
	b.markdown(s)
	return stdhtml.UnescapeString(b.String())
}

// clean is src without what HTML cannot hold: ill-formed UTF-8 and control characters become U+FFFD, and line ends
// line feeds. The lines stay the same lines.
func clean(src []byte) []byte {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if isClean(src) {
		return src
	}
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	return bytes.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r == '\f' || r == '\v':
			return ' '
		case !isCharacter(r):
			return utf8.RuneError
		}
		return r
	}, src)
}

func isClean(src []byte) bool {
	for i := 0; i < len(src); {
		if c := src[i]; c < utf8.RuneSelf {
			if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 || !isCharacter(r) {
			return false
		}
		i += size
	}
	return true
}

// isCharacter tells whether HTML may hold r (HTML §13.2.3.5, control characters and noncharacters).
func isCharacter(r rune) bool {
	switch {
	case r < ' ':
		return r == '\n' || r == '\t'
	case 0x7f <= r && r <= 0x9f, 0xfdd0 <= r && r <= 0xfdef, r&0xfffe == 0xfffe:
		return false
	}
	return true
}

// plain is the text of a node's children as a reader sees it, in one line. What is not text is left out: players,
// footnote marks, raw HTML, and pictures unless their descriptions are asked for.
func plain(src []byte, parent ast.Node, descriptions bool) string {
	var b strings.Builder
	appendPlain(&b, src, parent, descriptions)
	return strings.Join(strings.Fields(b.String()), " ")
}

func appendPlain(b *strings.Builder, src []byte, parent ast.Node, descriptions bool) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			if n.IsRaw() || parent.Kind() == ast.KindCodeSpan {
				b.Write(n.Value(src))
			} else {
				b.WriteString(resolved(n.Value(src)))
			}
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(src))
		case *tag:
			if sc, found := parseShortcode(n.text); len(found) == 0 {
				b.WriteString(sc.literal)
			}
		case *ast.Image:
			if descriptions && !isClip(resolved(n.Destination)) {
				appendPlain(b, src, n, descriptions)
			}
		case *ast.RawHTML, *east.FootnoteLink, *east.FootnoteBacklink, *east.TaskCheckBox:
		default:
			appendPlain(b, src, n, descriptions)
		}
	}
}

const summaryLength = 300

// shorten cuts text at the end of a word, so that at most summaryLength characters are left.
func shorten(text string) string {
	runes := []rune(text)
	if len(runes) <= summaryLength {
		return text
	}
	cut := string(runes[:summaryLength-1])
	if end := strings.LastIndexByte(cut, ' '); runes[summaryLength-1] != ' ' && end > len(cut)/2 { // scripts without spaces are cut anywhere
		cut = cut[:end]
	}
	return strings.TrimRightFunc(cut, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }) + "…"
}

// ids are the ids of one text.
type ids struct {
	taken map[string]bool
	tried map[string]int // how many numbers were tried after an id: a diary may have a thousand headings "Monday"
}

// reserved tells whether pages need an id for themselves: players have clip-1, clip-2 …, and the page its landmarks.
func reserved(id string) bool {
	switch id {
	case "top", "main", "content", "search":
		return true
	}
	number, isClip := strings.CutPrefix(id, "clip-")
	if !isClip {
		return false
	}
	_, err := strconv.ParseUint(number, 10, 32)
	return err == nil
}

// claim returns want, or when that is taken want with a number that makes it unique.
func (used ids) claim(want string) string {
	id, n := want, used.tried[want]
	for used.taken[id] || reserved(id) {
		n++
		id = want + "-" + strconv.Itoa(n)
	}
	used.taken[id], used.tried[want] = true, n
	return id
}

// slug makes an id of a heading's text as GitHub does, so that links made for it go on working: letters and digits of
// all scripts in lower case, spaces as hyphens, everything else left out.
func slug(text string) string {
	id := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, text)
	if id == "" {
		return "section"
	}
	return id
}
