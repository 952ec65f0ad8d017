// Package ledger reads and writes JSON objects that are mostly one long list, an element at a time: whole, the text of a
// large site's manifest would take several times the memory of what it says.
package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// A Member reads the value of one member of an object.
type Member func(*json.Decoder) error

// Value is a member that is read whole into what to points to.
func Value(to any) Member {
	return func(d *json.Decoder) error { return d.Decode(to) }
}

// List is a member that is an array, or null. Its elements are appended to what to points to, and given to each, if there
// is one, whose error ends the reading.
func List[T any](to *[]T, each func(*T) error) Member {
	return func(d *json.Decoder) error {
		open, err := d.Token()
		if err != nil || open == nil {
			return err
		}
		if open != json.Delim('[') {
			return fmt.Errorf("want a list, got %v", open)
		}
		for d.More() {
			*to = append(*to, *new(T))
			last := &(*to)[len(*to)-1]
			if err := d.Decode(last); err != nil {
				return err
			}
			if each == nil {
				continue
			}
			if err := each(last); err != nil {
				return err
			}
		}
		_, err = d.Token()
		return err
	}
}

// Decode reads an object. Members that are not named here are passed over.
func Decode(r io.Reader, members map[string]Member) error {
	d := json.NewDecoder(r)
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return fmt.Errorf("want an object, got %v", open)
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := fmt.Sprint(token)
		member, known := members[name]
		if !known {
			member = Value(new(json.RawMessage))
		}
		if err := member(d); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err = d.Token()
	return err
}

// A Field is a member of an object that is written.
type Field func(*writer) error

// One is a member whose value is written whole.
func One(name string, value any) Field {
	return func(w *writer) error {
		w.name(name)
		return w.value(value)
	}
}

// Many is a member that is an array, each of its elements on a line of its own.
func Many[T any](name string, list []T) Field {
	return func(w *writer) error {
		w.name(name)
		w.text("[")
		for i := range list {
			if i > 0 {
				w.text(",")
			}
			w.text("\n")
			if err := w.value(&list[i]); err != nil {
				return err
			}
		}
		if len(list) > 0 {
			w.text("\n")
		}
		w.text("]")
		return nil
	}
}

// Encode writes an object, for programs and for people who compare two of them.
func Encode(to io.Writer, fields ...Field) error {
	w := &writer{to: to}
	w.json = json.NewEncoder(&w.line)
	w.json.SetEscapeHTML(false)
	w.text("{")
	for i, field := range fields {
		if i > 0 {
			w.text(",")
		}
		w.text("\n")
		if err := field(w); err != nil {
			return err
		}
	}
	w.text("\n}\n")
	return w.flush()
}

// A writer holds what is not written yet, about flushAt bytes.
type writer struct {
	to   io.Writer
	line bytes.Buffer
	json *json.Encoder // to line
}

const flushAt = 4 << 10

func (w *writer) text(s string) { w.line.WriteString(s) }

func (w *writer) name(name string) { fmt.Fprintf(&w.line, "%q: ", name) }

func (w *writer) value(value any) error {
	if err := w.json.Encode(value); err != nil {
		return err
	}
	w.line.Truncate(w.line.Len() - len("\n")) // which the encoder adds
	if w.line.Len() < flushAt {
		return nil
	}
	return w.flush()
}

func (w *writer) flush() error {
	_, err := w.line.WriteTo(w.to)
	return err
}
