package markdown

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"

	"matinee/internal/diag"
)

// A source is the text being rendered, and where it comes from.
type source struct {
	file  string
	first int // line of file on which text starts
	text  []byte

	seenAt, seenLine int // offset that a line was last asked for, and its distance from first
}

// line is the line of the file at an offset of the text. Asking in order costs one pass over the text in all.
func (s *source) line(offset int) int {
	if offset < s.seenAt {
		s.seenAt, s.seenLine = 0, 0
	}
	s.seenLine += bytes.Count(s.text[s.seenAt:offset], []byte("\n"))
	s.seenAt = offset
	return s.first + s.seenLine
}

// A writer writes the HTML of one tree.
type writer struct {
	*Renderer
	source
	out      buffer
	doc      *Document
	problems []error

	ids       ids
	fragments []fragment      // links within the page, to be checked at the end
	regions   map[string]int  // how often a name of a table was used
	warned    map[string]bool // warnings given, by line and text

	// The line of text being written, see package comment. Elements below opened are open in the output, those above
	// are waiting for content.
	stack  []element
	opened int
	gap    string // white space or <br>, to be written before the next content
	fresh  bool   // nothing has been written since the block or a player: leading space is dropped
	links  int    // depth of links, which cannot be nested
	start  int    // offset of the block in the source, for nodes that know no offset of their own

	inHeading bool
	deferred  []Hole // players of the heading, to be written behind it
}

// An element is one that is opened when there is content for it. Its start tag has a hole between open and rest when
// hole is set.
type element struct {
	open  string
	hole  *Hole
	rest  string
	close string
	once  bool // not opened again behind a player
	used  bool
}

// A fragment is a link to a place in the page.
type fragment struct {
	id   string
	line int
}

func newWriter(r *Renderer, s source) *writer {
	w := &writer{Renderer: r, source: s, doc: &Document{}, ids: ids{}, regions: map[string]int{}, warned: map[string]bool{}}
	w.out.Grow(len(s.text) * 3 / 2)
	return w
}

func (w *writer) problem(line int, f finding) {
	w.problems = append(w.problems, &diag.Problem{File: w.file, Line: line, Text: f.text, Hint: f.hint})
}

// warn gives a warning once for a line.
func (w *writer) warn(line int, hint, format string, args ...any) {
	p := diag.At(w.file, line, format, args...)
	p.Hint = hint
	if !w.warned[p.Error()] {
		w.warned[p.Error()] = true
		w.doc.Warnings = append(w.doc.Warnings, p)
	}
}

// lineOf is the line of the file on which an inline node starts.
func (w *writer) lineOf(n ast.Node) int {
	if pos := n.Pos(); pos >= 0 {
		return w.line(pos)
	}
	return w.line(w.start)
}

// hole records a hole at the end of the output.
func (w *writer) hole(h Hole) {
	h.Offset = w.out.Len()
	w.doc.Holes = append(w.doc.Holes, h)
}

// Running text.

// push begins an element that opens with its first content.
func (w *writer) push(e element) { w.stack = append(w.stack, e) }

// pop ends the innermost element and tells whether it had any content.
func (w *writer) pop() bool {
	last := len(w.stack) - 1
	e := w.stack[last]
	if w.opened > last {
		w.out.WriteString(e.close)
		w.opened = last
	}
	w.stack = w.stack[:last]
	return e.used
}

// content opens what is waiting for content.
func (w *writer) content() {
	w.out.WriteString(w.gap)
	w.gap, w.fresh = "", false
	for ; w.opened < len(w.stack); w.opened++ {
		e := &w.stack[w.opened]
		if e.once && e.used {
			e.open, e.rest, e.close = "", "", ""
		}
		e.used = true
		w.out.WriteString(e.open)
		if e.hole != nil {
			w.hole(*e.hole)
		}
		w.out.WriteString(e.rest)
	}
}

// player closes what is open and puts a player there.
func (w *writer) player(h Hole) {
	if w.links > 0 {
		w.warn(h.Line, "", "a player cannot be part of a link; it stands beside the link")
	}
	if w.inHeading {
		w.deferred = append(w.deferred, h)
		return
	}
	for ; w.opened > 0; w.opened-- {
		w.out.WriteString(w.stack[w.opened-1].close)
	}
	w.gap, w.fresh = "", true
	w.hole(h)
	w.out.WriteByte('\n')
}

// running writes the children of a block that holds running text, in elements that open with their first content,
// and tells whether there was any.
func (w *writer) running(n ast.Node, elements ...element) (used bool) {
	if lines := n.Lines(); lines.Len() > 0 {
		w.start = lines.At(0).Start
	}
	w.gap, w.fresh = "", true
	w.stack = append(w.stack, elements...)
	w.inlines(n)
	for range elements {
		used = w.pop()
	}
	w.gap = ""
	return used
}

func (w *writer) inlines(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		w.inline(n)
	}
}

func (w *writer) inline(n ast.Node) {
	switch n := n.(type) {
	case *ast.Text:
		w.prose(n)
	case *ast.String:
		w.content()
		w.out.escape(string(n.Value))
	case *ast.Emphasis:
		if n.Level == 2 {
			w.span(n, "strong")
		} else {
			w.span(n, "em")
		}
	case *east.Strikethrough:
		w.span(n, "del")
	case *ast.CodeSpan:
		w.codeSpan(n)
	case *ast.Link:
		w.link(n, resolved(n.Destination), resolved(n.Title))
	case *ast.AutoLink:
		w.autoLink(n)
	case *ast.Image:
		w.image(n)
	case *ast.RawHTML:
		w.rawInline(n)
	case *tag:
		w.shortcode(n.text, w.lineOf(n))
	case *east.TaskCheckBox:
		w.checkBox(n)
	case *east.FootnoteLink:
		w.footnoteLink(n)
	case *east.FootnoteBacklink:
		w.footnoteBacklink(n)
	}
}

func (w *writer) span(n ast.Node, name string) {
	w.push(element{open: "<" + name + ">", close: "</" + name + ">"})
	w.inlines(n)
	w.pop()
}

// prose writes text. White space at its end waits for more text.
func (w *writer) prose(n *ast.Text) {
	value := n.Value(w.text)
	if w.fresh || w.gap != "" {
		value = bytes.TrimLeft(value, blanks)
	}
	if core := bytes.TrimRight(value, blanks); len(core) > 0 {
		w.content()
		w.out.markdown(core)
		value = value[len(core):]
	}
	switch {
	case w.fresh:
	case n.HardLineBreak():
		w.gap = "<br>\n"
	case n.SoftLineBreak():
		w.gap = "\n"
	case len(value) > 0:
		w.gap = " "
	}
}

func (w *writer) codeSpan(n ast.Node) {
	w.content()
	w.out.WriteString("<code>")
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			w.out.escape(strings.ReplaceAll(string(t.Value(w.text)), "\n", " "))
		}
	}
	w.out.WriteString("</code>")
}

// link writes the children of n as a link.
func (w *writer) link(n ast.Node, target, title string) {
	e, ok := w.linkElement(n, target, title)
	if !ok {
		w.inlines(n)
		return
	}
	holes := len(w.doc.Holes)
	w.push(e)
	w.links++
	w.inlines(n)
	w.links--
	if !w.pop() && len(w.doc.Holes) == holes && len(w.deferred) == 0 {
		w.warn(w.lineOf(n), "write [text]("+target+")", "the link to %q has no text and is left out", target)
	}
}

// linkElement is the element of a link, unless the link cannot be written.
func (w *writer) linkElement(n ast.Node, target, title string) (e element, ok bool) {
	if w.links > 0 { // HTML: no <a> in <a>
		return element{}, false
	}
	line := w.lineOf(n)
	var tail buffer
	tail.WriteByte('"')
	if title != "" {
		tail.WriteString(` title="`)
		tail.escape(title)
		tail.WriteByte('"')
	}
	tail.WriteByte('>')
	e = element{open: `<a href="`, rest: tail.String(), close: "</a>"}
	switch id, isFragment := strings.CutPrefix(asBrowser(target), "#"); {
	case asBrowser(target) == "":
		w.warn(line, "write [text](address)", "a link leads nowhere")
		return element{}, false
	case runsCode(target):
		w.warn(line, "", "the link to %q is left out: only addresses of pages and files can be published", target)
		return element{}, false
	case isFragment:
		w.fragments = append(w.fragments, fragment{id, line})
		if !reserved(id) && !isTime(id) {
			id = w.IDPrefix + id
		}
		e.open += "#" + attributeURL(id)
	case isExternal(target):
		e.open += attributeURL(target)
	default:
		e.hole = &Hole{Kind: Link, Target: target, Line: line}
	}
	return e, true
}

func (w *writer) autoLink(n *ast.AutoLink) {
	target := string(n.URL(w.text))
	if n.AutoLinkType == ast.AutoLinkEmail && scheme(target) != "mailto" {
		target = "mailto:" + target
	}
	e, ok := w.linkElement(n, target, "")
	if ok {
		w.push(e)
		defer w.pop()
	}
	w.content()
	w.out.escape(string(n.Label(w.text)))
}

// image writes a picture, or the player of a clip.
func (w *writer) image(n *ast.Image) {
	w.refuseShortcodes(n)
	target, title, line := resolved(n.Destination), resolved(n.Title), w.lineOf(n)
	description := plain(w.text, n, true)
	hint := "write ![what it shows](picture.jpg)"
	switch {
	case asBrowser(target) == "":
		w.warn(line, hint, "a picture has no file")
	case isClip(target):
		if title != "" {
			description = title
		}
		w.player(Hole{Kind: Player, Target: target, Text: description, Line: line})
		return
	case runsCode(target) && !strings.HasPrefix(strings.ToLower(asBrowser(target)), "data:image/"):
		w.warn(line, hint, "the picture %q is left out: only addresses of files can be published", target)
	default:
		if isExternal(target) && scheme(target) != "data" {
			w.warn(line, "save it beside the post and name the file",
				"the picture %q is on another site, where browsers do not load it from: a page of this site shows only its own pictures", target)
		}
		w.picture(Hole{Kind: Picture, Target: target, Text: description, Line: line}, title)
		return
	}
	if description != "" {
		w.content()
		w.out.escape(description)
	}
}

func (w *writer) picture(h Hole, title string) {
	w.content()
	w.out.WriteString(`<img src="`)
	w.hole(h)
	w.out.WriteString(`" alt="`)
	w.out.escape(h.Text)
	if title != "" {
		w.out.WriteString(`" title="`)
		w.out.escape(title)
	}
	w.out.WriteString(`" loading="lazy" decoding="async">`)
}

// refuseShortcodes reports players in the description of a picture, where they would be lost.
func (w *writer) refuseShortcodes(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		t, ok := c.(*tag)
		if !ok {
			w.refuseShortcodes(c)
			continue
		}
		sc, found := parseShortcode(t.text)
		if len(found) == 0 && sc.literal == "" {
			found = []finding{{0, "a player cannot be part of the description of a picture", "put the shortcode beside the picture"}}
		}
		w.findings(t.text, w.lineOf(t), found)
	}
}

// shortcode writes what a shortcode, which starts on a line of the file, stands for.
func (w *writer) shortcode(text string, line int) {
	sc, found := parseShortcode(text)
	switch {
	case len(found) > 0:
		w.findings(text, line, found)
	case sc.literal != "":
		w.content()
		w.out.escape(sc.literal)
	default:
		h := Hole{Kind: Player, Target: sc.params["src"], Text: sc.params["title"], Params: sc.params, Line: line}
		delete(sc.params, "src")
		delete(sc.params, "title")
		if len(sc.params) == 0 {
			h.Params = nil
		}
		w.player(h)
	}
}

func (w *writer) findings(text string, line int, found []finding) {
	for _, f := range found {
		w.problem(line+strings.Count(text[:f.at], "\n"), f)
	}
}

const rawHTMLHint = `write Markdown instead, or publish your own HTML with "markdown.html: true" in site.yaml`

func (w *writer) rawInline(n *ast.RawHTML) {
	raw := string(n.Segments.Value(w.text))
	switch {
	case w.HTML:
		w.content()
		w.out.WriteString(raw)
	case strings.HasPrefix(raw, "<!--"), strings.HasPrefix(raw, "</"): // a comment; the end of what was warned about
	default:
		name := firstTag(raw)
		w.warn(w.lineOf(n), rawHTMLHint, "raw HTML is left out: %s", name)
		if name == "<br>" && !w.fresh {
			w.gap = " " // the words at its sides stay two words
		}
	}
}

// firstTag is the first tag of raw HTML, without its attributes.
func firstTag(raw string) string {
	raw = strings.TrimSpace(raw)
	end := strings.IndexAny(raw, " \t\n>")
	if end < 0 {
		return raw
	}
	return strings.TrimSuffix(raw[:end], "/") + ">"
}

// checkBox writes the box of a task; the text behind it is its label.
func (w *writer) checkBox(n *east.TaskCheckBox) {
	w.content()
	w.out.WriteString(`<input type="checkbox" disabled`)
	if n.IsChecked {
		w.out.WriteString(" checked")
	}
	if plain(w.text, n.Parent(), true) == "" {
		w.out.WriteString(` aria-label="Task"`)
	}
	w.out.WriteByte('>')
	w.gap = " "
}

func (w *writer) footnoteLink(n *east.FootnoteLink) {
	w.content()
	number := strconv.Itoa(n.Index)
	w.out.WriteString(`<sup id="`)
	w.out.escape(w.referenceID(n.Index, n.RefIndex))
	w.out.WriteString(`">`)
	if w.links > 0 {
		w.out.put(number, "</sup>")
		return
	}
	w.out.put(`<a href="#`, attributeURL(w.footnoteID(n.Index)), `" role="doc-noteref">`, number, "</a></sup>")
}

func (w *writer) footnoteBacklink(n *east.FootnoteBacklink) {
	if !w.fresh {
		w.gap = "\u00a0"
	}
	w.content()
	label := "Back to reference " + strconv.Itoa(n.Index)
	if n.RefIndex > 0 {
		label += "-" + strconv.Itoa(n.RefIndex+1)
	}
	w.out.put(`<a href="#`, attributeURL(w.referenceID(n.Index, n.RefIndex)),
		`" class="backlink" role="doc-backlink" aria-label="`, label, "\">↩\ufe0e</a>")
}

// footnoteID and referenceID have a colon, which the ids of headings do not have.
func (w *writer) footnoteID(index int) string { return w.IDPrefix + "fn:" + strconv.Itoa(index) }

func (w *writer) referenceID(index, repeat int) string {
	id := w.IDPrefix + "fnref:" + strconv.Itoa(index)
	if repeat > 0 {
		id += ":" + strconv.Itoa(repeat+1)
	}
	return id
}

// Blocks.

func (w *writer) blocks(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		w.block(n)
	}
}

// wrap writes the blocks of n in an element.
func (w *writer) wrap(n ast.Node, start, end string) {
	w.out.WriteString(start)
	w.blocks(n)
	w.out.WriteString(end)
}

// cell writes the text of n in an element that is there even when it is empty.
func (w *writer) cell(n ast.Node, start, end string) {
	w.out.WriteString(start)
	w.running(n)
	w.out.WriteString(end)
}

func (w *writer) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Paragraph, *tagBlock:
		w.paragraph(n)
	case *ast.TextBlock:
		w.task(n)
		if n.NextSibling() != nil {
			w.out.WriteByte('\n')
		}
	case *ast.Heading:
		w.heading(n)
	case *ast.Blockquote:
		w.wrap(n, "<blockquote>\n", "</blockquote>\n")
	case *ast.List:
		w.list(n)
	case *ast.ListItem:
		w.listItem(n)
	case *ast.FencedCodeBlock:
		w.code(n, string(n.Language(w.text)))
	case *ast.CodeBlock:
		w.code(n, "")
	case *ast.ThematicBreak:
		w.out.WriteString("<hr>\n")
	case *ast.HTMLBlock:
		w.rawBlock(n)
	case *east.Table:
		w.table(n)
	case *east.DefinitionList:
		w.wrap(n, "<dl>\n", "</dl>\n")
	case *east.DefinitionTerm:
		w.cell(n, "<dt>", "</dt>\n")
	case *east.DefinitionDescription:
		w.wrap(n, "<dd>", "</dd>\n")
	case *east.FootnoteList:
		w.wrap(n, "<section class=\"footnotes\" role=\"doc-endnotes\" aria-label=\"Footnotes\">\n<ol>\n", "</ol>\n</section>\n")
	case *east.Footnote:
		w.footnote(n)
	}
}

func (w *writer) paragraph(n ast.Node) {
	if w.doc.Summary == "" {
		w.doc.Summary = shorten(plain(w.text, n, false))
	}
	w.task(n, element{open: "<p>", close: "</p>\n"})
}

// task writes running text, with a label around it when it starts with the box of a task.
func (w *writer) task(n ast.Node, elements ...element) {
	if isTask(n) {
		elements = append(elements, element{open: "<label>", close: "</label>", once: true})
	}
	w.running(n, elements...)
}

func isTask(n ast.Node) bool {
	_, ok := n.FirstChild().(*east.TaskCheckBox)
	return ok
}

func (w *writer) list(n *ast.List) {
	switch {
	case !n.IsOrdered():
		w.wrap(n, "<ul>\n", "</ul>\n")
	case n.Start != 1:
		w.wrap(n, "<ol start=\""+strconv.Itoa(n.Start)+"\">\n", "</ol>\n")
	default:
		w.wrap(n, "<ol>\n", "</ol>\n")
	}
}

func (w *writer) listItem(n ast.Node) {
	if first := n.FirstChild(); first != nil && isTask(first) {
		w.wrap(n, `<li class="task">`, "</li>\n")
		return
	}
	w.wrap(n, "<li>", "</li>\n")
}

// footnote writes a footnote. Its way back stands in its last paragraph, or in one of its own.
func (w *writer) footnote(n *east.Footnote) {
	w.out.put(`<li id="`, w.footnoteID(n.Index), `">`)
	w.blocks(n)
	w.gap, w.fresh = "", true
	w.push(element{open: "<p>", close: "</p>\n"})
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if back, ok := c.(*east.FootnoteBacklink); ok {
			w.footnoteBacklink(back)
		}
	}
	w.pop()
	w.out.WriteString("</li>\n")
}

// claimIDs gives the headings that have one the id the author wants, before others can take it.
func (w *writer) claimIDs(parent ast.Node) {
	for n := parent.FirstChild(); n != nil && n.Type() != ast.TypeInline; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			w.claimID(h)
			continue
		}
		w.claimIDs(n)
	}
}

func (w *writer) claimID(n *ast.Heading) {
	for _, a := range n.Attributes() {
		if name := string(a.Name); name != "id" && name != "class" {
			w.warn(w.line(n.Lines().At(0).Start), "write {#id} or {.class}", "the attribute %q of a heading is left out", name)
		}
	}
	value, ok := n.AttributeString("id")
	if !ok {
		return
	}
	text, _ := value.([]byte) // numbers and the like are no ids
	want := strings.Join(strings.Fields(string(text)), "-")
	if want == "" {
		n.SetAttributeString("id", nil)
		return
	}
	id := w.ids.claim(want)
	if id != want {
		w.warn(w.line(n.Lines().At(0).Start), "give every heading its own id",
			"the id %q is taken; this heading has the id %q", want, id)
	}
	n.SetAttributeString("id", id)
}

func (w *writer) heading(n *ast.Heading) {
	text := plain(w.text, n, true)
	value, _ := n.AttributeString("id")
	id, ok := value.(string)
	if !ok {
		id = w.ids.claim(slug(text))
	}
	id = w.IDPrefix + id
	level := strconv.Itoa(n.Level)
	var open buffer
	open.put("<h", level, ` id="`)
	open.escape(id)
	if class, ok := n.AttributeString("class"); ok {
		class, _ := class.([]byte)
		open.WriteString(`" class="`)
		open.escape(string(class))
	}
	open.WriteString(`">`)

	w.inHeading = true
	if w.running(n, element{open: open.String(), close: w.anchor(id) + "</h" + level + ">\n"}) && text != "" {
		w.doc.Headings = append(w.doc.Headings, Heading{n.Level, id, text})
	}
	w.inHeading = false
	for _, h := range w.deferred {
		w.player(h)
	}
	w.deferred = nil
}

// anchor is the link of a heading to itself, named by the heading.
func (w *writer) anchor(id string) string {
	if !w.Anchors {
		return ""
	}
	var b buffer
	b.put(` <a class="anchor" href="#`, attributeURL(id), `" aria-labelledby="`)
	b.escape(id)
	b.WriteString(`"><span aria-hidden="true">#</span></a>`)
	return b.String()
}

// code writes a block of code. It can be scrolled, so it can be focused (WCAG 2.1.1).
func (w *writer) code(n ast.Node, info string) {
	language := info
	if end := strings.IndexAny(language, "{,"); end >= 0 { // go{1,3}, go,linenos
		language = language[:end]
	}
	w.out.WriteString(`<pre class="code" tabindex="0"><code`)
	if language != "" {
		w.out.WriteString(` class="language-`)
		w.out.escape(language)
		w.out.WriteByte('"')
	}
	w.out.WriteByte('>')
	code := string(n.Lines().Value(w.text))
	if code != "" && !strings.HasSuffix(code, "\n") {
		code += "\n" // a fence that the end of the file closes
	}
	w.out.highlight(language, code)
	w.out.WriteString("</code></pre>\n")
}

func (w *writer) rawBlock(n *ast.HTMLBlock) {
	lines := n.Lines()
	raw := string(lines.Value(w.text))
	if n.HasClosure() {
		raw += string(n.ClosureLine.Value(w.text))
	}
	line := w.line(max(n.Pos(), 0))
	if lines.Len() > 0 {
		line = w.line(lines.At(0).Start)
	}
	if !w.HTML {
		if left := strings.TrimSpace(withoutComments(raw)); left != "" {
			w.warn(line, rawHTMLHint, "raw HTML is left out: %s", firstTag(left))
		}
		return
	}
	if n.HTMLBlockType == ast.HTMLBlockType6 || n.HTMLBlockType == ast.HTMLBlockType7 {
		w.rawWithShortcodes(raw, line)
	} else {
		w.out.WriteString(raw) // a script, style or comment
	}
	if !strings.HasSuffix(raw, "\n") {
		w.out.WriteByte('\n')
	}
}

// rawWithShortcodes writes raw HTML, with players for the shortcodes in it. Where they stand is up to the author.
func (w *writer) rawWithShortcodes(raw string, line int) {
	for {
		start := strings.Index(raw, "{{<")
		if start < 0 {
			w.out.WriteString(raw)
			return
		}
		end := tagEnd([]byte(raw[start:]))
		if end < 0 {
			end = len("{{<")
		}
		w.out.WriteString(raw[:start])
		line += strings.Count(raw[:start], "\n")
		text := raw[start : start+end]
		w.shortcode(text, line)
		line += strings.Count(text, "\n")
		raw = raw[start+end:]
	}
}

// withoutComments is raw HTML without its comments.
func withoutComments(raw string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(raw, "<!--")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, raw, _ = strings.Cut(rest, "-->")
	}
}

// table writes a table in a region that can be scrolled, named by the table's header.
func (w *writer) table(n *east.Table) {
	w.out.WriteString(`<div class="table" tabindex="0" role="region" aria-label="`)
	w.out.escape(w.tableName(n))
	w.out.WriteString("\">\n<table>\n")
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		if _, isHeader := row.(*east.TableHeader); isHeader {
			w.out.WriteString("<thead>\n")
			w.row(row, "th")
			w.out.WriteString("</thead>\n")
			if row.NextSibling() != nil {
				w.out.WriteString("<tbody>\n")
			}
			continue
		}
		w.row(row, "td")
		if row.NextSibling() == nil {
			w.out.WriteString("</tbody>\n")
		}
	}
	w.out.WriteString("</table>\n</div>\n")
}

// tableName is the text of the table's header, numbered when another table has the same.
func (w *writer) tableName(n *east.Table) string {
	var cells []string
	for c := n.FirstChild().FirstChild(); c != nil; c = c.NextSibling() {
		if text := plain(w.text, c, true); text != "" {
			cells = append(cells, text)
		}
	}
	name := shorten(strings.Join(cells, ", "))
	if name == "" {
		name = "Table"
	}
	w.regions[name]++
	if count := w.regions[name]; count > 1 {
		return fmt.Sprintf("%s (%d)", name, count)
	}
	return name
}

func (w *writer) row(row ast.Node, name string) {
	w.out.WriteString("<tr>\n")
	for n := row.FirstChild(); n != nil; n = n.NextSibling() {
		open := "<" + name + ">"
		if c, ok := n.(*east.TableCell); ok && c.Alignment != east.AlignNone {
			open = "<" + name + ` class="align-` + c.Alignment.String() + `">`
		}
		w.cell(n, open, "</"+name+">\n")
	}
	w.out.WriteString("</tr>\n")
}

// checkFragments warns about links to places that are not in the text. Raw HTML may have ids of its own.
func (w *writer) checkFragments() {
	for _, f := range w.fragments {
		id, err := url.PathUnescape(f.id)
		if err != nil {
			id = f.id
		}
		if w.HTML || w.ids[id] || id == "" || reserved(id) || isTime(id) || strings.HasPrefix(id, "fn") {
			continue
		}
		hint := "link to the id of a heading"
		known := make([]string, 0, len(w.ids))
		for id := range w.ids {
			known = append(known, id)
		}
		slices.Sort(known)
		if near := nearest(id, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", "#"+near)
		}
		w.warn(f.line, hint, "the link to %q leads to no heading of this text", "#"+id)
	}
}

// isTime tells whether a fragment is a point in time of the page's first player: #t=90 (Media Fragments URI §4.2.1).
func isTime(id string) bool { return strings.HasPrefix(id, "t=") }
