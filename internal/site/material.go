package site

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"matinee/internal/diag"
	"matinee/internal/markdown"
	"matinee/internal/post"
	"matinee/internal/video"
)

// contentDir is the folder that posts and the files they name live in; what lies in staticDir is published as it is,
// whether a post names it or not.
const (
	contentDir = "content"
	staticDir  = "static"
)

// An Entry is a post on its way into the site: its text rendered, and the clips it names found. The caller prepares
// every clip and puts the results into Videos, index by index, before the entries go into New.
type Entry struct {
	Post   *post.Post
	Doc    *markdown.Document
	Clips  []video.Clip   // those of the front matter, then those of the text
	Videos []*video.Video // Clips, prepared

	renderer markdown.Renderer // what made Doc of the text

	inline map[int]int       // offset of a Player hole of Doc → index in Clips
	files  map[string]string // link and picture targets as written → files beside the post ("content/map.png")
	links  map[string]*Entry // link targets as written → other posts
}

// Gather renders the text of every post and finds the clips, links and files it names. It reports everything that is
// missing in one error; warnings are about texts that were rendered all the same. The Body of each post is given up for
// what was made of it: those of a large site would be held to the end of the build, and nobody reads them again.
func Gather(fsys fs.FS, posts []*post.Post, md *markdown.Renderer) (entries []*Entry, warnings []*diag.Problem, err error) {
	g := gatherer{fsys: fsys, byFile: make(map[string]*Entry, len(posts))}
	docs, errs := renderAll(posts, md)
	for i, p := range posts {
		e := &Entry{Post: p, Doc: docs[i], renderer: *md, inline: map[int]int{}, files: map[string]string{}, links: map[string]*Entry{}}
		warnings = append(warnings, e.Doc.Warnings...)
		entries = append(entries, e)
		g.byFile[p.File] = e
	}
	for _, e := range entries {
		errs = append(errs, g.clips(e), g.targets(e))
	}
	return entries, warnings, errors.Join(errs...)
}

// renderAll renders the texts of all posts, as many at a time as there are processors. A text with problems is an empty one.
func renderAll(posts []*post.Post, md *markdown.Renderer) (docs []*markdown.Document, errs []error) {
	docs, errs = make([]*markdown.Document, len(posts)), make([]error, len(posts))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range posts {
		group.Go(func() error {
			if docs[i], errs[i] = md.Render(p.File, p.BodyLine, p.Body); errs[i] != nil {
				docs[i] = &markdown.Document{}
			}
			p.Body = nil
			return nil
		})
	}
	_ = group.Wait() // the problems are in errs
	return docs, errs
}

// A gatherer finds what posts name.
type gatherer struct {
	fsys   fs.FS
	byFile map[string]*Entry
}

// clips fills e.Clips from the front matter and from the players of the text.
func (g *gatherer) clips(e *Entry) error {
	var errs []error
	for _, c := range e.Post.Videos {
		clip, err := g.frontMatterClip(e.Post, c)
		errs = append(errs, err)
		e.Clips = append(e.Clips, clip)
	}
	for _, h := range e.Doc.Holes {
		if h.Kind != markdown.Player {
			continue
		}
		clip, err := g.inlineClip(e.Post, h)
		errs = append(errs, err)
		e.inline[h.Offset] = len(e.Clips)
		e.Clips = append(e.Clips, clip)
	}
	return errors.Join(errs...)
}

func (g *gatherer) frontMatterClip(p *post.Post, c post.Clip) (video.Clip, error) {
	var errs []error
	find := func(what, target string, line int) string {
		if target == "" {
			return ""
		}
		found, err := g.find(p.File, target)
		if err != nil {
			errs = append(errs, namedProblem(p.File, line, what, target, err))
		}
		return found
	}
	src, exists, err := g.source(p, c.Src, c.Line)
	errs = append(errs, err)
	switch {
	case exists && len(c.Renditions) > 0:
		errs = append(errs, diag.At(p.File, c.Line, "renditions are further files of a clip, and %q is a stream that exists already", c.Src))
	case !exists && (c.Duration > 0 || c.Width > 0 || c.Height > 0):
		errs = append(errs, diag.At(p.File, c.Line, "duration, width and height are for streams that exist already; those of a clip are read from it").
			WithHint(`leave them out; aspect: "16:9" gives the player another shape`))
	}
	clip := video.Clip{
		Title: c.Title, Start: c.Start, Loop: c.Loop, Muted: c.Muted, Aspect: c.Aspect, File: p.File, Line: c.Line,
		NoTranscript: c.NoTranscript, Duration: c.Duration, Width: c.Width, Height: c.Height, Src: src,
		ChaptersFile: find("chapters", c.ChaptersFile, c.Line), Wish: video.Wish{Loudness: c.Loudness},
	}
	if c.Poster != "" {
		errs = append(errs, g.poster(&clip, p.File, c.Poster))
	}
	if len(p.Videos) == 1 {
		clip.Title = cmp.Or(clip.Title, p.Title)
		if exists {
			clip.Beside = besidePost(p)
		}
	}
	for _, r := range c.Renditions {
		clip.Renditions = append(clip.Renditions, find("rendition", r, c.Line))
	}
	for _, t := range c.Captions {
		line := t.Line
		if line == 0 {
			line = c.Line
		}
		clip.Captions = append(clip.Captions, video.Caption{Path: find("captions", t.Src, line), Lang: t.Lang, Label: t.Label, Line: line})
	}
	for _, ch := range c.Chapters {
		clip.Chapters = append(clip.Chapters, video.Chapter(ch))
	}
	return clip, errors.Join(errs...)
}

// source finds a clip that a post names: a file, or a stream that exists already.
func (g *gatherer) source(p *post.Post, src string, line int) (found string, exists bool, err error) {
	address, exists, err := video.ParseStream(src)
	if err != nil {
		return "", true, diag.At(p.File, line, "video %q %v", src, err).
			WithHint("name a file of the site, https://…/master.m3u8, or stream: and a key; what other players show can be linked to in the text")
	}
	if exists || src == "" {
		return address, exists, nil
	}
	if found, err = g.find(p.File, src); err != nil {
		return "", false, namedProblem(p.File, line, "video", src, err)
	}
	return found, false, nil
}

// besidePost is what files that belong to the one stream of a post begin with, since the stream itself lies elsewhere:
// the post's own name.
func besidePost(p *post.Post) string {
	if p.Bundle {
		return path.Join(path.Dir(p.File), path.Base(path.Dir(p.File)))
	}
	return strings.TrimSuffix(p.File, path.Ext(p.File))
}

func (g *gatherer) inlineClip(p *post.Post, h markdown.Hole) (video.Clip, error) {
	clip := video.Clip{
		Title: h.Text, File: p.File, Line: h.Line, Aspect: h.Params["aspect"],
		Loop: h.Params["loop"] == "true", Muted: h.Params["muted"] == "true",
	}
	var errs []error
	var err error
	if clip.Src, _, err = g.source(p, h.Target, h.Line); err != nil {
		errs = append(errs, err)
	}
	if poster := h.Params["poster"]; poster != "" {
		errs = append(errs, g.poster(&clip, p.File, poster))
	}
	if start := h.Params["start"]; start != "" {
		if clip.Start, err = post.ParseDuration(start); err != nil {
			errs = append(errs, diag.At(p.File, h.Line, "start %q is not a time", start).WithHint(`write seconds or minutes and seconds: start="1:30"`))
		}
	}
	return clip, errors.Join(errs...)
}

// targets finds the posts and files that links and pictures of a text lead to.
func (g *gatherer) targets(e *Entry) error {
	var errs []error
	for _, h := range e.Doc.Holes {
		if h.Kind == markdown.Player || hasScheme(h.Target) {
			continue
		}
		errs = append(errs, g.target(e, h))
	}
	if e.Post.Image != "" && !hasScheme(e.Post.Image) {
		found, err := g.file(e.Post.File, e.Post.Image)
		if err != nil {
			errs = append(errs, namedProblem(e.Post.File, e.Post.Lines["image"], "image", e.Post.Image, err))
		}
		e.files[e.Post.Image] = found
	}
	return errors.Join(errs...)
}

func (g *gatherer) target(e *Entry, h markdown.Hole) error {
	name, suffix := splitSuffix(h.Target)
	if suffix != "" { // "#" and "?" may belong to the file's name
		if found, err := g.find(e.Post.File, h.Target); err == nil {
			e.files[h.Target] = found
			return nil
		}
	}
	if found := g.static(name); found != "" {
		e.files[h.Target] = found
		return nil
	}
	if name == "" || h.Kind == markdown.Link && strings.HasPrefix(name, "/") && path.Ext(name) == "" {
		return nil // a place in this page, or an address of the site, which New checks against its pages
	}
	found, err := g.find(e.Post.File, name)
	if err != nil {
		if h.Kind == markdown.Link && path.Ext(name) == "" {
			return nil // "../other/" is an address too
		}
		return namedProblem(e.Post.File, h.Line, map[markdown.Kind]string{markdown.Link: "link", markdown.Picture: "picture"}[h.Kind], h.Target, err)
	}
	if other := g.byFile[found]; other != nil {
		e.links[h.Target] = other
		return nil
	}
	if post.IsPost(found) {
		return diag.At(e.Post.File, h.Line, "link %q leads to a post that is not part of the site (a draft, not yet or no longer published, or with problems of its own)", h.Target)
	}
	e.files[h.Target] = found
	return nil
}

// file looks up a file that a post names, also one that is published as it is.
func (g *gatherer) file(from, name string) (string, error) {
	if found := g.static(name); found != "" {
		return found, nil
	}
	return g.find(from, name)
}

// static finds the file in static/ that stands at an address of the site, "/img/a.png" or a folder with an index, and is ""
// when there is none. It goes before a file of content/ that would be published at the same address.
func (g *gatherer) static(address string) string {
	if !strings.HasPrefix(address, "/") || hasScheme(address) {
		return ""
	}
	names := []string{address}
	if plain, err := url.PathUnescape(address); err == nil && plain != address {
		names = append(names, plain)
	}
	for _, n := range names {
		for _, found := range []string{path.Join(staticDir, n), path.Join(staticDir, n, "index.html")} {
			if info, err := fs.Stat(g.fsys, found); err == nil && info.Mode().IsRegular() && strings.HasPrefix(found, staticDir+"/") {
				return found
			}
		}
	}
	return ""
}

var (
	errOutside   = errors.New("leads out of the site's content folder")
	errElsewhere = errors.New("is on another site")
	errDir       = errors.New("is a folder")
	errEmpty     = errors.New("is empty (0 bytes)")
)

// find looks a file up that a post names: beside the post, then under content/. The name is tried as written and then
// with its percent escapes resolved.
func (g *gatherer) find(from, name string) (string, error) {
	if hasScheme(name) {
		return "", errElsewhere
	}
	names := []string{name}
	if plain, err := url.PathUnescape(name); err == nil && plain != name {
		names = append(names, plain)
	}
	dirs := []string{path.Dir(from), contentDir}
	if strings.HasPrefix(name, "/") {
		dirs = dirs[1:]
	}
	var first error
	for _, n := range names {
		for _, dir := range dirs {
			found := path.Join(dir, strings.ReplaceAll(n, "\\", "/"))
			err := g.check(found)
			if err == nil {
				return found, nil
			}
			if first == nil || errors.Is(first, fs.ErrNotExist) && !errors.Is(err, errOutside) {
				first = err
			}
		}
	}
	return "", first
}

func (g *gatherer) check(name string) error {
	if !strings.HasPrefix(name, contentDir+"/") || !fs.ValidPath(name) {
		return errOutside
	}
	info, err := fs.Stat(g.fsys, name)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errDir
	case info.Size() == 0:
		return errEmpty
	case !info.Mode().IsRegular():
		return fmt.Errorf("is not a regular file (%s)", info.Mode().Type())
	}
	return nil
}

// namedProblem says why a file that a post names cannot be used, and what would help.
func namedProblem(file string, line int, what, name string, err error) *diag.Problem {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return diag.At(file, line, "%s %q: no such file", what, name).
			WithHint("files are looked up beside the post (%s) and under %s", path.Dir(file)+"/", contentDir+"/")
	case errors.Is(err, errDir), errors.Is(err, errEmpty), errors.Is(err, errOutside), errors.Is(err, errElsewhere):
		return diag.At(file, line, "%s %q %v", what, name, err)
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if strings.Contains(err.Error(), "escapes") { // os.Root: a symbolic link leads out of the site
		return diag.At(file, line, "%s %q is a link that leads out of the site's folder", what, name).
			WithHint("copy the file into %s", contentDir+"/")
	}
	return diag.At(file, line, "%s %q: %v", what, name, err)
}

// splitSuffix splits a link target into the path and its query and fragment.
func splitSuffix(target string) (name, suffix string) {
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		return target[:i], target[i:]
	}
	return target, ""
}
