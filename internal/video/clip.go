package video

import (
	"fmt"
	"path"
	"strings"
	"time"
)

// A Clip is what an author asks for: one film, given by one or several files. Paths are slash-separated paths from
// the site's root.
type Clip struct {
	Src          string   // the film, or its largest encode; or the address of a stream that exists, see ParseStream
	Renditions   []string // further encodes of the same film
	Title        string
	Poster       string         // picture; "" for the one beside the clip, or else one taken of the film, or a title card
	PosterAt     *time.Duration // the moment of the film to take the picture at; nil for a good one
	Captions     []Caption
	Chapters     []Chapter
	ChaptersFile string // WebVTT; "" for the one beside the clip
	NoTranscript bool   // the page does not show the words of the captions
	Beside       string // path without extension that files which belong to the clip share; "" for that of Src
	Start        time.Duration
	Loop         bool
	Muted        bool
	Aspect       string // "16:9" overrides the shape of the player

	Duration      time.Duration // of a stream that exists; 0 when not known
	Width, Height int           // of its picture, pixels; 0 when not known
	Wish                        // what is asked of the encoding

	File string // the post that names the clip, and its line, for problems
	Line int
}

// A Caption is a file, as package caption reads it, with the words of a clip.
type Caption struct {
	Path, Lang, Label string
	Line              int // line of Clip.File that names it; 0 when it was found beside the clip
}

// Sources are the files of the film.
func (c *Clip) Sources() []string {
	return append([]string{c.Src}, c.Renditions...)
}

// identity is the same for clips with the same stream.
func (c *Clip) identity() string {
	return fmt.Sprintf("%q %+v", c.Sources(), c.Wish)
}

// beside is the path that files which belong to the clip begin with.
func (c *Clip) beside() string {
	if c.Beside != "" {
		return c.Beside
	}
	return stem(c.Src)
}

// stem is a path without its extension: "content/walk" for "content/walk.mp4".
func stem(p string) string { return strings.TrimSuffix(p, path.Ext(p)) }

// TitleFromName makes a title of a file's name: "a-walk_home.mp4" is "A walk home".
func TitleFromName(p string) string {
	name := strings.Join(strings.FieldsFunc(stem(path.Base(p)), func(r rune) bool { return r == '-' || r == '_' || r == ' ' }), " ")
	if name == "" {
		return path.Base(p)
	}
	first := []rune(name)[:1]
	return strings.ToUpper(string(first)) + name[len(string(first)):]
}
