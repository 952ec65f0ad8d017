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
	demote    int    // added to the level of every heading
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
	w := &writer{Renderer: r, source: s, doc: &Document{}, ids: ids{map[string]bool{}, map[string]int{}}, regions: map[string]int{}, warned: map[string]bool{}}
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
func (w *writer) footnoteID(index int) string { return "fn:" + strconv.Itoa(index) }

func (w *writer) referenceID(index, repeat int) string {
	id := "fnref:" + strconv.Itoa(index)
	if repeat > 0 {
		id += ":" + strconv.Itoa(repeat+1)
	}
	return id
}

// checkFragments warns about links to places that are not in the text. Raw HTML may have ids of its own.
func (w *writer) checkFragments() {
	for _, f := range w.fragments {
		id, err := url.PathUnescape(f.id)
		if err != nil {
			id = f.id
		}
		if w.HTML || w.ids.taken[id] || id == "" || reserved(id) || isTime(id) || strings.HasPrefix(id, "fn") {
			continue
		}
		hint := "link to the id of a heading"
		known := make([]string, 0, len(w.ids.taken))
		for id := range w.ids.taken {
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
