package site

import (
	"html/template"
	"path"
	"slices"
	"strconv"
	"strings"

	"matinee/internal/post"
	"matinee/internal/video"
)

// A Picture is the dot of the partial "picture": the still picture of a card, in all types and sizes there are.
type Picture struct {
	Sources       []PictureSource // of types that not every browser knows, best first
	Srcset        string          // of the type that every browser knows; "" when there is one size
	Src           string          // the largest of it
	Sizes         string          // how wide the picture is shown, for the sizes attribute
	Width, Height int             // pixels of Src; 0 when not known
	Placeholder   template.URL    // a data: address to show meanwhile, or ""
	First         bool            // the first picture of the page, which is fetched at once
}

// A PictureSource is all sizes of a picture in one type.
type PictureSource struct {
	Type   string // "image/avif"
	Srcset string
}

// ownImage tells whether the post has an image of the site. One elsewhere is for previews elsewhere: a page of this site
// shows only its own pictures.
func (p *Post) ownImage() bool { return p.Image != "" && !hasScheme(p.Image) }

// Picture makes the dot of the partial "picture" for a post, nil when it has no picture. sizes says how wide the theme
// shows it, as the attribute of that name has it.
func (v *View) Picture(p *Post, sizes string, first bool) *Picture {
	if p.ownImage() {
		return &Picture{Src: v.Link(p.Image), First: first}
	}
	if p.Cover == nil || len(p.Cover.Poster.Images) == 0 {
		return nil
	}
	pic := &Picture{Sizes: sizes, First: first, Placeholder: template.URL(p.Cover.Poster.Placeholder)} //nolint:gosec // made by package video
	images := p.Cover.Poster.Images
	for len(images) > 0 {
		n := slices.IndexFunc(images, func(i video.Image) bool { return i.Type != images[0].Type })
		if n < 0 {
			n = len(images)
			pic.Src, pic.Width, pic.Height = v.Link(images[n-1].Path), images[n-1].Width, images[n-1].Height
			if n > 1 {
				pic.Srcset = v.srcset(images)
			}
		} else {
			pic.Sources = append(pic.Sources, PictureSource{Type: images[0].Type, Srcset: v.srcset(images[:n])})
		}
		images = images[n:]
	}
	return pic
}

// srcset lists images with their widths.
func (v *View) srcset(images []video.Image) string {
	var all []string
	for _, i := range images {
		all = append(all, v.Link(i.Path)+" "+strconv.Itoa(i.Width)+"w")
	}
	return strings.Join(all, ", ")
}

// PosterSrc is the address of the poster for those who take one of any kind: the last, most widely readable one.
func (v *View) PosterSrc(clip *video.Video) string {
	images := clip.Poster.Images
	if len(images) == 0 {
		return ""
	}
	return v.Link(images[len(images)-1].Path)
}

// playerPoster is the address of the poster of a <video>, which has neither types nor sizes to choose from: a WebP is
// half of a JPEG, and whatever plays our streams knows it.
func (v *View) playerPoster(clip *video.Video) string {
	for _, i := range slices.Backward(clip.Poster.Images) {
		if i.Type == "image/webp" {
			return v.Link(i.Path)
		}
	}
	return v.PosterSrc(clip)
}

// Image is the address of the picture that stands for a post: its image, or its cover's poster, or "".
func (v *View) Image(p *Post) string {
	switch {
	case p.ownImage():
		return v.Link(p.Image)
	case p.Cover != nil:
		return v.PosterSrc(p.Cover)
	}
	return ""
}

// Shared is the path of the picture that other sites show of a post, "" when there is none that they understand: most
// know neither AVIF nor SVG.
func (v *View) Shared(p *Post) string {
	if p.Image != "" {
		if ext := strings.ToLower(path.Ext(p.Image)); ext == ".svg" || ext == ".avif" {
			return ""
		}
		return p.Image
	}
	if p.Cover == nil {
		return ""
	}
	for _, i := range slices.Backward(p.Cover.Poster.Images) {
		if i.Type == "image/jpeg" {
			return i.Path
		}
	}
	return ""
}

// poster sorts out what a post names as the poster of a clip: a picture file, or a moment of the film such as "0:12".
func (g *gatherer) poster(clip *video.Clip, from, name string) error {
	if at, err := post.ParseDuration(name); err == nil {
		clip.PosterAt = &at
		return nil
	}
	var err error
	if clip.Poster, err = g.find(from, name); err != nil {
		return namedProblem(from, clip.Line, "poster", name, err)
	}
	return nil
}
