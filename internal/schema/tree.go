package schema

import (
	"bytes"
	"sort"
	"strconv"
	"strings"
)

// A node is a value of a document, whatever the syntax.
type node struct {
	kind    kind
	line    int            // of the file
	text    string         // of a scalar: a text's value; anything else as it is written
	entries []entry        // of a mapping, in the document's order; grown by insert alone
	index   map[string]int // of entries by key, once they are many
	items   []*node        // of a list
}

// An entry is a key of a mapping and its value.
type entry struct {
	key   string
	line  int
	value *node
}

type kind uint8

const (
	null kind = iota
	boolean
	integer
	float
	date
	text
	list
	mapping
)

// scalar reports whether k is a single value: what a text field can take as it is written.
func (k kind) scalar() bool { return k >= boolean && k <= text }

// many is the number of entries from which on an index is faster, and without which a megabyte of keys takes minutes.
const many = 32

// entry returns the entry with the given key, or nil.
func (n *node) entry(key string) *entry {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return &n.entries[i]
		}
		return nil
	}
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// insert adds an entry whose key is not there yet, and returns it.
func (n *node) insert(e entry) *entry {
	n.entries = append(n.entries, e)
	switch {
	case n.index != nil:
		n.index[e.key] = len(n.entries) - 1
	case len(n.entries) == many:
		n.index = make(map[string]int)
		for i, e := range n.entries {
			n.index[e.key] = i
		}
	}
	return &n.entries[len(n.entries)-1]
}

// String is what the author wrote, short enough for a message.
func (n *node) String() string {
	switch n.kind {
	case null:
		return "nothing"
	case list:
		return "a list"
	case mapping:
		return "keys of its own"
	case text:
		return quote(n.text)
	default:
		return shorten(n.text)
	}
}

// Lines tells where the keys of a document stand.
type Lines struct{ root *node }

// Of returns the line of the file on which a key stands, named by its path ("streaming.url", "menu.0.title"; items of
// lists are counted from 0). Where the key is missing it is the line of what is around it, and 0 when nothing is.
func (l Lines) Of(path string) int {
	n, line := l.root, 0
	for key := range strings.SplitSeq(path, ".") {
		if n == nil {
			break
		}
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.items) {
			n, line = n.items[i], n.items[i].line
			continue
		}
		e := n.entry(key)
		if e == nil {
			break
		}
		n, line = e.value, e.line
	}
	return line
}

// Keys returns the lines of the document's outermost keys.
func (l Lines) Keys() map[string]int {
	if l.root == nil || len(l.root.entries) == 0 {
		return nil
	}
	lines := make(map[string]int, len(l.root.entries))
	for _, e := range l.root.entries {
		lines[e.key] = e.line
	}
	return lines
}

// lineStarts are the offsets at which the lines of a document start.
type lineStarts []int

func newLineStarts(data []byte) lineStarts {
	starts := make(lineStarts, 1, 1+bytes.Count(data, []byte{'\n'}))
	for i, b := range data {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// line returns the line, counted from 1, in which the byte at offset stands.
func (s lineStarts) line(offset int) int {
	return sort.SearchInts(s, offset+1)
}
