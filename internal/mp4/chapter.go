package mp4

import (
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// neroChapters reads udta chpl, which has no standard: version 1 has a 32-bit reserved field before the 8-bit count;
// each chapter is a time in units of 100 ns and a title with an 8-bit length.
func neroChapters(chpl []byte) []Chapter {
	f := fields{b: chpl}
	version, _ := f.full()
	if version == 1 {
		f.skip(4)
	}
	var list []Chapter
	for range f.u8() {
		at := f.u64()
		title := f.take(int(f.u8()))
		if f.short || at > uint64(longest/100) {
			break
		}
		list = append(list, Chapter{time.Duration(at) * 100, cleanTitle(title)})
	}
	return list
}

// mostChapters bounds what is read of a chapter track.
const mostChapters = 1000

// readChapters takes the titles from the text track a picture or sound track refers to (QuickTime File Format,
// "Chapter Lists") or else from chpl. A damaged one is no reason to refuse the film.
func (rd *reader) readChapters() {
	m := rd.movie
	m.Chapters = rd.titles
	for _, t := range m.Tracks {
		for _, text := range m.Tracks {
			if t.chapters != text.ID || text.Kind != Text || text.problem != "" || text.table.n == 0 || text.table.n > mostChapters {
				continue
			}
			if list := rd.textChapters(text); len(list) > 0 {
				m.Chapters = list
			}
		}
	}
	slices.SortStableFunc(m.Chapters, func(a, b Chapter) int { return int(min(max(a.Start-b.Start, -1), 1)) })
}

// textChapters reads the samples of a text track: a 16-bit length and that many bytes.
func (rd *reader) textChapters(t *Track) []Chapter {
	var list []Chapter
	for c := t.table.cursor(); c.more(); c.next() {
		b := make([]byte, min(c.size(), 1<<10))
		if readFull(rd.src, b, c.off) != nil || len(b) < 2 {
			continue
		}
		title := b[2:min(2+int(be.Uint16(b)), len(b))]
		if text := cleanTitle(title); text != "" {
			list = append(list, Chapter{max(t.at(c.pts()), 0), text})
		}
	}
	return list
}

// cleanTitle decodes UTF-8 or, with a byte order mark, UTF-16 and drops what cannot be shown.
func cleanTitle(b []byte) string {
	s := string(b)
	if len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff {
		var units []uint16
		for i := 2; i+1 < len(b); i += 2 {
			units = append(units, be.Uint16(b[i:]))
		}
		s = string(utf16.Decode(units))
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return -1
		}
		return r
	}, s))
}
