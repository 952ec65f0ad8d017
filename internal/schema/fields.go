package schema

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A field is what the tags of a struct's field say.
type field struct {
	index    int
	key, doc string
	typ      reflect.Type
	enum     []string
	like     []string
	sample   string
	least    *int
	most     *int
	pattern  *regexp.Regexp
	want     string
	required bool
}

// A structure is what the decoder needs to know of a struct type.
type structure struct {
	fields []field
	keys   []string // of fields
	union  bool
	line   int    // index of the Line field, or -1
	free   string // the key under which authors put keys of their own, or ""
}

var structures sync.Map // of reflect.Type to *structure

func structureOf(t reflect.Type) *structure {
	if s, ok := structures.Load(t); ok {
		return s.(*structure)
	}
	s := &structure{line: -1}
	for f := range t.Fields() {
		switch {
		case f.Type == oneOfType:
			s.union = true
		case f.Type == lineType:
			s.line = f.Index[0]
		case f.Tag.Get("key") != "" || f.Tag.Get("doc") != "":
			s.fields = append(s.fields, fieldOf(f))
			s.keys = append(s.keys, f.Tag.Get("key"))
			if f.Type.Kind() == reflect.Map {
				s.free = f.Tag.Get("key")
			}
		}
	}
	known, _ := structures.LoadOrStore(t, s)
	return known.(*structure)
}

func fieldOf(f reflect.StructField) field {
	tag := f.Tag.Get
	made := field{
		index: f.Index[0], key: tag("key"), doc: tag("doc"), typ: f.Type, enum: split(tag("enum")), like: split(tag("like")),
		sample: tag("example"), want: tag("want"), required: tag("required") == "true",
	}
	if least, err := strconv.Atoi(tag("min")); err == nil {
		made.least = &least
	}
	if most, err := strconv.Atoi(tag("max")); err == nil {
		made.most = &most
	}
	if tag("pattern") != "" {
		made.pattern = regexp.MustCompile("^(?:" + tag("pattern") + ")?$")
	}
	return made
}

// accepts reports whether a value of kind k is meant for type t.
func accepts(t reflect.Type, k kind) bool {
	switch {
	case t.Kind() == reflect.Pointer:
		return accepts(t.Elem(), k)
	case t == timeType || t == durationType || t.Kind() == reflect.String:
		return k.scalar()
	case t.Kind() == reflect.Slice:
		return k == list
	case t.Kind() == reflect.Bool:
		return k == boolean
	case t.Kind() == reflect.Int:
		return k == integer
	default:
		return k == mapping
	}
}

// suggest guesses which key was meant: one spelled nearly so, or one other programs call so.
func (s *structure) suggest(key string) string {
	for _, f := range s.fields {
		if slices.Contains(f.like, strings.ToLower(key)) {
			return f.key
		}
	}
	return Suggest(key, s.keys)
}

// wanted says what a field takes, in a blogger's words.
func (f *field) wanted() string {
	switch {
	case f.typ == timeType:
		return "a date such as 2026-11-22 or 2026-11-22 10:00"
	case f.typ == durationType:
		return "a time such as 1:30, 90 or 1m30s"
	case f.enum != nil && f.typ.Kind() == reflect.String:
		return alternatives(f.enum)
	case f.want != "" && slices.Contains([]reflect.Kind{reflect.String, reflect.Int, reflect.Float64}, f.typ.Kind()):
		return f.want
	}
	switch f.typ.Kind() {
	case reflect.Pointer:
		target := *f
		target.typ = f.typ.Elem()
		return target.wanted()
	case reflect.Slice:
		if f.typ.Elem().Kind() == reflect.String {
			return "a list such as [one, two]"
		}
		return "a list"
	case reflect.Map:
		return "keys of its own"
	case reflect.Struct:
		return wantedStruct(structureOf(f.typ))
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number" + f.bounds()
	case reflect.Float64:
		return "a number" + f.bounds()
	}
	return "text"
}

// bounds says between what a number has to be.
func (f *field) bounds() string {
	switch {
	case f.least != nil && f.most != nil:
		return fmt.Sprintf(" from %d to %d", *f.least, *f.most)
	case f.least != nil:
		return fmt.Sprintf(" of at least %d", *f.least)
	case f.most != nil:
		return fmt.Sprintf(" of at most %d", *f.most)
	}
	return ""
}

// holds tells whether a number is within the bounds.
func (f *field) holds(x float64) bool {
	return (f.least == nil || x >= float64(*f.least)) && (f.most == nil || x <= float64(*f.most))
}

func wantedStruct(s *structure) string {
	if !s.union {
		return fmt.Sprintf("keys of its own (%s: …)", s.keys[0])
	}
	var words []string
	for i := range s.fields {
		words = append(words, s.fields[i].wanted())
	}
	return alternatives(words)
}

// example is a value for a hint.
func (f *field) example() string {
	switch {
	case f.sample != "":
		return f.sample
	case f.enum != nil:
		return f.enum[0]
	}
	return "…"
}
