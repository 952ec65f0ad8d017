package schema

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
)

// JSONSchema returns the JSON Schema (draft 2020-12) of the documents that decode into v's type, a struct, for editors and
// validators. Values that v holds are given as defaults. Whatever Decode takes, the schema takes.
func JSONSchema(v any, title, description string) []byte {
	value := reflect.ValueOf(v)
	root := object{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", title},
		{"description", description},
	}
	root = append(root, describeStruct(value.Type(), value)...)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		panic("schema: " + err.Error()) // only values this package made
	}
	return out.Bytes()
}

// An object is a JSON object whose keys keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		for j, part := range []any{m.name, m.value} {
			if j > 0 {
				out.WriteByte(':')
			}
			enc := json.NewEncoder(&out)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(part); err != nil {
				return nil, err
			}
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// describeStruct describes a mapping. Defaults come from v where it is valid.
func describeStruct(t reflect.Type, v reflect.Value) object {
	var properties object
	required := []string{}
	for _, f := range structureOf(t).fields {
		var value reflect.Value
		if v.IsValid() {
			value = v.Field(f.index)
		}
		described := describe(&f, value)
		if f.required {
			required = append(required, f.key)
		} else {
			described = orNull(described)
		}
		properties = append(properties, member{f.key, append(object{{"description", f.doc}}, described...)})
	}
	o := object{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}
	if len(required) > 0 {
		o = append(o, member{"required", required})
	}
	return o
}

// orNull lets a description take null too: a key without a value is a key not given.
func orNull(o object) object {
	for i, m := range o {
		switch m.name {
		case "type":
			types, several := m.value.([]string)
			if !several {
				types = []string{m.value.(string)}
			}
			o[i].value = slices.Concat(types, []string{"null"})
		case "enum":
			o[i].value = slices.Concat(m.value.([]any), []any{nil})
		case "anyOf":
			o[i].value = slices.Concat(m.value.([]object), []object{{{"type", "null"}}})
		}
	}
	return o
}

// describe describes what a field takes. A default comes from v where it is valid and not zero.
func describe(f *field, v reflect.Value) object {
	o := describeType(f, v)
	if v.IsValid() && !v.IsZero() && v.CanInterface() && isPlain(v.Kind()) && f.typ != durationType {
		o = append(o, member{"default", v.Interface()})
	}
	return o
}

func isPlain(k reflect.Kind) bool {
	return k == reflect.String || k == reflect.Int || k == reflect.Bool || k == reflect.Float64
}

func describeType(f *field, v reflect.Value) object {
	switch f.typ {
	case timeType:
		return object{{"type", "string"}, {"examples", []string{"2026-11-22", "2026-11-22 10:00:00 +0100"}}}
	case durationType:
		return object{{"type", []string{"string", "number"}}, {"examples", []string{"1:30", "1m30s"}}}
	}
	element := *f
	switch f.typ.Kind() {
	case reflect.Pointer:
		element.typ = f.typ.Elem()
		return describeType(&element, reflect.Value{})
	case reflect.Slice:
		element.typ = f.typ.Elem()
		return object{{"type", "array"}, {"items", describeType(&element, reflect.Value{})}}
	case reflect.Map:
		return object{{"type", "object"}}
	case reflect.Struct:
		if structureOf(f.typ).union {
			return describeUnion(f.typ)
		}
		return describeStruct(f.typ, v)
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Int:
		return f.describeNumber("integer")
	case reflect.Float64:
		return f.describeNumber("number")
	}
	return f.describeText()
}

func describeUnion(t reflect.Type) object {
	fields := structureOf(t).fields
	if len(fields) == 1 {
		return describeType(&fields[0], reflect.Value{})
	}
	var ways []object
	for _, f := range fields {
		ways = append(ways, append(object{{"description", f.doc}}, describeType(&f, reflect.Value{})...))
	}
	return object{{"anyOf", ways}}
}

func (f *field) describeNumber(kind string) object {
	o := object{{"type", kind}}
	if f.least != nil {
		o = append(o, member{"minimum", *f.least})
	}
	if f.most != nil {
		o = append(o, member{"maximum", *f.most})
	}
	return o
}

// describeText describes a text. Numbers and such are taken as they are written, unless the text has a form.
func (f *field) describeText() object {
	switch {
	case f.enum != nil:
		values := make([]any, len(f.enum))
		for i, v := range f.enum {
			values[i] = v
		}
		return object{{"enum", values}}
	case f.pattern != nil:
		return object{{"type", "string"}, {"pattern", f.pattern.String()}}
	}
	return object{{"type", []string{"string", "number", "boolean"}}}
}
