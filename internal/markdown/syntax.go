package markdown

import (
	"bytes"
	"sync"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// syntax is goldmark's parser with all that we read. It is safe for concurrent use.
var syntax = sync.OnceValue(func() parser.Parser {
	return goldmark.New(
		goldmark.WithExtensions(
			extension.Table,
			extension.Strikethrough,
			extension.Linkify,
			extension.TaskList,
			extension.DefinitionList,
			extension.Footnote,
			extension.NewTypographer(extension.WithTypographicSubstitutions(typography)),
		),
		goldmark.WithParserOptions(
			parser.WithAttribute(),
			parser.WithBlockParsers(util.Prioritized(tagBlockParser{}, 90)),
			parser.WithInlineParsers(util.Prioritized(tagParser{}, 90)),
		),
	).Parser()
})

// typography names the characters themselves, where goldmark would write entities: they are shorter, and the same in
// HTML and in plain text.
var typography = map[extension.TypographicPunctuation]string{
	extension.LeftSingleQuote:  "‘",
	extension.RightSingleQuote: "’",
	extension.LeftDoubleQuote:  "“",
	extension.RightDoubleQuote: "”",
	extension.EnDash:           "–",
	extension.EmDash:           "—",
	extension.Ellipsis:         "…",
	extension.LeftAngleQuote:   "«",
	extension.RightAngleQuote:  "»",
	extension.Apostrophe:       "’",
}

// A tag is a shortcode of the text, not yet understood.
type tag struct {
	ast.BaseInline
	text string // from "{{<" to ">}}"; only "{{<" when it is never closed
}

var kindTag = ast.NewNodeKind("Tag")

func (n *tag) Kind() ast.NodeKind { return kindTag }

func (n *tag) Dump(src []byte, level int) {
	ast.DumpHelper(n, src, level, map[string]string{"text": n.text}, nil)
}

// A tagBlock is a paragraph that starts with a shortcode of several lines. Its lines are kept from being read as other
// blocks: ">}}" at the start of a line would be a quotation otherwise.
type tagBlock struct {
	ast.BaseBlock
	closer string // what closes the shortcode; "" once it has been seen
}

var kindTagBlock = ast.NewNodeKind("TagBlock")

func (n *tagBlock) Kind() ast.NodeKind { return kindTagBlock }

func (n *tagBlock) Dump(src []byte, level int) { ast.DumpHelper(n, src, level, nil, nil) }

// tagOpening is the opening of the shortcode that b starts with, and what closes it; both are "" when there is none.
// A shortcode ends at the first closer, even inside quotes: a forgotten quote is likelier than a title with ">}}".
func tagOpening(b []byte) (opener, closer string) {
	switch {
	case bytes.HasPrefix(b, []byte("{{</*")):
		return "{{</*", "*/>}}"
	case bytes.HasPrefix(b, []byte("{{<")):
		return "{{<", ">}}"
	case bytes.HasPrefix(b, []byte("{{%")):
		return "{{%", "%}}"
	}
	return "", ""
}

// tagEnd is the length of the shortcode that b starts with, or -1 when b does not contain its end. The end comes
// before the next shortcode.
func tagEnd(b []byte) int {
	opener, closer := tagOpening(b)
	end := bytes.Index(b[len(opener):], []byte(closer))
	if end < 0 {
		return -1
	}
	inner := b[len(opener):][:end]
	if closer == ">}}" && bytes.Contains(inner, []byte("{{<")) {
		return -1
	}
	return len(opener) + end + len(closer)
}

type tagParser struct{}

func (tagParser) Trigger() []byte { return []byte{'{'} }

func (tagParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, segment := block.PeekLine()
	opener, closer := tagOpening(line)
	if opener == "" {
		return nil
	}
	startLine, startPosition := block.Position()
	var all []byte
	for ; line != nil; line, _ = block.PeekLine() {
		before := len(all)
		all = append(all, line...)
		if bytes.Contains(all[max(before, len(opener)):], []byte(closer)) {
			end := tagEnd(all)
			if end < 0 {
				break
			}
			block.Advance(end - before)
			return newTag(string(all[:end]), segment.Start)
		}
		block.AdvanceLine()
	}
	block.SetPosition(startLine, startPosition)
	block.Advance(len(opener)) // the text behind it is still read, for its own problems
	return newTag(opener, segment.Start)
}

func newTag(text string, pos int) *tag {
	n := &tag{text: text}
	n.SetPos(pos)
	return n
}

type tagBlockParser struct{}

func (tagBlockParser) Trigger() []byte { return []byte{'{'} }

// Open takes a line that starts with a shortcode it does not end; one that ends on its line is left to the paragraph.
func (p tagBlockParser) Open(_ ast.Node, reader text.Reader, _ parser.Context) (ast.Node, parser.State) {
	line, _ := reader.PeekLine()
	line = util.TrimLeftSpace(line)
	opener, closer := tagOpening(line)
	if opener == "" || bytes.Contains(line[len(opener):], []byte(closer)) {
		return nil, parser.NoChildren
	}
	n := &tagBlock{closer: closer}
	p.take(n, reader)
	return n, parser.NoChildren
}

func (p tagBlockParser) Continue(node ast.Node, reader text.Reader, _ parser.Context) parser.State {
	n := node.(*tagBlock)
	line, _ := reader.PeekLine()
	if n.closer == "" || util.IsBlank(line) {
		return parser.Close
	}
	if bytes.Contains(line, []byte(n.closer)) {
		n.closer = ""
	}
	p.take(n, reader)
	return parser.Continue | parser.NoChildren
}

func (tagBlockParser) take(n *tagBlock, reader text.Reader) {
	_, segment := reader.PeekLine()
	segment = segment.TrimLeftSpace(reader.Source())
	n.Lines().Append(segment)
	reader.AdvanceToEOL()
}

func (tagBlockParser) Close(node ast.Node, reader text.Reader, _ parser.Context) {
	lines := node.Lines()
	last := lines.At(lines.Len() - 1)
	lines.Set(lines.Len()-1, last.TrimRightSpace(reader.Source()))
}

func (tagBlockParser) CanInterruptParagraph() bool { return true }

func (tagBlockParser) CanAcceptIndentedLine() bool { return false }
