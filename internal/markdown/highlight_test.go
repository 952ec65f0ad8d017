package markdown_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/chroma/v2/lexers"
	"golang.org/x/net/html"

	"matinee/internal/markdown"
)

// Highlighting changes no character of the code, in any language, and the default theme styles every class it gives.
func TestHighlightEveryLanguage(t *testing.T) {
	const code = "# Title <a href=\"b\">&amp;</a>\n\nfunc main() { // c\n\tx := 'a' + \"b\\n\" + `c` + 0x1F; return nil }\n" +
		"/* d */ -- e\nclass F(G): @h def i(self): pass\n+++ j\n--- k\n<?php $l = 1.5 ?>\n%m \u00e4\u4e16\n\n"
	css, err := os.ReadFile("../../themes/default/assets/code.css")
	if err != nil {
		t.Fatal(err)
	}
	classes := regexp.MustCompile(`class="([a-z])"`)
	for _, language := range append(lexers.Names(false), "nosuchlanguage", "GO", "js", "text") {
		info := strings.ReplaceAll(language, " ", "")
		page, _ := render(t, new(markdown.Renderer), "~~~~~ "+info+"\n"+code+"~~~~~\n")
		if got := textOf(t, page); got != code+"\n" {
			t.Errorf("%s: code became %q", language, got)
		}
		for _, m := range classes.FindAllStringSubmatch(page, -1) {
			if !regexp.MustCompile(`\.` + m[1] + `\b`).Match(css) {
				t.Errorf("%s: class %q has no style", language, m[1])
			}
		}
	}
}

func textOf(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.WriteString(z.Token().Data)
		default:
		}
	}
}

// benchmarkPost is a post of 364 words with five lines of code.
func benchmarkPost(code string) []byte {
	var b strings.Builder
	b.WriteString("## A heading\n\n")
	for i := range 6 {
		fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(strings.Repeat("Some *words* of a [post](other.md) that says \"something\" here and there now. ", 4)))
		if i == 2 {
			b.WriteString(code + "- one thing\n- another **thing**\n\n![A walk](walk.mp4)\n\n")
		}
	}
	return []byte(b.String())
}

const fiveLines = "```go\nfunc main() {\n\tfor i := range 10 {\n\t\tfmt.Println(\"hello\", i) // greet\n\t}\n}\n```\n\n"

func BenchmarkRender(b *testing.B) {
	for _, c := range []struct{ name, code string }{
		{"prose", ""},
		{"with code", fiveLines},
		{"with code in no language", strings.Replace(fiveLines, "go", "", 1)},
	} {
		src := benchmarkPost(c.code)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if _, err := new(markdown.Renderer).Render("a.md", 1, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
