package video

import (
	"cmp"
	"slices"
	"time"

	"matinee/internal/caption"
	"matinee/internal/diag"
)

// addChapters gives a video the chapters of the front matter, of the file it names, of "walk.chapters.vtt" beside the
// clip, or of the clip itself, which v.Chapters holds.
func (l *Library) addChapters(v *Video, c *Clip) error {
	inside := v.Chapters
	v.Chapters = slices.Clone(c.Chapters)
	name := l.chaptersFile(c)
	if name != "" {
		track, err := l.readCaptions(name)
		if err != nil {
			return problemAt(c, name, err)
		}
		for _, q := range track.Cues {
			v.Chapters = append(v.Chapters, Chapter{At: q.Start, Title: caption.Plain(q.Text)})
		}
	}
	slices.SortStableFunc(v.Chapters, func(a, b Chapter) int { return cmp.Compare(a.At, b.At) })
	for _, ch := range v.Chapters {
		if v.Duration > 0 && ch.At >= v.Duration+time.Second {
			return diag.At(c.File, c.Line, "%s: chapter %q starts at %v, after the clip's end at %v", cmp.Or(name, c.Src), ch.Title, ch.At, v.Duration.Round(time.Millisecond))
		}
	}
	if len(v.Chapters) == 0 { // what a camera or an editor wrote is no mistake of the author's
		v.Chapters = slices.DeleteFunc(slices.Clone(inside), func(ch Chapter) bool { return ch.At >= v.Duration || ch.Title == "" })
	}
	if len(v.Chapters) == 0 {
		return nil
	}
	var err error
	v.ChaptersPath, err = l.publishText(v, "chapters", chaptersTrack(v.Chapters, v.Duration).WebVTT())
	return err
}

// chaptersFile is the file with the chapters of a clip: the one the author names, or the one beside the clip unless the
// front matter has chapters. It is "" when there is none.
func (l *Library) chaptersFile(c *Clip) string {
	if beside := c.beside() + ".chapters.vtt"; c.ChaptersFile == "" && len(c.Chapters) == 0 && isFile(l.Site, beside) {
		return beside
	}
	return c.ChaptersFile
}

// chaptersTrack is chapters as a WebVTT track. The last one ends with the clip, or, where its length is not known,
// after an hour.
func chaptersTrack(chapters []Chapter, duration time.Duration) *caption.Track {
	t := &caption.Track{}
	for i, c := range chapters {
		end := duration
		if i+1 < len(chapters) {
			end = chapters[i+1].At
		} else if end <= c.At {
			end = c.At + time.Hour
		}
		t.Cues = append(t.Cues, caption.Cue{Start: c.At, End: end, Text: caption.Escape(c.Title)})
	}
	return t
}
