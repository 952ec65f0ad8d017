package schema

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"matinee/internal/diag"
)

// OneOf marks a struct as a union: embedded, it says that a document gives one of the struct's fields, told apart by
// what is written there.
//
//	type Chapters struct {
//		schema.OneOf
//		File string    `doc:"A WebVTT file."`
//		List []Chapter `doc:"The chapters themselves."`
//	}
//
// reads both "chapters: walk.vtt" and "chapters: [{at: 1:30, title: The lake}]".
type OneOf struct{}

// A Line field of a struct is set to the line of the file on which the struct's value stands.
type Line int

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	oneOfType    = reflect.TypeFor[OneOf]()
	lineType     = reflect.TypeFor[Line]()
)

// A decoder fills one value from one document.
type decoder struct {
	source   Source
	problems []error // of *diag.Problem
}

// fileLine turns a line of the document into one of the file.
func (d *decoder) fileLine(line int) int {
	return line + max(d.source.Line, 1) - 1
}

func (d *decoder) report(p *diag.Problem) {
	d.problems = append(d.problems, p)
}

// at makes a problem at a line of the file.
func (d *decoder) at(line int, format string, args ...any) *diag.Problem {
	return diag.At(d.source.File, line, format, args...)
}

func (d *decoder) tooDeep(line int) *diag.Problem {
	return d.at(line, "nested more than %d levels deep", maxDepth)
}

// add puts an entry into a mapping, unless its key is there already.
func (d *decoder) add(n *node, e entry) {
	if first := n.entry(e.key); first != nil {
		d.report(d.at(e.line, "key %s is already given on line %d", quote(e.key), first.line))
		return
	}
	n.insert(e)
}

// document decodes the whole of a document.
func (d *decoder) document(root *node, dst any) {
	v := reflect.ValueOf(dst).Elem()
	switch root.kind {
	case null:
		root.kind = mapping
	case mapping:
	default:
		d.report(d.at(root.line, `want lines of "key: value", got %s`, root))
		return
	}
	d.structure(root, "", v)
}

// value decodes a node into v by the rules of f. The path names it in messages.
func (d *decoder) value(n *node, path string, f *field, v reflect.Value) {
	switch {
	case v.Type() == timeType:
		d.date(n, path, f, v)
		return
	case v.Type() == durationType:
		d.duration(n, path, f, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, f, v.Elem())
	case reflect.Struct:
		d.structOrUnion(n, path, f, v)
	case reflect.Slice:
		d.slice(n, path, f, v)
	case reflect.Map:
		d.freeMap(n, path, f, v)
	case reflect.String:
		d.text(n, path, f, v)
	case reflect.Bool:
		d.boolean(n, path, f, v)
	case reflect.Int:
		d.integer(n, path, f, v)
	case reflect.Float64:
		d.float(n, path, f, v)
	default:
		panic(fmt.Sprintf("schema: no rule for %s", v.Type()))
	}
}

// wrong reports that a value is not what its field takes.
func (d *decoder) wrong(n *node, path string, f *field) {
	d.report(d.at(n.line, "%s: want %s, got %s", path, f.wanted(), n))
}

func (d *decoder) structOrUnion(n *node, path string, f *field, v reflect.Value) {
	s := structureOf(v.Type())
	if s.union {
		d.union(n, path, f, v)
		return
	}
	if n.kind != mapping {
		d.wrong(n, path, f)
		return
	}
	d.structure(n, path, v)
}

// structure decodes a mapping into a struct.
func (d *decoder) structure(n *node, path string, v reflect.Value) {
	s := structureOf(v.Type())
	if s.line >= 0 {
		v.Field(s.line).SetInt(int64(n.line))
	}
	var meant []string
	for _, e := range n.entries {
		i := slices.Index(s.keys, e.key)
		if i < 0 {
			meant = append(meant, d.unknown(e, path, s))
			continue
		}
		if e.value.kind != null {
			d.value(e.value, join(path, e.key), &s.fields[i], v.Field(s.fields[i].index))
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		e := n.entry(f.key)
		if f.required && (e == nil || e.value.kind == null) && !slices.Contains(meant, f.key) {
			d.missing(n, e, join(path, f.key), f)
		}
	}
}

// missing reports a required key that is not there, or has no value.
func (d *decoder) missing(n *node, e *entry, path string, f *field) {
	line := n.line
	if e != nil {
		line = e.line
	}
	d.report(d.at(line, "%s is missing", path).WithHint("add a line such as %s: %s", f.key, f.example()))
}

// unknown reports a key nobody knows and returns the one that was meant where that can be guessed.
func (d *decoder) unknown(e entry, path string, s *structure) string {
	in := ""
	if path != "" {
		in = " in " + path
	}
	meant := s.suggest(e.key)
	p := d.at(e.line, "unknown key %s%s%s", quote(e.key), in, didYouMean(meant))
	switch {
	case meant != "":
	case s.free != "":
		p.Hint = "keys of your own belong under " + s.free
	default:
		p.Hint = "the keys here are " + strings.Join(s.keys, ", ")
	}
	d.report(p)
	return meant
}

// union decodes a node into the first field of the union that takes what is written.
func (d *decoder) union(n *node, path string, f *field, v reflect.Value) {
	s := structureOf(v.Type())
	i := slices.IndexFunc(s.fields, func(f field) bool { return accepts(f.typ, n.kind) })
	if i < 0 {
		d.wrong(n, path, f)
		return
	}
	v.SetZero() // a default of another alternative would stand beside this one
	if s.line >= 0 {
		v.Field(s.line).SetInt(int64(n.line))
	}
	d.value(n, path, &s.fields[i], v.Field(s.fields[i].index))
}

func (d *decoder) slice(n *node, path string, f *field, v reflect.Value) {
	if n.kind != list {
		d.wrong(n, path, f)
		return
	}
	items := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	element := *f
	element.typ = v.Type().Elem()
	for i, item := range n.items {
		d.value(item, path, &element, items.Index(i))
	}
	v.Set(items)
}

// freeMap decodes a mapping whose keys are the author's own.
func (d *decoder) freeMap(n *node, path string, f *field, v reflect.Value) {
	if n.kind != mapping {
		d.wrong(n, path, f)
		return
	}
	v.Set(reflect.ValueOf(d.free(n)))
}

// text decodes a scalar as it is written, without the white space around it (block texts end with a line end).
func (d *decoder) text(n *node, path string, f *field, v reflect.Value) {
	s := strings.TrimSpace(n.text)
	switch {
	case !n.kind.scalar():
		d.wrong(n, path, f)
	case f.enum != nil && !slices.Contains(f.enum, s):
		d.report(d.at(n.line, "%s: want %s, got %s%s", path, f.wanted(), n, didYouMean(Suggest(s, f.enum))))
	case f.pattern != nil && s == "": // as good as not given
	case f.pattern != nil && !f.pattern.MatchString(s):
		d.wrong(n, path, f)
	default:
		v.SetString(s)
	}
}

func (d *decoder) boolean(n *node, path string, f *field, v reflect.Value) {
	if n.kind != boolean {
		meant := ""
		switch strings.ToLower(n.text) {
		case "yes", "on", "1", "y":
			meant = " (did you mean true?)"
		case "no", "off", "0", "n":
			meant = " (did you mean false?)"
		}
		d.report(d.at(n.line, "%s: want %s, got %s%s", path, f.wanted(), n, meant))
		return
	}
	v.SetBool(strings.EqualFold(n.text, "true"))
}

func (d *decoder) integer(n *node, path string, f *field, v reflect.Value) {
	i, err := parseInteger(n.text)
	if n.kind != integer || err != nil || !f.holds(float64(i)) {
		d.wrong(n, path, f)
		return
	}
	v.SetInt(int64(i))
}

func (d *decoder) float(n *node, path string, f *field, v reflect.Value) {
	x, err := parseFloat(n.text)
	if (n.kind != integer && n.kind != float) || err != nil || !f.holds(x) {
		d.wrong(n, path, f)
		return
	}
	v.SetFloat(x)
}

func (d *decoder) date(n *node, path string, f *field, v reflect.Value) {
	if n.kind != date && n.kind != text {
		d.wrong(n, path, f)
		return
	}
	t, err := d.parseDate(n.text)
	switch {
	case errors.Is(err, errImpossible):
		d.report(d.at(n.line, "%s: there is no %s", path, shorten(n.text)))
	case err != nil:
		d.wrong(n, path, f)
	default:
		v.Set(reflect.ValueOf(t))
	}
}

func (d *decoder) parseDate(s string) (time.Time, error) {
	loc := d.source.Location
	if loc == nil {
		loc = time.UTC
	}
	return parseDate(s, loc)
}

func (d *decoder) duration(n *node, path string, f *field, v reflect.Value) {
	length, err := ParseDuration(n.text)
	if err != nil || !n.kind.scalar() {
		d.wrong(n, path, f)
		return
	}
	v.SetInt(int64(length))
}

// free turns a node into what encoding/json would make of it, and whole numbers into int, dates into time.Time.
func (d *decoder) free(n *node) any {
	switch n.kind {
	case null:
		return nil
	case boolean:
		return strings.EqualFold(n.text, "true")
	case integer:
		if i, err := parseInteger(n.text); err == nil {
			return i
		}
		return d.freeFloat(n)
	case float:
		return d.freeFloat(n)
	case date:
		if t, err := d.parseDate(n.text); err == nil {
			return t
		}
	case list:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = d.free(item)
		}
		return items
	case mapping:
		values := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			values[e.key] = d.free(e.value)
		}
		return values
	}
	return n.text
}

// freeFloat is a number, or the text of one that no float64 holds.
func (d *decoder) freeFloat(n *node) any {
	if x, err := parseFloat(n.text); err == nil {
		return x
	}
	return n.text
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
