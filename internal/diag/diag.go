// Package diag says what is wrong with what an author wrote: where it stands, what is wrong, and what to do next.
//
// A [Problem] is one such finding. Packages that read many files report every finding, not the first: they collect
// problems with errors.Join and carry on. The command line takes the joined error apart again with [Problems], which
// sorts by file and line so that output does not depend on the order of work.
//
// The package knows nothing of exit codes, colours or terminals.
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing wrong with the author's files.
type Problem struct {
	File string `json:"file,omitempty"` // slash-separated path from the site's root; empty when no file is to blame
	Line int    `json:"line,omitempty"` // 1-based line in File; 0 when the whole file is meant
	Text string `json:"text"`           // what is wrong, without a full stop
	Hint string `json:"hint,omitempty"` // what to do next, when that is known
}

// At makes a Problem at a line of a file.
func At(file string, line int, format string, args ...any) *Problem {
	return &Problem{File: file, Line: line, Text: fmt.Sprintf(format, args...)}
}

// WithHint returns p with its hint set.
func (p *Problem) WithHint(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Error is "file:line: text", with the parts that are known. The hint is not part of it.
func (p *Problem) Error() string {
	switch {
	case p.File == "":
		return p.Text
	case p.Line <= 0:
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems takes an error made by errors.Join and fmt.Errorf("%w") apart and returns the Problems in it, sorted by
// file, line and text, without repetitions. Errors in the tree that are not Problems are returned in rest.
func Problems(err error) (problems []*Problem, rest []error) {
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, node by node
		case nil:
		case *Problem:
			problems = append(problems, e)
		case interface{ Unwrap() []error }:
			for _, e := range e.Unwrap() {
				walk(e)
			}
		default:
			rest = append(rest, err)
		}
	}
	walk(err)
	Sort(problems)
	problems = slices.CompactFunc(problems, func(a, b *Problem) bool { return *a == *b })
	return problems, rest
}

// Sort orders problems by file, line and text.
func Sort(problems []*Problem) {
	slices.SortStableFunc(problems, func(a, b *Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Text, b.Text))
	})
}
