package markdown_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"matinee/internal/diag"
	"matinee/internal/markdown"
)

// render gives the HTML of src, with holes shown as PLAYER(target|text|params), and as the targets of links.
func render(t *testing.T, r *markdown.Renderer, src string) (string, *markdown.Document) {
	t.Helper()
	doc, err := r.Render("a.md", 1, []byte(src))
	if err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	return fill(t, doc), doc
}

func fill(t *testing.T, doc *markdown.Document) string {
	t.Helper()
	var b strings.Builder
	err := doc.Fill(&b, func(h markdown.Hole) (string, error) {
		if h.Kind != markdown.Player {
			return h.Target, nil
		}
		show := "PLAYER(" + h.Target + "|" + h.Text
		if h.Params != nil {
			show += "|" + strings.TrimPrefix(fmt.Sprint(h.Params), "map")
		}
		return show + ")", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRender(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"paragraphs", "One\ntwo  \nthree\\\nfour\n\nfive", "<p>One\ntwo<br>\nthree<br>\nfour</p>\n<p>five</p>\n"},
		{"emphasis", "*a* **b** ***c*** ~~d~~ `e <f>`", "<p><em>a</em> <strong>b</strong> <em><strong>c</strong></em> <del>d</del> <code>e &lt;f&gt;</code></p>\n"},
		{"escapes", `\*a\* &amp; &lt; &#228; &copy; < & \&amp;`, "<p>*a* &amp; &lt; ä © &lt; &amp; &amp;amp;</p>\n"},
		{"control characters", "a\x00b\x01c&#1;d&#0;e\xffe", "<p>a\ufffdb\ufffdc\ufffdd\ufffde\ufffde</p>\n"},
		{"byte order mark", "\ufeff# A", "<h2 id=\"a\">A</h2>\n"},
		{"typography", `"It's" -- a --- b... <<c>>`, "<p>“It’s” – a — b… «c»</p>\n"},
		{"quote, rule", "> a\n\n---", "<blockquote>\n<p>a</p>\n</blockquote>\n<hr>\n"},
		{"lists", "- a\n- b\n\n3. c\n\n   d", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol start=\"3\">\n<li><p>c</p>\n<p>d</p>\n</li>\n</ol>\n"},
		{"nested list", "- a\n  - b", "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>\n"},
		{
			"tasks", "- [x] done\n- [ ] to *do*\n",
			"<ul>\n<li class=\"task\"><label><input type=\"checkbox\" disabled checked> done</label></li>\n" +
				"<li class=\"task\"><label><input type=\"checkbox\" disabled> to <em>do</em></label></li>\n</ul>\n",
		},
		{
			"task that is a player", "- [ ] a ![w](w.mp4) b\n- [x] ![w](w.mp4)\n",
			"<ul>\n<li class=\"task\"><label><input type=\"checkbox\" disabled> a</label>PLAYER(w.mp4|w)\nb</li>\n" +
				"<li class=\"task\"><label><input type=\"checkbox\" disabled checked aria-label=\"Task\"></label>PLAYER(w.mp4|w)\n</li>\n</ul>\n",
		},
		{
			"table", "| a | *b* | c | d |\n|:--|--:|:-:|---|\n| 1 | 2 | 3 |\n",
			"<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"a, b, c, d\">\n<table>\n<thead>\n<tr>\n" +
				"<th class=\"align-left\">a</th>\n<th class=\"align-right\"><em>b</em></th>\n<th class=\"align-center\">c</th>\n<th>d</th>\n" +
				"</tr>\n</thead>\n<tbody>\n<tr>\n<td class=\"align-left\">1</td>\n<td class=\"align-right\">2</td>\n" +
				"<td class=\"align-center\">3</td>\n<td></td>\n</tr>\n</tbody>\n</table>\n</div>\n",
		},
		{
			"definitions", "Term\n: One\n: Two\n\n  more",
			"<dl>\n<dt>Term</dt>\n<dd>One</dd>\n<dd>Two\n<p>more</p>\n</dd>\n</dl>\n",
		},
		{
			"footnotes", "a[^x] b[^x] c[^1]\n\n[^1]: One.\n[^x]: Two.\n[^unused]: Three.\n",
			"<p>a<sup id=\"fnref:1\"><a href=\"#fn:1\" role=\"doc-noteref\">1</a></sup> b<sup id=\"fnref:1:2\"><a href=\"#fn:1\" role=\"doc-noteref\">1</a></sup>" +
				" c<sup id=\"fnref:2\"><a href=\"#fn:2\" role=\"doc-noteref\">2</a></sup></p>\n" +
				"<section class=\"footnotes\" role=\"doc-endnotes\" aria-label=\"Footnotes\">\n<ol>\n" +
				"<li id=\"fn:1\"><p>Two.\u00a0<a href=\"#fnref:1\" class=\"backlink\" role=\"doc-backlink\" aria-label=\"Back to reference 1\">↩\ufe0e</a>" +
				"\u00a0<a href=\"#fnref:1:2\" class=\"backlink\" role=\"doc-backlink\" aria-label=\"Back to reference 1-2\">↩\ufe0e</a></p>\n</li>\n" +
				"<li id=\"fn:2\"><p>One.\u00a0<a href=\"#fnref:2\" class=\"backlink\" role=\"doc-backlink\" aria-label=\"Back to reference 2\">↩\ufe0e</a></p>\n</li>\n" +
				"</ol>\n</section>\n",
		},
		{
			"footnote that is code", "a[^1]\n\n[^1]:\n    - b\n",
			"<p>a<sup id=\"fnref:1\"><a href=\"#fn:1\" role=\"doc-noteref\">1</a></sup></p>\n" +
				"<section class=\"footnotes\" role=\"doc-endnotes\" aria-label=\"Footnotes\">\n<ol>\n<li id=\"fn:1\"><ul>\n<li>b</li>\n</ul>\n" +
				"<p><a href=\"#fnref:1\" class=\"backlink\" role=\"doc-backlink\" aria-label=\"Back to reference 1\">↩\ufe0e</a></p>\n</li>\n</ol>\n</section>\n",
		},
		{"headings", "# Über *uns*\nB\n=\n## B\n## b {#my-b .big}\n## 日本 2\n## !\n", "<h2 id=\"über-uns\">Über <em>uns</em></h2>\n<h2 id=\"b\">B</h2>\n<h3 id=\"b-1\">B</h3>\n<h3 id=\"my-b\" class=\"big\">b</h3>\n<h3 id=\"日本-2\">日本 2</h3>\n<h3 id=\"section\">!</h3>\n"},
		{"ids of the page", "# Clip 1\n# Main\n# Clip one", "<h2 id=\"clip-1-1\">Clip 1</h2>\n<h2 id=\"main-1\">Main</h2>\n<h2 id=\"clip-one\">Clip one</h2>\n"},
		{"wanted id first", "# A\n# B {#a}", "<h2 id=\"a-1\">A</h2>\n<h2 id=\"a\">B</h2>\n"},
		{"code", "```go\nx := `a` // b\n```\n", "<pre class=\"code\" tabindex=\"0\"><code class=\"language-go\">x := <span class=\"s\">`a`</span> <span class=\"c\">// b</span>\n</code></pre>\n"},
		{"code in no language", "    <a>\n\n```\n&\n```\n```nosuch{1}\n\"\n", "<pre class=\"code\" tabindex=\"0\"><code>&lt;a&gt;\n</code></pre>\n<pre class=\"code\" tabindex=\"0\"><code>&amp;\n</code></pre>\n<pre class=\"code\" tabindex=\"0\"><code class=\"language-nosuch\">&quot;\n</code></pre>\n"},

		{"links", "[a](b.md) [c](/d/?e=f#g 'T\"') [h](<i j.md>) [k](%20\\_.md)", "<p><a href=\"b.md\">a</a> <a href=\"/d/?e=f#g\" title=\"T&quot;\">c</a> <a href=\"i%20j.md\">h</a> <a href=\"%20_.md\">k</a></p>\n"},
		{"absolute links", "[a](https://e.org/?b=[c]&d) <mailto:f@e.org> <f@e.org> www.e.org [g](tel:+1) [h](//e.org/100%)", "<p><a href=\"https://e.org/?b=%5Bc%5D&amp;d\">a</a> <a href=\"mailto:f@e.org\">mailto:f@e.org</a> <a href=\"mailto:f@e.org\">f@e.org</a> <a href=\"http://www.e.org\">www.e.org</a> <a href=\"tel:+1\">g</a> <a href=\"//e.org/100%25\">h</a></p>\n"},
		{"links in the page", "# A b\n[a](#a-b) [t](#t=90) [u](#top)", "<h2 id=\"a-b\">A b</h2>\n<p><a href=\"#a-b\">a</a> <a href=\"#t=90\">t</a> <a href=\"#top\">u</a></p>\n"},
		{"reference links", "[a][b] [b]\n\n[b]: c.md 'd'", "<p><a href=\"c.md\" title=\"d\">a</a> <a href=\"c.md\" title=\"d\">b</a></p>\n"},
		{"link in a link", "[a <https://b.org> c](d.md)", "<p><a href=\"d.md\">a https://b.org c</a></p>\n"},
		{"footnote in a link", "[a[^1]](b.md)\n\n[^1]: c", "<p><a href=\"b.md\">a<sup id=\"fnref:1\">1</sup></a></p>\n<section class=\"footnotes\" role=\"doc-endnotes\" aria-label=\"Footnotes\">\n<ol>\n<li id=\"fn:1\"><p>c\u00a0<a href=\"#fnref:1\" class=\"backlink\" role=\"doc-backlink\" aria-label=\"Back to reference 1\">↩\ufe0e</a></p>\n</li>\n</ol>\n</section>\n"},
		{"picture", `![a *b* "c"](d.png "e")`, "<p><img src=\"d.png\" alt=\"a b “c”\" title=\"e\" loading=\"lazy\" decoding=\"async\"></p>\n"},
		{"linked picture", "[![a](b.png)](c.md)", "<p><a href=\"c.md\"><img src=\"b.png\" alt=\"a\" loading=\"lazy\" decoding=\"async\"></a></p>\n"},
		{"data picture", "![a](data:image/png;base64,AA)", "<p><img src=\"data:image/png;base64,AA\" alt=\"a\" loading=\"lazy\" decoding=\"async\"></p>\n"},
		{"typescript is no clip in code", "`![a](b.ts)`", "<p><code>![a](b.ts)</code></p>\n"},

		{"clip alone", "![A walk](walk.mp4)", "PLAYER(walk.mp4|A walk)\n"},
		{"clip with a title", `![A walk](walk.MOV "Our walk")`, "PLAYER(walk.MOV|Our walk)\n"},
		{"clip in text", "See *it ![w](w.mp4) here*, \n![x](x.webm)\nand\n", "<p>See <em>it</em></p>\nPLAYER(w.mp4|w)\n<p><em>here</em>,</p>\nPLAYER(x.webm|x)\n<p>and</p>\n"},
		{"clips side by side", "![w](w.mp4) ![x](x.mp3)", "PLAYER(w.mp4|w)\nPLAYER(x.mp3|x)\n"},
		{"clip in a link", "[a ![w](w.mp4) b](c.md)", "<p><a href=\"c.md\">a</a></p>\nPLAYER(w.mp4|w)\n<p><a href=\"c.md\">b</a></p>\n"},
		{"clip in a heading", "# A ![w](w.mp4) b\n", "<h2 id=\"a-b\">A b</h2>\nPLAYER(w.mp4|w)\n"},
		{"clip as a heading", "![w](w.mp4)\n---\n", "PLAYER(w.mp4|w)\n"},
		{"clip in lists and quotes", "> ![w](w.mp4)\n\n- a ![x](x.mp4)\n- ![y](y.mp4) b\n", "<blockquote>\nPLAYER(w.mp4|w)\n</blockquote>\n<ul>\n<li>aPLAYER(x.mp4|x)\n</li>\n<li>PLAYER(y.mp4|y)\nb</li>\n</ul>\n"},
		{"clip in a table", "|a ![w](w.mp4)|\n|-|\n|*b ![x](x.mp4) c*|\n", "<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"a\">\n<table>\n<thead>\n<tr>\n<th>aPLAYER(w.mp4|w)\n</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><em>b</em>PLAYER(x.mp4|x)\n<em>c</em></td>\n</tr>\n</tbody>\n</table>\n</div>\n"},
		{"clip in a definition", "Term ![v](v.mp4)\n: ![w](w.mp4)", "<dl>\n<dt>TermPLAYER(v.mp4|v)\n</dt>\n<dd>PLAYER(w.mp4|w)\n</dd>\n</dl>\n"},
		{"clip names", "![](<my clip.mp4>) ![](a%20b.mp4#t=5) ![](take#2.mp4) ![](stream:a/b) ![](https://e.org/m.m3u8?x=y) ![](a.png?b=c.mp4)", "PLAYER(my clip.mp4|)\nPLAYER(a%20b.mp4#t=5|)\nPLAYER(take#2.mp4|)\nPLAYER(stream:a/b|)\nPLAYER(https://e.org/m.m3u8?x=y|)\n<p><img src=\"a.png?b=c.mp4\" alt=\"\" loading=\"lazy\" decoding=\"async\"></p>\n"},
		{"clip in a description", "![a ![w](w.mp4) b](c.png)", "<p><img src=\"c.png\" alt=\"a b\" loading=\"lazy\" decoding=\"async\"></p>\n"},

		{"shortcode", `{{< video src="w.mp4" title="A \"walk\" & more" start="1:30" loop=true muted=false aspect=16:9 poster=` + "`p q.jpg`" + ` >}}`, "PLAYER(w.mp4|A \"walk\" & more|[aspect:16:9 loop:true muted:false poster:p q.jpg start:90])\n"},
		{"tight shortcode", "a {{<video src=w.mp4/>}} b", "<p>a</p>\nPLAYER(w.mp4|)\n<p>b</p>\n"},
		{"shortcode of several lines", "a\n{{< video\n    src = \"w.mp4\"\n  title=\"b\"\n>}} c\nd", "<p>a</p>\nPLAYER(w.mp4|b)\n<p>c</p>\n<p>d</p>\n"},
		{"shortcode in a quote", "> {{< video\n> src=w.mp4\n> >}} a\n> b\n", "<blockquote>\nPLAYER(w.mp4|)\n<p>a</p>\n<p>b</p>\n</blockquote>\n"},
		{"shortcode as a heading", "{{< video src=w.mp4 >}}\n===\n", "PLAYER(w.mp4|)\n"},
		{"times", "{{< video src=w.mp4 start=1:02:03.5 >}} {{< video src=w.mp4 start=90s >}} {{< video src=w.mp4 start=90 >}} {{< video src=w.mp4 start=1m0.25s >}}", "PLAYER(w.mp4||[start:3723.5])\nPLAYER(w.mp4||[start:90])\nPLAYER(w.mp4||[start:90])\nPLAYER(w.mp4||[start:60.25])\n"},
		{"shortcode in code", "`{{< video >}}`\n\n    {{< foo >}}\n\n```\n{{< bar\n```\n", "<p><code>{{&lt; video &gt;}}</code></p>\n<pre class=\"code\" tabindex=\"0\"><code>{{&lt; foo &gt;}}\n</code></pre>\n<pre class=\"code\" tabindex=\"0\"><code>{{&lt; bar\n</code></pre>\n"},
		{"shortcode printed", "a {{</* foo \"b\" */>}} \\{{< c >}}", "<p>a {{&lt; foo &quot;b&quot; &gt;}} {{&lt; c &gt;}}</p>\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := render(t, &markdown.Renderer{}, c.src); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// The first level is the post's title's: a text that uses it has all of its headings one level lower.
func TestHeadingLevels(t *testing.T) {
	got, doc := render(t, &markdown.Renderer{}, "# A\n## B\n###### C\n\n> # D")
	want := "<h2 id=\"a\">A</h2>\n<h3 id=\"b\">B</h3>\n<h6 id=\"c\">C</h6>\n<blockquote>\n<h2 id=\"d\">D</h2>\n</blockquote>\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(doc.Headings) != 4 || doc.Headings[0].Level != 2 || doc.Headings[2].Level != 6 {
		t.Errorf("headings %+v", doc.Headings)
	}
	if got, _ := render(t, &markdown.Renderer{}, "## B\n### C"); got != "<h2 id=\"b\">B</h2>\n<h3 id=\"c\">C</h3>\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestRawHTML(t *testing.T) {
	src := "<div class=\"x\">\n{{< video src=w.mp4 >}} {{</* a */>}}\n</div>\n\nSome <b style=\"y\">bold</b><br>text<!-- no -->.\n\n<!-- note -->\n\n<script>\n\"{{< z\"\n</script>\n"
	got, doc := render(t, &markdown.Renderer{}, src)
	if want := "<p>Some bold text.</p>\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	wantProblems(t, doc.Warnings, []string{
		"a.md:1: raw HTML is left out: <div>", "a.md:5: raw HTML is left out: <b>", "a.md:5: raw HTML is left out: <br>",
		"a.md:9: raw HTML is left out: <script>",
	})
	if !strings.Contains(doc.Warnings[0].Hint, "markdown.html: true") {
		t.Errorf("hint %q does not name the key", doc.Warnings[0].Hint)
	}

	got, doc = render(t, &markdown.Renderer{HTML: true}, src)
	want := "<div class=\"x\">\nPLAYER(w.mp4|)\n {{&lt; a &gt;}}\n</div>\n" +
		"<p>Some <b style=\"y\">bold</b><br>text<!-- no -->.</p>\n<!-- note -->\n<script>\n\"{{< z\"\n</script>\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(doc.Warnings) > 0 {
		t.Errorf("warnings %v", doc.Warnings)
	}
	if _, err := (&markdown.Renderer{HTML: true}).Render("a.md", 7, []byte("<p>\n{{< nope >}}\n</p>")); err == nil || err.Error() != `a.md:8: unknown shortcode "nope": Matinee knows only "video"` {
		t.Errorf("error %v", err)
	}
}

func wantProblems(t *testing.T, got []*diag.Problem, want []string) {
	t.Helper()
	var texts []string
	for _, p := range got {
		texts = append(texts, p.Error())
	}
	if !reflect.DeepEqual(texts, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(texts, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct{ src, want, hint, html string }{
		{"[a](javascript:alert(1))", `the link to "javascript:alert(1)" is left out: only addresses of pages and files can be published`, "", "<p>a</p>\n"},
		{"[a](< jAva&#9;scr&#10;ipt&colon;b>)", `the link to " jAva\tscr\nipt:b" is left out`, "", ""},
		{"<vbscript:a>", `the link to "vbscript:a" is left out`, "", "<p>vbscript:a</p>\n"},
		{"![a](data:text/html,b)", `the picture "data:text/html,b" is left out`, "", "<p>a</p>\n"},
		{"![a](https://e.org/a.png)", `the picture "https://e.org/a.png" is on another site`, "save it beside the post", "<p><img src=\"https://e.org/a.png\" alt=\"a\" loading=\"lazy\" decoding=\"async\"></p>\n"},
		{"![a]()", "a picture has no file", "![what it shows](picture.jpg)", "<p>a</p>\n"},
		{"[a]()", "a link leads nowhere", "[text](address)", "<p>a</p>\n"},
		{"[](a.md)", `the link to "a.md" has no text and is left out`, "[text](a.md)", ""},
		{"[![w](w.mp4)](a.md)", "a player cannot be part of a link", "", "PLAYER(w.mp4|w)\n"},
		{"# Setup\n[a](#setpu)", `the link to "#setpu" leads to no heading of this text`, `did you mean "#setup"?`, ""},
		{"[a](#x)", `the link to "#x" leads to no heading of this text`, "link to the id of a heading", ""},
		{"# A {#x}\n# B {#x}", `the id "x" is taken; this heading has the id "x-1"`, "its own id", "<h2 id=\"x\">A</h2>\n<h2 id=\"x-1\">B</h2>\n"},
		{"# A {style=\"x\"}", `the attribute "style" of a heading is left out`, "{#id}", "<h2 id=\"a\">A</h2>\n"},
		{"<!-- a --> b", "raw HTML is left out: b", "markdown.html", ""},
	} {
		t.Run(c.src, func(t *testing.T) {
			got, doc := render(t, &markdown.Renderer{}, c.src)
			if len(doc.Warnings) != 1 || !strings.Contains(doc.Warnings[0].Text, c.want) || !strings.Contains(doc.Warnings[0].Hint, c.hint) {
				t.Fatalf("warnings %v, want %q, hint %q", doc.Warnings, c.want, c.hint)
			}
			if c.html != "" && got != c.html {
				t.Errorf("got %q, want %q", got, c.html)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ src, want, hint string }{
		{`{{< vidoe src="a.mp4" >}}`, `a.md:1: unknown shortcode "vidoe" (did you mean "video"?)`, ""},
		{`{{< youtube abc >}}`, `a.md:1: unknown shortcode "youtube": Matinee knows only "video"`, "put the film beside the post"},
		{`{{< figure src="a.png" >}}`, `a.md:1: unknown shortcode "figure": Matinee knows only "video"`, "![what it shows](picture.jpg"},
		{`[a]({{< ref "b.md" >}})`, `a.md:1: unknown shortcode "ref": Matinee knows only "video"`, "[text](other.md)"},
		{`{{< gist a b >}}`, `a.md:1: unknown shortcode "gist": Matinee knows only "video"`, "{{</* gist */>}}"},
		{`{{% video src="a.mp4" %}}`, `a.md:1: shortcodes in "{{% … %}}" are not known`, "{{< video"},
		{`{{< >}}`, `a.md:1: the shortcode has no name`, ""},
		{"a\n\n{{< /video >}}", `a.md:3: the shortcode "video" has no closing part`, ""},
		{`{{< video >}}`, `a.md:1: the shortcode "video" does not say which clip to play`, `{{< video src="walk.mp4" >}}`},
		{`{{< video "a.mp4" >}}`, `a.md:1: "a.mp4" stands in the shortcode without a name`, `src="a.mp4"`},
		{`{{< video a.mp4 >}}`, `a.md:1: "a.mp4" stands in the shortcode without a name`, `src="a.mp4"`},
		{`{{< video ="a.mp4" >}}`, `a.md:1: the value "a.mp4" has no name`, `src="a.mp4"`},
		{"{{< video\n src=a.mp4\n titel=b\n>}}", `a.md:3: unknown parameter "titel" of the shortcode "video" (did you mean "title"?)`, ""},
		{`{{< video src=a.mp4 autoplay=true >}}`, `a.md:1: unknown parameter "autoplay" of the shortcode "video"`, "it takes src, title"},
		{`{{< video src=a.mp4 src=b.mp4 >}}`, `a.md:1: the shortcode "video" has "src" twice`, ""},
		{`{{< video src="" >}}`, `a.md:1: src="" of the shortcode "video" is not the name of a file`, ""},
		{`{{< video src=a.mp4 loop=yes >}}`, `a.md:1: loop="yes" of the shortcode "video" is not true or false`, ""},
		{`{{< video src=a.mp4 start=soon >}}`, `a.md:1: start="soon" of the shortcode "video" is not a time like "90" or "1:30"`, ""},
		{`{{< video src=a.mp4 start=1:60 >}}`, `a.md:1: start="1:60" of the shortcode "video" is not a time like "90" or "1:30"`, ""},
		{`{{< video src=a.mp4 start=-5s >}}`, `a.md:1: start="-5s" of the shortcode "video" is not a time like "90" or "1:30"`, ""},
		{`{{< video src=a.mp4 aspect=wide >}}`, `a.md:1: aspect="wide" of the shortcode "video" is not a shape like "16:9"`, ""},
		{`{{< video src="a.mp4 >}}`, `a.md:1: a quote in the shortcode is never closed`, ""},
		{`{{< video src=“a.mp4” >}}`, `a.md:1: the shortcode has typographic quotes`, "straight"},
		{"a {{< video src=a.mp4\n\nb", `a.md:1: the shortcode that "{{<" starts is never closed`, "backticks"},
		{"{{< video\n src=a.mp4\n\n>}}", `a.md:1: the shortcode that "{{<" starts is never closed`, ""},
		{"![a {{< video src=a.mp4 >}}](b.png)", `a.md:1: a player cannot be part of the description of a picture`, ""},
		{
			"a {{< x >}}\n\n> - {{< video src=a.mp4 loop=1 muted=2 >}} {{< never\n>   {{< y >}}\n",
			"a.md:1: unknown shortcode \"x\": Matinee knows only \"video\"\n" +
				"a.md:3: loop=\"1\" of the shortcode \"video\" is not true or false\n" +
				"a.md:3: muted=\"2\" of the shortcode \"video\" is not true or false\n" +
				"a.md:3: the shortcode that \"{{<\" starts is never closed\n" +
				"a.md:4: unknown shortcode \"y\": Matinee knows only \"video\"", "",
		},
	} {
		t.Run(c.src, func(t *testing.T) {
			_, err := (&markdown.Renderer{}).Render("a.md", 1, []byte(c.src))
			if err == nil || err.Error() != c.want {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			problems, rest := diag.Problems(err)
			if len(rest) > 0 || !strings.Contains(problems[0].Hint, c.hint) {
				t.Errorf("rest %v, hint %q, want %q", rest, problems[0].Hint, c.hint)
			}
		})
	}
}

func TestLines(t *testing.T) {
	src := "a\n![one](1.mp4)\n\n> b\n> - c\n>   [two](2.md)\n\n| x |\n|---|\n| ![3](3.png) |\n\n" +
		"Term\n: d\n  {{< video\n    src=4.mp4 >}} [5][r]\n\n[^1]: e\n    f ![6](6.mp4)\n\ng[^1]\n\n[r]: 5.md\n"
	want := map[string]int{"1.mp4": 11, "2.md": 15, "3.png": 19, "4.mp4": 23, "5.md": 24, "6.mp4": 27}
	for _, ends := range []string{"\n", "\r\n"} {
		doc, err := (&markdown.Renderer{}).Render("a.md", 10, []byte(strings.ReplaceAll(src, "\n", ends)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, h := range doc.Holes {
			got[h.Target] = h.Line
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestHeadingsAndSummary(t *testing.T) {
	_, doc := render(t, &markdown.Renderer{}, "# It's `a` <b>&amp; b</b>[^1] ![pic](p.png)\n![w](w.mp4)\n\nFirst *of* [all](b.md) &amp;\n\"now\" `c`[^1] ![w](w.mp4) ![q](q.png) end.\n\nSecond\n\n## Two\n\n[^1]: note")
	want := []markdown.Heading{{2, "its-a--b-pic", "It’s a & b pic"}, {3, "two", "Two"}}
	if !reflect.DeepEqual(doc.Headings, want) {
		t.Errorf("headings %+v, want %+v", doc.Headings, want)
	}
	if want := "First of all & “now” c end."; doc.Summary != want {
		t.Errorf("summary %q, want %q", doc.Summary, want)
	}
	for _, c := range []struct{ text, want string }{
		{strings.Repeat("word ", 59) + "word end", strings.Repeat("word ", 59) + "word…"},
		{strings.Repeat("lengthy ", 59) + "end", strings.Repeat("lengthy ", 36) + "lengthy…"},
		{strings.Repeat("世", 400), strings.Repeat("世", 299) + "…"},
		{strings.Repeat("a", 300), strings.Repeat("a", 300)},
	} {
		if _, doc := render(t, &markdown.Renderer{}, c.text); doc.Summary != c.want {
			t.Errorf("summary of %.20s… is %q, want %q", c.text, doc.Summary, c.want)
		}
	}
}

func TestFill(t *testing.T) {
	doc, err := (&markdown.Renderer{}).Render("a.md", 1, []byte("[a](b.md) ![c](d.png)"))
	if err != nil {
		t.Fatal(err)
	}
	fillWith := func(link, picture string) (string, error) {
		var b strings.Builder
		err := doc.Fill(&b, func(h markdown.Hole) (string, error) {
			if h.Kind == markdown.Link {
				return link, nil
			}
			return picture, nil
		})
		return b.String(), err
	}
	got, err := fillWith(`../a b/?x="1"&y=<2>#ü`, "data:image/png;base64,AA==")
	want := `<p><a href="../a%20b/?x=%221%22&amp;y=%3C2%3E#ü">a</a> <img src="data:image/png;base64,AA==" alt="c" loading="lazy" decoding="async"></p>` + "\n"
	if err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	for _, c := range [][2]string{{"javascript:x", ""}, {" JavaScript:x", ""}, {"data:image/png;base64,AA", ""}, {"", "data:text/html,x"}, {"", "java\nscript:x"}, {"vbscript:x", ""}} {
		if got, err := fillWith(c[0], c[1]); err == nil || got != "" {
			t.Errorf("Fill with %q wrote %q, %v", c, got, err)
		}
	}
	full, late := errors.New("one"), errors.New("two")
	err = doc.Fill(&bytes.Buffer{}, func(h markdown.Hole) (string, error) {
		if h.Kind == markdown.Link {
			return "", full
		}
		return "", late
	})
	if !errors.Is(err, full) || !errors.Is(err, late) {
		t.Errorf("Fill returned %v, want both errors", err)
	}
}

// A Document comes out of a cache as it went in.
func TestDocumentSurvivesCoding(t *testing.T) {
	doc, err := (&markdown.Renderer{}).Render("a.md", 3, []byte("# A\n\n<b>c</b> {{< video src=a.mp4 loop=true >}} {{< video src=a.mp4 >}} [d](e.md)"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	var fromGob, fromJSON markdown.Document
	if err := gob.NewEncoder(&b).Encode(doc); err != nil {
		t.Fatal(err)
	}
	if err := gob.NewDecoder(&b).Decode(&fromGob); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &fromJSON); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&fromGob, doc) || !reflect.DeepEqual(&fromJSON, doc) {
		t.Errorf("got %+v and %+v, want %+v", fromGob, fromJSON, doc)
	}
}

func TestConcurrentUse(t *testing.T) {
	var r markdown.Renderer
	src := []byte("# A\n\n```go\nvar a = 1\n```\n\n```nosuchlanguage\nb\n```\n\n[c](d.md)[^1]\n\n[^1]: e\n")
	want, err := r.Render("a.md", 1, src)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, err := r.Render("a.md", 1, src); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, %v, want %+v", got, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// Equal headings have different ids, however many there are: the last of these takes as long as the first.
func TestManyEqualHeadings(t *testing.T) {
	const many = 50_000
	doc, err := new(markdown.Renderer).Render("a.md", 1, []byte("## Monday {#monday-7}\n\n"+strings.Repeat("## Monday\n\n", many)))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, h := range doc.Headings {
		seen[h.ID] = true
	}
	if len(seen) != many+1 || !seen["monday"] || doc.Headings[8].ID != "monday-8" {
		t.Errorf("%d ids of %d headings; the ninth has %q", len(seen), many+1, doc.Headings[8].ID)
	}
}
