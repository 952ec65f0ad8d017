package site

import (
	"encoding/xml"
	"html/template"
	"io"
	"strings"
	"time"

	"matinee/internal/markdown"
	"matinee/internal/video"
)

const (
	feedPath    = "feed.xml"
	sitemapPath = "sitemap.xml"
	feedLength  = 20 // items; readers keep what they have seen
)

// rss is a feed in RSS 2.0 (https://www.rssboard.org/rss-specification).
type rss struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Content string     `xml:"xmlns:content,attr"`
	Atom    string     `xml:"xmlns:atom,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Description string    `xml:"description"`
	Language    string    `xml:"language,omitempty"`
	Editor      string    `xml:"managingEditor,omitempty"`
	Generator   string    `xml:"generator,omitempty"`
	Self        atomLink  `xml:"atom:link"`
	Built       string    `xml:"lastBuildDate,omitempty"`
	Items       []rssItem `xml:"item"`
}

type atomLink struct {
	Href string `xml:"href,attr"`
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
}

type rssItem struct {
	Title       string        `xml:"title"`
	Link        string        `xml:"link"`
	GUID        string        `xml:"guid"`
	Published   string        `xml:"pubDate,omitempty"`
	Categories  []string      `xml:"category"`
	Description string        `xml:"description,omitempty"`
	Content     string        `xml:"content:encoded,omitempty"`
	Enclosure   *rssEnclosure `xml:"enclosure"`
}

type rssEnclosure struct {
	URL    string `xml:"url,attr"`
	Length int64  `xml:"length,attr"`
	Type   string `xml:"type,attr"`
}

// feed is the newest posts for feed readers, with the whole text and the MP4 of the first clip as enclosure.
func (s *Site) feed() Page {
	posts := s.byDate()
	posts = posts[:min(feedLength, len(posts))]
	keys := make([]string, len(posts))
	for i, p := range posts {
		keys[i] = p.key
	}
	return Page{Path: feedPath, Class: ClassPage, Key: digest(s.key, "feed", keys), Render: func(w io.Writer) error {
		f := rss{
			Version: "2.0", Content: "http://purl.org/rss/1.0/modules/content/", Atom: "http://www.w3.org/2005/Atom",
			Channel: rssChannel{
				Title: s.Title, Link: s.URL, Description: s.Description, Language: s.Language, Editor: editor(s.Author), Generator: s.Generator,
				Self: atomLink{s.URL + feedPath, "self", "application/rss+xml"},
			},
		}
		if f.Channel.Description == "" {
			f.Channel.Description = s.Title // a required element
		}
		var newest time.Time
		for _, p := range posts {
			item, err := s.feedItem(p)
			if err != nil {
				return err
			}
			f.Channel.Items = append(f.Channel.Items, item)
			if t := p.lastChange(); t.After(newest) {
				newest = t
			}
		}
		f.Channel.Built = rfc1123(newest)
		return writeXML(w, f)
	}}
}

// editor is an author as RSS has people: an e-mail address and a name, "" without the address.
func editor(a Author) string {
	if a.Email == "" || a.Name == "" {
		return a.Email
	}
	return a.Email + " (" + a.Name + ")"
}

func (s *Site) feedItem(p *Post) (rssItem, error) {
	v := s.view("feed", p.Path, p.Title)
	v.Post, v.root = p, s.URL // every address of a feed is absolute
	content, err := v.feedContent()
	if err != nil {
		return rssItem{}, err
	}
	item := rssItem{
		Title: p.Title, Link: v.Abs(p.Path), GUID: v.Abs(p.Path), Published: rfc1123(p.Date),
		Description: p.Description, Content: content,
	}
	for _, t := range p.Tags {
		item.Categories = append(item.Categories, t.Name)
	}
	if p.Cover != nil && len(p.Cover.Renditions) > 0 {
		mp4 := p.Cover.Progressive()
		item.Enclosure = &rssEnclosure{URL: v.Stream(mp4.Path), Length: mp4.Size, Type: "video/mp4"}
		if mp4.Width == 0 {
			item.Enclosure.Type = "audio/mp4"
		}
	}
	return item, nil
}

// feedVideo is a clip for feed readers: they know neither the theme's partial nor its script.
var feedVideo = template.Must(template.New("video").Parse(
	`<p><video controls preload="none" width="{{or .Video.Width 1280}}" height="{{or .Video.Height 720}}"{{with .Poster}} poster="{{.}}"{{end}} src="{{or .MP4 .Master}}"></video></p>`))

// feedVideo writes a clip. Feed readers are given the kind of poster that all of them know.
func (v *View) feedVideo(w io.Writer, clip *video.Video) error {
	p, err := v.Player(clip)
	if err != nil {
		return err
	}
	p.Poster = v.PosterSrc(clip)
	return feedVideo.Execute(w, p)
}

// feedContent is the post's videos and text for a feed reader.
func (v *View) feedContent() (string, error) {
	var b strings.Builder
	for _, clip := range v.Post.Videos {
		if err := v.feedVideo(&b, clip); err != nil {
			return "", err
		}
	}
	entry := v.Post.entry
	err := entry.Doc.Fill(&b, func(h markdown.Hole) (string, error) {
		if h.Kind != markdown.Player {
			return v.target(h.Target), nil
		}
		var player strings.Builder
		err := v.feedVideo(&player, entry.Videos[entry.inline[h.Offset]])
		return player.String(), err
	})
	return b.String(), err
}

// urlset is a sitemap (https://www.sitemaps.org/protocol.html).
type urlset struct {
	XMLName xml.Name     `xml:"urlset"`
	NS      string       `xml:"xmlns,attr"`
	URLs    []sitemapURL `xml:"url"`
}

type sitemapURL struct {
	Loc     string `xml:"loc"`
	Lastmod string `xml:"lastmod,omitempty"`
}

// sitemap lists every page for search engines: the home page, posts, tags and series.
func (s *Site) sitemap() Page {
	set := urlset{NS: "http://www.sitemaps.org/schemas/sitemap/0.9", URLs: []sitemapURL{{Loc: s.URL}}}
	for _, p := range s.Posts {
		u := sitemapURL{Loc: s.URL + escapePath(p.Path)}
		if t := p.lastChange(); !t.IsZero() {
			u.Lastmod = t.Format(time.RFC3339)
		}
		set.URLs = append(set.URLs, u)
	}
	for _, t := range s.Tags {
		set.URLs = append(set.URLs, sitemapURL{Loc: s.URL + escapePath(t.Path)})
	}
	for _, t := range s.series {
		set.URLs = append(set.URLs, sitemapURL{Loc: s.URL + escapePath(t.Path)})
	}
	return Page{Path: sitemapPath, Class: ClassPage, Key: digest(s.Generator, "sitemap", set.URLs), Render: func(w io.Writer) error {
		return writeXML(w, set)
	}}
}

func writeXML(w io.Writer, v any) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	return xml.NewEncoder(w).Encode(v)
}

// rfc1123 is a date as RSS has it (RFC 822 with a four-digit year), "" for none.
func rfc1123(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC1123Z)
}
