package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"matinee/internal/schema"
)

func compile(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("film.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("film.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the decoder takes, the JSON Schema takes; what the one refuses, the other refuses, where JSON Schema can say it.
func TestJSONSchemaAgreesWithTheDecoder(t *testing.T) {
	s := compile(t, schema.JSONSchema(film{Copies: 3}, "film", "A film."))
	for doc, want := range map[string]bool{
		`{"title": "x"}`: true,
		`{"title": 12}`:  true,
		`{"title": "x", "made": "2026-11-22", "length": "1:30", "copies": 2, "score": 1, "public": true}`: true,
		`{"title": "x", "length": 90, "score": 0.5, "format": "tall", "colour": "#c2410c"}`:               true,
		`{"title": "x", "colour": ""}`:                                        true,
		`{"title": "x", "tags": ["a", 2], "params": {"a": [1, {"b": null}]}}`: true,
		`{"title": "x", "cast": [{"name": "Bo"}], "maker": {"name": "Ada"}}`:  true,
		`{"title": "x", "chapters": "a.vtt"}`:                                 true,
		`{"title": "x", "chapters": [{"name": "One"}]}`:                       true,
		`{"title": "x", "chapters": {"name": "One"}}`:                         true,
		`{"title": "x", "backup": {"name": "Di"}}`:                            true,
		`{"title": "x", "made": null, "length": null, "copies": null, "score": null, "public": null, "format": null,
		  "colour": null, "tags": null, "maker": null, "cast": null, "chapters": null, "backup": null, "params": null}`: true,

		`{}`:                                    false,
		`{"title": null}`:                       false,
		`{"title": "x", "titel": "y"}`:          false,
		`{"title": ["x"]}`:                      false,
		`{"title": "x", "copies": 0}`:           false,
		`{"title": "x", "copies": "2"}`:         false,
		`{"title": "x", "public": "yes"}`:       false,
		`{"title": "x", "format": "round"}`:     false,
		`{"title": "x", "colour": "red"}`:       false,
		`{"title": "x", "tags": "a"}`:           false,
		`{"title": "x", "tags": [null]}`:        false,
		`{"title": "x", "maker": {}}`:           false,
		`{"title": "x", "maker": {"nam": "x"}}`: false,
		`{"title": "x", "cast": ["Bo"]}`:        false,
		`{"title": "x", "chapters": [1]}`:       false,
	} {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(instance); (err == nil) != want {
			t.Errorf("JSON Schema: %s: %v, want accepted: %v", doc, err, want)
		}
		if _, _, problems := decode(schema.JSON, doc); (len(problems) == 0) != want {
			t.Errorf("decoder: %s: %q, want accepted: %v", doc, problems, want)
		}
	}
}

// Defaults, and the order of keys, are those of the value and its type.
func TestJSONSchemaIsReadable(t *testing.T) {
	text := string(schema.JSONSchema(film{Copies: 3}, "film", "<A film> & more."))
	at := 0
	for _, want := range []string{`"$schema": "https://json-schema.org/draft/2020-12/schema"`, `"<A film> & more."`, `"title": {`, `"description": "What it is called."`, `"copies": {`, `"default": 3`, `"params": {`} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("no %s after byte %d of\n%s", want, at, text)
		}
		at += i
	}
	if !json.Valid([]byte(text)) {
		t.Error("not JSON")
	}
}
