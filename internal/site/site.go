// Package site makes of posts, prepared videos and a theme the list of pages that is the site.
//
// A [Page] renders itself into a writer, so the same list serves a build, which writes it, and a preview, which
// answers with it. Addresses, order and pagination live here and nowhere else. Everything a template can see is in
// [View]; everything a page depends on is in its Key, so a page whose Key has not changed need not be rendered again.
//
// The work has two steps, because clips take long and depend on nothing but their files: [Gather] renders the texts
// and finds the clips they name, the caller prepares the clips, and [New] puts both together. Neither step writes.
//
// The package reads no configuration, starts no process and does not know where pages go.
package site

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"matinee/internal/diag"
	"matinee/internal/post"
	"matinee/internal/video"
)

// A Theme turns views into pages.
type Theme interface {
	Execute(w io.Writer, layout string, view any) error // a whole page
	Partial(w io.Writer, name string, dot any) error    // a part of one
	AssetPath(name string) (string, error)              // where an asset is published: "assets/style.3f9a2c1b.css"
	Digest() string                                     // of every template and asset
	Reaches() bool                                      // any page may show any post or tag
}

// Info is what the author says of the whole site.
type Info struct {
	Title, Description string
	URL                string // absolute address of the site's root with a final slash, or ""
	Language           string // BCP 47
	Author             Author
	Menu               []MenuItem
	Permalink          string // "/:slug/"; also :year, :month, :day and :section
	PerPage            int    // cards per page of a list
	StreamURL          string // address of the streaming distribution with a final slash; "" for the site's own
	Progressive        bool   // clips are played as one MP4 each instead of as adaptive streams
	RTMP               RTMP   // an RTMP server that has the clips, too
	NoTranscripts      bool   // what captions say is not shown for reading
	Autoplay, Loop     bool   // players start by themselves (muted), start again
	PlayerDir          string // path of the player's files, "assets/player-3f9a2c1b"; "" when there are none
	Generator          string // name and version of the program, for feeds and page heads
	ProgramKey         string // tells this program from another; pages made by another are made anew
}

// An Author is a person, as configured.
type Author struct{ Name, Email, URL string }

// A Site is everything about the site that is the same on every page.
type Site struct {
	Title       string
	Description string
	URL         string // absolute, with a final slash, or ""
	Language    string
	Author      Author
	Menu        []MenuItem
	Posts       []*Post // listed posts, by weight where given and newest first
	Tags        []*Tag  // by name
	Feed        string  // path of the feed, or "" when the site has no url
	Generator   string

	theme         Theme
	streamURL     string
	progressive   bool
	rtmp          RTMP
	autoplay      bool
	loop          bool
	playerDir     string
	noTranscripts bool
	perPage       int
	series        []*Series // by path
	hidden        []*Post   // unlisted posts
	key           string    // digest of all of the above that every page shows
}

// Class says how a file may be cached and in which wave it is published.
type Class string

// The classes of pages.
const (
	ClassPage Class = "page" // an HTML page, feed or list: changes in place
	ClassFile Class = "file" // a file of the author's, copied
)

// A Page is a file of the site that renders itself. Pages are safe to render concurrently.
type Page struct {
	Path   string // "a-walk/index.html"
	Class  Class
	Key    string // digest of everything Render's output depends on
	Render func(io.Writer) error
}

// New makes the site of entries whose Videos are filled in. It reports every clash of addresses and every link of the
// site to itself that leads nowhere.
func New(info Info, entries []*Entry, theme Theme) (*Site, error) {
	s := &Site{
		Title: info.Title, Description: info.Description, URL: info.URL, Language: info.Language,
		Author: info.Author, Menu: info.Menu, Generator: info.Generator,
		theme: theme, streamURL: info.StreamURL, progressive: info.Progressive, rtmp: info.RTMP,
		autoplay: info.Autoplay, loop: info.Loop, noTranscripts: info.NoTranscripts, playerDir: info.PlayerDir, perPage: max(info.PerPage, 1),
	}
	if s.URL != "" {
		s.Feed = feedPath
	}
	byEntry := make(map[*Entry]*Post, len(entries))
	var posts []*Post
	for _, e := range entries {
		p := newPost(e, info)
		byEntry[e] = p
		posts = append(posts, p)
	}
	slices.SortStableFunc(posts, newestFirst)
	s.addTags(posts)
	s.addSeries(posts)
	for _, p := range posts {
		if p.entry.Post.Unlisted {
			s.hidden = append(s.hidden, p)
		} else {
			s.Posts = append(s.Posts, p)
		}
	}
	s.key = digest(info, theme.Digest())
	err := errors.Join(s.checkAddresses(posts), s.resolve(posts, byEntry))
	for _, p := range posts {
		p.key = p.digest()
	}
	if theme.Reaches() {
		all := s.tagKeys()
		for _, p := range s.Posts {
			all = append(all, p.key)
		}
		s.key = digest(s.key, all)
	}
	return s, err
}

// byDate is the listed posts without regard to weight, which is about places in lists: the newest first.
func (s *Site) byDate() []*Post {
	return slices.SortedStableFunc(slices.Values(s.Posts), func(a, b *Post) int { return b.Date.Compare(a.Date) })
}

// newestFirst orders by weight where given, then by date, then by file, so that the order never depends on chance.
func newestFirst(a, b *Post) int {
	return cmp.Or(
		cmp.Compare(a.entry.Post.Weight, b.entry.Post.Weight),
		b.Date.Compare(a.Date),
		strings.Compare(a.entry.Post.File, b.entry.Post.File),
	)
}

func newPost(e *Entry, info Info) *Post {
	src := e.Post
	p := &Post{
		Title: src.Title, Path: address(info.Permalink, src), Date: src.Date, Lastmod: src.Lastmod,
		Description: cmp.Or(src.Description, src.Summary, e.Doc.Summary),
		Author:      cmp.Or(src.Author, info.Author.Name),
		Headings:    e.Doc.Headings, Comments: src.Comments, Params: src.Params,
		entry: e, targets: make(map[string]target),
	}
	p.Videos = e.Videos[:len(src.Videos)]
	if len(e.Videos) > 0 {
		p.Cover = e.Videos[0]
	}
	if src.Image != "" {
		p.Image = src.Image
		if file := e.files[src.Image]; file != "" {
			p.Image = publicPath(file)
		}
	}
	return p
}

// addTags gives posts their tags and tags their posts. Tags that differ only in case or punctuation are one tag, named
// as the newest post names it.
func (s *Site) addTags(posts []*Post) {
	bySlug := map[string]*Tag{}
	for _, p := range posts {
		for _, name := range p.entry.Post.Tags {
			slug := post.Slugify(name)
			if slug == "" {
				continue
			}
			t := bySlug[slug]
			if t == nil {
				t = &Tag{Name: name, Path: "tags/" + slug + "/"}
				bySlug[slug] = t
				s.Tags = append(s.Tags, t)
			}
			if slices.Contains(p.Tags, t) {
				continue
			}
			p.Tags = append(p.Tags, t)
			if !p.entry.Post.Unlisted {
				t.Posts = append(t.Posts, p)
			}
		}
	}
	s.Tags = slices.DeleteFunc(s.Tags, func(t *Tag) bool { return len(t.Posts) == 0 })
	for _, p := range posts {
		p.Tags = slices.DeleteFunc(p.Tags, func(t *Tag) bool { return len(t.Posts) == 0 })
	}
	slices.SortFunc(s.Tags, func(a, b *Tag) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Path, b.Path))
	})
}

// addSeries gives posts their series and series their posts. As with tags, case and punctuation make no difference, and the
// newest post names it. Unlisted posts are no parts.
func (s *Site) addSeries(posts []*Post) {
	bySlug := map[string]*Series{}
	for _, p := range posts {
		slug := post.Slugify(p.entry.Post.Series)
		if slug == "" || p.entry.Post.Unlisted {
			continue
		}
		series := bySlug[slug]
		if series == nil {
			series = &Series{Name: p.entry.Post.Series, Path: "series/" + slug + "/"}
			bySlug[slug] = series
			s.series = append(s.series, series)
		}
		p.Series = series
		series.Posts = append(series.Posts, p)
	}
	slices.SortFunc(s.series, func(a, b *Series) int { return strings.Compare(a.Path, b.Path) })
	for _, series := range s.series {
		slices.SortStableFunc(series.Posts, firstPartFirst)
		for i, p := range series.Posts {
			p.Part = i + 1
		}
	}
}

// firstPartFirst orders the parts of a series by date, the oldest first, then by weight and by file. The date counts first,
// so that a post that is put in front of a list by its weight stays the part it is.
func firstPartFirst(a, b *Post) int {
	return cmp.Or(
		a.Date.Compare(b.Date),
		cmp.Compare(a.entry.Post.Weight, b.entry.Post.Weight),
		strings.Compare(a.entry.Post.File, b.entry.Post.File),
	)
}

// ownFolders are folders of the site that hold no posts.
var ownFolders = []string{"assets", "embed", "page", "posters", "stream"}

// checkAddresses reports posts and aliases that would be written over one another or over the site's own pages.
func (s *Site) checkAddresses(posts []*Post) error {
	taken := map[string]string{"": "the home page", "tags/": "the list of tags", "404.html": "the page for what is not there"}
	if s.URL != "" { // a folder cannot have the name of a file
		taken[feedPath+"/"], taken[sitemapPath+"/"] = "the feed", "the sitemap"
	}
	for _, t := range s.Tags {
		taken[t.Path] = fmt.Sprintf("the tag %q", t.Name)
	}
	for _, t := range s.series {
		taken[t.Path] = fmt.Sprintf("the series %q", t.Name)
	}
	var errs []error
	claim := func(file string, line int, path string) {
		key := strings.ToLower(path) // some file systems do not tell "A" from "a"
		other := taken[key]
		if first, _, _ := strings.Cut(key, "/"); slices.Contains(ownFolders, first) {
			other = "the generator's own files"
		}
		if other != "" {
			errs = append(errs, diag.At(file, line, "the address /%s is taken by %s", path, other).
				WithHint("give one of them another slug or url"))
			return
		}
		taken[key] = file
	}
	byFile := slices.SortedFunc(slices.Values(posts), func(a, b *Post) int {
		return strings.Compare(a.entry.Post.File, b.entry.Post.File)
	})
	for _, p := range byFile {
		src := p.entry.Post
		claim(src.File, max(src.Lines["url"], src.Lines["slug"]), p.Path)
	}
	for _, p := range byFile {
		for _, a := range p.entry.Post.Aliases {
			claim(p.entry.Post.File, p.entry.Post.Lines["aliases"], aliasPath(a))
		}
	}
	return errors.Join(errs...)
}

// View makes the view of a page at a path of the site. The 404 page is shown at any depth, so its links start from
// the path of the site's url instead of from where it stands.
func (s *Site) view(kind, path, title string) *View {
	v := &View{Site: s, Kind: kind, Path: path, Title: title, Description: s.Description}
	v.root = strings.Repeat("../", strings.Count(path, "/"))
	if kind == "404" {
		v.root, v.NoIndex = urlPath(s.URL), true
	}
	return v
}

// Videos lists every video the site shows, front matter and text, without repetitions.
func (s *Site) Videos() []*video.Video {
	var videos []*video.Video
	seen := map[string]bool{}
	for _, p := range s.allPosts() {
		for _, v := range p.entry.Videos {
			if !seen[v.Name] {
				seen[v.Name] = true
				videos = append(videos, v)
			}
		}
	}
	return videos
}

// Origins are the origins of those of the clips that are streams elsewhere, such as "https://cdn.example.com", sorted:
// browsers must be allowed to load from them.
func Origins(clips []video.Clip) []string {
	var origins []string
	for _, c := range clips {
		if u, err := url.Parse(c.Src); err == nil && u.Host != "" {
			origins = append(origins, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(origins)
	return slices.Compact(origins)
}

func (s *Site) allPosts() []*Post { return slices.Concat(s.Posts, s.hidden) }

// Pages is every page of the site: posts, lists, tags, series, 404, feed, sitemap and redirects, in a fixed order.
func (s *Site) Pages() []Page {
	pages := s.postPages()
	pages = append(pages, s.listPages("home", "", "", nil, s.Posts)...)
	for _, t := range s.Tags {
		pages = append(pages, s.listPages("tag", t.Path, t.Name, t, t.Posts)...)
	}
	for _, t := range s.series {
		pages = append(pages, s.seriesPage(t))
	}
	tags := s.view("tags", "tags/", "Tags")
	pages = append(pages, s.page(tags, digest(s.tagKeys())))
	pages = append(pages, s.page(s.view("404", "404.html", "Page not found"), ""))
	pages = append(pages, s.aliasPages()...)
	if s.URL != "" {
		pages = append(pages, s.feed(), s.sitemap())
	}
	return pages
}

// page is a page that shows a view by the layout named like its kind. More is the digest of what it shows beyond what
// every page does.
func (s *Site) page(v *View, more string) Page {
	path := v.Path
	if !strings.HasSuffix(path, ".html") {
		path += "index.html"
	}
	return Page{
		Path: path, Class: ClassPage, Key: digest(s.key, v.Kind, v.Path, v.Title, more),
		Render: func(w io.Writer) error {
			fresh := *v // rendering counts players
			return s.theme.Execute(w, v.Kind, &fresh)
		},
	}
}

func (s *Site) postPages() []Page {
	var pages []Page
	posts := s.byDate()
	for i, p := range posts {
		v := s.view("post", p.Path, p.Title)
		v.Post, v.Description = p, p.Description
		around := []string{p.key}
		if i > 0 {
			v.Newer = posts[i-1]
			around = append(around, v.Newer.key)
		}
		if i+1 < len(posts) {
			v.Older = posts[i+1]
			around = append(around, v.Older.key)
		}
		if p.Series != nil {
			v.Previous, v.Next = p.Series.around(p)
			around = append(around, p.Series.keys()...)
		}
		pages = append(pages, s.page(v, digest(around)))
	}
	for _, p := range s.hidden {
		v := s.view("post", p.Path, p.Title)
		v.Post, v.Description, v.NoIndex = p, p.Description, true
		pages = append(pages, s.page(v, p.key))
	}
	return pages
}

// listPages is a list of cards, cut into pages: "tags/film/", "tags/film/page/2/" …
func (s *Site) listPages(kind, base, title string, tag *Tag, posts []*Post) []Page {
	total := max(1, (len(posts)+s.perPage-1)/s.perPage)
	at := func(n int) string {
		if n == 1 {
			return base
		}
		return fmt.Sprintf("%spage/%d/", base, n)
	}
	var pages []Page
	for n := 1; n <= total; n++ {
		v := s.view(kind, at(n), title)
		v.Tag = tag
		v.Posts = posts[min((n-1)*s.perPage, len(posts)):min(n*s.perPage, len(posts))]
		v.Pager = Pager{Number: n, Total: total, HasNewer: n > 1, HasOlder: n < total}
		if n > 1 {
			v.Pager.Newer = at(n - 1)
		}
		if n < total {
			v.Pager.Older = at(n + 1)
		}
		keys := []string{fmt.Sprint(n, total, len(posts))}
		for _, p := range v.Posts {
			keys = append(keys, p.key)
		}
		pages = append(pages, s.page(v, digest(keys)))
	}
	return pages
}

// seriesPage shows all parts of a series, on one page: it is seen as a whole.
func (s *Site) seriesPage(series *Series) Page {
	v := s.view("series", series.Path, series.Name)
	v.Series, v.Posts, v.Pager = series, series.Posts, Pager{Number: 1, Total: 1}
	return s.page(v, digest(series.keys()))
}

// around returns the parts before and after one, nil at the ends.
func (s *Series) around(p *Post) (previous, next *Post) {
	if p.Part > 1 {
		previous = s.Posts[p.Part-2]
	}
	if p.Part < len(s.Posts) {
		next = s.Posts[p.Part]
	}
	return previous, next
}

func (s *Series) keys() []string {
	keys := []string{s.Name}
	for _, p := range s.Posts {
		keys = append(keys, p.key)
	}
	return keys
}

func (s *Site) tagKeys() []string {
	var keys []string
	for _, t := range s.Tags {
		keys = append(keys, t.Path, t.Name, fmt.Sprint(len(t.Posts)))
		if len(t.Posts) > 0 {
			keys = append(keys, t.Posts[0].key)
		}
	}
	return keys
}
