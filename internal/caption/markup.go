package caption

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

func errColumns(got, want int) error {
	return fmt.Errorf("the line has %d columns, and its Format line names %d", got, want)
}

var (
	htmlTag   = regexp.MustCompile(`^<(/?)([A-Za-z]+)(?:[\s./][^<>\n]*)?>`)
	override  = regexp.MustCompile(`^\{\\[^{}\n]*\}`)
	braces    = regexp.MustCompile(`^\{[^{}\n]*\}`)
	reference = regexp.MustCompile(`^&(?:lt|gt|amp|nbsp|lrm|rlm);`)
	styling   = regexp.MustCompile(`\\(?:([ibup])(\d+)|r[^\\}]*)`) // \r ends what a line has set
)

// elements are the names of tags that are markup: those of SubRip and WebVTT, and those of HTML that its writers use. What
// else stands between < and > is text: <laughs>, vector<int>.
var elements = strings.Fields("a b big br c center code del div em font h i img ins lang li ol p pre q rp rt ruby s script small span " +
	"strike strong style sub sup table td tr tt u ul v")

// isTag tells whether text begins with a tag that is markup.
func isTag(text string) bool {
	m := htmlTag.FindStringSubmatch(text)
	return m != nil && slices.Contains(elements, strings.ToLower(m[2]))
}

// markup makes WebVTT cue text of the text of another format: <i>, <b> and <u>, or SubStation's {\i1}, are kept and
// closed, further tags dropped, and all else is escaped. In SubStation files tags of HTML are text, and so are
// character references; comments in braces are none.
func markup(text string, subStation bool) string {
	w := writer{}
	for text != "" {
		switch {
		case text[0] == '{' && subStation && braces.MatchString(text), text[0] == '{' && override.MatchString(text):
			block := braces.FindString(text)
			w.override(block)
			text = text[len(block):]
		case text[0] == '<' && !subStation && isTag(text):
			m := htmlTag.FindStringSubmatch(text)
			w.tag(strings.ToLower(m[2]), m[1] == "")
			text = text[len(m[0]):]
		case text[0] == '&' && !subStation && reference.MatchString(text):
			entity := reference.FindString(text)
			w.text(entity)
			text = text[len(entity):]
		default:
			n := 1 + strings.IndexAny(text[1:], "{<&") // the next character that may mean something
			if n == 0 {
				n = len(text)
			}
			w.text(escapes.Replace(strings.Map(printable, text[:n])))
			text = text[n:]
		}
	}
	w.close()
	return compact(w.String())
}

// printable drops control characters but line ends.
func printable(r rune) rune {
	switch {
	case r == '\n':
		return r
	case r == '\t':
		return ' '
	case unicode.IsControl(r):
		return -1
	}
	return r
}

// compact leaves out empty lines, which would end a cue, and the spaces around others.
func compact(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// A writer writes cue text whose tags nest.
type writer struct {
	strings.Builder
	open    []string
	drawing bool // what follows are the strokes of a drawing
}

func (w *writer) text(s string) {
	if !w.drawing {
		w.WriteString(s)
	}
}

// tag opens or closes a tag that is kept, or breaks the line. Tags inside the one that is closed are closed before it.
func (w *writer) tag(name string, opens bool) {
	switch {
	case name == "br":
		w.text("\n")
	case !slices.Contains([]string{"i", "b", "u"}, name) || opens == slices.Contains(w.open, name):
	case opens:
		w.open = append(w.open, name)
		w.WriteString("<" + name + ">")
	default:
		for closed := ""; closed != name; {
			closed = w.open[len(w.open)-1]
			w.open = w.open[:len(w.open)-1]
			w.WriteString("</" + closed + ">")
		}
	}
}

// close closes every tag that is open.
func (w *writer) close() {
	for len(w.open) > 0 {
		w.tag(w.open[0], false)
	}
}

// override takes a block of SubStation's commands: "{\i1\c&H0000FF&}".
func (w *writer) override(block string) {
	for _, m := range styling.FindAllStringSubmatch(block, -1) {
		on := strings.Trim(m[2], "0") != ""
		switch m[1] {
		case "":
			w.close()
		case "p":
			w.drawing = on
		default:
			w.tag(m[1], on)
		}
	}
}
