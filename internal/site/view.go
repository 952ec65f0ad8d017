package site

import (
	"html/template"
	"time"

	"matinee/internal/markdown"
	"matinee/internal/video"
)

// A View is the dot of every page template (theme_api 1). Paths in it are site-relative ("a-walk/"); a template turns
// them into addresses with Link, Stream, Asset and Abs, which know where the page being rendered stands.
type View struct {
	Site         *Site
	Kind         string // "post", "home", "tag", "tags", "404"
	Path         string // of this page: "a-walk/", "" for home, "page/2/", "tags/film/"
	Title        string // of this page; "" on the home page
	Description  string
	Post         *Post   // on post pages
	Newer, Older *Post   // on post pages: neighbours in time, nil at the ends
	Posts        []*Post // on home and tag pages: the cards of this page
	Tag          *Tag    // on tag pages
	Pager        Pager   // on home and tag pages
}

// A Post is a post as templates see it.
type Post struct {
	Title       string
	Path        string    // "a-walk/"
	Date        time.Time // zero when not given
	Lastmod     time.Time
	Description string // plain text: description, summary or the first paragraph
	Author      string
	Tags        []*Tag
	Videos      []*video.Video // those of the front matter, in order; players inside the text are part of Content
	Cover       *video.Video   // the video whose poster and duration stand on the card; nil when the post has none
	Image       string         // path of the front matter's image, or ""
	Headings    []markdown.Heading
	Comments    string
	Params      map[string]any
}

// A Tag is a tag and its posts.
type Tag struct {
	Name  string
	Path  string // "tags/film/"
	Posts []*Post
}

// A Pager says where a page of a list stands.
type Pager struct {
	Number, Total      int    // 1-based
	Newer, Older       string // paths of the neighbours; Has… tells whether there is one, "" being the home page's path
	HasNewer, HasOlder bool
}

// MenuItem is an entry of the site's menu.
type MenuItem struct {
	Title   string
	Address string // as configured
}

// Player is all the partial "player" needs; made by View.Player.
type Player struct {
	Video       *video.Video
	Title       string
	MP4         string // addresses, ready for attributes
	Master      string
	Poster      string
	Captions    []PlayerTrack
	CrossOrigin bool        // the stream has another origin than the page
	Config      template.JS // JSON for the script beside the <video>: see themes/default/assets/embed.js
}

// PlayerTrack is a text track of a Player.
type PlayerTrack struct{ Src, Kind, Lang, Label string }

/* Methods of *View, besides the fields (all used as {{.Link .Post.Path}} or, inside range, {{$.Link .Path}}):

   Link(path string) string            relative address of a page or file of the site; absolute URLs pass through
   Abs(path string) string             absolute URL (for canonical, Open Graph)
   Stream(path string) string          address on the streaming distribution, or relative where there is none
   Asset(name string) (string, error)  address of a fingerprinted asset: {{$.Asset "style.css"}}
   Player(v *video.Video) Player       for {{template "player" ($.Player .)}}
   Content() template.HTML             the post's text with its players filled in
   PosterImages(v) …                   see PosterSrc below
   PosterSrc(v *video.Video) string    address of the poster that suits an <img src>
   Duration(d time.Duration) string    "1:02:03" / "0:20"
   ISODuration(d time.Duration) string "PT20S"
   FullDate(t) string "22 November 2026", RFC3339(t) string for <time datetime>
   IsActive(item MenuItem) bool        whether the menu item is this page
*/
