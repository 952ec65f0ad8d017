package site

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"matinee/internal/markdown"
	"matinee/internal/video"
)

// A View is the dot of every page template (theme_api 1). Paths in it are site-relative ("a-walk/"); a template turns
// them into addresses with Link, Stream, Asset and Abs, which know where the page being rendered stands.
type View struct {
	Site         *Site
	Kind         string // "post", "home", "tag", "tags", "series", "404"
	Path         string // of this page: "a-walk/", "" for home, "page/2/", "tags/film/", "series/walks/"
	Title        string // of this page; "" on the home page
	Description  string
	NoIndex      bool    // search engines are asked to leave the page out (unlisted posts, 404)
	Post         *Post   // on post pages
	Newer, Older *Post   // on post pages: neighbours in time, nil at the ends
	Previous     *Post   // on pages of posts in a series: the part before, nil at the beginning
	Next         *Post   // likewise: the part after, nil at the end
	Posts        []*Post // on home, tag and series pages: the cards of this page
	Tag          *Tag    // on tag pages
	Series       *Series // on series pages
	Pager        Pager   // on home, tag and series pages

	root    string // prefix that leads from the page to the site's root: "../", or "/sub/path/" on the 404 page
	players int    // players shown so far; numbers their ids
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
	Series      *Series        // nil when the post is part of none
	Part        int            // its place in the series, from 1 on; 0 when it is part of none
	Videos      []*video.Video // those of the front matter, in order; players inside the text are part of Content
	Cover       *video.Video   // the video whose poster and duration stand on the card; nil when the post has none
	Image       string         // path of the front matter's image, or ""
	Headings    []markdown.Heading
	Comments    string
	Params      map[string]any

	entry   *Entry
	targets map[string]target // link and picture targets of the text as written → where they lead
	key     string            // digest of all that a page showing this post depends on
}

// A Tag is a tag and its posts.
type Tag struct {
	Name  string
	Path  string // "tags/film/"
	Posts []*Post
}

// A Series is posts that belong together, and their order.
type Series struct {
	Name  string
	Path  string  // "series/walks/"
	Posts []*Post // the first part first
}

// A Pager says where a page of a list stands.
type Pager struct {
	Number, Total      int    // 1-based
	Newer, Older       string // paths of the neighbours, "" being the home page's path
	HasNewer, HasOlder bool
}

// A MenuItem is an entry of the site's menu.
type MenuItem struct {
	Title   string
	Address string // as configured
}

// A Player is the dot of the partial "player": everything about one clip on one page, addresses included.
type Player struct {
	Video        *video.Video
	ID           string // unique on the page: "clip-1"
	Title        string
	MP4          string // addresses, ready for attributes; "" of a stream that exists already
	Master       string // "" when the clip has one rendition: its MP4 starts faster than its stream
	Poster       string
	Captions     []PlayerTrack
	Chapters     string // address of the WebVTT chapters, or ""
	ChapterList  []ChapterLink
	Transcript   *PlayerTranscript // nil when there is none
	DownloadSize string            // of the MP4: "1.9 MB"
	Loop         bool              // start again at the end
	CrossOrigin  bool              // the stream has another origin than the page
	Config       template.JS       // JSON for the script beside the <video>
	RTMP         *PlayerRTMP       // nil when no RTMP server is configured
}

// A PlayerTrack is a text track of a Player.
type PlayerTrack struct{ Src, Kind, Lang, Label string }

// Link is the address of a path of the site, relative to the page being rendered. Addresses with a scheme pass
// through unchanged.
func (v *View) Link(path string) string {
	if hasScheme(path) {
		return path
	}
	if path == "" && v.root == "" {
		return "./"
	}
	return v.root + escapePath(path)
}

// Abs is the absolute address of a path of the site, for canonical links and feeds; relative when the site's url is
// not configured.
func (v *View) Abs(path string) string {
	if hasScheme(path) {
		return path
	}
	if v.Site.URL == "" {
		return v.Link(path)
	}
	return v.Site.URL + escapePath(path)
}

// Stream is the address of a file under stream/, on the streaming distribution when there is one; or of a stream that
// exists already, as video.ParseStream returns it.
func (v *View) Stream(path string) string {
	if address, ok := StreamAddress(v.Site.streamURL, path); ok {
		return address
	}
	if key, exists := strings.CutPrefix(path, video.StreamScheme); exists {
		return v.Link("stream/" + key)
	}
	return v.Link(path)
}

// StreamAddress is the absolute address of what View.Stream takes, where the streaming distribution is at base, with a
// final slash. ok is false of what lies on the site itself, as all does when base is "".
func StreamAddress(base, path string) (address string, ok bool) {
	key, exists := strings.CutPrefix(path, video.StreamScheme)
	switch {
	case !exists && hasScheme(path):
		return path, true
	case base == "":
		return "", false
	}
	return base + escapePath(key), true
}

// Asset is the address of an asset of the theme by its plain name, "style.css".
func (v *View) Asset(name string) (string, error) {
	path, err := v.Site.theme.AssetPath(name)
	if err != nil {
		return "", err
	}
	return v.Link(path), nil
}

// Content is the text of the post with its players, links and pictures filled in.
func (v *View) Content() (template.HTML, error) {
	if v.Post == nil {
		return "", nil
	}
	var b strings.Builder
	err := v.Post.entry.Doc.Fill(&b, func(h markdown.Hole) (string, error) {
		if h.Kind != markdown.Player {
			return v.target(h.Target), nil
		}
		dot, err := v.Player(v.Post.entry.Videos[v.Post.entry.inline[h.Offset]])
		if err != nil {
			return "", err
		}
		var player strings.Builder
		err = v.Site.theme.Partial(&player, "player", dot)
		return player.String(), err
	})
	return template.HTML(b.String()), err //nolint:gosec // Document.HTML is escaped by package markdown, players by the theme
}

// target is the address a link or picture of the text leads to.
func (v *View) target(written string) string {
	if t, ok := v.Post.targets[written]; ok {
		return v.Link(t.path) + t.suffix
	}
	return written
}

// IsActive tells whether a menu item leads to this page.
func (v *View) IsActive(item MenuItem) bool {
	path, suffix := item.path()
	return !hasScheme(item.Address) && suffix == "" && strings.Trim(path, "/") == strings.Trim(v.Path, "/")
}

// MenuLink is the address of a menu item.
func (v *View) MenuLink(item MenuItem) string {
	if hasScheme(item.Address) {
		return item.Address
	}
	path, suffix := item.path()
	return v.Link(path) + suffix
}

// path splits the address of a place on this site into its path, of which a browser's escapes are taken off, and its
// query and fragment.
func (m MenuItem) path() (path, suffix string) {
	path, suffix = splitSuffix(strings.TrimPrefix(m.Address, "/"))
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return path, suffix
}

// LostMenuItems are those that lead to a place of the site that is not among its published files.
func LostMenuItems(menu []MenuItem, published map[string]bool) []MenuItem {
	var lost []MenuItem
	for _, item := range menu {
		path, _ := item.path()
		folder := strings.Trim(path, "/")
		if folder != "" {
			folder += "/"
		}
		if !hasScheme(item.Address) && !published[path] && !published[folder+"index.html"] {
			lost = append(lost, item)
		}
	}
	return lost
}

// Duration is a length of time as people write it: "0:20", "1:02:03".
func (*View) Duration(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// ISODuration is a length of time for machines: "PT1M20S" (ISO 8601).
func (*View) ISODuration(d time.Duration) string {
	return "PT" + strings.ToUpper(d.Round(time.Second).String())
}

// Seconds is a time for addresses: "?t={{$.Seconds .At}}".
func (*View) Seconds(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", d.Seconds()), "0"), ".")
}

// FullDate is a date as people read it: "22 November 2026".
func (*View) FullDate(t time.Time) string { return t.Format("2 January 2006") }

// RFC3339 is a date for <time datetime="…">.
func (*View) RFC3339(t time.Time) string { return t.Format(time.RFC3339) }

// FileSize is a number of bytes as people read it: "1.9 MB".
func (*View) FileSize(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	f, suffix := float64(n), ""
	for _, suffix = range []string{"kB", "MB", "GB", "TB"} {
		if f /= unit; f < unit {
			break
		}
	}
	if f < 10 {
		return fmt.Sprintf("%.1f %s", f, suffix)
	}
	return fmt.Sprintf("%.0f %s", f, suffix)
}
