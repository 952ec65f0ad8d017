package markdown_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"matinee/internal/diag"
	"matinee/internal/markdown"
)

// allowed are the elements and attributes that a text without raw HTML may become.
var allowed = map[string]string{
	"h1": "id class", "h2": "id class", "h3": "id class", "h4": "id class", "h5": "id class", "h6": "id class",
	"p": "", "blockquote": "", "ul": "", "ol": "start", "li": "class id", "dl": "", "dt": "", "dd": "", "hr": "", "br": "",
	"em": "", "strong": "", "del": "", "code": "class", "span": "class aria-hidden", "pre": "class tabindex",
	"sup": "id", "section": "class role aria-label", "label": "", "input": "type disabled checked aria-label",
	"div": "class tabindex role aria-label", "table": "", "thead": "", "tbody": "", "tr": "", "th": "class", "td": "class",
	"a": "href title class role aria-label aria-labelledby", "img": "src alt title loading decoding",
}

// blocks are the elements that running text cannot hold.
var blocks = strings.Fields("h1 h2 h3 h4 h5 h6 p blockquote ul ol li dl dt dd hr pre section div table thead tbody tr th td figure")

// running are the elements that hold nothing but running text.
var running = strings.Fields("h1 h2 h3 h4 h5 h6 p pre em strong del code span sup a label")

func TestPublishedHTML(t *testing.T) {
	for _, src := range seeds {
		checkDocument(t, []byte(src))
	}
}

// checkDocument renders src in all ways and checks what holds for every text.
func checkDocument(t *testing.T, src []byte) {
	t.Helper()
	const first = 3
	for _, r := range []*markdown.Renderer{{}, {HTML: true}} {
		doc, err := r.Render("a.md", first, src)
		last := first + bytes.Count(src, []byte("\n")) + bytes.Count(src, []byte("\r"))
		if err != nil {
			problems, rest := diag.Problems(err)
			if doc != nil || len(rest) > 0 {
				t.Fatalf("Render(%q) returned %v with errors %v", src, doc, rest)
			}
			checkLines(t, src, problems, first, last)
			continue
		}
		checkLines(t, src, doc.Warnings, first, last)
		checkHoles(t, src, doc, first, last)
		if len([]rune(doc.Summary)) > 300 {
			t.Fatalf("the summary of %q has %d characters", src, len([]rune(doc.Summary)))
		}
		page := fillSafely(t, doc)
		if !r.HTML {
			checkHTML(t, src, page)
		}
		crlf := bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n"))
		if other, err := r.Render("a.md", first, crlf); !bytes.Contains(src, []byte("\r")) && (err != nil || !bytes.Equal(other.HTML, doc.HTML)) {
			t.Fatalf("%q depends on its line ends: %v", src, err)
		}
	}
}

func checkLines(t *testing.T, src []byte, problems []*diag.Problem, first, last int) {
	t.Helper()
	for _, p := range problems {
		if p.Line < first || p.Line > last || p.File != "a.md" {
			t.Fatalf("%q: problem outside of the text: %v", src, p)
		}
	}
}

func checkHoles(t *testing.T, src []byte, doc *markdown.Document, first, last int) {
	t.Helper()
	offset, player := 0, -1
	for _, h := range doc.Holes {
		if h.Offset < offset || h.Offset > len(doc.HTML) || h.Line < first || h.Line > last {
			t.Fatalf("%q: hole out of range or order: %+v", src, h)
		}
		if h.Kind == markdown.Player {
			if h.Offset == player {
				t.Fatalf("%q: two players at offset %d", src, h.Offset)
			}
			player = h.Offset
		}
		offset = h.Offset
	}
}

func fillSafely(t *testing.T, doc *markdown.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	err := doc.Fill(&b, func(h markdown.Hole) (string, error) {
		if h.Kind == markdown.Player {
			return `<figure></figure>`, nil
		}
		return h.Target, nil
	})
	if err != nil {
		t.Fatalf("a hole cannot be filled with its own target: %v", err)
	}
	return b.Bytes()
}

// checkHTML checks that page uses only what is allowed, that ids are unique, and that a parser finds every element
// where it was written: it moves, closes or drops none.
func checkHTML(t *testing.T, src, page []byte) {
	t.Helper()
	written, err := outline(page)
	if err != nil {
		t.Fatalf("%q became %s: %v", src, page, err)
	}
	nodes, err := html.ParseFragment(bytes.NewReader(page), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		t.Fatal(err)
	}
	var parsed strings.Builder
	for _, n := range nodes {
		sketch(&parsed, n)
	}
	if parsed.String() != written {
		t.Fatalf("%q became\n%s\nwhich a browser reads as\n%s\ninstead of\n%s", src, page, parsed.String(), written)
	}
}

// outline is the nesting of the elements as written, like "p(em()a())".
func outline(page []byte) (string, error) {
	var b strings.Builder
	var open []string
	ids := map[string]bool{}
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) || len(open) > 0 {
				return "", fmt.Errorf("%w with %v open", z.Err(), open)
			}
			return b.String(), nil
		case html.StartTagToken:
			token := z.Token()
			if err := checkElement(token, open, ids); err != nil {
				return "", err
			}
			b.WriteString(token.Data + "(")
			if slices.Contains([]string{"br", "hr", "img", "input"}, token.Data) {
				b.WriteString(")")
			} else {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			token := z.Token()
			if len(open) == 0 || open[len(open)-1] != token.Data {
				return "", fmt.Errorf("</%s> closes %v", token.Data, open)
			}
			open = open[:len(open)-1]
			b.WriteString(")")
		case html.CommentToken, html.DoctypeToken, html.SelfClosingTagToken:
			return "", fmt.Errorf("a %s", z.Token().Type)
		case html.TextToken:
		}
	}
}

func checkElement(token html.Token, open []string, ids map[string]bool) error {
	name := token.Data
	if name == "figure" && len(token.Attr) == 0 { // what fillSafely puts in
		name = "hr"
	}
	attributes, ok := allowed[name]
	if !ok {
		return fmt.Errorf("<%s> is not allowed", name)
	}
	for _, outer := range open {
		if slices.Contains(running, outer) && slices.Contains(blocks, name) || outer == name && (name == "a" || name == "label") {
			return fmt.Errorf("<%s> in <%s>", name, outer)
		}
	}
	for _, a := range token.Attr {
		if !slices.Contains(strings.Fields(attributes), a.Key) {
			return fmt.Errorf("<%s %s> is not allowed", name, a.Key)
		}
		if a.Key == "id" {
			if a.Val == "" || ids[a.Val] || strings.ContainsAny(a.Val, " \t\n") {
				return fmt.Errorf("id %q is empty or not unique", a.Val)
			}
			ids[a.Val] = true
		}
		if err := checkAddress(name, a); err != nil {
			return err
		}
	}
	return nil
}

// checkAddress refuses addresses that run code, read as leniently as any browser ever did.
func checkAddress(name string, a html.Attribute) error {
	if a.Key != "href" && a.Key != "src" {
		return nil
	}
	address := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, a.Val))
	if address == "" || name == "img" && strings.HasPrefix(address, "data:image/") {
		return nil
	}
	for _, scheme := range []string{"javascript:", "vbscript:", "data:"} {
		if strings.HasPrefix(address, scheme) {
			return fmt.Errorf("<%s> leads to %q", name, a.Val)
		}
	}
	return nil
}

// sketch writes the nesting of the elements as parsed.
func sketch(b *strings.Builder, n *html.Node) {
	if n.Type != html.ElementNode {
		return
	}
	b.WriteString(n.Data + "(")
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		sketch(b, c)
	}
	b.WriteString(")")
}

// seeds are texts that put things where they do not belong.
var seeds = []string{
	"a ![w](w.mp4) b\n\n**c *d ![x](x.mp4) e* f**\n\n[g ![y](y.webm) ~~h {{< video src=z.mp4 >}} i~~](j.md)\n",
	"# A *b ![w](w.mp4) c* {#d}\n\n![w](w.mp4)\n===\n\n## {{< video src=w.mp4 >}}\n\n#\n",
	"- ![w](w.mp4)\n- a ![w](w.mp4) b\n\n1. > ![w](w.mp4)\n   - [x] ![w](w.mp4)\n   - [ ] [a ![w](w.mp4) b](c.md)\n\n     d\n",
	"|a ![w](w.mp4)|{{< video src=w.mp4 >}}|\n|:-|-:|\n|**b ![w](w.mp4) c**|`{{< video >}}`|\n\n|a|\n|-|\n",
	"a[^1] ![w](w.mp4)[^2] [b[^1]](c)\n\n[^1]: ![w](w.mp4)\n[^2]:\n    - a ![w](w.mp4)\n\n    ```go\n    x\n    ```\n",
	"Term ![w](w.mp4)\n: a ![w](w.mp4) b\n\n  # c ![w](w.mp4)\n\n  - d\n",
	"<script>alert(1)</script> <b onclick=x>a</b>\n\n<div>\n\n![w](w.mp4)\n\n</div>\n\n<!-- a -->\n\n<?php ?>\n\n<![CDATA[a]]>\n\n<!DOCTYPE a>\n",
	"[a](javascript:b) [c](<java\nscript:d>) ![e](data:text/html,f) <javascript:g> [h](&#106;avascript:i) ![j](data:image/svg+xml,k)\n\n[l]: VBSCRIPT:m\n[l]\n",
	"{{< video\n  src=\"a.mp4\"\n  title=`b \" <c>`\n>}} d\ne\n\n> {{< video\n> src=a.mp4 >}}\n",
	"{{< video src=\"a.mp4 >}} {{< youtube b >}} {{</* c */>}} {{% d %}} {{< e\n\n{{< f",
	"# A\n# A\n# A {#a}\n# Clip 1\n# {#}\n# B {id=5 .c class=\"d\\\"\" style=e}\n[f](#a) [g](#nope)\n",
	"![a ![b](c.png) [d](e) {{< video src=f.mp4 >}} <g> `h`](i.png \"j <k> \\\" &quot;\")\n",
	"```go\nfunc main() { fmt.Println(`<a>`, \"&\") } // c\n```\n\n```diff\n-a\n+b\n```\n\n~~~ \"><script>\na\n~~~\n\n    {{< b >}}\n",
	"<https://e.org/\"a\"> www.e.org/<b> c@d.org http://[::1]/[e] [f](<g h?i=\"j\"#k>) [l](//m) [n](\\\\o) [p](?t=5) [q]()",
	"a\x00b\x1bc\xffd&#0;&#1;&#x80;&#xfdd0;&#xd800;\r\ne\rf\u2028g\ufffe\n",
	"* a\n\t* b\n\n\t\tc\n\t> d\n\t1. e\n\n***f** g* _h_ __i__ ~~j~ k~~ \\* &amp &nosuch; <br> l<br/>m  \nn\\\no",
	"[a [b](c.md) d](e.md) [f <https://g.org> h](i.md) [![j](k.png) ![w](w.mp4)](l.md) [](m.md) [![w](w.mp4)](n.md)\n",
}

// FuzzRender checks for any text that nothing panics, that problems and holes are where the text is, and that without
// raw HTML the result is well nested and has only elements and attributes that are allowed.
func FuzzRender(f *testing.F) {
	for _, src := range seeds {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4096 {
			return // long texts find nothing that short ones do not
		}
		checkDocument(t, src)
	})
}

// contexts are places for a shortcode, each of which must become one player.
var contexts = []string{
	"%s", "a %s b", "# %s", "a\n%s\n===", "> - a\n>   %s\n", "1. [ ] %s", "**a *b %s c* d**", "[a ~~%s~~](b.md)",
	"|a|\n|-|\n|%s|\n", "|%s|\n|-|\n", "T\n: %s\n", "%s\n: D\n", "a[^1]\n\n[^1]:\n    %s\n", "a %s\n---\n\n%% b",
}

// FuzzShortcode checks that what is written as a shortcode is what comes out, wherever it stands and on however many
// lines.
func FuzzShortcode(f *testing.F) {
	f.Add("walk.mp4", "A walk", true, uint8(0))
	f.Add("a b/c#d?.mp4", `A "walk" \ & <more>`, false, uint8(4))
	f.Add("stream:a", ">}", true, uint8(7))
	f.Add("https://e.org/a.m3u8?x={{y}}", "*/`", false, uint8(12))
	f.Fuzz(func(t *testing.T, src, title string, loop bool, place uint8) {
		context := contexts[int(place)%len(contexts)]
		if !isParameter(src) || !isParameter(title) || strings.TrimSpace(src) == "" || strings.Contains(src+title, "|") && strings.Contains(context, "|") {
			return // not what a parameter can hold
		}
		params := []string{"{{< video", "src=" + quote(src), "title=" + quote(title), fmt.Sprintf("loop=%v >}}", loop)}
		forms := []string{strings.Join(params, " ")}
		if context == contexts[0] {
			forms = append(forms, strings.Join(params, "\n"), "a\n"+strings.Join(params, "\n   "))
		}
		for _, form := range forms {
			text := fmt.Sprintf(context, form)
			doc, err := new(markdown.Renderer).Render("a.md", 1, []byte(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			players := slices.DeleteFunc(doc.Holes, func(h markdown.Hole) bool { return h.Kind != markdown.Player })
			if len(players) != 1 || players[0].Target != src || players[0].Text != title || !maps.Equal(players[0].Params, map[string]string{"loop": fmt.Sprint(loop)}) {
				t.Fatalf("%s\nbecame %+v", text, players)
			}
		}
	})
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// isParameter tells whether s can be a parameter: one line of characters that is not the end or the start of a
// shortcode.
func isParameter(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufffd' || r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef {
			return false
		}
	}
	return !strings.Contains(s, ">}}") && !strings.Contains(s, "{{<")
}
