package post_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"matinee/internal/diag"
	"matinee/internal/post"
	"matinee/internal/schema"
)

// FuzzFrontMatter states of any file that: every problem and every key stands on a line of the file; the text is the rest
// of the file from BodyLine on; and what was read is read again from its front matter written anew in YAML.
func FuzzFrontMatter(f *testing.F) {
	for _, data := range []string{
		"---\ntitle: A walk\ndate: 2026-11-22\nvideo: walk.mp4\n---\nText.\n",
		"+++\ntitle = 'A walk'\n[params]\na = 1.0\n+++\nText.\n",
		"{\"title\": \"A walk\", \"tags\": [\"a\"]}\nText.\n",
		"---\nvideo: {src: a, start: 1:30, chapters: [{at: 1, title: x}], captions: [{src: b, lang: en}]}\n---\n# Heading\n",
		"---\ntitel: x\n---\n", "---\n\ttitle: x\n---\n", "---\nopen", "{", "\uFEFF\r\n---\r\nurl: /a%20b/\r\n---\r\n",
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		posts, warnings, err := one(string(data))
		problems, rest := diag.Problems(err)
		if len(rest) > 0 {
			t.Fatalf("not a problem: %v", rest)
		}
		lines := bytes.Count(data, []byte{'\n'}) + bytes.Count(data, []byte{'\r'}) - bytes.Count(data, []byte("\r\n")) + 1
		for _, p := range slices.Concat(problems, warnings) {
			if p.File != "content/a.md" || p.Line < 0 || p.Line > lines {
				t.Fatalf("%v is not on one of %d lines", p, lines)
			}
		}
		if len(posts) == 0 {
			return
		}
		p := posts[0]
		for key, line := range p.Lines {
			if line < 1 || line > lines {
				t.Fatalf("key %q is on line %d of %d", key, line, lines)
			}
		}
		text, _ := schema.Text("", data)
		if !bytes.HasSuffix(text, p.Body) || p.BodyLine != 1+bytes.Count(text[:len(text)-len(p.Body)], []byte{'\n'}) {
			t.Fatalf("the text from line %d is not %q", p.BodyLine, p.Body)
		}
		written := "---\n" + yaml(p) + "---\n" + string(p.Body)
		again, _, err := one(written)
		if len(written) > 1<<20 {
			return // the front matter may be too large now
		}
		if err != nil {
			t.Fatalf("%s\n%v", written, err)
		}
		if rewritten := yaml(again[0]); rewritten != yaml(p) || string(again[0].Body) != string(p.Body) {
			t.Fatalf("%s became %s, text %q became %q", yaml(p), rewritten, p.Body, again[0].Body)
		}
	})
}

// yaml writes a post's front matter.
func yaml(p *post.Post) string {
	var b strings.Builder
	for _, k := range []struct {
		name  string
		value any
	}{
		{"title", p.Title},
		{"slug", p.Slug},
		{"description", p.Description},
		{"summary", p.Summary},
		{"series", p.Series},
		{"author", p.Author},
		{"image", p.Image},
		{"comments", p.Comments},
		{"url", escapePercent(p.URL)},
		{"draft", p.Draft},
		{"unlisted", p.Unlisted},
		{"weight", p.Weight},
		{"date", p.Date},
		{"lastmod", p.Lastmod},
		{"publishDate", p.PublishDate},
		{"expiryDate", p.ExpiryDate},
		{"params", p.Params},
	} {
		fmt.Fprintf(&b, "%s: %s\n", k.name, flow(k.value))
	}
	list := func(name string, items []string) {
		fmt.Fprintf(&b, "%s: [", name)
		for _, item := range items {
			fmt.Fprintf(&b, "%s, ", flow(item))
		}
		b.WriteString("]\n")
	}
	list("tags", p.Tags)
	var aliases []string
	for _, a := range p.Aliases {
		aliases = append(aliases, escapePercent(a))
	}
	list("aliases", aliases)
	b.WriteString("video:\n")
	for _, c := range p.Videos {
		fmt.Fprintf(&b, "- src: %s\n  title: %s\n  poster: %s\n  start: %v\n  loop: %v\n  muted: %v\n  aspect: %s\n",
			flow(c.Src), flow(c.Title), flow(c.Poster), c.Start, c.Loop, c.Muted, flow(c.Aspect))
		b.WriteString("  ")
		list("renditions", c.Renditions)
		if c.ChaptersFile != "" {
			fmt.Fprintf(&b, "  chapters: %s\n", flow(c.ChaptersFile))
		} else {
			b.WriteString("  chapters:\n")
		}
		for _, ch := range c.Chapters {
			fmt.Fprintf(&b, "  - {at: %v, title: %s}\n", ch.At, flow(ch.Title))
		}
		b.WriteString("  captions:\n")
		for _, t := range c.Captions {
			fmt.Fprintf(&b, "  - {src: %s, lang: %s, label: %s}\n", flow(t.Src), flow(t.Lang), flow(t.Label))
		}
	}
	return b.String()
}

// escapePercent keeps a percent sign of an address from being read as an escape.
func escapePercent(s string) string { return strings.ReplaceAll(s, "%", "%25") }

// flow writes a value so that YAML reads it again, whatever it holds.
func flow(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		var b strings.Builder
		for _, r := range v {
			if r < ' ' || r == '"' || r == '\\' || r >= 0x7f {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		return `"` + b.String() + `"`
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Format(time.RFC3339Nano)
	case float64:
		s := fmt.Sprintf("%g", v)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, flow(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		if v == nil {
			return ""
		}
		var items []string
		for key, value := range v {
			items = append(items, "? "+flow(key)+" : "+flow(value))
		}
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}"
	default:
		return fmt.Sprint(v)
	}
}

// FuzzSlug: a slug is its own slug, is in NFC, fits into a file name, and holds nothing that means something in a path.
func FuzzSlug(f *testing.F) {
	for _, s := range []string{"A walk", "Don't — stop!", "über/ÜBER", "日本の夏", "نیم\u200cفاصله", "हिन्दी", "e\u0301", "İstanbul", "a\\b..c", "ǅ", "½ & 3", strings.Repeat("ä-", 100), "\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		slug := post.Slugify(s)
		switch {
		case post.Slugify(slug) != slug:
			t.Fatalf("%q is %q, which is %q", s, slug, post.Slugify(slug))
		case !utf8.ValidString(slug) || !norm.NFC.IsNormalString(slug):
			t.Fatalf("%q is %q, not in NFC", s, slug)
		case len(slug) > 200:
			t.Fatalf("%q is %d bytes long", slug, len(slug))
		case strings.ContainsAny(slug, "./\\ ?#%:\x00\n") || strings.HasPrefix(slug, "-") || strings.HasSuffix(slug, "-") || strings.Contains(slug, "--"):
			t.Fatalf("%q is %q", s, slug)
		}
	})
}

func TestSlugify(t *testing.T) {
	for name, want := range map[string]string{
		"A walk":                    "a-walk",
		"  --A  walk!! ":            "a-walk",
		"Don't stop":                "dont-stop",
		"Don’t stop":                "dont-stop",
		"C'est l'été":               "cest-lété",
		"e\u0301te\u0301":           "été",
		"ÜBER den See":              "über-den-see",
		"日本の夏、2026":                 "日本の夏-2026",
		"Привет, мир":               "привет-мир",
		"हिन्दी में":                "हिन्दी-में",
		"نیم\u200cفاصله":            "نیمفاصله",
		"../../etc/passwd":          "etc-passwd",
		"a_b.c":                     "a-b-c",
		"100 % \U0001F3AC":          "100",
		"\U0001F3AC":                "",
		"...":                       "",
		"":                          "",
		strings.Repeat("a", 300):    strings.Repeat("a", 120),
		strings.Repeat("word ", 50): strings.TrimSuffix(strings.Repeat("word-", 24), "-"),
	} {
		if got := post.Slugify(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
