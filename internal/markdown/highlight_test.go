package markdown_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/chroma/v2/lexers"
	"golang.org/x/net/html"

	"matinee/internal/markdown"
)

// Highlighting changes no character of the code, in any language, and every class it gives has a style.
func TestHighlightEveryLanguage(t *testing.T) {
	const code = "# Title <a href=\"b\">&amp;</a>\n\nfunc main() { // c\n\tx := 'a' + \"b\\n\" + `c` + 0x1F; return nil }\n" +
		"/* d */ -- e\nclass F(G): @h def i(self): pass\n+++ j\n--- k\n<?php $l = 1.5 ?>\n%m \u00e4\u4e16\n\n"
	light, dark := markdown.HighlightCSS()
	classes := regexp.MustCompile(`class="([a-z])"`)
	for _, language := range append(lexers.Names(false), "nosuchlanguage", "GO", "js", "text") {
		info := strings.ReplaceAll(language, " ", "")
		page, _ := render(t, new(markdown.Renderer), "~~~~~ "+info+"\n"+code+"~~~~~\n")
		if got := textOf(t, page); got != code+"\n" {
			t.Errorf("%s: code became %q", language, got)
		}
		for _, m := range classes.FindAllStringSubmatch(page, -1) {
			if rule := ".code ." + m[1]; !strings.Contains(light, rule) || !strings.Contains(dark, rule) && m[1] != "h" {
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

// Every colour can be read: contrast 4.5 : 1 (WCAG 2.2, 1.4.3).
func TestHighlightContrast(t *testing.T) {
	light, dark := markdown.HighlightCSS()
	for _, c := range []struct{ css, background string }{{light, "f6f6f4"}, {dark, "1e1e22"}} {
		for _, m := range regexp.MustCompile(`#([0-9a-f]{6})`).FindAllStringSubmatch(c.css, -1) {
			a, b := luminance(t, m[1]), luminance(t, c.background)
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("#%s on #%s has a contrast of only %.2f", m[1], c.background, ratio)
			}
		}
	}
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
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
