package markdown

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
	east "github.com/yuin/goldmark/extension/ast"
)

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

// claimIDs gives the headings that have one the id the author wants, before others can take it. A text that has
// headings of the first level, which on the page is the post's title alone, has all of its headings one level lower.
func (w *writer) claimIDs(parent ast.Node) {
	for n := parent.FirstChild(); n != nil && n.Type() != ast.TypeInline; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			w.claimID(h)
			if h.Level == 1 {
				w.demote = 1
			}
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
	number := min(n.Level+w.demote, 6)
	level := strconv.Itoa(number)
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
	if w.running(n, element{open: open.String(), close: "</h" + level + ">\n"}) && text != "" {
		w.doc.Headings = append(w.doc.Headings, Heading{number, id, text})
	}
	w.inHeading = false
	for _, h := range w.deferred {
		w.player(h)
	}
	w.deferred = nil
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
