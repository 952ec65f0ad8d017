package site_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"matinee/internal/diag"
	"matinee/internal/markdown"
	"matinee/internal/post"
	"matinee/internal/site"
	"matinee/internal/video"
)

// plainTheme shows of a view what the tests look at.
type plainTheme struct{}

func (plainTheme) Execute(w io.Writer, layout string, view any) error {
	v := view.(*site.View)
	fmt.Fprintf(w, "%s %q root=%s\n", layout, v.Title, v.Link(""))
	for _, p := range v.Posts {
		fmt.Fprintf(w, "card %s %s\n", p.Title, v.Link(p.Path))
	}
	if v.Post != nil {
		if p := v.Post; p.Series != nil {
			fmt.Fprintf(w, "part %d of %d of %s at %s\n", p.Part, len(p.Series.Posts), p.Series.Name, v.Link(p.Series.Path))
		}
		for rel, p := range map[string]*site.Post{"previous": v.Previous, "next": v.Next} {
			if p != nil {
				fmt.Fprintf(w, "%s is %s\n", rel, v.Link(p.Path))
			}
		}
		content, err := v.Content()
		if err != nil {
			return err
		}
		fmt.Fprintln(w, content)
	}
	return nil
}

func (plainTheme) Partial(w io.Writer, name string, dot any) error {
	p := dot.(site.Player)
	_, err := fmt.Fprintf(w, "<%s %s %s hls=%s>", name, p.ID, p.MP4, p.Master)
	return err
}

func (plainTheme) AssetPath(name string) (string, error) { return "assets/" + name, nil }
func (plainTheme) Digest() string                        { return "theme" }
func (plainTheme) Reaches() bool                         { return false }

var info = site.Info{Title: "Films", URL: "https://example.com/sub/", Language: "en", Permalink: "/:slug/", PerPage: 2}

// files makes a site's files of pairs of path and text.
func files(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

// build makes the site of files; every clip is a film of two renditions.
func build(t *testing.T, info site.Info, fsys fstest.MapFS) (*site.Site, error) {
	t.Helper()
	posts, _, err := post.Load(fsys, "content", post.Options{})
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := site.Gather(fsys, posts, &markdown.Renderer{})
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		for _, c := range e.Clips {
			e.Videos = append(e.Videos, &video.Video{
				Name: "film-0123456789", Title: c.Title, Width: 1280, Height: 720, Duration: 90 * time.Second,
				Master: "stream/film-0123456789/master.m3u8",
				Renditions: []video.Rendition{
					{Path: "stream/film-0123456789/240p.mp4", Width: 426, Height: 240, Size: 1_000_000},
					{Path: "stream/film-0123456789/720p.mp4", Width: 1280, Height: 720, Size: 9_400_000},
				},
			})
		}
	}
	return site.New(info, entries, plainTheme{})
}

// pages renders every page of the site of files.
func pages(t *testing.T, info site.Info, fsys fstest.MapFS) map[string]string {
	t.Helper()
	s, err := build(t, info, fsys)
	if err != nil {
		t.Fatal(err)
	}
	rendered := map[string]string{}
	for _, p := range s.Pages() {
		var b bytes.Buffer
		if err := p.Render(&b); err != nil {
			t.Fatal(err)
		}
		if _, twice := rendered[p.Path]; twice {
			t.Errorf("two pages are called %s", p.Path)
		}
		rendered[p.Path] = b.String()
	}
	return rendered
}

func TestPages(t *testing.T) {
	got := pages(t, info, files(
		"content/a.md", "---\ntitle: A\ndate: 2026-01-03\ntags: [Two Words, film]\nvideo: film.mp4\n---\nSee [B](b.md#part), [home](/) and ![](film.mp4).",
		"content/b.md", "---\ntitle: B\ndate: 2026-01-02\ntags: [Film]\naliases: [/old/b/, gone.html]\n---\n![map](map.png)",
		"content/deep/c.md", "---\ntitle: C\ndate: 2026-01-01\n---\n[up](../a.md), [map](../map.png), [tag](/tags/film/)",
		"content/hidden.md", "---\ntitle: Hidden\nunlisted: true\ntags: [secret]\n---\n",
		"content/map.png", "png", "content/film.mp4", "mp4",
	))
	want := []string{
		"404.html", "a/index.html", "b/index.html", "c/index.html", "feed.xml", "gone.html", "hidden/index.html", "index.html",
		"old/b/index.html", "page/2/index.html", "sitemap.xml", "tags/film/index.html", "tags/index.html", "tags/two-words/index.html",
	}
	var paths []string
	for path := range got {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	if !slices.Equal(paths, want) {
		t.Errorf("pages are\n%q, want\n%q", paths, want)
	}
	for _, test := range []struct{ page, text string }{
		{"index.html", "home \"\" root=./\ncard A a/\ncard B b/\n"},
		{"page/2/index.html", "root=../../\ncard C ../../c/\n"},
		{"tags/film/index.html", "card A ../../a/\ncard B ../../b/\n"},
		{"a/index.html", `<a href="../b/#part">B</a>`},
		{"a/index.html", `<a href="../">home</a>`},
		{"a/index.html", `<player clip-1 ../stream/film-0123456789/720p.mp4 hls=../stream/film-0123456789/master.m3u8>`},
		{"b/index.html", `src="../map.png"`},
		{"c/index.html", `<a href="../a/">up</a>`},
		{"c/index.html", `<a href="../map.png">map</a>`},
		{"c/index.html", `<a href="../tags/film/">tag</a>`},
		{"404.html", "root=/sub/"},
		{"old/b/index.html", `url=../../b/"`},
		{"gone.html", `url=b/"`},
		{"feed.xml", `<enclosure url="https://example.com/sub/stream/film-0123456789/720p.mp4" length="9400000" type="video/mp4">`},
		{"feed.xml", `href=&#34;https://example.com/sub/b/#part&#34;`},
		{"sitemap.xml", "<loc>https://example.com/sub/c/</loc><lastmod>2026-01-01T00:00:00Z</lastmod>"},
	} {
		if !strings.Contains(got[test.page], test.text) {
			t.Errorf("%s lacks %q:\n%s", test.page, test.text, got[test.page])
		}
	}
	for _, list := range []string{"index.html", "page/2/index.html", "feed.xml", "sitemap.xml", "tags/index.html"} {
		if strings.Contains(strings.ToLower(got[list]), "hidden") {
			t.Errorf("%s tells of an unlisted post:\n%s", list, got[list])
		}
	}
	for _, name := range []string{"feed.xml", "sitemap.xml"} {
		if err := xml.Unmarshal([]byte(got[name]), new(any)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A series is told by its name, ordered by date whatever its posts weigh, and seen on one page.
func TestSeries(t *testing.T) {
	got := pages(t, info, files(
		"content/one.md", "---\ntitle: One\ndate: 2026-01-01\nseries: night walks\n---\n",
		"content/two.md", "---\ntitle: Two\ndate: 2026-01-02\nseries: Night walks!\n---\n",
		"content/three.md", "---\ntitle: Three\ndate: 2026-01-03\nseries: Night Walks\nweight: -1\n---\n[all](/series/night-walks/)",
		"content/hidden.md", "---\ntitle: Hidden\ndate: 2026-01-04\nseries: Night Walks\nunlisted: true\n---\n",
		"content/b.md", "---\ntitle: B\nseries: Undated\nweight: 1\n---\n",
		"content/a.md", "---\ntitle: A\nseries: Undated\nweight: 2\n---\n",
		"content/c.md", "---\ntitle: C\nseries: '!'\n---\n",
	))
	for _, test := range []struct{ page, text string }{
		{"series/night-walks/index.html", "series \"Night Walks\" root=../../\ncard One ../../one/\ncard Two ../../two/\ncard Three ../../three/\n"},
		{"series/undated/index.html", "card B ../../b/\ncard A ../../a/\n"},
		{"one/index.html", "part 1 of 3 of Night Walks at ../series/night-walks/\nnext is ../two/\n"},
		{"two/index.html", "part 2 of 3 of Night Walks at"},
		{"two/index.html", "previous is ../one/\n"},
		{"two/index.html", "next is ../three/\n"},
		{"three/index.html", "part 3 of 3 of Night Walks at ../series/night-walks/\nprevious is ../two/\n"},
		{"three/index.html", `<a href="../series/night-walks/">all</a>`},
		{"hidden/index.html", "post \"Hidden\" root=../\n\n"},
		{"c/index.html", "post \"C\" root=../\n\n"},
		{"sitemap.xml", "<loc>https://example.com/sub/series/night-walks/</loc>"},
	} {
		if !strings.Contains(got[test.page], test.text) {
			t.Errorf("%s lacks %q:\n%s", test.page, test.text, got[test.page])
		}
	}
	for path := range got {
		if strings.HasPrefix(path, "series/") && path != "series/night-walks/index.html" && path != "series/undated/index.html" {
			t.Errorf("there is a page %s", path)
		}
	}
}

func TestPermalinks(t *testing.T) {
	dated := info
	dated.Permalink = "/:section/:year/:month/:slug/"
	got := pages(t, dated, files(
		"content/films/a.md", "---\ntitle: A\ndate: 2026-01-03\n---\n",
		"content/b.md", "---\ntitle: B\n---\n",
		"content/c.md", "---\ntitle: C\nurl: /about/us/\n---\n",
	))
	for _, path := range []string{"films/2026/01/a/index.html", "b/index.html", "about/us/index.html"} {
		if _, ok := got[path]; !ok {
			t.Errorf("there is no %s", path)
		}
	}
}

// A stream on another origin is named by its own address, pages and posters stay relative.
func TestStreamingDistribution(t *testing.T) {
	elsewhere := info
	elsewhere.StreamURL = "https://d111.cloudfront.net/"
	got := pages(t, elsewhere, files("content/a.md", "---\ntitle: A\n---\n![x](film.mp4)", "content/film.mp4", "mp4"))
	if want := "https://d111.cloudfront.net/stream/film-0123456789/720p.mp4"; !strings.Contains(got["a/index.html"], want) {
		t.Errorf("page lacks %s:\n%s", want, got["a/index.html"])
	}
	progressive := info
	progressive.Progressive = true
	got = pages(t, progressive, files("content/a.md", "---\ntitle: A\n---\n![x](film.mp4)", "content/film.mp4", "mp4"))
	if !strings.Contains(got["a/index.html"], "hls=>") {
		t.Errorf("progressive delivery names a master playlist:\n%s", got["a/index.html"])
	}
}

func TestProblems(t *testing.T) {
	fsys := files(
		"content/a.md", "---\ntitle: A\n---\n[x](/nowhere/)\n\n[y](../b)\n",
		"content/b.md", "---\ntitle: B\naliases: [/a/, /tags/film/, /stream/x/, /series/walks/]\ntags: [film]\nseries: Walks\n---\n",
	)
	_, err := build(t, info, fsys)
	problems, rest := diag.Problems(err)
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
	}
	want := []string{
		`content/a.md:4: link "/nowhere/" leads nowhere on this site`,
		"content/b.md:3: the address /a/ is taken by content/a.md",
		`content/b.md:3: the address /series/walks/ is taken by the series "Walks"`,
		"content/b.md:3: the address /stream/x/ is taken by the generator's own files",
		`content/b.md:3: the address /tags/film/ is taken by the tag "film"`,
	}
	if !slices.Equal(got, want) || len(rest) > 0 {
		t.Errorf("problems are\n%q\nwant\n%q\n%v", got, want, rest)
	}
}

// A page's key changes exactly when something the page shows does.
func TestKeys(t *testing.T) {
	base := func() fstest.MapFS {
		return files(
			"content/a.md", "---\ntitle: A\ndate: 2026-01-05\ntags: [one]\n---\n[c](c.md)",
			"content/b.md", "---\ntitle: B\ndate: 2026-01-04\ntags: [two]\n---\n",
			"content/c.md", "---\ntitle: C\ndate: 2026-01-03\ntags: [two]\n---\n",
			"content/d.md", "---\ntitle: D\ndate: 2026-01-02\ntags: [three]\n---\n",
			"content/e.md", "---\ntitle: E\ndate: 2026-01-01\ntags: [three]\n---\n",
		)
	}
	keys := func(info site.Info, fsys fstest.MapFS) map[string]string {
		s, err := build(t, info, fsys)
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for _, p := range s.Pages() {
			m[p.Path] = p.Key
		}
		return m
	}
	before := keys(info, base())
	changed := func(after map[string]string) []string {
		var paths []string
		for path, key := range after {
			if before[path] != key {
				paths = append(paths, path)
			}
		}
		slices.Sort(paths)
		return paths
	}
	if got := changed(keys(info, base())); len(got) != 0 {
		t.Errorf("the same site has other keys for %q", got)
	}

	edited := base()
	edited["content/e.md"].Data = []byte("---\ntitle: E\ndate: 2026-01-01\ntags: [three]\n---\nMore.")
	want := []string{"d/index.html", "e/index.html", "feed.xml", "page/3/index.html", "tags/three/index.html"}
	if got := changed(keys(info, edited)); !slices.Equal(got, want) {
		t.Errorf("an edited post changes %q, want %q", got, want)
	}

	// A post that joins a series changes its parts, which say how many there are, and whatever shows those.
	parts := base()
	for _, name := range []string{"b", "e"} {
		file := parts["content/"+name+".md"]
		file.Data = bytes.Replace(file.Data, []byte("tags"), []byte("series: Walks\ntags"), 1)
	}
	before = keys(info, parts)
	file := parts["content/d.md"]
	file.Data = bytes.Replace(file.Data, []byte("tags"), []byte("series: Walks\ntags"), 1)
	want = []string{
		"a/index.html", "b/index.html", "c/index.html", "d/index.html", "e/index.html", "feed.xml", "index.html", "page/2/index.html", "page/3/index.html",
		"series/walks/index.html", "tags/index.html", "tags/three/index.html", "tags/two/index.html",
	}
	if got := changed(keys(info, parts)); !slices.Equal(got, want) {
		t.Errorf("another part changes %q, want %q", got, want)
	}
	edit := parts["content/e.md"]
	before = keys(info, parts)
	edit.Data = append(edit.Data, "More."...)
	want = []string{"b/index.html", "d/index.html", "e/index.html", "feed.xml", "page/3/index.html", "series/walks/index.html", "tags/three/index.html"}
	if got := changed(keys(info, parts)); !slices.Equal(got, want) {
		t.Errorf("an edited part changes %q, want %q", got, want)
	}
	before = keys(info, base())

	moved := base()
	moved["content/c.md"].Data = []byte("---\ntitle: C\nslug: other\ndate: 2026-01-03\ntags: [two]\n---\n")
	if got := changed(keys(info, moved)); !slices.Contains(got, "a/index.html") {
		t.Errorf("a post that moved does not change the page that links to it: %q", got)
	}

	renamed := info
	renamed.Title = "Movies"
	if got := changed(keys(renamed, base())); len(got) != len(before)-1 || slices.Contains(got, "sitemap.xml") {
		t.Errorf("another title changes %q, want every page but the sitemap", got)
	}
}

func TestRedirects(t *testing.T) {
	posts := []*post.Post{
		{Slug: "b", Section: "films", Aliases: []string{"/old/b/", "gone.html", "für"}},
		{Slug: "c", URL: "/about/c/", Aliases: []string{"c:1"}},
		{Slug: "d"},
	}
	want := map[string]string{"/old/b/": "/films/b/", "/gone.html": "/films/b/", "/f%C3%BCr/": "/films/b/", "/c%3A1/": "/about/c/"}
	if got := site.Redirects(posts, "/:section/:slug/"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
