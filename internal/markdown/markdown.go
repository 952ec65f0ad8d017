// Package markdown turns the text of a post into HTML that is safe to publish.
//
// # What it reads
//
// CommonMark with GitHub's tables, strikethrough, task lists and bare links; footnotes and definition lists as in PHP
// Markdown Extra; typographic quotes, dashes and dots; ids for headings ({#id} where the author wants another one);
// fenced code, highlighted. A picture whose target is a clip, ![A walk](walk.mp4), and the shortcode
// {{< video src="walk.mp4" >}} stand for a player. Highlighted code has classes, whose looks are the theme's.
//
// # Holes
//
// What a text becomes depends on the text alone, except for players, for links to other posts and files, and for
// pictures: those need the rest of the site. So [Renderer.Render] leaves holes, and [Document.Fill] fills them. A
// Document depends on nothing but the arguments of Render and Renderer.HTML, and survives encoding/gob and
// encoding/json; a [Cache] keeps it by the digest of those, and nobody changes it.
//
// # A player is a block
//
// A figure cannot stand inside <p>, <h2>, <em> or <a> (HTML, "phrasing content"), yet an author may name a clip
// anywhere. Elements of running text are therefore opened only when there is something to put in them, and a player
// closes those that are open; text after it opens them again. So a paragraph with a clip in its midst becomes a
// paragraph, a player and a paragraph, with emphasis and links kept on both sides; a paragraph that is nothing but a
// clip becomes nothing but a player; a table cell or a list item simply contains it; and a player of a heading stands
// after the heading.
//
// # What it refuses
//
// Unless Renderer.HTML is set, the output contains only elements and attributes that this package writes itself:
// raw HTML is left out with a warning. Addresses that run code (javascript:, vbscript:, data:) are never written. What
// would silently change the meaning of a text is an error: a shortcode that is unknown, wrong or never closed.
//
// The package is the only one that imports goldmark and chroma. It writes HTML by its own walk of goldmark's tree
// rather than through goldmark's renderer, because holes need to know where in the output they are.
package markdown

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/yuin/goldmark/text"

	"matinee/internal/diag"
)

// A Document is a rendered text with holes: the places whose content depends on the rest of the site (players, links
// and pictures). HTML and Holes depend on the source alone, so a Document can be cached by the digest of its source.
type Document struct {
	HTML     []byte          // safe HTML without the holes' content
	Holes    []Hole          // in order of Offset; no two players have the same
	Headings []Heading       // in order of appearance
	Summary  string          // plain text of the first paragraph, at most about 300 characters
	Warnings []*diag.Problem // raw HTML dropped, …; lines are lines of the file
}

// A Hole is a place in Document.HTML to be filled.
type Hole struct {
	Offset int               // byte offset in Document.HTML where the content goes
	Kind   Kind              //
	Target string            // the clip, link destination or picture source as the author wrote it, percent-decoded never
	Text   string            // alternative text of a picture or clip; the title where one is given for a clip
	Params map[string]string // of a shortcode, checked: poster, start (seconds: "90", "90.5"), loop and muted ("true", "false"), aspect ("16:9")
	Line   int               // line of the file
}

// Kind is what a hole takes.
type Kind uint8

// The kinds of hole.
const (
	Player  Kind = iota // a whole block element: the player of the clip Target
	Link                // an attribute value: the address of Target, to be escaped for a double-quoted attribute
	Picture             // the same for the source of an <img>
)

// A Heading is an entry of the table of contents.
type Heading struct {
	Level int // 2 to 6; 1 is the title of the post
	ID    string
	Text  string
}

// A Renderer turns texts into Documents. The zero value is ready for use, and one Renderer may be used by several
// goroutines at once.
type Renderer struct {
	HTML  bool   // publish the author's raw HTML instead of leaving it out
	Cache *Cache `json:"-"` // of what was rendered before; may be nil. It changes nothing but the time that is taken.
}

// Render renders src, which starts at a line of file; both are for the problems found in it. The error joins every
// *diag.Problem that makes the text unfit to publish; what may be published all the same is in Document.Warnings.
func (r *Renderer) Render(file string, line int, src []byte) (*Document, error) {
	if r.Cache == nil {
		return r.render(file, line, src)
	}
	return r.Cache.get(r.Cache.key(r, file, line, src), func() (*Document, error) { return r.render(file, line, src) })
}

func (r *Renderer) render(file string, line int, src []byte) (*Document, error) {
	src = clean(src)
	tree := syntax().Parse(text.NewReader(src))
	w := newWriter(r, source{file: file, first: line, text: src})
	w.claimIDs(tree)
	w.blocks(tree)
	w.checkFragments()
	if len(w.problems) > 0 {
		return nil, errors.Join(w.problems...)
	}
	w.doc.HTML = bytes.Clone(w.out.Bytes()) // which takes no more than it has to, and may be kept for long
	diag.Sort(w.doc.Warnings)
	return w.doc, nil
}

// Fill writes the document's HTML with the content of each hole, which fill returns: for a Player trusted HTML of a
// block element, for a Link or Picture an address, which Fill escapes. Addresses that run code are an error. When
// there are errors, all of them are returned and nothing is written.
func (d *Document) Fill(w io.Writer, fill func(Hole) (string, error)) error {
	contents := make([]string, len(d.Holes))
	var errs []error
	for i, h := range d.Holes {
		content, err := fill(h)
		if err == nil && h.Kind != Player {
			content, err = safeAddress(h, content)
		}
		errs = append(errs, err)
		contents[i] = content
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	written := 0
	for i, h := range d.Holes {
		if _, err := w.Write(d.HTML[written:h.Offset]); err != nil {
			return err
		}
		if _, err := io.WriteString(w, contents[i]); err != nil {
			return err
		}
		written = h.Offset
	}
	_, err := w.Write(d.HTML[written:])
	return err
}

// safeAddress escapes an address for the attribute that h stands in.
func safeAddress(h Hole, address string) (string, error) {
	picture := h.Kind == Picture && strings.HasPrefix(strings.ToLower(address), "data:image/")
	if runsCode(address) && !picture {
		return "", fmt.Errorf("the address %q of %q is not safe to publish", address, h.Target)
	}
	return attributeURL(address), nil
}
