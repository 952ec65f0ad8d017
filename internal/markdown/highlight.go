package markdown

import (
	"strings"
	"sync"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
)

// tokenClass is the class of a kind of token, or "" for what looks like the text around it. These are all the classes
// that highlighted code has, for themes to style: a attribute, c comment, d deleted, f function, g tag, h heading,
// i inserted, k keyword, n number or constant, p preprocessor or decorator, s string, t type, v variable.
func tokenClass(t chroma.TokenType) string {
	switch t {
	case chroma.KeywordType, chroma.NameClass, chroma.NameException, chroma.NameNamespace:
		return "t"
	case chroma.KeywordConstant, chroma.NameConstant, chroma.NameEntity:
		return "n"
	case chroma.NameAttribute, chroma.NameProperty:
		return "a"
	case chroma.NameTag:
		return "g"
	case chroma.NameDecorator, chroma.CommentPreproc, chroma.CommentPreprocFile:
		return "p"
	case chroma.OperatorWord, chroma.NameKeyword:
		return "k"
	case chroma.GenericDeleted:
		return "d"
	case chroma.GenericInserted:
		return "i"
	case chroma.GenericHeading, chroma.GenericSubheading, chroma.GenericStrong:
		return "h"
	}
	switch t.SubCategory() {
	case chroma.LiteralString:
		return "s"
	case chroma.LiteralNumber:
		return "n"
	case chroma.NameFunction, chroma.NameBuiltin:
		return "f"
	case chroma.NameVariable:
		return "v"
	}
	switch t.Category() {
	case chroma.Keyword:
		return "k"
	case chroma.Comment:
		return "c"
	}
	return ""
}

// knownLexers remembers the lexer of each language by the name that authors give it, nil for one nobody knows: an
// unknown name is looked for in the file patterns of all languages, which takes milliseconds.
var knownLexers sync.Map // string → chroma.Lexer

func lexerOf(language string) chroma.Lexer {
	switch language {
	case "", "text", "txt", "plain", "plaintext":
		return nil
	}
	known, ok := knownLexers.Load(language)
	if !ok {
		known = lexers.Get(language)
		knownLexers.Store(language, known)
	}
	lexer, _ := known.(chroma.Lexer)
	return lexer
}

// highlight writes code as HTML, its tokens in <span class="…">. Code in a language nobody knows, or that its lexer
// fails on, is written plainly.
func (b *buffer) highlight(language, code string) {
	start := b.Len()
	if !b.tokens(lexerOf(language), code) {
		b.Truncate(start)
		b.escape(code)
	}
}

// mostEmptyTokens is how many tokens without text may follow each other. Some lexers have a rule that matches nothing
// and then stay where they are for ever: chroma 2.27's JSONata at any letter that is not ASCII.
const mostEmptyTokens = 1000

// tokens writes highlighted code, and tells whether all of it could be written.
func (b *buffer) tokens(lexer chroma.Lexer, code string) (ok bool) {
	if lexer == nil {
		return false
	}
	defer func() {
		if recover() != nil { // chroma's iterators report errors by panicking
			ok = false
		}
	}()
	next, err := lexer.Tokenise(nil, code)
	if err != nil {
		return false
	}
	class, rest, empty := "", code, 0
	for t := next(); t != chroma.EOF; t = next() {
		if rest, ok = strings.CutPrefix(rest, t.Value); !ok {
			return false
		}
		if t.Value == "" {
			if empty++; empty > mostEmptyTokens {
				return false
			}
			continue
		}
		empty = 0
		if c := tokenClass(t.Type); c != class {
			b.closeSpan(class)
			if class = c; class != "" {
				b.put(`<span class="`, class, `">`)
			}
		}
		b.escape(t.Value)
	}
	b.closeSpan(class)
	return rest == ""
}

func (b *buffer) closeSpan(class string) {
	if class != "" {
		b.WriteString("</span>")
	}
}
