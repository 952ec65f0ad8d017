package schema_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"matinee/internal/diag"
	"matinee/internal/schema"
)

// FuzzDecode states three things about any bytes in any syntax: every problem stands on a line of the file; what decodes
// without a problem decodes to the same again after being written as JSON; and nothing panics.
func FuzzDecode(f *testing.F) {
	for _, doc := range []string{
		"params: {a: [1, 2.5, x, true, null, 2026-11-22]}", "params: &a\n  b: *c\n", "params:\n\tb: c\n", "params: |\n  text\n",
		"[params]\na = 1\nb.c = [1, {d = 'e'}]\n[[params.f]]\ng = 2026-11-22\n", `{"params": {"a": [1, {"b": "c"}]}}`,
	} {
		for syntax := range uint8(3) {
			f.Add(syntax, []byte(doc))
		}
	}
	f.Fuzz(func(t *testing.T, syntax uint8, doc []byte) {
		const first = 7
		text, problem := schema.Text("f", doc)
		if problem != nil {
			return
		}
		last := first + bytes.Count(text, []byte{'\n'})
		var v, again free
		lines, err := schema.Decode(schema.Source{File: "f", Line: first, Syntax: schema.Syntax(syntax % 3), Data: text}, &v)
		problems, rest := diag.Problems(err)
		if len(rest) > 0 {
			t.Fatalf("not a problem: %v", rest)
		}
		for _, p := range problems {
			if p.Line < first || p.Line > last {
				t.Fatalf("%v is not on a line from %d to %d", p, first, last)
			}
		}
		for key, line := range lines.Keys() {
			if line < first || line > last {
				t.Fatalf("key %q is on line %d, not from %d to %d", key, line, first, last)
			}
		}
		if err != nil {
			return
		}
		written, err := json.Marshal(map[string]any{"params": v.Params})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schema.Decode(schema.Source{Syntax: schema.JSON, Data: written}, &again); err != nil {
			if problems, _ := diag.Problems(err); len(written) > 1<<20 && len(problems) == 1 {
				return // too large now
			}
			t.Fatalf("%s: %v", written, err)
		}
		rewritten, err := json.Marshal(map[string]any{"params": again.Params})
		if err != nil || !bytes.Equal(written, rewritten) {
			t.Fatalf("%s became %s (%v)", written, rewritten, err)
		}
	})
}

type free struct {
	Params map[string]any `key:"params" doc:"Anything."`
}

// FuzzDuration: a length of time is never negative, and is read again from Go's way to write it.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"1:30", "90", "1m30s", "1:02:03.5", "-1", "9999999999999999999", "0x1p-2", "::", "1e9", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := schema.ParseDuration(s)
		if err != nil {
			return
		}
		again, err := schema.ParseDuration(d.String())
		if d < 0 || err != nil || again != d {
			t.Fatalf("%q is %v, which is %v (%v)", s, d, again, err)
		}
	})
}
