// Package ledger reads JSON objects that are mostly one long list, an element at a time: read whole, the text of a large
// site's manifest would take several times the memory of what it says.
package ledger

import (
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
