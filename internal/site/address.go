package site

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"matinee/internal/diag"
	"matinee/internal/markdown"
	"matinee/internal/post"
)

// address composes where a post stands: its own url, or the permalink pattern with its placeholders filled in. A post
// without a date leaves out the elements that need one.
func address(pattern string, p *post.Post) string {
	if p.URL != "" {
		return dirPath(p.URL)
	}
	values := map[string]string{":slug": p.Slug, ":section": p.Section, ":year": "", ":month": "", ":day": ""}
	if !p.Date.IsZero() {
		values[":year"] = fmt.Sprintf("%04d", p.Date.Year())
		values[":month"] = fmt.Sprintf("%02d", p.Date.Month())
		values[":day"] = fmt.Sprintf("%02d", p.Date.Day())
	}
	var parts []string
	for part := range strings.SplitSeq(pattern, "/") {
		for name, value := range values {
			part = strings.ReplaceAll(part, name, value)
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return dirPath(strings.Join(parts, "/"))
}

// dirPath is a path as pages have it: no slash in front, one at the end.
func dirPath(p string) string {
	p = strings.Trim(path.Clean("/"+p), "/")
	if p == "" {
		return ""
	}
	return p + "/"
}

// aliasPath is where an alias stands: a directory, also by the name of its index, or a file when it names one ("old.html").
func aliasPath(alias string) string {
	p := strings.Trim(path.Clean("/"+alias), "/")
	if path.Base(p) == "index.html" {
		return dirPath(path.Dir(p))
	}
	if path.Ext(p) == ".html" {
		return p
	}
	return dirPath(p)
}

// Redirects returns the old addresses of posts and where they lead now, as they stand in addresses of a site at the root
// of its host: "/old/b/" to "/b/". They say to a server what the pages at the old addresses say to browsers.
func Redirects(posts []*post.Post, permalink string) map[string]string {
	redirects := make(map[string]string)
	for _, p := range posts {
		for _, a := range p.Aliases {
			redirects["/"+escapePath(aliasPath(a))] = "/" + escapePath(address(permalink, p))
		}
	}
	return redirects
}

// publicPath is where a file of the author's is published: "content/a/b.png" as "a/b.png", and "static/c.png" as "c.png".
func publicPath(file string) string {
	_, path, _ := strings.Cut(file, "/")
	return path
}

// urlPath is the path of an absolute address: "/blog/" of "https://example.com/blog/", "/" of "".
func urlPath(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.EscapedPath()
}

// A target is where a link of a text leads.
type target struct {
	path   string // of the site
	suffix string // query and fragment, as written
}

// resolve finds where the links and pictures of every text lead, now that addresses are known.
func (s *Site) resolve(posts []*Post, byEntry map[*Entry]*Post) error {
	known := s.paths(posts)
	var errs []error
	for _, p := range posts {
		for _, h := range p.entry.Doc.Holes {
			if h.Kind == markdown.Player || hasScheme(h.Target) {
				continue
			}
			t, ok := p.resolve(h.Target, byEntry, known)
			if !ok {
				errs = append(errs, diag.At(p.entry.Post.File, h.Line, "link %q leads nowhere on this site", h.Target).
					WithHint(`link to another post by its file name, as in [text](other.md)`))
			}
			p.targets[h.Target] = t
		}
	}
	return errors.Join(errs...)
}

func (p *Post) resolve(written string, byEntry map[*Entry]*Post, known map[string]bool) (target, bool) {
	if file := p.entry.files[written]; file != "" {
		_, suffix := splitSuffix(written)
		if strings.HasSuffix(file, suffix) {
			suffix = "" // the "?" is part of the file's name
		}
		return target{publicPath(file), suffix}, true
	}
	name, suffix := splitSuffix(written)
	if other := byEntry[p.entry.links[written]]; other != nil {
		return target{other.Path, suffix}, true
	}
	if name == "" {
		return target{p.Path, suffix}, true
	}
	base := p.Path
	if strings.HasPrefix(name, "/") {
		base = ""
	}
	plain, err := url.PathUnescape(name)
	if err != nil {
		plain = name
	}
	full := strings.TrimPrefix(path.Join("/", base, plain), "/")
	for _, candidate := range []string{full, dirPath(full)} {
		if known[candidate] {
			return target{candidate, suffix}, true
		}
	}
	return target{full, suffix}, false
}

// paths is every address of the site that a link may name without naming a file.
func (s *Site) paths(posts []*Post) map[string]bool {
	known := map[string]bool{"": true, "tags/": true, "404.html": true}
	if s.URL != "" {
		known[feedPath], known[sitemapPath] = true, true
	}
	for _, p := range posts {
		known[p.Path] = true
		for _, a := range p.entry.Post.Aliases {
			known[aliasPath(a)] = true
		}
	}
	for _, t := range s.Tags {
		known[t.Path] = true
	}
	for _, t := range s.series {
		known[t.Path] = true
	}
	return known
}

// aliasPages are the old addresses of posts: tiny pages that lead to the new ones without a script.
func (s *Site) aliasPages() []Page {
	var pages []Page
	for _, p := range s.allPosts() {
		for _, a := range p.entry.Post.Aliases {
			v := s.view("alias", aliasPath(a), p.Title)
			file := v.Path
			if !strings.HasSuffix(file, ".html") {
				file += "index.html"
			}
			to := v.Link(p.Path)
			if file == v.Path { // "old.html" stands beside its folder's index
				to = strings.Repeat("../", strings.Count(file, "/")) + escapePath(p.Path)
			}
			pages = append(pages, Page{
				Path: file, Class: ClassPage, Key: digest(s.key, "alias", file, p.Path, p.Title),
				Render: func(w io.Writer) error {
					_, err := io.WriteString(w, redirect(s.Language, p.Title, to))
					return err
				},
			})
		}
	}
	return pages
}

// redirect is a page that leads to an address without a script.
func redirect(language, title, to string) string {
	language, title, to = html.EscapeString(language), html.EscapeString(title), html.EscapeString(to)
	return `<!doctype html><html lang="` + language + `"><meta charset="utf-8"><title>` + title + `</title>` +
		`<link rel="canonical" href="` + to + `"><meta name="robots" content="noindex">` +
		`<meta http-equiv="refresh" content="0; url=` + to + `"><p><a href="` + to + `">` + title + `</a></p></html>` + "\n"
}

// lastChange is when a post was last touched, as far as its front matter tells.
func (p *Post) lastChange() time.Time {
	if p.Lastmod.After(p.Date) {
		return p.Lastmod
	}
	return p.Date
}

// Files are the files beside posts, and those of static/, that texts and front matter name, by the paths they are published
// under.
func (s *Site) Files() map[string]string {
	files := map[string]string{}
	for _, p := range s.allPosts() {
		for _, file := range p.entry.files {
			if file != "" {
				files[publicPath(file)] = file
			}
		}
	}
	return files
}
