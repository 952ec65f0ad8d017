package markdown

import "matinee/internal/diag"

// A Document is a rendered text with holes: the places whose content depends on the rest of the site (players, links
// and pictures). HTML and Holes depend on the source alone, so a Document can be cached by the digest of its source.
type Document struct {
	HTML     []byte          // safe HTML without the holes' content
	Holes    []Hole          // in order of Offset
	Headings []Heading       // in order of appearance
	Summary  string          // plain text of the first paragraph
	Warnings []*diag.Problem // raw HTML dropped, …; lines are lines of the file
}

// A Hole is a place in Document.HTML to be filled.
type Hole struct {
	Offset int               // byte offset in Document.HTML where the content goes
	Kind   Kind              //
	Target string            // the clip, link destination or picture source as the author wrote it, percent-decoded never
	Text   string            // alternative text of a picture or clip; the title where a shortcode gives one
	Params map[string]string // the parameters of a shortcode; nil otherwise
	Line   int               // line of the file
}

// Kind is what a hole takes.
type Kind uint8

const (
	Player  Kind = iota // a whole block element: the player of the clip Target
	Link                // an attribute value: the address of Target, to be escaped for a double-quoted attribute
	Picture             // the same for the source of an <img>
)

// A Heading is an entry of the table of contents.
type Heading struct {
	Level int // 1 to 6
	ID    string
	Text  string
}
