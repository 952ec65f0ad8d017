package video

import (
	"fmt"
	"image"
	_ "image/jpeg" // the sizes of pictures authors put beside clips
	_ "image/png"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	_ "golang.org/x/image/webp"

	"matinee/internal/diag"
)

// pictureTypes are the pictures taken as posters, by extension, in order of preference.
var pictureTypes = []struct{ ext, mime string }{
	{".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".png", "image/png"}, {".webp", "image/webp"},
}

const maxPicture = 64 << 20

// addPoster gives a video the picture its author names, the one that lies beside the clip under the same name, or a
// title card.
func (l *Library) addPoster(v *Video, c *Clip) error {
	name := c.Poster
	if name == "" {
		for _, t := range pictureTypes {
			if isFile(l.Site, c.beside()+t.ext) {
				name = c.beside() + t.ext
				break
			}
		}
	}
	if name == "" {
		return l.addTitleCard(v)
	}
	i := slices.IndexFunc(pictureTypes, func(t struct{ ext, mime string }) bool { return strings.EqualFold(t.ext, path.Ext(name)) })
	if i < 0 {
		return diag.At(c.File, c.Line, "poster %s: pictures of this type are not understood", name).
			WithHint("use a JPEG, PNG or WebP picture")
	}
	src, err := l.sources.look(name, pictureSize)
	if err != nil {
		return problemAt(c, name, err)
	}
	ext := pictureTypes[i].ext
	file, err := l.blobs.copy(l.Site, name, ext, src)
	if err != nil {
		return problemAt(c, name, err)
	}
	out := fmt.Sprintf("posters/%s/%d%s", streamName(name, src.SHA256), src.Width, ext)
	l.publish(File{Path: out, Source: file, Size: src.Size, SHA256: src.SHA256})
	v.Poster = Poster{Images: []Image{{Path: out, Type: pictureTypes[i].mime, Width: src.Width, Height: src.Height}}}
	return nil
}

// pictureSize remembers the size of a picture, and refuses what is none.
func pictureSize(f fs.File, s *source) error {
	config, _, err := image.DecodeConfig(io.LimitReader(f, maxPicture))
	if err != nil {
		return fmt.Errorf("not a picture that can be read (%w)", err)
	}
	s.Width, s.Height = config.Width, config.Height
	return nil
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
	out := fmt.Sprintf("posters/%s/card.svg", streamName(v.Name[:strings.LastIndexByte(v.Name, '-')], sum))
	l.publish(File{Path: out, Source: file, Size: int64(len(card)), SHA256: sum})
	v.Poster = Poster{Images: []Image{{Path: out, Type: "image/svg+xml", Width: w, Height: h}}}
	return nil
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.Mode().IsRegular()
}
