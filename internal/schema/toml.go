package schema

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// readTOML reads a TOML document. The decoder of go-toml checks it as a whole first (keys defined twice, tables that
// clash), so that the tree can then be put together from its parser, which alone knows positions, without asking twice.
func (d *decoder) readTOML() *node {
	var whole map[string]any
	if err := toml.Unmarshal(d.source.Data, &whole); err != nil {
		d.tomlError(err)
		return nil
	}
	r := tomlReader{decoder: d, starts: newLineStarts(d.source.Data)}
	r.parser.Reset(d.source.Data)
	root := &node{kind: mapping, line: d.fileLine(1)}
	table := root
	for r.parser.NextExpression() {
		switch e := r.parser.Expression(); e.Kind {
		case unstable.KeyValue:
			r.keyValue(table, e, 0)
		case unstable.Table:
			table = r.table(root, e.Key())
		case unstable.ArrayTable:
			table = r.arrayTable(root, e.Key())
		}
	}
	return root
}

func (d *decoder) tomlError(err error) {
	line := 1
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ = e.Position()
	}
	p := d.at(d.fileLine(line), "not TOML: %s", strings.TrimPrefix(err.Error(), "toml: "))
	lines := strings.Split(string(d.source.Data), "\n")
	if m := tomlPair.FindStringSubmatch(lines[min(line, len(lines))-1]); m != nil {
		p.Hint = fmt.Sprintf("TOML wants texts in quotes: %s = %q", m[1], shorten(m[2]))
	}
	d.report(p)
}

// tomlPair is a key and a text without quotes.
var tomlPair = regexp.MustCompile(`^\s*([\w.-]+)\s*=\s*(\pL[^"'\\]*?)\s*$`)

// A tomlReader puts the tree together from go-toml's expressions.
type tomlReader struct {
	*decoder
	parser unstable.Parser
	starts lineStarts
}

func (r *tomlReader) line(n *unstable.Node) int {
	return r.fileLine(r.starts.line(int(n.Raw.Offset)))
}

// table returns the mapping named by a dotted key, made where it is missing. In a list it is the last item's.
func (r *tomlReader) table(in *node, key unstable.Iterator) *node {
	for key.Next() {
		in = r.step(in, key.Node())
	}
	return in
}

func (r *tomlReader) step(in *node, key *unstable.Node) *node {
	name := string(key.Data)
	e := in.entry(name)
	if e == nil {
		e = in.insert(entry{name, r.line(key), &node{kind: mapping, line: r.line(key)}})
	}
	if v := e.value; v.kind == list && len(v.items) > 0 {
		return v.items[len(v.items)-1]
	}
	return e.value
}

// arrayTable adds a mapping to the list named by a dotted key.
func (r *tomlReader) arrayTable(in *node, key unstable.Iterator) *node {
	for key.Next() {
		k := key.Node()
		if !key.IsLast() {
			in = r.step(in, k)
			continue
		}
		e := in.entry(string(k.Data))
		if e == nil {
			e = in.insert(entry{string(k.Data), r.line(k), &node{kind: list, line: r.line(k)}})
		}
		in = &node{kind: mapping, line: r.line(k)}
		e.value.items = append(e.value.items, in)
	}
	return in
}

func (r *tomlReader) keyValue(in *node, kv *unstable.Node, depth int) {
	key := kv.Key()
	for key.Next() {
		k := key.Node()
		if !key.IsLast() {
			in = r.step(in, k)
			continue
		}
		r.add(in, entry{string(k.Data), r.line(k), r.value(kv.Value(), r.line(k), depth+1)})
	}
}

// value turns a TOML value into a node. Values without a position of their own stand on the given line.
func (r *tomlReader) value(v *unstable.Node, line, depth int) *node {
	if v.Raw.Length > 0 {
		line = r.line(v)
	}
	n := &node{line: line, text: string(v.Data)}
	if depth > maxDepth {
		r.report(r.tooDeep(line))
		return n
	}
	switch v.Kind {
	case unstable.InlineTable:
		n.kind = mapping
		for it := v.Children(); it.Next(); {
			r.keyValue(n, it.Node(), depth)
		}
	case unstable.Array:
		n.kind = list
		for it := v.Children(); it.Next(); {
			if it.Node().Kind != unstable.Comment {
				n.items = append(n.items, r.value(it.Node(), line, depth+1))
			}
		}
	case unstable.Bool:
		n.kind = boolean
	case unstable.Integer:
		n.kind = integer
	case unstable.Float:
		n.kind = float
	case unstable.LocalDate, unstable.LocalDateTime, unstable.DateTime:
		n.kind = date
	default: // String, and LocalTime, which is a text to everyone but TOML
		n.kind = text
	}
	return n
}
