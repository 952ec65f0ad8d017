package theme

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"

	"matinee/internal/diag"
)

var (
	// located is how both template packages begin their messages: "template: layouts/post.html:12:5: …".
	located = regexp.MustCompile(`^(?:html/)?template: ?(.+?):(\d+)(?::\d+)?: (.*)$`)
	// executing is what follows while a template runs: `executing "main" at <.Post.Titel>: …`.
	executing = regexp.MustCompile(`^executing ".*?" at <(.*?)>: (.*)$`)
	noField   = regexp.MustCompile(`^can't evaluate field (\w+) in type (.+)$`)
	nilField  = regexp.MustCompile(`^nil pointer evaluating (.+)\.(\w+)$`)
)

// problem says what html/template's error means to the author of the template. data is the dot of the failing
// execution, searched for names close to an unknown one.
func problem(err error, data any) error {
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if found, _ := diag.Problems(cause); len(found) > 0 {
			return cause // a method of the dot found the fault elsewhere
		}
	}
	m := located.FindStringSubmatch(firstLine(err.Error()))
	if m == nil {
		return err
	}
	line, _ := strconv.Atoi(m[2]) // digits, by the expression
	p := diag.At(m[1], line, "%s", m[3])
	if m := executing.FindStringSubmatch(p.Text); m != nil {
		explain(p, m[1], m[2], data)
	}
	return p
}

// explain rewrites the message of a failing expression of a running template.
func explain(p *diag.Problem, expression, message string, data any) {
	p.Text = expression + ": " + message
	if m := noField.FindStringSubmatch(message); m != nil {
		p.Text = fmt.Sprintf("%s: %s has no field or method %s", expression, typeName(m[2]), m[1])
		p.Hint = "docs/themes.md lists what templates can use"
		if near := closest(m[1], members(data, m[2])); near != "" {
			p.Hint = fmt.Sprintf("did you mean %s?", near)
		}
	}
	if m := nilField.FindStringSubmatch(message); m != nil {
		p.Text = fmt.Sprintf("%s: there is no %s on this page", expression, typeName(m[1]))
		p.Hint = "put what needs it between {{with …}} and {{end}}"
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// typeName is a Go type without what a template author need not know: "*site.Post" is "Post".
func typeName(t string) string { return t[strings.LastIndexAny(t, ".*]")+1:] }

// closest is the candidate that name was probably meant to be, or "".
func closest(name string, candidates []string) string {
	best, distance := "", len(name)/3+2 // exclusive: "Titel" may be two edits away
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(c))
		if d < distance || d == distance && best != "" && cmp.Less(c, best) {
			best, distance = c, d
		}
	}
	return best
}

// members lists the fields and methods of the type that prints as name and can be reached from data.
func members(data any, name string) []string {
	if data == nil {
		return nil
	}
	want := strings.TrimPrefix(name, "*")
	seen := make(map[reflect.Type]bool)
	var found []string
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			t = t.Elem()
		}
		if seen[t] || found != nil {
			return
		}
		seen[t] = true
		if t.Kind() != reflect.Struct {
			return
		}
		p := reflect.PointerTo(t)
		if t.String() == want {
			found = exported(p)
			return
		}
		for field := range t.Fields() {
			walk(field.Type)
		}
		for method := range p.Methods() {
			if method.Type.NumOut() > 0 {
				walk(method.Type.Out(0))
			}
		}
	}
	walk(reflect.TypeOf(data))
	return found
}

// exported lists what a template can name on a pointer to a struct.
func exported(p reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(p.Elem()) {
		if field.IsExported() {
			names = append(names, field.Name)
		}
	}
	for method := range p.Methods() {
		names = append(names, method.Name)
	}
	return names
}
