package mp4

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// largestIndex bounds moov and moof. The index of a day of film is about 100 MB.
const largestIndex = 256 << 20

// mostTracks bounds the tracks of a file. Phones write up to ten.
const mostTracks = 256

// Read reads the index of the ISO base media file r of size bytes. It fails with [ErrNotMP4] when r is something else,
// with a [*TruncatedError] when the index refers to bytes beyond the end, with a [*FormatError] when the index
// contradicts itself, and with the error of r. Every sample of a packageable track of the returned movie lies inside
// the file.
func Read(r io.ReaderAt, size int64) (*Movie, error) {
	rd := reader{src: r, size: size}
	if err := rd.topLevel(); err != nil {
		return nil, err
	}
	m := rd.movie
	if m == nil {
		return nil, &FormatError{"moov", "it has no index; the recording was interrupted before it was finished"}
	}
	if err := rd.finishFragments(); err != nil {
		return nil, err
	}
	for _, t := range m.Tracks {
		if err := t.finish(m); err != nil {
			return nil, err
		}
	}
	rd.readChapters()
	return m, nil
}

// A reader is the state of one Read.
type reader struct {
	src       io.ReaderAt
	size      int64
	movie     *Movie
	defaults  map[uint32]fragmentDefaults // by track ID, from trex
	fragments []fragmented                // by track, what the fragments so far have said
	implicit  int64                       // samples of fragments that have no entry of their own
	titles    []Chapter                   // from udta chpl
}

// topLevel walks the boxes of the file (§4.2), reading moov and every moof.
func (rd *reader) topLevel() error {
	for pos := int64(0); pos < rd.size; {
		typ, head, length, err := rd.header(pos)
		if err != nil {
			return err
		}
		switch {
		case pos == 0 && !opensFile(typ):
			return ErrNotMP4
		case length < head:
			if rd.movie != nil {
				return nil // padding after the last box
			}
			return &FormatError{typ, fmt.Sprintf("it claims %d bytes", length)}
		case length > rd.size-pos && (rd.movie == nil || typ == "moov" || typ == "moof"):
			return &TruncatedError{rd.size, pos + length}
		}
		switch typ {
		case "moov", "moof":
			if err := rd.index(typ, pos, pos+head, length-head); err != nil {
				return err
			}
		}
		pos += min(length, rd.size-pos)
	}
	if rd.size == 0 {
		return ErrNotMP4
	}
	return nil
}

// opensFile says whether typ is seen as the first box of MP4, QuickTime and fragmented files.
func opensFile(typ string) bool {
	switch typ {
	case "ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "pnot", "sidx", "uuid", "udta", "meta", "pdin", "PICT", "junk":
		return true
	}
	return false
}

// header reads the head of the box at pos: its type, the length of the head and of the whole box.
func (rd *reader) header(pos int64) (typ string, head, length int64, err error) {
	var b [16]byte
	n := min(16, rd.size-pos)
	if err := readFull(rd.src, b[:n], pos); err != nil {
		return "", 0, 0, err
	}
	if n < 8 {
		return "", 8, 0, nil
	}
	typ = string(b[4:8])
	switch size := be.Uint32(b[:]); size {
	case 0: // to the end of the file
		return typ, 8, rd.size - pos, nil
	case 1:
		if n < 16 {
			return typ, 16, 0, nil
		}
		large := be.Uint64(b[8:])
		if large > 1<<62 {
			return typ, 16, 0, nil
		}
		return typ, 16, int64(large), nil
	default:
		return typ, 8, int64(size), nil
	}
}

// readFull reads all of b at pos. The caller has checked that the file is that long.
func readFull(r io.ReaderAt, b []byte, pos int64) error {
	n, err := r.ReadAt(b, pos)
	if n == len(b) {
		return nil
	}
	if err == io.EOF || err == nil {
		return &TruncatedError{pos + int64(n), pos + int64(len(b))}
	}
	return err
}

// index reads a moov or moof box whose body is n bytes at pos; start is where the box itself begins.
func (rd *reader) index(typ string, start, pos, n int64) error {
	if typ == "moof" && rd.movie == nil {
		return &FormatError{typ, "it is a fragment without the initialisation segment that belongs before it"}
	}
	if typ == "moov" && rd.movie != nil {
		return nil // the first one counts (§8.2.1: exactly one)
	}
	if n > largestIndex {
		return &FormatError{typ, fmt.Sprintf("an index of %d bytes is larger than that of any film", n)}
	}
	body := make([]byte, n)
	if err := readFull(rd.src, body, pos); err != nil {
		return err
	}
	if typ == "moov" {
		return rd.readMovie(body)
	}
	return rd.readFragment(body, start)
}

// readMovie reads moov (§8.2.1).
func (rd *reader) readMovie(b []byte) error {
	m := &Movie{size: rd.size}
	if find(b, "cmov") != nil {
		return &UnsupportedError{"its index is compressed (an old QuickTime feature)"}
	}
	head := fields{b: find(b, "mvhd")}
	version, _ := head.full()
	head.word(version)
	head.word(version)
	m.timescale = head.u32()
	if head.short {
		return &FormatError{"mvhd", "it is missing or too short"}
	}
	if m.timescale == 0 {
		return &FormatError{"mvhd", "a second has 0 ticks"}
	}
	rd.movie = m
	return eachBox("moov", b, func(x box) error {
		switch x.typ {
		case "trak":
			return rd.readTrack(x.body)
		case "mvex":
			m.Fragmented = true
			return rd.readDefaults(x.body)
		case "udta":
			rd.titles = neroChapters(find(x.body, "chpl"))
		}
		return nil
	})
}

// readTrack reads trak (§8.3.1).
func (rd *reader) readTrack(b []byte) error {
	if len(rd.movie.Tracks) == mostTracks {
		return &FormatError{"moov", fmt.Sprintf("it has more than %d tracks", mostTracks)}
	}
	t := &Track{}
	mdia := find(b, "mdia")
	if err := t.readHeaders(find(b, "tkhd"), find(mdia, "mdhd"), mdia); err != nil {
		return err
	}
	for _, other := range rd.movie.Tracks {
		if other.ID == t.ID {
			return &FormatError{"tkhd", fmt.Sprintf("two tracks are number %d", t.ID)}
		}
	}
	rd.movie.Tracks = append(rd.movie.Tracks, t)
	if t.Kind == Other {
		return nil
	}
	if chap := find(b, "tref", "chap"); len(chap) >= 4 {
		t.chapters = be.Uint32(chap)
	}
	if err := t.readEdit(find(b, "edts", "elst"), rd.movie.timescale); err != nil {
		return err
	}
	minf := find(mdia, "minf")
	stbl := find(minf, "stbl")
	if stbl == nil {
		return &FormatError{"stbl", "it is missing"}
	}
	if elsewhere(find(minf, "dinf", "dref")) {
		t.unsupported("lies in another file")
	}
	err := t.readTables(stbl, rd.size)
	if err != nil && t.Kind == Text {
		t.unsupported("is damaged") // a film plays without its titles
		t.table = samples{}
		return nil
	}
	return err
}

// elsewhere says whether any data reference leads out of the file (§8.7.2: flag 1 means "in this file").
func elsewhere(dref []byte) bool {
	if len(dref) < 8 {
		return false
	}
	out := false
	_ = eachBox("dref", dref[8:], func(x box) error {
		out = out || len(x.body) >= 4 && x.body[3]&1 == 0
		return nil
	})
	return out
}

// readHeaders reads tkhd, mdhd, hdlr and elng (§8.3.2, §8.4).
func (t *Track) readHeaders(tkhd, mdhd, mdia []byte) error {
	f := fields{b: tkhd}
	version, flags := f.full()
	t.enabled = flags&1 != 0
	f.word(version) // creation_time
	f.word(version) // modification_time
	t.ID = f.u32()
	f.skip(4)
	f.word(version) // duration
	f.skip(8)
	t.header.layer = f.u16()
	f.skip(2) // alternate_group
	t.header.volume = f.u16()
	f.skip(2)
	copy(t.header.matrix[:], f.take(36))
	t.header.width, t.header.height = f.u32(), f.u32()
	if f.short {
		return &FormatError{"tkhd", "it is missing or too short"}
	}
	f = fields{b: mdhd}
	version, _ = f.full()
	f.word(version)
	f.word(version)
	t.timescale = f.u32()
	f.word(version)
	t.header.language = f.u16()
	if f.short {
		return &FormatError{"mdhd", "it is missing or too short"}
	}
	if t.timescale == 0 {
		return &FormatError{"mdhd", "a second has 0 ticks"}
	}
	if elng := find(mdia, "elng"); len(elng) > 4 {
		t.header.extended, _, _ = strings.Cut(string(elng[4:]), "\x00")
	}
	t.Language = languageTag(t.header.language, t.header.extended)
	t.Kind = kindOf(find(mdia, "hdlr"))
	return nil
}

// kindOf reads hdlr (§8.4.3).
func kindOf(hdlr []byte) Kind {
	if len(hdlr) < 12 {
		return Other
	}
	switch string(hdlr[8:12]) {
	case "vide":
		return Video
	case "soun":
		return Audio
	case "text", "sbtl", "subt", "clcp":
		return Text
	}
	return Other
}

// readEdit reads elst (§8.6.6) as long as it has the supported shape.
func (t *Track) readEdit(elst []byte, movieScale uint32) error {
	if elst == nil {
		return nil
	}
	f := fields{b: elst}
	version, _ := f.full()
	width := 12
	if version == 1 {
		width = 20
	}
	n := f.entries(width)
	if f.short {
		return &FormatError{"elst", "it is shorter than its count says"}
	}
	stretches := 0
	for range n {
		duration := f.word(version)
		start := int64(int32(f.u32()))
		if version == 1 {
			start = start<<32 | int64(f.u32())
		}
		rate := f.u32()
		if duration == 1<<32-1 || duration == 1<<64-1 {
			duration = 0 // unknown: all of the media
		}
		if !fits(duration, movieScale) || !fits(t.edit.empty+duration, movieScale) {
			return &FormatError{"elst", "it lasts longer than ten years"}
		}
		switch {
		case start == -1 && stretches == 0:
			t.edit.empty += duration
			continue
		case start == -1 && stretches > 0 && duration == 0:
			continue
		case start < 0 && start != -1 || start > 0 && !fits(uint64(start), t.timescale):
			return &FormatError{"elst", fmt.Sprintf("an edit begins at %d", start)}
		case rate != 1<<16:
			t.unsupported("is played faster or slower by an edit list")
		}
		stretches++
		t.edit.duration, t.edit.mediaTime = duration, max(start, 0)
	}
	if stretches > 1 {
		t.unsupported(fmt.Sprintf("is cut together from %d pieces by an edit list", stretches))
	}
	if stretches == 0 && t.edit.empty > 0 {
		t.unsupported("is not shown at all by its edit list")
	}
	t.edit.present = stretches > 0
	t.edit.shift = int64(rescale(t.edit.empty, movieScale, t.timescale))
	return nil
}

// unsupported notes why the track cannot be packaged, as a clause about its picture or sound; the first reason counts.
func (t *Track) unsupported(clause string) {
	if t.problem == "" {
		t.problem = t.noun() + " " + clause
	}
}

// noun is what an author calls what the track carries.
func (t *Track) noun() string {
	switch t.Kind {
	case Video:
		return "its picture"
	case Audio:
		return "its sound"
	}
	return "its text"
}

// finish computes what is told of a track once all its samples are known.
func (t *Track) finish(m *Movie) error {
	s := &t.table
	if s.n == 0 || t.problem != "" {
		return nil
	}
	t.Samples = s.n
	if s.sync != nil && (t.Kind == Audio || s.sync.count() == s.n) {
		s.sync = nil // every packet of the audio codecs packaged here can be started at
	}
	listed := t.edit.present && !m.Fragmented
	if err := t.liftOffsets(); err != nil {
		return err
	}
	if err := t.closeGap(m, listed); err != nil {
		return err
	}
	t.end = s.lastEnd()
	t.endInTime(m)
	first := s.cursor()
	t.Start = max(t.at(first.pts()), t.at(t.edit.mediaTime))
	end := t.at(t.end)
	if t.edit.present && t.edit.duration > 0 {
		end = min(end, seconds(int64(t.edit.empty+t.edit.duration), m.timescale))
	}
	t.Duration = max(end-max(t.Start, 0), 0)
	if s.duration > 0 && t.Kind == Video {
		t.FrameRate = float64(s.n) * float64(t.timescale) / float64(s.duration)
	}
	if t.Kind != Text {
		m.Duration = max(m.Duration, end)
	}
	return nil
}

// liftOffsets makes negative composition offsets (§8.6.1.3, version 1) positive and lets the edit list begin as much
// later: the same presentation, said in the way every reader knows. FFmpeg for one delays the pictures of fragments
// with negative offsets, but not their sound.
func (t *Track) liftOffsets() error {
	lowest, largest := int32(0), int32(0)
	for _, r := range t.table.offsets {
		lowest, largest = min(lowest, r.v), max(largest, r.v)
	}
	if lowest == 0 {
		return nil
	}
	if int64(largest)-int64(lowest) > 1<<31-1 {
		return &FormatError{"ctts", "its offsets are absurd"}
	}
	for i := range t.table.offsets {
		t.table.offsets[i].v -= lowest
	}
	t.edit.present = true
	t.edit.mediaTime -= int64(lowest)
	t.verbatim = slices.DeleteFunc(t.verbatim, summary)
	return nil
}

// closeGap lets an edit list begin with the first picture when it would begin before that: FFmpeg, and Chromium with it,
// take the time between for a mistake and leave it out, so no list that is written may have such a gap. One that is listed
// in the source was a mistake, of a writer that forgot by how much reordering delays pictures. Any other is how the source
// is played, and becomes a delay.
func (t *Track) closeGap(m *Movie, listed bool) error {
	if !t.edit.present && t.edit.empty == 0 {
		return nil // nothing will be written
	}
	first := int64(math.MaxInt64)
	for c := t.table.cursor(); c.more() && first > t.edit.mediaTime; c.next() {
		first = min(first, c.pts())
	}
	gap := first - t.edit.mediaTime
	if gap <= 0 {
		return nil
	}
	t.edit.mediaTime = first
	if listed {
		return nil
	}
	return m.delay(t, gap)
}

// endInTime lets no picture last longer than the edit list shows it. The duration of a sample is the time until the next
// one is decoded: with a variable frame rate and reordering that is not how long it is to be seen, and the last one to be
// seen may last for ever so long. The edit list ends it in a plain MP4; a stream has no such end. Such a picture is
// decoded later, nearer to the next one, and shown when it was.
func (t *Track) endInTime(m *Movie) {
	if t.Kind != Video || !t.edit.present || t.edit.duration == 0 {
		return
	}
	limit := t.edit.mediaTime + int64(rescale(t.edit.duration, m.timescale, t.timescale))
	if seconds(t.end-limit, t.timescale) <= seconds(1, m.timescale) {
		return // rounded
	}
	s := &t.table
	tail := s.cursor()
	for c := tail; c.more(); c.next() {
		if c.pts() >= limit {
			return // it hides pictures, not the end of one
		}
		if c.i == s.n-reordered {
			tail = c
		}
	}
	var decoded, shown []int64
	for c := tail; c.more(); c.next() {
		decoded, shown = append(decoded, c.dts), append(shown, c.pts())
	}
	last := len(shown) - 1
	decoded = append(decoded, min(s.duration, decoded[last]+limit-shown[last]))
	for i := last; i > 0; i-- {
		decoded[i] = max(decoded[i], decoded[i+1]-(limit-shown[i]))
	}
	var deltas runs[uint32]
	var offsets runs[int32]
	for c := s.cursor(); c.i < tail.i; c.next() {
		deltas.add(1, c.dur())
		offsets.add(1, c.cto())
	}
	for i, at := range shown {
		if max(decoded[i+1], at)-decoded[i] > math.MaxInt32 {
			return // absurd
		}
		deltas.add(1, uint32(decoded[i+1]-decoded[i]))
		offsets.add(1, int32(at-decoded[i]))
	}
	s.deltas, s.offsets, s.duration = deltas, offsets, decoded[last+1]
	t.end = s.lastEnd()
	t.verbatim = slices.DeleteFunc(t.verbatim, summary)
}

// reordered bounds how many pictures are decoded after the last one to be seen; codecs allow 16.
const reordered = 64

// summary says whether a box summarises composition offsets (cslg, §8.6.1.4), which is wrong once they have changed.
func summary(x box) bool { return x.typ == "cslg" }

// lastEnd is the composition time at which the last sample ends, whatever an edit list trims.
func (s *samples) lastEnd() int64 {
	if len(s.offsets) == 0 {
		return s.duration
	}
	var end int64
	for c := s.cursor(); c.more(); c.next() {
		end = max(end, c.end()+int64(c.cto()))
	}
	return end
}
