package schema

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"matinee/internal/diag"
)

// Set returns a YAML document in which the key at a path ("publish.stack") has the given text. Everything else stays as
// the author wrote it, to the byte: comments, order, alignment, line ends. A key that is not there is added, with what is
// around it, where no comment loses its place.
//
// The document must decode, and its keys on the way to the path must be written out, as mappings. Where Set cannot be
// sure, it changes nothing, and the problem says what to write by hand.
func Set(src Source, path, value string) ([]byte, error) {
	before := &decoder{source: src}
	want := before.read()
	if len(before.problems) > 0 {
		return nil, before.problems[0]
	}
	e := editor{data: src.Data, keys: strings.Split(path, "."), value: flowText(value)}
	byHand := diag.At(src.File, Lines{want}.Of(path), "%s cannot be set to %s by a program here", path, e.value).
		WithHint("write it there by hand")
	data, ok := e.edit()
	if !ok {
		return nil, byHand
	}
	src.Data = data
	after := &decoder{source: src}
	got := after.read()
	if len(after.problems) > 0 || !want.with(e.keys, value) || !got.same(want) {
		return nil, byHand
	}
	return data, nil
}

// flowText is a text as YAML has it anywhere, in one line: without quotes where it reads as itself without them.
func flowText(value string) string {
	var bare []any
	if plain.MatchString(value) && yaml.Unmarshal([]byte("["+value+"]"), &bare) == nil && len(bare) == 1 && bare[0] == value {
		return value
	}
	quoted, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(quoted))
}

// plain is what addresses and names are made of.
var plain = regexp.MustCompile(`^[\w:/.-]*\w$`)

// with gives the key at a path a text, in the tree, and tells whether it could.
func (n *node) with(keys []string, value string) bool {
	if n.kind == null {
		n.kind = mapping
	}
	if n.kind != mapping {
		return false
	}
	e := n.entry(keys[0])
	if e == nil {
		e = n.insert(entry{key: keys[0], value: &node{}})
	}
	if len(keys) > 1 {
		return e.value.with(keys[1:], value)
	}
	*e.value = node{kind: text, text: value}
	return true
}

// same tells whether two trees say the same, in whatever order.
func (n *node) same(m *node) bool {
	if n.kind != m.kind || n.text != m.text || len(n.entries) != len(m.entries) {
		return false
	}
	for _, e := range n.entries {
		other := m.entry(e.key)
		if other == nil || !e.value.same(other.value) {
			return false
		}
	}
	return slices.EqualFunc(n.items, m.items, (*node).same)
}

// An editor finds the place in the text where a key's value is, or should be.
type editor struct {
	data  []byte
	keys  []string
	value string
}

func (e *editor) edit() ([]byte, bool) {
	var doc yaml.Node
	if yaml.Unmarshal(e.data, &doc) != nil || yamlLines(e.data) != nil {
		return nil, false
	}
	if len(doc.Content) == 0 { // comments at most
		return e.append(0), true
	}
	return e.editMapping(doc.Content[0], nil, e.keys)
}

// editMapping sets the key at the path keys inside of a mapping, which is the value of the key node parent (nil for the
// document).
func (e *editor) editMapping(m, parent *yaml.Node, keys []string) ([]byte, bool) {
	switch {
	case isNothing(m) && parent != nil:
		return e.insertBelow(parent, keys)
	case m.Kind != yaml.MappingNode:
		return nil, false
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		switch {
		case key.Value != keys[0]:
		case len(keys) > 1:
			return e.editMapping(value, key, keys[1:])
		case isNothing(value):
			return e.fill(key)
		default:
			return e.replace(value)
		}
	}
	switch {
	case m.Style&yaml.FlowStyle != 0:
		return e.insertInFlow(m, keys)
	case parent == nil:
		return e.append(m.Content[0].Column - 1), true
	}
	return e.insertLine(m.Content[0], keys)
}

// isNothing tells whether a value is left out ("title:"), as opposed to written as null.
func isNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && n.Value == "" && n.Anchor == "" && n.Style == 0
}

// lines are the lines of a value: keys from the outermost in, the last one with the value.
func (e *editor) lines(keys []string, indent int) []byte {
	var b bytes.Buffer
	for i, k := range keys {
		b.WriteString(strings.Repeat(" ", indent+2*i) + k + ":")
		if i == len(keys)-1 {
			b.WriteString(" " + e.value)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// append adds lines at the end of the document.
func (e *editor) append(indent int) []byte {
	end := ""
	if len(e.data) > 0 && !bytes.HasSuffix(e.data, []byte("\n")) {
		end = "\n"
	}
	return slices.Concat(e.data, []byte(end), e.lines(e.keys, indent))
}

// insertLine adds lines in front of a mapping's first key, under the key that the mapping belongs to.
func (e *editor) insertLine(first *yaml.Node, keys []string) ([]byte, bool) {
	at, ok := e.offset(first)
	if !ok {
		return nil, false
	}
	start := bytes.LastIndexByte(e.data[:at], '\n') + 1
	if len(bytes.TrimSpace(e.data[start:at])) > 0 { // "- key:", "? key"
		return nil, false
	}
	return e.splice(start, start, e.lines(keys, at-start)), true
}

// insertBelow adds lines below a key without a value.
func (e *editor) insertBelow(key *yaml.Node, keys []string) ([]byte, bool) {
	at, ok := e.afterColon(key)
	if !ok {
		return nil, false
	}
	rest := e.data[at:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		rest, end = append(slices.Clone(rest), '\n'), len(rest)
	}
	if note := bytes.TrimSpace(rest[:end]); len(note) > 0 && note[0] != '#' {
		return nil, false
	}
	return slices.Concat(e.data[:at], rest[:end+1], e.lines(keys, key.Column+1), rest[end+1:]), true
}

// insertInFlow adds "key: value" behind the brace that opens a mapping.
func (e *editor) insertInFlow(m *yaml.Node, keys []string) ([]byte, bool) {
	at, ok := e.offset(m)
	if !ok || at >= len(e.data) || e.data[at] != '{' {
		return nil, false
	}
	pair := strings.Join(keys, ": {") + ": " + e.value + strings.Repeat("}", len(keys)-1)
	if len(m.Content) > 0 {
		pair += ", "
	}
	return e.splice(at+1, at+1, []byte(pair)), true
}

// fill puts the value behind a key that has none.
func (e *editor) fill(key *yaml.Node) ([]byte, bool) {
	at, ok := e.afterColon(key)
	if !ok {
		return nil, false
	}
	return e.splice(at, at, []byte(" "+e.value)), true
}

// replace puts the value in the place of another that stands in one line, and keeps a comment behind it in its column
// where there is room.
func (e *editor) replace(old *yaml.Node) ([]byte, bool) {
	at, ok := e.offset(old)
	if !ok || old.Kind != yaml.ScalarNode || old.Anchor != "" || old.Style&yaml.TaggedStyle != 0 {
		return nil, false
	}
	length, ok := scalarLength(e.data[at:], old)
	if !ok {
		return nil, false
	}
	end := at + length
	value := e.value
	spaces := len(e.data[end:]) - len(bytes.TrimLeft(e.data[end:], " "))
	if grown := len(value) - length; end+spaces < len(e.data) && e.data[end+spaces] == '#' {
		end += spaces
		value += strings.Repeat(" ", max(spaces-grown, 1))
	}
	return e.splice(at, end, []byte(value)), true
}

// scalarLength is how long a scalar is where it stands, if it stands in one line.
func scalarLength(data []byte, n *yaml.Node) (int, bool) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 0, false
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(line); i++ {
			switch line[i] {
			case '\\':
				i++
			case '"':
				return i + 1, true
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(line); i++ {
			switch {
			case line[i] != '\'':
			case i+1 < len(line) && line[i+1] == '\'':
				i++
			default:
				return i + 1, true
			}
		}
	default:
		return len(n.Value), bytes.HasPrefix(line, []byte(n.Value)) && n.Value != ""
	}
	return 0, false
}

// afterColon is the offset behind the colon of a key.
func (e *editor) afterColon(key *yaml.Node) (int, bool) {
	at, ok := e.offset(key)
	if !ok {
		return 0, false
	}
	length, ok := scalarLength(e.data[at:], key)
	if !ok {
		return 0, false
	}
	at += length
	at += len(e.data[at:]) - len(bytes.TrimLeft(e.data[at:], " "))
	if at >= len(e.data) || e.data[at] != ':' {
		return 0, false
	}
	return at + 1, true
}

// offset is where a node starts.
func (e *editor) offset(n *yaml.Node) (int, bool) {
	starts := newLineStarts(e.data)
	if n.Line < 1 || n.Line > len(starts) {
		return 0, false
	}
	at, column := starts[n.Line-1], 1 // which yaml.v3 counts in characters
	for i := range string(e.data[at:]) {
		if column == n.Column {
			return at + i, true
		}
		column++
	}
	return len(e.data), column == n.Column
}

func (e *editor) splice(from, to int, text []byte) []byte {
	return slices.Concat(e.data[:from], text, e.data[to:])
}
