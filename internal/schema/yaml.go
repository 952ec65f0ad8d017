package schema

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"matinee/internal/diag"
)

// readYAML reads the document's one YAML document; an empty one is an empty mapping.
func (d *decoder) readYAML() *node {
	dec := yaml.NewDecoder(bytes.NewReader(d.source.Data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return &node{kind: mapping, line: d.fileLine(1)}
	}
	if err != nil {
		d.yamlError(err)
		return nil
	}
	r := yamlReader{decoder: d, lines: yamlLines(d.source.Data)}
	switch err := dec.Decode(&second); {
	case err == nil:
		d.report(d.at(r.line(&second), "a second YAML document starts here; there can be only one"))
		return nil
	case !errors.Is(err, io.EOF):
		d.yamlError(err)
		return nil
	}
	return r.node(doc.Content[0], 0)
}

// A yamlReader turns yaml.v3's tree into ours.
type yamlReader struct {
	*decoder
	lines []int // see yamlLines
	nodes int   // made so far
	full  bool  // one of the limits was met and reported
}

func (r *yamlReader) node(y *yaml.Node, depth int) *node {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	r.nodes++
	switch {
	case r.full:
		return &node{}
	case r.nodes > maxNodes:
		return r.tooMuch(y, "aliases multiply to more than %d values", maxNodes)
	case depth > maxDepth:
		return r.tooMuch(y, "nested more than %d levels deep", maxDepth)
	}
	n := &node{line: r.line(y)}
	switch y.Kind {
	case yaml.MappingNode:
		r.mapping(n, y, depth)
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			n.items = append(n.items, r.node(item, depth+1))
		}
	default:
		n.text = y.Value
		n.kind = r.scalarKind(y)
	}
	return n
}

func (r *yamlReader) mapping(n *node, y *yaml.Node, depth int) {
	n.kind = mapping
	n.entries = make([]entry, 0, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		line := r.line(y.Content[i])
		switch {
		case key.Kind != yaml.ScalarNode:
			r.report(r.at(line, "a key must be a word, not a list or keys of its own"))
		case key.ShortTag() == "!!merge":
			r.report(r.at(line, `merge keys ("<<") are not read; write the keys out`))
		default:
			r.add(n, entry{key.Value, line, r.node(y.Content[i+1], depth+1)})
		}
	}
}

// scalarKind says what a YAML scalar is. Tags beyond those of the core schema are refused rather than ignored.
func (r *yamlReader) scalarKind(y *yaml.Node) kind {
	switch tag := y.ShortTag(); tag {
	case "!!str":
		return text
	case "!!int":
		return integer
	case "!!float":
		return float
	case "!!bool":
		return boolean
	case "!!timestamp":
		return date
	case "!!null":
		return null
	default:
		r.report(r.at(r.line(y), "the YAML tag %s is not read; leave it out", quote(tag)))
		return null
	}
}

func (r *yamlReader) tooMuch(y *yaml.Node, format string, args ...any) *node {
	r.full = true
	r.report(r.at(r.line(y), format, args...))
	return &node{}
}

// line is the line of the file on which a node stands, counted as editors count.
func (r *yamlReader) line(y *yaml.Node) int {
	if r.lines == nil {
		return r.fileLine(y.Line)
	}
	return r.fileLine(r.lines[min(max(y.Line, 1), len(r.lines))-1])
}

// yamlLines maps lines as YAML 1.1 counts them, which ends a line also at U+0085, U+2028 and U+2029, to lines as editors
// count them. It is nil where there is no difference.
func yamlLines(data []byte) []int {
	if !bytes.ContainsAny(data, "\u0085\u2028\u2029") {
		return nil
	}
	lines, line := []int{1}, 1
	for _, r := range string(data) {
		switch r {
		case '\n':
			line++
			lines = append(lines, line)
		case '\u0085', '\u2028', '\u2029':
			lines = append(lines, line)
		}
	}
	return lines
}

// yamlError says in a blogger's words why the document is not YAML.
//
// The line in yaml.v3's own message is often that of the surrounding construct, or off by one. The line on which the
// document breaks is the one after the longest run of lines that still is YAML.
func (d *decoder) yamlError(err error) {
	lines := bytes.SplitAfter(d.source.Data, []byte{'\n'})
	at := breakingLine(lines)
	d.report(d.explain(d.fileLine(at), string(lines[at-1]), err))
}

// explain makes the problem of a line that is not YAML.
func (d *decoder) explain(at int, line string, err error) *diag.Problem {
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if strings.Contains(indent, "\t") {
		return d.at(at, "tab used for indentation; YAML wants spaces")
	}
	says := yamlPrefix.ReplaceAllString(err.Error(), "")
	for _, w := range yamlWords {
		if strings.Contains(says, w.says) {
			p := d.at(at, "%s", w.means)
			p.Hint = strings.Replace(w.hint, "{quoted}", quoteValue(line), 1)
			return p
		}
	}
	return d.at(at, "not YAML: %s", says)
}

var yamlPrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// breakingLine returns the line with which the text stops being YAML.
func breakingLine(lines [][]byte) int {
	broken := func(n int) bool {
		var y yaml.Node
		return yaml.Unmarshal(bytes.Join(lines[:n], nil), &y) != nil
	}
	n := len(lines)
	const effort = 4 << 20 // bytes to parse, a fraction of a second; nothing written by hand needs more
	if n/2*len(bytes.Join(lines, nil)) > effort {
		return sort.Search(n, broken) // right, unless it meets the middle of a value of several lines
	}
	for n > 1 && broken(n-1) {
		n--
	}
	return n
}

// quoteValue is the line of a key with its value in quotes, for a hint; an example where the line is another.
func quoteValue(line string) string {
	if m := yamlPair.FindStringSubmatch(line); m != nil {
		return m[1] + ": " + strconv.Quote(shorten(m[2]))
	}
	return `title: "A walk: part one"`
}

// yamlPair is a key and a value without quotes.
var yamlPair = regexp.MustCompile(`^\s*(?:- )?([\w-]+):\s+([^"'\[{|>\s][^"\\]*?)\s*$`)

const quoteIt = "put the text in quotes: {quoted}"

// yamlWords translates yaml.v3's messages; the first that fits is taken.
var yamlWords = []struct{ says, means, hint string }{
	{"mapping values are not allowed", `a ":" that YAML does not expect here`, quoteIt},
	{"found unexpected end of stream", "a quote is opened here and never closed", ""},
	{"did not find expected ',' or ']'", `a list is opened with "[" here and not closed`, ""},
	{"did not find expected ',' or '}'", `keys are opened with "{" here and not closed`, ""},
	{"cannot start any token", "the text here starts with a character YAML keeps for itself", quoteIt},
	{"could not find expected ':'", `want "key: value"`, ""},
	{"did not find expected key", `want "key: value"`, "look for a stray quote, or a line indented differently from its neighbours"},
	{"did not find expected '-' indicator", `want a list item ("- …"), indented like the others`, ""},
	{"did not find expected alphabetic or numeric", `the text here starts with "*" or "&", which YAML keeps for itself`, quoteIt},
	{"unknown anchor", `the text here starts with "*", which YAML keeps for itself`, quoteIt},
	{"unknown escape character", `a "\" that YAML does not know, in double quotes`, `use single quotes, or write "\\"`},
	{"block sequence entries are not allowed", "a list cannot start here", "start it on a line of its own"},
	{"control characters are not allowed", "a control character, which YAML does not allow", ""},
	{"undefined tag handle", `the text here starts with "!", which YAML keeps for itself`, quoteIt},
}
