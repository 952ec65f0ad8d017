package markdown_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"matinee/internal/markdown"
)

// everything has all that a Document can hold.
const everything = "# One {#first}\n\nText with [a link](other.md), ![a picture](a.png) and \"quotes\".[^1]\n\n" +
	"{{< video src=\"walk.mp4\" start=\"1:30\" loop=true >}}\n\n## Two\n\n```go\nfunc main() {}\n```\n\n<b>raw</b>\n\n[^1]: Note.\n"

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "texts")
	render := func(c *markdown.Cache, r markdown.Renderer, file string, line int, text string) string {
		t.Helper()
		r.Cache = c
		doc, err := r.Render(file, line, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	count := func(c *markdown.Cache, want int) {
		t.Helper()
		if got := c.Rendered(); got != want {
			t.Errorf("%d texts were rendered, want %d", got, want)
		}
	}
	plain := render(nil, markdown.Renderer{}, "content/a.md", 3, everything)
	if !strings.Contains(plain, `"Warnings":[{`) || !strings.Contains(plain, `"start":"90"`) {
		t.Fatalf("this does not have everything: %s", plain)
	}

	first := markdown.NewCache(dir, "1.0")
	for range 2 {
		if got := render(first, markdown.Renderer{}, "content/a.md", 3, everything); got != plain {
			t.Errorf("rendered with a cache:\n%s\nwithout:\n%s", got, plain)
		}
	}
	count(first, 1)
	if err := first.Save(); err != nil {
		t.Fatal(err)
	}

	second := markdown.NewCache(dir, "1.0")
	if got := render(second, markdown.Renderer{}, "content/a.md", 3, everything); got != plain {
		t.Errorf("from the cache:\n%s\nrendered:\n%s", got, plain)
	}
	count(second, 0)
	render(second, markdown.Renderer{HTML: true}, "content/a.md", 3, everything)
	render(second, markdown.Renderer{}, "content/b.md", 3, everything)
	render(second, markdown.Renderer{}, "content/a.md", 4, everything)
	render(second, markdown.Renderer{}, "content/a.md", 3, everything+"More.\n")
	count(second, 4)

	other := markdown.NewCache(dir, "1.1")
	render(other, markdown.Renderer{}, "content/a.md", 3, everything)
	count(other, 1)

	broken := markdown.Renderer{Cache: second}
	for range 2 {
		if _, err := broken.Render("content/a.md", 1, []byte("{{< nothing >}}")); err == nil {
			t.Error("a text with problems was rendered")
		}
	}
	count(second, 6)
}

// What is damaged is rendered again, and written again.
func TestCacheIsDamaged(t *testing.T) {
	dir := t.TempDir()
	again := func() (html []byte, rendered int) {
		t.Helper()
		c := markdown.NewCache(dir, "1.0")
		doc, err := (&markdown.Renderer{Cache: c}).Render("a.md", 1, []byte("Text."))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
		return doc.HTML, c.Rendered()
	}
	want, _ := again()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":    {},
		"short":    whole[:20],
		"cut":      whole[:len(whole)-1],
		"longer":   append(bytes.Clone(whole), 0),
		"changed":  bytes.Replace(whole, []byte("Text."), []byte("Next."), 1),
		"not ours": []byte(strings.Repeat("something else ", 10)),
	} {
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		if html, rendered := again(); rendered != 1 || !bytes.Equal(html, want) {
			t.Errorf("%s: %d texts rendered: %s", name, rendered, html)
		}
		if _, rendered := again(); rendered != 0 {
			t.Errorf("%s: it was not written again", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	full := markdown.NewCache(filepath.Join(dir, "file"), "1.0")
	if _, err := (&markdown.Renderer{Cache: full}).Render("a.md", 1, []byte("Text.")); err != nil {
		t.Error(err)
	}
	if err := full.Save(); err == nil {
		t.Error("a file took the texts of a folder")
	}
}

// Texts that no post has any more do not pile up, and several goroutines render at once.
func TestCacheForgets(t *testing.T) {
	dir := t.TempDir()
	size := func() (total int64) {
		t.Helper()
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			info, err := f.Info()
			if err != nil {
				t.Fatal(err)
			}
			total += info.Size()
		}
		return total
	}
	build := func(texts int, salt string) int {
		t.Helper()
		c := markdown.NewCache(dir, "1.0")
		var all sync.WaitGroup
		for i := range texts {
			all.Go(func() {
				text := fmt.Sprintf("Text %d %s. %s", i, salt, strings.Repeat("Many words. ", 50))
				if _, err := (&markdown.Renderer{Cache: c}).Render("a.md", 1, []byte(text)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if err := c.Save(); err != nil {
			t.Fatal(err)
		}
		return c.Rendered()
	}
	const texts = 600
	build(texts, "")
	once := size()
	for i := range 5 {
		if rendered := build(texts, fmt.Sprint(i)); rendered != texts {
			t.Errorf("%d texts were rendered", rendered)
		}
	}
	if now := size(); now > once+once/10 {
		t.Errorf("%d bytes are kept of what took %d", now, once)
	}
	if rendered := build(texts/4, "4"); rendered != 0 {
		t.Errorf("%d texts were rendered", rendered)
	}
	if now := size(); now > once/2 {
		t.Errorf("%d bytes are kept of a quarter of what took %d", now, once)
	}
}
