// Package post reads what the author wrote: the Markdown files under content/ and their front matter.
//
// A [Post] is one such file, read strictly: a key nobody knows, a date that is none or an address that leads out of the
// site is a problem with its file and line, and [Load] reports the problems of all files in one run. What a post says is
// taken as it stands; whether the clips and pictures it names exist, and at which address it will stand, is decided by
// those who have clips and a permalink. The package reads no clip and renders no text.
//
// Three file names have a meaning. content/a-walk/index.md is a page bundle: the post "a-walk", with the files beside it.
// 2026-11-22-a-walk.md, Jekyll's custom, is the post "a-walk" of that day. A file or folder whose name begins with a dot,
// and an editor's left-overs, are not there at all. The folders _posts and _drafts are Jekyll's too: they do not count as
// part of the path, and what lies in _drafts is a draft.
package post

import "time"

// A Post is what the author wrote.
type Post struct {
	File    string // slash-separated path from the site's root: "content/a-walk.md"
	Slug    string // last element of its address
	URL     string // the front matter's url, site-relative ("about/team/"), or ""
	Section string // folder below content/ ("" at the top), without bundle and _posts folders
	Bundle  bool   // content/a-walk/index.md: files beside it belong to it

	Title       string
	Date        time.Time // zero when not given
	Lastmod     time.Time
	PublishDate time.Time
	ExpiryDate  time.Time
	Description string
	Summary     string
	Videos      []Clip
	Tags        []string
	Series      string
	Aliases     []string
	Draft       bool
	Unlisted    bool
	Author      string
	Image       string
	Weight      int
	Comments    string         // address of a discussion
	Params      map[string]any // free

	Body     []byte         // Markdown after the front matter, UTF-8, LF line ends
	BodyLine int            // line of the file on which Body starts
	Digest   [32]byte       // SHA-256 of the file as it was read
	Lines    map[string]int // line of each top-level front matter key
}

// A Clip is a video as front matter names it.
type Clip struct {
	Src          string   // path beside the post or under content/, address of a stream, or "stream:<key>"
	Line         int      // line of the file that names it
	Renditions   []string // other encodes of the same film
	Title        string
	Poster       string // picture file
	Captions     []Caption
	ChaptersFile string // WebVTT file
	Chapters     []Chapter
	Start        time.Duration
	Loop         bool
	Muted        bool
	Aspect       string  // "16:9"
	NoTranscript bool    // the words of the captions are not to be shown for reading
	Loudness     float64 // of the sound, in LUFS; 0 when not given

	Duration      time.Duration // of a stream that exists already; 0 when not given
	Width, Height int           // of its picture, in pixels
}

// A Caption is a text track file of a Clip.
type Caption struct {
	Src, Lang, Label string
	Line             int
}

// A Chapter is a named point of a Clip.
type Chapter struct {
	At    time.Duration
	Title string
}
