package mp4

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Layout says where every byte of a hybrid file goes. It is computed before the first byte is written.
type Layout struct {
	Size     int64 // bytes of the file
	Init     Range // the HLS initialisation segment
	Segments []Segment
	Duration time.Duration // the sum of the segments'

	Codecs           string  // for a CODECS attribute: picture, then sound, comma-separated
	Width, Height    int     // display size in pixels; 0 for sound only
	FrameRate        float64 // 0 for sound only
	Bandwidth        int     // peak bit rate of the segments, bit/s (RFC 8216 §4.1)
	AverageBandwidth int     // bit/s
	TargetDuration   int     // seconds: the longest segment, rounded (RFC 8216 §4.3.3.1)

	// Independent says that every segment can be decoded without the one before it (RFC 8216 §4.3.5.1). It is false
	// when pictures reach across keyframes.
	Independent bool

	movie  *Movie
	tracks []*Track // picture first
	chunks []chunk
	parts  []part
	head   []byte // ftyp, moov and the head of mdat
	init   []byte
}

// A Segment is one HLS segment: a moof box and its mdat box.
type Segment struct {
	Range
	Duration time.Duration
}

// A chunk is consecutive samples of one track that lie together in the file (§8.7.5).
type chunk struct {
	track   int // in Layout.tracks
	samples uint32
	size    int64
}

// A part is what the plan knows of a segment.
type part struct {
	from   []cursor // the first sample of each track
	lo, hi int      // its chunks in Layout.chunks
	start  time.Duration
	moof   int64 // bytes
	data   int64 // bytes of the samples
}

// chunkLength is how long the picture chunks are. Shorter ones start and seek faster, longer ones make a smaller
// moov; between 0.25 and 0.5 s neither could be measured.
const chunkLength = 250 * time.Millisecond

// largestSegment is what a data_offset, a signed 32-bit number, can reach (§8.8.8.2).
const largestSegment = math.MaxInt32

// Plan lays out a hybrid file of the selection, with a new segment at each of the cuts: rising presentation times,
// each that of a keyframe within half a picture, or any time after the picture ends or when there is none. It fails
// with an [*UnsupportedError] when a track cannot be packaged.
func Plan(sel Selection, cuts []time.Duration) (*Layout, error) {
	l := &Layout{movie: sel.Movie, tracks: sel.tracks(), Independent: true}
	if err := sel.packageable(); err != nil {
		return nil, err
	}
	bounds, err := sel.bounds(cuts)
	if err != nil {
		return nil, err
	}
	p := planner{Layout: l, sel: sel}
	for _, t := range l.tracks {
		p.at = append(p.at, t.table.cursor())
	}
	for i, bound := range bounds {
		start, end := sel.start(), longest
		if i > 0 && len(p.parts) > 0 {
			start = cuts[i-1]
		}
		if i < len(cuts) {
			end = cuts[i]
		}
		if err := p.segment(start, bound, end); err != nil {
			return nil, err
		}
	}
	if sel.end() <= sel.start() {
		return nil, &UnsupportedError{"it lasts no time at all"}
	}
	l.describe(sel)
	l.place()
	return l, nil
}

// packageable says whether the tracks can be packaged.
func (s Selection) packageable() error {
	if len(s.tracks()) == 0 {
		return &UnsupportedError{"it has neither picture nor sound"}
	}
	var reasons []string
	for _, t := range s.tracks() {
		switch {
		case t.problem != "":
			reasons = append(reasons, t.problem)
		case t.table.n == 0:
			reasons = append(reasons, t.noun()+" is empty")
		case !t.table.sync.has(0):
			reasons = append(reasons, t.noun()+" does not begin with a keyframe")
		}
	}
	if delay := s.delay(); delay >= latestStart {
		reasons = append(reasons, fmt.Sprintf("nothing is seen or heard in its first %v", delay.Round(time.Second)))
	}
	if reasons != nil {
		return &UnsupportedError{strings.Join(reasons, "; ")}
	}
	return nil
}

// delay is how long edit lists hold all tracks back. A plain MP4 waits that long; of a stream, players take so late a
// beginning for time 0.
func (s Selection) delay() time.Duration {
	delay := longest
	for _, t := range s.tracks() {
		delay = min(delay, seconds(t.edit.shift, t.timescale))
	}
	return delay
}

// bounds finds, for each segment, the number of the picture that begins the next one.
func (s Selection) bounds(cuts []time.Duration) ([]int, error) {
	if !slices.IsSorted(cuts) || len(cuts) > 0 && cuts[0] <= s.start() {
		return nil, errors.New("the cuts are not in order")
	}
	bounds := make([]int, 0, len(cuts)+1)
	if s.Video == nil {
		return append(bounds, make([]int, len(cuts)+1)...), nil
	}
	slack := s.Video.frame() / 2
	for c := s.Video.table.cursor(); c.more() && len(bounds) < len(cuts); c.next() {
		if c.i == 0 || !c.sync() {
			continue
		}
		switch pts, cut := s.Video.at(c.pts()), cuts[len(bounds)]; {
		case pts > cut+slack:
			return nil, fmt.Errorf("there is no keyframe at %v to cut at", cut)
		case pts >= cut-slack:
			bounds = append(bounds, c.i)
		}
	}
	if n := len(bounds); n < len(cuts) && cuts[n] < s.pictureEnd()-slack {
		return nil, fmt.Errorf("there is no keyframe at %v to cut at", cuts[n])
	}
	for len(bounds) <= len(cuts) {
		bounds = append(bounds, s.Video.table.n)
	}
	return bounds, nil
}

// A planner walks the tracks of a layout.
type planner struct {
	*Layout
	sel Selection
	at  []cursor // the next sample of each track
}

// segment plans the segment that begins at start, up to picture number bound and with the sound that ends by end.
func (p *planner) segment(start time.Duration, bound int, end time.Duration) error {
	from := slices.Clone(p.at)
	first := len(p.chunks)
	sound := len(p.tracks) - 1
	if p.sel.Video != nil {
		p.interleave(bound, end)
	}
	if p.sel.Audio != nil {
		p.add(sound, p.soundUntil(end))
	}
	if len(p.chunks) == first {
		return nil // nothing is shown or heard here: the segment before lasts longer
	}
	s := part{from: from, lo: first, hi: len(p.chunks), start: start}
	for _, c := range p.chunks[s.lo:s.hi] {
		s.data += c.size
	}
	s.moof = int64(len(p.moof(&s, 1)))
	if s.moof+8+s.data > largestSegment {
		return &UnsupportedError{fmt.Sprintf("the segment at %v takes more than 2 GB; its keyframes are too far apart", start.Round(time.Second))}
	}
	p.parts = append(p.parts, s)
	return nil
}

// interleave lays the pictures up to number bound and the sound that goes with them out in steps of a chunk each.
//
// The sound goes before the picture, so that playing starts as soon as the first bytes are there. Before a keyframe
// it is the other way round: then who seeks to the keyframe finds its sound and its picture together.
func (p *planner) interleave(bound int, end time.Duration) {
	video := p.sel.Video
	for first := true; p.at[0].i < bound; first = false {
		next, atKey := p.step(bound)
		until := end
		switch {
		case next.i >= bound:
		case atKey:
			until = video.at(next.pts())
		default:
			until = video.at(next.dts)
		}
		last := next.i >= bound || atKey
		if last && !first {
			p.add(0, next)
		}
		if p.sel.Audio != nil {
			p.add(1, p.soundUntil(min(until, end)))
		}
		if !last || first {
			p.add(0, next)
		}
	}
}

// step is where the next picture chunk ends, and whether a keyframe inside the segment follows.
func (p *planner) step(bound int) (next cursor, atKey bool) {
	video := p.sel.Video
	next = p.at[0]
	begin := video.at(next.dts)
	next.next()
	for next.i < bound && !splits(&next) && video.at(next.dts)-begin < chunkLength {
		next.next()
	}
	if next.i == bound-1 && !splits(&next) {
		next.next() // no chunk of one picture at the end
	}
	return next, next.i < bound && splits(&next)
}

// splits says whether a run of samples ends before this one because it can be seeked to. Where all can, none does.
func splits(c *cursor) bool { return c.s.sync != nil && c.sync() }

// soundUntil is the first sound sample that ends after until: the one that covers a cut opens the next segment, so
// that sound is never missing at the beginning of one.
func (p *planner) soundUntil(until time.Duration) cursor {
	c := p.at[len(p.at)-1]
	for c.more() && p.sel.Audio.at(c.end()) <= until {
		c.next()
	}
	return c
}

// add makes a chunk of the samples of a track up to the one at end.
func (p *planner) add(track int, end cursor) {
	c := &p.at[track]
	if end.i <= c.i {
		return
	}
	p.chunks = append(p.chunks, chunk{track, uint32(end.i - c.i), c.s.sizes.sum(c.i, end.i)})
	*c = end
}

// describe computes what a master playlist says of the file.
func (l *Layout) describe(sel Selection) {
	var codecs []string
	for _, t := range l.tracks {
		codecs = append(codecs, t.Codec)
	}
	l.Codecs = strings.Join(codecs, ",")
	if v := sel.Video; v != nil {
		l.Width, l.Height, l.FrameRate = v.Width, v.Height, v.FrameRate
		l.Independent = !v.keyframes().open
	}
	end := sel.end()
	l.Segments = make([]Segment, len(l.parts))
	for i := len(l.parts) - 1; i >= 0; i-- {
		s := &l.parts[i]
		l.Segments[i] = Segment{Range{Length: s.moof + 8 + s.data}, max(end-s.start, 0)}
		end = min(end, s.start)
	}
	l.TargetDuration, l.Bandwidth, l.AverageBandwidth = rates(l.Segments)
	for _, s := range l.Segments {
		l.Duration += s.Duration
	}
}

// rates computes the target duration (RFC 8216 §4.3.3.1) and the bit rates of segments: the peak segment bit rate is
// the largest of any contiguous segments that together last between 0.5 and 1.5 target durations (RFC 8216 §4.1).
func rates(segments []Segment) (target, peak, average int) {
	var bytes int64
	var length time.Duration
	for _, s := range segments {
		target = max(target, int(s.Duration.Round(time.Second)/time.Second))
		bytes += s.Length
		length += s.Duration
	}
	target = max(target, 1)
	average = bitRate(bytes, length)
	for i := range segments {
		bytes, length = 0, 0
		for _, s := range segments[i:] {
			bytes += s.Length
			length += s.Duration
			if length > time.Duration(target)*3*time.Second/2 {
				break
			}
			if length >= time.Duration(target)*time.Second/2 {
				peak = max(peak, bitRate(bytes, length))
			}
		}
	}
	return target, max(peak, average), average
}

// bitRate is in bit/s, rounded up.
func bitRate(bytes int64, length time.Duration) int {
	if length <= 0 {
		return 0
	}
	return int(math.Ceil(float64(bytes) * 8 / length.Seconds()))
}

// place computes all sizes and offsets. The size of moov does not depend on the offsets in it, only on their width.
func (l *Layout) place() {
	l.init = l.initSegment()
	payload := int64(len(l.init))
	for i := range l.parts {
		payload += l.Segments[i].Length
	}
	for _, width := range []int{4, 8} {
		l.head = l.outerHead(payload, width)
		l.Size = int64(len(l.head)) + payload
		if l.Size <= math.MaxUint32 || width == 8 {
			break
		}
	}
	l.Init = Range{int64(len(l.head)), int64(len(l.init))}
	at := l.Init.Offset + l.Init.Length
	for i := range l.Segments {
		l.Segments[i].Offset = at
		at += l.Segments[i].Length
	}
}
