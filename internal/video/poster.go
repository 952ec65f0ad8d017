package video

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the pictures authors put beside clips
	_ "image/png"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	_ "golang.org/x/image/webp"

	"matinee/internal/diag"
)

// pictureTypes are the pictures taken as posters, by extension, in order of preference.
var pictureTypes = []string{".jpg", ".jpeg", ".png", ".webp"}

// Pictures of authors are read whole, and decoded whole.
const (
	maxPicture = 64 << 20  // bytes
	maxPixels  = 100 << 20 // of a picture; four bytes each
)

// addImages gives a video all that is seen of it before it plays. Of st, its stream, the Camera takes pictures; it is nil
// when the stream lies elsewhere. Only what the author names can be a mistake: a picture that cannot be taken is a
// warning, and the film has a title card.
func (l *Library) addImages(ctx context.Context, v *Video, c *Clip, st *stream) error {
	film, err := l.filmed(ctx, v, c, st)
	if err != nil {
		return err
	}
	if film != nil {
		l.addReel(v, film)
	}
	name := l.pictureFile(c)
	switch {
	case name != "":
		return l.addPicture(ctx, v, c, name)
	case c.PosterAt != nil || film != nil:
		return l.addStill(ctx, v, c, st, film)
	}
	return l.addTitleCard(v)
}

// pictureFile is the picture the author names, or else, unless a moment is named, the one that lies beside the clip
// under the same name.
func (l *Library) pictureFile(c *Clip) string {
	if c.Poster != "" || c.PosterAt != nil {
		return c.Poster
	}
	for _, ext := range pictureTypes {
		if isFile(l.Site, c.beside()+ext) {
			return c.beside() + ext
		}
	}
	return ""
}

// filmed is what the Camera made of a stream, nil when there is none or it cannot be photographed.
func (l *Library) filmed(ctx context.Context, v *Video, c *Clip, st *stream) (*album, error) {
	if l.Camera == nil || st == nil || !v.HasVideo {
		return nil, nil
	}
	film, err := l.reel(ctx, st)
	return film, l.excuse(ctx, c, "storyboard and preview are left out", err)
}

// excuse turns the error of a picture into a warning, unless the build has to end.
func (l *Library) excuse(ctx context.Context, c *Clip, what string, err error) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*CacheError](err); ok {
		return err
	}
	l.warn(diag.At(c.File, c.Line, "%s: %s: %v", c.Src, what, err))
	return nil
}

func (l *Library) addReel(v *Video, film *album) {
	publish := func(name string) string {
		if name == "" {
			return ""
		}
		out := "stream/" + v.Name + "/" + name
		l.publish(film.file(name, out))
		return out
	}
	publish(film.Sprite)
	v.Storyboard, v.Preview = publish(film.Storyboard), publish(film.Preview)
}

// addPicture makes the poster of a picture of the author's.
func (l *Library) addPicture(ctx context.Context, v *Video, c *Clip, name string) error {
	if !slices.ContainsFunc(pictureTypes, func(ext string) bool { return strings.EqualFold(ext, path.Ext(name)) }) {
		return diag.At(c.File, c.Line, "poster %s: pictures of this type are not understood", name).
			WithHint("use a JPEG, PNG or WebP picture")
	}
	src, err := l.sources.look(name, checkPicture)
	if err != nil {
		return problemAt(c, name, err)
	}
	develop := func(camera Camera) (*album, error) {
		key := []string{"picture", src.SHA256}
		if camera != nil {
			k, err := camera.Key(ctx)
			if err != nil {
				return nil, err
			}
			key = append(key, k)
		}
		return l.album(ctx, src.SHA256, key, func(a *album) error {
			picture, err := readPicture(l.Site, name)
			if err != nil {
				return problemAt(c, name, err)
			}
			return a.develop(ctx, camera, picture)
		})
	}
	a, err := develop(l.Camera)
	if _, ok := errors.AsType[*diag.Problem](err); err != nil && !ok && l.Camera != nil {
		if err := l.excuse(ctx, c, "its poster has no small encodings", err); err != nil {
			return err
		}
		a, err = develop(nil)
	}
	if err != nil {
		return err
	}
	l.addPoster(v, slug(path.Base(stem(name))), a)
	return nil
}

// addStill makes the poster of a moment of the film: the one the author names, or the one that looks best.
func (l *Library) addStill(ctx context.Context, v *Video, c *Clip, st *stream, film *album) error {
	if film == nil || st == nil {
		if l.Camera == nil || st == nil {
			l.warn(diag.At(c.File, c.Line, "%s: no picture can be taken of it for the poster", c.Src).
				WithHint("use streaming.encoder: ffmpeg with ffmpeg installed, or name a picture file"))
		}
		return l.addTitleCard(v)
	}
	at := film.Best
	if c.PosterAt != nil {
		at = *c.PosterAt
	}
	if at >= st.Duration && at > 0 {
		return diag.At(c.File, c.Line, "poster: the film is over at %v", at).
			WithHint("it lasts %v; name an earlier moment", st.Duration.Round(time.Second/10))
	}
	key, err := l.Camera.Key(ctx)
	if err == nil {
		var a *album
		a, err = l.album(ctx, st.source(), []string{"still", st.Key, at.String(), key}, func(a *album) error {
			picture, err := l.Camera.Still(ctx, st.rungFor(imageWidths[len(imageWidths)-1]), at)
			if err != nil {
				return err
			}
			return a.develop(ctx, l.Camera, opaque(picture, 1))
		})
		if err == nil {
			l.addPoster(v, nameOf(v), a)
			return nil
		}
	}
	return errors.Join(l.excuse(ctx, c, "it has a title card instead of a poster", err), l.addTitleCard(v))
}

// addPoster publishes the pictures of an album, in a folder whose name has their digest.
func (l *Library) addPoster(v *Video, name string, a *album) {
	v.Poster.Placeholder = a.Poster.Placeholder
	dir := "posters/" + name + "-" + a.digest()[:10] + "/"
	for _, i := range a.Poster.Images {
		l.publish(a.file(i.Path, dir+i.Path))
		i.Path = dir + i.Path
		v.Poster.Images = append(v.Poster.Images, i)
	}
}

// checkPicture refuses what is no picture, or too large a one.
func checkPicture(f io.Reader) error {
	config, _, err := image.DecodeConfig(io.LimitReader(f, maxPicture))
	if err != nil {
		return fmt.Errorf("not a picture that can be read (%w)", err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return fmt.Errorf("%d×%d pixels are too many for a poster", config.Width, config.Height)
	}
	return nil
}

// readPicture reads a picture as it is to be seen. What else a camera writes into it, such as the place where it was
// taken, is not published.
func readPicture(site fs.FS, name string) (*image.RGBA, error) {
	f, err := site.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxPicture))
	if err != nil {
		return nil, err
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("not a picture that can be read (%w)", err)
	}
	return opaque(m, orientation(data)), nil
}

func (l *Library) addTitleCard(v *Video) error {
	w, h := v.Width, v.Height
	if w == 0 || h == 0 {
		w, h = 1280, 720
	}
	card := titleCard(v.Title, w, h)
	file, sum, err := l.blobs.put(".svg", card)
	if err != nil {
		return err
	}
	out := fmt.Sprintf("posters/%s/card.svg", streamName(nameOf(v), sum))
	l.publish(File{Path: out, Source: file, Size: int64(len(card)), SHA256: sum})
	v.Poster = Poster{Images: []Image{{Path: out, Type: "image/svg+xml", Width: w, Height: h}}}
	return nil
}

// nameOf is the readable part of a video's name.
func nameOf(v *Video) string { return v.Name[:strings.LastIndexByte(v.Name, '-')] }

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.Mode().IsRegular()
}
