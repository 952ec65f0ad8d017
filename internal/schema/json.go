package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// readJSON reads a JSON document.
func (d *decoder) readJSON() *node {
	r := jsonReader{decoder: d, starts: newLineStarts(d.source.Data)}
	var whole json.RawMessage
	if err := json.Unmarshal(d.source.Data, &whole); err != nil {
		r.syntaxError(err)
		return nil
	}
	r.tokens = json.NewDecoder(bytes.NewReader(d.source.Data))
	r.tokens.UseNumber()
	return r.value(r.token(), 0)
}

func (r *jsonReader) syntaxError(err error) {
	offset := len(r.source.Data)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = int(e.Offset)
	}
	p := r.at(r.fileLine(r.starts.line(max(offset-1, 0))), "not JSON: %s", err)
	switch says := err.Error(); {
	case strings.Contains(says, "looking for beginning of object key"):
		p.Hint = "keys stand in double quotes, and no comma follows the last value"
	case strings.Contains(says, "after object key:value pair"):
		p.Hint = "is there a comma missing on the line above?"
	}
	r.report(p)
}

// A jsonReader walks a document that is known to be JSON.
type jsonReader struct {
	*decoder
	tokens *json.Decoder
	starts lineStarts
	full   bool // nested too deep, which was reported
}

func (r *jsonReader) token() json.Token {
	t, _ := r.tokens.Token() // the document is valid
	return t
}

// line is that of the token read last.
func (r *jsonReader) line() int {
	return r.fileLine(r.starts.line(int(r.tokens.InputOffset()) - 1))
}

func (r *jsonReader) value(t json.Token, depth int) *node {
	n := &node{line: r.line()}
	if depth > maxDepth && !r.full {
		r.full = true
		r.report(r.tooDeep(n.line))
	}
	switch t := t.(type) {
	case json.Delim:
		r.compound(n, t, depth)
	case string:
		n.kind, n.text = text, t
	case json.Number:
		n.kind, n.text = integer, t.String()
		if strings.ContainsAny(n.text, ".eE") {
			n.kind = float
		}
	case bool:
		n.kind, n.text = boolean, "false"
		if t {
			n.text = "true"
		}
	}
	return n
}

// compound reads up to the end of a list or object. Below the deepest level it reads on and keeps nothing.
func (r *jsonReader) compound(n *node, open json.Delim, depth int) {
	n.kind = list
	if open == '{' {
		n.kind = mapping
	}
	for r.tokens.More() {
		var e entry
		if open == '{' {
			e.key, _ = r.token().(string)
			e.line = r.line()
		}
		e.value = r.value(r.token(), depth+1)
		switch {
		case depth > maxDepth:
		case open == '{':
			r.add(n, e)
		default:
			n.items = append(n.items, e.value)
		}
	}
	r.token() // the closing bracket
}
