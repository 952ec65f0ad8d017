package schema_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"matinee/internal/schema"
)

func TestSet(t *testing.T) {
	const value = "https://d1.cloudfront.net"
	for _, test := range []struct{ name, before, path, after string }{
		{"a plain value", "title: Films\nurl: https://old.example.com\nper_page: 7\n", "url", "title: Films\nurl: VALUE\nper_page: 7\n"},
		{"a comment in its column", "url: https://old.example.com          # the address\n", "url", "url: VALUE        # the address\n"},
		{"a comment that must make room", "url: x  # the address\n", "url", "url: VALUE # the address\n"},
		{"double quotes", "url: \"https://\\\"old\\\"\" # x\ntitle: y\n", "url", "url: VALUE # x\ntitle: y\n"},
		{"single quotes", "url: 'it''s' # x\n", "url", "url: VALUE # x\n"},
		{"an empty text", "streaming:\n  url: \"\"  # empty: here\n", "streaming.url", "streaming:\n  url: VALUE # empty: here\n"},
		{"no value", "url:\ntitle: x\n", "url", "url: VALUE\ntitle: x\n"},
		{"no value, with a comment", "url: # later\n", "url", "url: VALUE # later\n"},
		{"no key", "title: Films\n\n# The end\n", "url", "title: Films\n\n# The end\nurl: VALUE\n"},
		{"no line end", "title: Films", "url", "title: Films\nurl: VALUE\n"},
		{"nothing", "", "streaming.url", "streaming:\n  url: VALUE\n"},
		{"comments alone", "# nothing yet\n", "url", "# nothing yet\nurl: VALUE\n"},
		{"no parent", "title: Films\n", "streaming.url", "title: Films\nstreaming:\n  url: VALUE\n"},
		{"an empty parent", "streaming:\n  # url: \"\"\ntitle: x\n", "streaming.url", "streaming:\n  url: VALUE\n  # url: \"\"\ntitle: x\n"},
		{"an empty parent at the end", "streaming: # how", "streaming.url", "streaming: # how\n  url: VALUE\n"},
		{"a parent with others", "streaming:\n    # how\n    delivery: hls\ntitle: x\n", "streaming.url", "streaming:\n    # how\n    url: VALUE\n    delivery: hls\ntitle: x\n"},
		{"a flow parent", "streaming: {delivery: hls, ladder: [720, 480]} # how\n", "streaming.url", "streaming: {url: VALUE, delivery: hls, ladder: [720, 480]} # how\n"},
		{"an empty flow parent", "streaming: {}\n", "streaming.url", "streaming: {url: VALUE}\n"},
		{"a value in flow", "streaming: {url: a, delivery: hls}\n", "streaming.url", "streaming: {url: VALUE, delivery: hls}\n"},
		{"a whole document in flow", "{title: Films}\n", "streaming.url", "{streaming: {url: VALUE}, title: Films}\n"},
		{"letters beyond ASCII", "menu: [{title: Für Ölgötzen, url: /}] # ä\nstreaming: {title: ü, url: a}\n", "streaming.url", "menu: [{title: Für Ölgötzen, url: /}] # ä\nstreaming: {title: ü, url: VALUE}\n"},
		{"a block text above", "description: |\n  url: no\n\n  yes\ntitle: x\n", "url", "description: |\n  url: no\n\n  yes\ntitle: x\nurl: VALUE\n"},
		{"a key of the same name elsewhere", "author:\n  url: https://a\nurl: b\n", "url", "author:\n  url: https://a\nurl: VALUE\n"},
		{"a quoted key", "\"url\": b\n", "url", "\"url\": VALUE\n"},
		{"a start marker", "---\ntitle: x\n", "url", "---\ntitle: x\nurl: VALUE\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := schema.Set(schema.Source{File: "site.yaml", Data: []byte(test.before)}, test.path, value)
			want := strings.ReplaceAll(test.after, "VALUE", value)
			if err != nil || string(got) != want {
				t.Errorf("got %q, want %q (%v)", got, want, err)
			}
		})
	}
}

// What cannot be edited safely is left to the author.
func TestSetByHand(t *testing.T) {
	for _, doc := range []string{
		"url: |\n  x\n", "url: &a x\ntitle: *a\n", "url: [a]\n", "base: &b {url: x}\nstreaming: *b\n", "title: x\n...\n",
		"url: first\n  second\n", "url: !!str x\n", "title: \"\u0085\"\nurl: x\n", "- a\n", "x: [\n",
	} {
		for _, path := range []string{"url", "streaming.url"} {
			got, err := schema.Set(schema.Source{File: "site.yaml", Data: []byte(doc)}, path, "new")
			if err == nil && !bytes.Contains(got, []byte("url: new")) {
				t.Errorf("%q became %q", doc, got)
			}
		}
	}
	_, err := schema.Set(schema.Source{File: "site.yaml", Data: []byte("title: x\nurl: |\n  x\n")}, "url", "new")
	if err == nil || err.Error() != "site.yaml:2: url cannot be set to new by a program here" {
		t.Errorf("%v", err)
	}
}

// Values that YAML would read as something else are quoted.
func TestSetQuotes(t *testing.T) {
	for _, value := range []string{"yes", "12", "a: b", "a #b", "", "*a", "a, b", "{x}", "ü", "true", "2026-11-22", "it's", `"`, "a\nb"} {
		data, err := schema.Set(schema.Source{File: "site.yaml", Data: []byte("publish: {region: x}\n")}, "publish.stack", value)
		if err != nil {
			t.Errorf("%q: %v", value, err)
			continue
		}
		var doc struct {
			Publish map[string]any `key:"publish" doc:"x"`
		}
		if _, err := schema.Decode(schema.Source{Data: data}, &doc); err != nil || doc.Publish["stack"] != value {
			t.Errorf("%q was written as %q and read as %q (%v)", value, data, doc.Publish["stack"], err)
		}
	}
}

// FuzzSet: an edited document says the same as before, but for the one key (which Set itself checks), and still has
// every line it had, in order, but for the one that was edited.
func FuzzSet(f *testing.F) {
	demo, err := os.ReadFile("../../site.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, doc := range []string{
		string(demo), "url: x # y\n", "streaming:\n  # a\n  url: 'x'\n", "streaming: {url: \"x\"}\n", "streaming:\n", "{a: b}", "? url\n: x\n",
		"a: &x\n  url: y\nstreaming: *x\n", "- streaming: x\n", "streaming:\n- a\n", "a: |+\n  b\n\n", "streaming:\n\turl: x",
	} {
		f.Add(doc, "https://d1.cloudfront.net", true)
		f.Add(doc, "films", false)
	}
	f.Fuzz(func(t *testing.T, doc, value string, deep bool) {
		text, problem := schema.Text("f", []byte(doc))
		if problem != nil {
			return
		}
		path := "url"
		if deep {
			path = "streaming.url"
		}
		got, err := schema.Set(schema.Source{File: "f", Data: slices.Clone(text)}, path, value)
		if err != nil {
			return
		}
		before, after := bytes.Split(text, []byte("\n")), bytes.Split(got, []byte("\n"))
		lost := 0
		for _, line := range before {
			if i := slices.IndexFunc(after, func(l []byte) bool { return bytes.Equal(l, line) }); i >= 0 {
				after = after[i+1:]
			} else if lost++; lost > 1 {
				t.Fatalf("%q became %q", text, got)
			}
		}
		again, err := schema.Set(schema.Source{File: "f", Data: got}, path, value)
		if err == nil && !bytes.Equal(again, got) {
			t.Fatalf("%q became %q the second time", got, again)
		}
	})
}
