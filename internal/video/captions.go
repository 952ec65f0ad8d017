package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"matinee/internal/caption"
	"matinee/internal/diag"
)

// A Transcript is what is said in a clip, for reading.
type Transcript struct {
	Lang, Label string // of the captions it was made of
	Paragraphs  []caption.Paragraph
}

// A words is the captions of a clip in one language, on their way to the page.
type words struct {
	tag   language.Tag
	label string // the author's; "" for the language's own name
	track *caption.Track
}

// CheckTexts finds out which caption and chapter files of clips cannot be read. All of them are reported.
func (l *Library) CheckTexts(clips []Clip) error {
	l.init()
	var errs []error
	for i := range clips {
		c := &clips[i]
		files := c.Captions
		if len(files) == 0 {
			files = l.captionsBeside(c.beside())
		}
		for _, f := range files {
			if f.Path != "" { // which was not found, and told
				_, err := l.caption(c, f)
				errs = append(errs, err)
			}
		}
		if name := l.chaptersFile(c); name != "" {
			if _, err := l.readCaptions(name); err != nil {
				errs = append(errs, problemAt(c, name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// addTexts gives a video all that is read: captions, chapters, and the transcript made of both.
func (l *Library) addTexts(ctx context.Context, v *Video, c *Clip) error {
	captions, err := l.captions(ctx, v, c)
	if err := errors.Join(err, l.addChapters(v, c)); err != nil {
		return err
	}
	for _, w := range captions {
		out, err := l.publishText(v, "captions."+w.tag.String(), w.track.WebVTT())
		if err != nil {
			return err
		}
		v.Captions = append(v.Captions, Track{Path: out, Kind: "captions", Lang: w.tag.String(), Label: cmp.Or(w.label, selfName(w.tag))})
	}
	if !c.NoTranscript {
		v.Transcript = l.transcript(v, captions)
	}
	return l.addSubtitlesGroup(v)
}

// captions are those the author names; or else those that lie beside the clip and, in further languages, inside it; or
// else those the Transcriber makes.
func (l *Library) captions(ctx context.Context, v *Video, c *Clip) ([]words, error) {
	named := len(c.Captions) > 0
	files := c.Captions
	if !named {
		files = l.captionsBeside(c.beside())
	}
	var all []words
	var errs []error
	for _, f := range files {
		w, err := l.caption(c, f)
		errs = append(errs, err)
		if err == nil && (named || !hasLanguage(all, w.tag)) {
			all = append(all, w)
		}
	}
	if err := errors.Join(errs...); err != nil || isStream(c.Src) {
		return all, err
	}
	in, err := l.inside(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(v.Chapters) == 0 {
		v.Chapters = in.Chapters
	}
	if named {
		return all, nil
	}
	if in.Problem != "" {
		l.warn(diag.At(c.File, c.Line, "%s: subtitles inside the clip are left out: %s", c.Src, in.Problem).
			WithHint("%s", leftOutHint(in.Problem, c.beside())))
	}
	for _, s := range in.Subtitles {
		w, err := l.subtitles(s)
		if err == nil && !hasLanguage(all, w.tag) {
			all = append(all, w)
		}
	}
	if len(all) == 0 && v.HasAudio {
		return l.transcribed(ctx, v, c)
	}
	return all, nil
}

func leftOutHint(problem, beside string) string {
	hint := fmt.Sprintf("put captions beside the clip: %s.en.vtt", beside)
	if problem == missingProgram {
		hint = "install ffmpeg, or " + hint
	}
	return hint
}

func hasLanguage(all []words, tag language.Tag) bool {
	return slices.ContainsFunc(all, func(w words) bool { return w.tag == tag })
}

// caption reads a caption file that a post names or that lies beside its clip.
func (l *Library) caption(c *Clip, f Caption) (words, error) {
	line := cmp.Or(f.Line, c.Line)
	tag, err := language.Parse(cmp.Or(f.Lang, l.language()))
	if err != nil {
		return words{}, diag.At(c.File, line, "captions %s: %q is not a language", f.Path, f.Lang).
			WithHint(`write a BCP 47 tag such as "en" or "pt-BR"`)
	}
	track, err := l.readCaptions(f.Path)
	if err != nil {
		return words{}, problemAt(&Clip{File: c.File, Line: line}, f.Path, err)
	}
	if track.Legacy {
		l.warn(diag.At(f.Path, 0, "not UTF-8; read as Windows-1252").WithHint("if letters look wrong on the page, save the file as UTF-8"))
	}
	return words{tag: tag, label: f.Label, track: track}, nil
}

// language is that of captions which do not say.
func (l *Library) language() string { return cmp.Or(l.Language, "en") }

// captionsBeside finds "walk.vtt" and "walk.<language>.vtt", and the same in other formats; of two formats of one
// language, the one that comes first in caption.Extensions.
func (l *Library) captionsBeside(base string) []Caption {
	entries, err := fs.ReadDir(l.Site, path.Dir(base))
	if err != nil {
		return nil
	}
	var found []Caption
	for _, ext := range caption.Extensions {
		for _, e := range entries {
			rest, ok := strings.CutPrefix(e.Name(), path.Base(base)+".")
			if !ok || e.IsDir() || !strings.EqualFold(path.Ext("."+rest), ext) {
				continue
			}
			lang := strings.TrimSuffix(rest[:len(rest)-len(ext)+1], ".")
			if strings.EqualFold(lang, "chapters") {
				continue
			}
			if _, err := language.Parse(lang); lang != "" && err != nil {
				continue // "walk.part2.vtt" belongs to the clip "walk.part2.mp4"
			}
			if slices.ContainsFunc(found, func(c Caption) bool { return strings.EqualFold(c.Lang, lang) }) {
				continue
			}
			found = append(found, Caption{Path: path.Join(path.Dir(base), e.Name()), Lang: lang})
		}
	}
	slices.SortStableFunc(found, func(a, b Caption) int { return strings.Compare(a.Lang, b.Lang) })
	return found
}

// readCaptions reads a caption file of the site.
func (l *Library) readCaptions(name string) (*caption.Track, error) {
	info, err := fs.Stat(l.Site, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > caption.MaxSize {
		return nil, fmt.Errorf("%d bytes are too much for a text file", info.Size())
	}
	data, err := fs.ReadFile(l.Site, name)
	if err != nil {
		return nil, err
	}
	return caption.Read(name, data)
}

// transcript is made of the captions that suit the language of the site best.
func (l *Library) transcript(v *Video, captions []words) *Transcript {
	if len(captions) == 0 {
		return nil
	}
	tags := make([]language.Tag, len(captions))
	for i, w := range captions {
		tags[i] = w.tag
	}
	_, best, _ := language.NewMatcher(tags).Match(language.Make(l.language()))
	t := &Transcript{Lang: v.Captions[best].Lang, Label: v.Captions[best].Label}
	var breaks []time.Duration
	for _, ch := range v.Chapters {
		breaks = append(breaks, ch.At)
	}
	t.Paragraphs = captions[best].track.Paragraphs(breaks)
	if len(t.Paragraphs) == 0 {
		return nil
	}
	return t
}

// publishText publishes a WebVTT file beside a stream. Its name carries its digest: the folder is immutable, and a
// corrected caption must not hide behind a cached one.
func (l *Library) publishText(v *Video, kind string, text []byte) (string, error) {
	return l.publishSmall(v, kind, ".vtt", text)
}

// publishSmall publishes a small file in the folder of a stream under a name with its digest, and returns its path.
func (l *Library) publishSmall(v *Video, kind, ext string, data []byte) (string, error) {
	file, sum, err := l.blobs.put(ext, data)
	if err != nil {
		return "", err
	}
	out := fmt.Sprintf("stream/%s/%s.%s%s", v.Name, kind, sum[:8], ext)
	l.publish(File{Path: out, Source: file, Size: int64(len(data)), SHA256: sum})
	return out, nil
}
