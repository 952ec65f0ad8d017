package video

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the sizes of pictures authors put beside clips
	_ "image/png"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	_ "golang.org/x/image/webp"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

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
			if isFile(l.Site, stem(c.Src)+t.ext) {
				name = stem(c.Src) + t.ext
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

// addCaptions gives a video the captions its author names, or those that lie beside the clip: "walk.vtt" and
// "walk.<language>.vtt".
func (l *Library) addCaptions(v *Video, c *Clip) error {
	captions := c.Captions
	if len(captions) == 0 {
		captions = l.captionsBeside(c.Src)
	}
	var errs []error
	for _, t := range captions {
		line := cmp.Or(t.Line, c.Line)
		tag, err := language.Parse(cmp.Or(t.Lang, l.Language, "en"))
		if err != nil {
			errs = append(errs, diag.At(c.File, line, "captions %s: %q is not a language", t.Path, t.Lang).
				WithHint(`write a BCP 47 tag such as "en" or "pt-BR"`))
			continue
		}
		if !strings.EqualFold(path.Ext(t.Path), ".vtt") {
			errs = append(errs, diag.At(c.File, line, "captions %s: this version reads WebVTT files (.vtt) only", t.Path).
				WithHint("convert them, for example with: ffmpeg -i %s %s.vtt", path.Base(t.Path), stem(path.Base(t.Path))))
			continue
		}
		text, _, err := l.webVTT(t.Path)
		if err != nil {
			errs = append(errs, problemAt(c, t.Path, err))
			continue
		}
		out, err := l.publishText(v, "captions."+tag.String(), text)
		errs = append(errs, err)
		v.Captions = append(v.Captions, Track{Path: out, Kind: "captions", Lang: tag.String(), Label: cmp.Or(t.Label, selfName(tag))})
	}
	return errors.Join(errs...)
}

// selfName is what speakers of a language call it: "Deutsch".
func selfName(tag language.Tag) string {
	name := display.Self.Name(tag)
	if name == "" {
		return tag.String()
	}
	first := []rune(name)[:1]
	return strings.ToUpper(string(first)) + name[len(string(first)):]
}

func (l *Library) captionsBeside(src string) []Caption {
	base := path.Base(stem(src))
	entries, err := fs.ReadDir(l.Site, path.Dir(src))
	if err != nil {
		return nil
	}
	var found []Caption
	for _, e := range entries {
		name := e.Name()
		rest, ok := strings.CutPrefix(name, base+".")
		if !ok || e.IsDir() || !strings.EqualFold(path.Ext(name), ".vtt") {
			continue
		}
		lang := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(rest), "vtt"), ".")
		if lang == "chapters" {
			continue
		}
		if _, err := language.Parse(lang); lang != "" && err != nil {
			continue // "walk.part2.vtt" belongs to the clip "walk.part2.mp4"
		}
		found = append(found, Caption{Path: path.Join(path.Dir(src), name), Lang: lang})
	}
	return found
}

// addChapters gives a video the chapters of the front matter, of the file it names, or of "walk.chapters.vtt" beside
// the clip.
func (l *Library) addChapters(v *Video, c *Clip) error {
	v.Chapters = slices.Clone(c.Chapters)
	name := c.ChaptersFile
	if name == "" && len(v.Chapters) == 0 && isFile(l.Site, stem(c.Src)+".chapters.vtt") {
		name = stem(c.Src) + ".chapters.vtt"
	}
	if name != "" {
		_, cues, err := l.webVTT(name)
		if err != nil {
			return problemAt(c, name, err)
		}
		for _, q := range cues {
			v.Chapters = append(v.Chapters, Chapter{At: q.Start, Title: plainCue(q.Text)})
		}
	}
	slices.SortStableFunc(v.Chapters, func(a, b Chapter) int { return cmp.Compare(a.At, b.At) })
	for _, ch := range v.Chapters {
		if ch.At >= v.Duration+time.Second {
			return diag.At(c.File, c.Line, "%s: chapter %q starts at %v, after the clip's end at %v", cmp.Or(name, c.Src), ch.Title, ch.At, v.Duration.Round(time.Millisecond))
		}
	}
	if len(v.Chapters) == 0 {
		return nil
	}
	var err error
	v.ChaptersPath, err = l.publishText(v, "chapters", chaptersWebVTT(v.Chapters, v.Duration))
	return err
}

// webVTT reads a WebVTT file of the site.
func (l *Library) webVTT(name string) (text []byte, cues []cue, err error) {
	info, err := fs.Stat(l.Site, name)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > maxText {
		return nil, nil, fmt.Errorf("%d bytes are too much for a text file", info.Size())
	}
	data, err := fs.ReadFile(l.Site, name)
	if err != nil {
		return nil, nil, err
	}
	return parseWebVTT(name, data)
}

// publishText publishes a WebVTT file beside a stream. Its name carries its digest: the folder is immutable, and a
// corrected caption must not hide behind a cached one.
func (l *Library) publishText(v *Video, kind string, text []byte) (string, error) {
	file, sum, err := l.blobs.put(".vtt", text)
	if err != nil {
		return "", err
	}
	out := fmt.Sprintf("stream/%s/%s.%s.vtt", v.Name, kind, sum[:8])
	l.publish(File{Path: out, Source: file, Size: int64(len(text)), SHA256: sum})
	return out, nil
}

func isFile(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.Mode().IsRegular()
}
