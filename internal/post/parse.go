package post

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"matinee/internal/diag"
	"matinee/internal/schema"
)

// A parser reads one file.
type parser struct {
	post     *Post
	lines    schema.Lines
	problems []error // of *diag.Problem
	warnings []*diag.Problem
}

// at makes a problem at a line of the file.
func (p *parser) at(line int, format string, args ...any) *diag.Problem {
	return diag.At(p.post.File, line, format, args...)
}

func (p *parser) report(problem *diag.Problem) {
	p.problems = append(p.problems, problem)
}

func (p *parser) warn(problem *diag.Problem) {
	p.warnings = append(p.warnings, problem)
}

// parse reads the file at a path below the content folder dir. It leaves p.post nil where the file is no post.
func (p *parser) parse(dir, file string, data []byte, loc *time.Location) {
	p.post = &Post{File: file, Digest: sha256.Sum256(data), BodyLine: 1}
	data, problem := schema.Text(file, data)
	if problem != nil {
		p.problems = append(p.problems, problem)
		return
	}
	if len(bytes.TrimSpace(data)) == 0 {
		p.warn(p.at(0, "empty, and so not published"))
		p.post = nil
		return
	}
	p.place(dir, loc)
	s := splitMatter(data)
	if s.open != "" {
		p.report(p.at(s.line, "front matter starts with %q here and never ends", s.open).
			WithHint("close it with %q on a line of its own, below the last key", strings.Replace(s.open, "{", "}", 1)))
		return
	}
	p.post.Body, p.post.BodyLine = s.body, s.bodyLine
	p.frontMatter(s, loc)
}

// datedName is Jekyll's way to name posts.
var datedName = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})-(.+)$`)

// place takes from the file's path what it says: section, slug, date, draft.
func (p *parser) place(dir string, loc *time.Location) {
	folder, base := path.Split(strings.TrimPrefix(p.post.File, dir+"/"))
	name := strings.TrimSuffix(base, path.Ext(base))
	var folders []string
	for f := range strings.SplitSeq(strings.TrimSuffix(folder, "/"), "/") {
		p.post.Draft = p.post.Draft || f == "_drafts"
		if f != "" && f != "_posts" && f != "_drafts" {
			folders = append(folders, f)
		}
	}
	if last := len(folders) - 1; name == "index" && last >= 0 {
		p.post.Bundle = true
		name, folders = folders[last], folders[:last]
	}
	if m := datedName.FindStringSubmatch(name); m != nil {
		if date, err := time.ParseInLocation(time.DateOnly, m[1], loc); err == nil {
			p.post.Date, name = date, m[2]
		}
	}
	for _, f := range folders {
		if slug := Slugify(f); slug != "" {
			p.post.Section = path.Join(p.post.Section, slug)
		}
	}
	p.post.Title = titleOf(name)
	p.post.Slug = cmp.Or(Slugify(name), "post")
}

// titleOf makes a title of a file's name: "a-walk" is "A walk".
func titleOf(name string) string {
	words := strings.FieldsFunc(norm.NFC.String(name), func(r rune) bool { return r == '-' || r == '_' || unicode.IsSpace(r) })
	title := strings.Join(words, " ")
	if title == "" {
		return name
	}
	first, size := utf8.DecodeRuneInString(title)
	return string(unicode.ToUpper(first)) + title[size:]
}

// frontMatter reads the front matter into the post.
func (p *parser) frontMatter(s split, loc *time.Location) {
	var f frontMatter
	source := schema.Source{File: p.post.File, Line: s.line, Syntax: s.syntax, Data: s.matter, Location: loc}
	if s.matter != nil {
		lines, err := schema.Decode(source, &f)
		p.problems = append(p.problems, err)
		p.lines, p.post.Lines = lines, lines.Keys()
	}
	q := p.post
	if f.Title != "" {
		q.Title = strings.Join(strings.Fields(f.Title), " ")
	} else {
		p.titleFromText()
	}
	if !f.Date.IsZero() {
		q.Date = f.Date
	}
	q.Lastmod, q.PublishDate, q.ExpiryDate = f.Lastmod, f.PublishDate, f.ExpiryDate
	if q.Date.IsZero() {
		q.Date = q.PublishDate // which is its date as far as anybody can tell
	}
	q.Description, q.Summary, q.Series = f.Description, f.Summary, f.Series
	q.Draft = q.Draft || f.Draft
	q.Unlisted, q.Author, q.Image, q.Weight = f.Unlisted, f.Author, f.Image, f.Weight
	q.Comments, q.Params = f.Comments, f.Params
	q.Tags = p.tags(f.Tags)
	q.Videos = p.videos(f.Video)
	p.slug(f.Slug)
	q.URL = p.path("url", f.URL)
	for _, a := range f.Aliases {
		if alias := p.path("aliases", a); alias != "" && !slices.Contains(q.Aliases, alias) {
			q.Aliases = append(q.Aliases, alias)
		}
	}
	if when := q.appears(); !q.ExpiryDate.IsZero() && !when.IsZero() && !q.ExpiryDate.After(when) {
		p.warn(p.at(q.Lines["expiryDate"], "expiryDate is not after the date the post appears: it will never be seen"))
	}
}

func (p *parser) tags(written []string) []string {
	var tags []string
	for _, tag := range written {
		tag = strings.Join(strings.Fields(tag), " ")
		if Slugify(tag) == "" {
			p.report(p.at(p.lines.Of("tags"), "tags: want words, got %q", tag))
			continue
		}
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags
}

func (p *parser) slug(written string) {
	if written == "" {
		return
	}
	line := p.lines.Of("slug")
	slug := Slugify(written)
	switch {
	case strings.ContainsAny(written, `/\`):
		p.report(p.at(line, "slug: want one part of an address, got %q", written).WithHint("url: gives a post a whole address"))
	case slug == "":
		p.report(p.at(line, "slug: want letters or digits, got %q", written))
	default:
		p.post.Slug = slug
	}
}

// maxElement is the length in bytes of a part of an address; file systems end names at 255.
const maxElement = 200

// path checks an address on the site and returns it as pages have it: "about/team/", or "old/walk.html" for an alias that
// is a file. A % is taken for the escape it is in an address copied from a browser.
func (p *parser) path(key string, written located) string {
	if written.Text == "" {
		return ""
	}
	refuse := func(why, hint string) string {
		p.report(p.at(int(written.Line), "%s: %s, got %q", key, why, written.Text).WithHint("%s", hint))
		return ""
	}
	plain, err := url.PathUnescape(written.Text)
	plain = norm.NFC.String(plain)
	elements := strings.Split(strings.Trim(plain, "/"), "/")
	isFile := strings.HasSuffix(plain, ".html")
	switch {
	case strings.Contains(plain, "://") || strings.HasPrefix(plain, "//"):
		return refuse("want a path on this site", "leave out the site's own address")
	case err != nil || !utf8.ValidString(plain) || strings.ContainsAny(plain, `\?#<>:"|*`) || strings.ContainsFunc(plain, unicode.IsControl):
		return refuse("want a plain path such as /about/team/", `a path cannot hold ? # < > : " | * \ or a % that escapes nothing`)
	case slices.ContainsFunc(elements, func(e string) bool { return e == "" || strings.Trim(e, ". ") == "" }):
		return refuse("want a path that leads down from the site's first page", "")
	case slices.ContainsFunc(elements, func(e string) bool { return len(e) > maxElement }):
		return refuse("want shorter parts", "")
	case isFile && key == "url":
		return refuse("want a folder such as /about/team/", "pages are folders' index.html; an old address that ends in .html can be one of the aliases")
	}
	address := strings.Join(elements, "/")
	if isFile {
		return address
	}
	return address + "/"
}

// videos turns what the key video holds into clips.
func (p *parser) videos(v videos) []Clip {
	items := v.List
	if v.Src != "" || v.Film != nil {
		items = []video{{Line: v.Line, Src: v.Src, Film: v.Film}}
	}
	var clips []Clip
	for _, item := range items {
		switch {
		case item.Film != nil:
			clips = append(clips, p.clip(item.Film))
		case item.Src != "":
			clips = append(clips, Clip{Src: item.Src, Line: int(item.Line)})
		}
	}
	return clips
}

func (p *parser) clip(f *film) Clip {
	c := Clip{
		Src: f.Src, Line: int(f.Line), Renditions: f.Renditions, Title: f.Title, Poster: f.Poster,
		ChaptersFile: f.Chapters.File, Start: f.Start, Loop: f.Loop, Muted: f.Muted, Aspect: f.Aspect,
		NoTranscript: f.Transcript != nil && !*f.Transcript, Duration: f.Duration, Width: f.Width, Height: f.Height,
		Loudness: f.Audio.Loudness,
	}
	for _, t := range f.Captions {
		c.Captions = append(c.Captions, Caption{Src: t.Src, Lang: t.Lang, Label: t.Label, Line: int(t.Line)})
	}
	for i, ch := range f.Chapters.List {
		if i > 0 && ch.At <= f.Chapters.List[i-1].At {
			p.report(p.at(int(ch.Line), "chapters: %q does not start after the chapter before it", ch.Title))
		}
		c.Chapters = append(c.Chapters, Chapter{At: ch.At, Title: ch.Title})
	}
	return c
}

// appears is when the post is to be seen; zero for always.
func (p *Post) appears() time.Time {
	if !p.PublishDate.IsZero() {
		return p.PublishDate
	}
	return p.Date
}

// titleFromText takes the title from the first heading, where there is one. A heading that opens the text is taken out
// of it, because the page shows the title above.
func (p *parser) titleFromText() {
	h, ok := firstHeading(p.post.Body)
	if !ok {
		return
	}
	p.post.Title = h.text
	if h.opens {
		p.post.BodyLine += bytes.Count(p.post.Body[:h.end], []byte{'\n'})
		p.post.Body = p.post.Body[h.end:]
	}
}

// A heading is a "# heading" of a text.
type heading struct {
	text  string
	end   int // offset of the line after it
	opens bool
}

// firstHeading finds the first heading of the first level, outside code.
func firstHeading(body []byte) (heading, bool) {
	rest := string(body)
	fence, opens := "", true
	for rest != "" {
		current, after, _ := strings.Cut(rest, "\n")
		trimmed := strings.TrimSpace(current)
		indented := strings.HasPrefix(current, "    ") || strings.HasPrefix(current, "\t")
		switch {
		case fence != "":
			if strings.HasPrefix(trimmed, fence) && strings.Trim(trimmed, fence[:1]) == "" {
				fence = ""
			}
		case strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~"):
			fence = trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, trimmed[:1]))]
		case !indented && (strings.HasPrefix(trimmed, "# ") || strings.HasPrefix(trimmed, "#\t")):
			if text := plain(trimmed[1:]); text != "" {
				return heading{text, len(body) - len(after), opens}, true
			}
		}
		opens = opens && trimmed == ""
		rest = after
	}
	return heading{}, false
}

// closing is the optional end of a heading: "## Title ##".
var closing = regexp.MustCompile(`\s+#+\s*$`)

// plain is the text of a heading without the marks of emphasis, code and links.
func plain(s string) string {
	s = closing.ReplaceAllString(s, "")
	s = linkMarks.ReplaceAllString(s, "$1")
	return strings.Join(strings.Fields(marks.Replace(s)), " ")
}

var marks = strings.NewReplacer("**", "", "__", "", "*", "", "`", "")

var linkMarks = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// err joins the problems.
func (p *parser) err() error { return errors.Join(p.problems...) }
