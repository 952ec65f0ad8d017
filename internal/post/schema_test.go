package post_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"matinee/internal/post"
)

// samples are values of each documented key, in JSON: good ones, then bad ones.
var samples = map[string][2][]string{
	"title":       {{`"A walk"`, `1984`, `null`}, {`["A"]`}},
	"date":        {{`"2026-11-22"`, `"2026-11-22 10:00"`}, {`true`}},
	"lastmod":     {{`"2026-11-22T10:00:00Z"`}, {`[]`}},
	"description": {{`"Round the lake"`}, {`{}`}},
	"summary":     {{`"Round"`, `""`}, {`[1]`}},
	"video": {
		{
			`"walk.mp4"`, `{"src": "walk.mp4"}`, `["a.mp4", {"src": "b.mp4"}]`, `{"src": "a", "chapters": "a.vtt"}`,
			`{"src": "a", "renditions": ["b"], "title": "t", "poster": "p", "captions": [{"src": "a", "lang": "en", "label": "x"}],
			  "chapters": [{"at": 0, "title": "x"}, {"at": "1:30", "title": "y"}], "start": 5, "loop": true, "muted": false, "aspect": "16:9"}`,
			`{"src": "https://example.com/a.m3u8", "duration": "1:30", "width": 1920, "height": 1080, "transcript": false}`,
			`{"src": "a", "audio": {"loudness": -16.5}}`,
		},
		{`{}`, `{"src": "a", "captins": []}`, `[{}]`, `{"src": "a", "captions": [{"src": "b"}]}`, `{"src": "a", "aspect": "wide"}`, `{"src": "a", "start": true, "loop": 1}`, `{"src": "a", "audio": -16}`, `{"src": "a", "audio": {"loudness": 16}}`, `{"src": "a", "audio": {"loudness": -71}}`},
	},
	"tags":        {{`["a", 2026]`, `[]`}, {`"a"`, `[null]`}},
	"series":      {{`"Walks"`}, {`[]`}},
	"slug":        {{`"a-walk"`}, {`[]`}},
	"url":         {{`"/about/"`, `"about"`}, {`{}`}},
	"aliases":     {{`["/old/"]`}, {`"/old/"`}},
	"draft":       {{`true`, `null`}, {`"yes"`}},
	"publishDate": {{`"2026-11-22"`}, {`{}`}},
	"expiryDate":  {{`"2026-11-22"`}, {`{}`}},
	"author":      {{`"Ada"`}, {`{"name": "Ada"}`}},
	"image":       {{`"walk.jpg"`}, {`[]`}},
	"weight":      {{`3`, `-1`}, {`"3"`, `1.5`}},
	"unlisted":    {{`false`}, {`"no"`}},
	"comments":    {{`"https://example.com/1"`, `""`}, {`"there"`}},
	"params":      {{`{"anything": [1, {"goes": null}]}`, `{}`}, {`[]`}},
}

// The JSON Schema has exactly the documented keys, describes each, and agrees with the decoder about their values.
func TestSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(post.Schema())))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("post.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("post.json")
	if err != nil {
		t.Fatal(err)
	}
	undescribed(t, "", doc)
	for key := range doc.(map[string]any)["properties"].(map[string]any) {
		if _, known := samples[key]; !known {
			t.Errorf("key %s is not documented", key)
		}
	}
	for key, values := range samples {
		for i, value := range slices.Concat(values[0], values[1]) {
			want := i < len(values[0])
			text := `{"` + key + `": ` + value + `}`
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(text, err)
			}
			if err := s.Validate(instance); (err == nil) != want {
				t.Errorf("JSON Schema: %s: %v, want accepted: %v", text, err, want)
			}
			if _, _, err := one(text); (err == nil) != want {
				t.Errorf("Load: %s: %v, want accepted: %v", text, err, want)
			}
		}
	}
}

// undescribed reports the keys anywhere in a schema that are not described by a sentence.
func undescribed(t *testing.T, path string, v any) {
	t.Helper()
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			undescribed(t, path, item)
		}
	case map[string]any:
		properties, _ := v["properties"].(map[string]any)
		for name, property := range properties {
			if text, _ := property.(map[string]any)["description"].(string); !strings.HasSuffix(text, ".") {
				t.Errorf("key %s%s is described as %q, not by a sentence", path, name, text)
			}
			undescribed(t, path+name+".", property)
		}
		for _, nested := range []string{"items", "anyOf"} {
			undescribed(t, path, v[nested])
		}
	}
}
