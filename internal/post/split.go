package post

import (
	"bytes"

	"matinee/internal/schema"
)

// A split is a post's file taken apart. Lines are counted from 1.
type split struct {
	syntax   schema.Syntax
	matter   []byte // front matter without its delimiters; nil when there is none
	line     int    // on which matter starts
	body     []byte
	bodyLine int
	open     string // the delimiter that is never closed, on line, or ""
}

// splitMatter finds where the front matter ends and the text begins. Blank lines in front of it do not count.
func splitMatter(data []byte) split {
	rest, line := data, 1
	for {
		first, after, found := bytes.Cut(rest, []byte{'\n'})
		if len(bytes.TrimSpace(first)) > 0 || !found {
			break
		}
		rest, line = after, line+1
	}
	first, _, _ := bytes.Cut(rest, []byte{'\n'})
	switch fence := string(bytes.TrimRight(first, " \t")); {
	case fence == "---":
		return splitFenced(rest, line, schema.YAML, fence)
	case fence == "+++":
		return splitFenced(rest, line, schema.TOML, fence)
	case startsJSON(rest):
		return splitJSON(rest, line)
	}
	return split{body: data, bodyLine: 1}
}

func splitFenced(data []byte, line int, syntax schema.Syntax, fence string) split {
	_, rest, _ := bytes.Cut(data, []byte{'\n'})
	s := split{syntax: syntax, line: line + 1}
	for at := rest; len(at) > 0; {
		line++
		current, after, ended := bytes.Cut(at, []byte{'\n'})
		if string(bytes.TrimRight(current, " \t")) == fence {
			s.matter = rest[:len(rest)-len(at)]
			s.body, s.bodyLine = after, line
			if ended {
				s.bodyLine++
			}
			return s
		}
		at = after
	}
	return split{line: s.line - 1, open: fence}
}

// startsJSON tells an object from a shortcode ("{{< video … >}}") and from Liquid ("{% … %}") at the start of a text.
func startsJSON(data []byte) bool {
	if data[0] != '{' {
		return false
	}
	next := bytes.TrimLeft(data[1:], " \t\n")
	return len(next) == 0 || next[0] == '"' || next[0] == '}'
}

// splitJSON finds the brace that closes the first one, strings aside.
func splitJSON(data []byte, line int) split {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			depth--
		}
		if depth == 0 {
			matter := data[:i+1]
			s := split{syntax: schema.JSON, matter: matter, line: line, bodyLine: line + bytes.Count(matter, []byte{'\n'})}
			tail, after, found := bytes.Cut(data[i+1:], []byte{'\n'})
			s.body = data[i+1:]
			if found && len(bytes.TrimSpace(tail)) == 0 {
				s.body, s.bodyLine = after, s.bodyLine+1
			}
			return s
		}
	}
	return split{line: line, open: "{"}
}
