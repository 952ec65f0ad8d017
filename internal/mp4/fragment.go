package mp4

import (
	"fmt"
	"time"
)

// fragmentDefaults are what trex says of the samples of a track (§8.8.3).
type fragmentDefaults struct {
	description, duration, size, flags uint32
}

// fragmented is what is known of one track while its fragments are read.
type fragmented struct {
	started bool
	start   uint64 // decoding time of the first sample
}

// Sample flags (§8.8.3.1).
const (
	flagNonSync = 0x00010000
	flagsSync   = 0x02000000 // depends on no other sample
	flagsDelta  = 0x01010000 // depends on others, is no sync sample
)

// readDefaults reads mvex (§8.8.1).
func (rd *reader) readDefaults(b []byte) error {
	rd.defaults = map[uint32]fragmentDefaults{}
	return eachBox("mvex", b, func(x box) error {
		if x.typ != "trex" {
			return nil
		}
		f := fields{b: x.body}
		f.full()
		id := f.u32()
		d := fragmentDefaults{f.u32(), f.u32(), f.u32(), f.u32()}
		if f.short {
			return &FormatError{"trex", "it is too short"}
		}
		rd.defaults[id] = d
		return nil
	})
}

// readFragment reads a moof (§8.8.4) that begins at start.
func (rd *reader) readFragment(b []byte, start int64) error {
	rd.movie.Fragmented = true
	if rd.fragments == nil {
		rd.fragments = make([]fragmented, len(rd.movie.Tracks))
	}
	base := start // where the data of a track without an address of its own begin (§8.8.7.1)
	return eachBox("moof", b, func(x box) error {
		if x.typ != "traf" {
			return nil
		}
		end, err := rd.readTrackFragment(x.body, start, base)
		base = end
		return err
	})
}

// A trackRun is the state of reading one traf.
type trackRun struct {
	fragmentDefaults
	track *Track
	base  int64 // of data offsets
	next  int64 // where a run without an offset begins
}

// readTrackFragment reads traf (§8.8.6) and returns where its data end.
func (rd *reader) readTrackFragment(b []byte, moof, base int64) (end int64, err error) {
	i, run, err := rd.fragmentHeader(find(b, "tfhd"), moof, base)
	if err != nil {
		return base, err
	}
	if run.track == nil {
		return base, nil
	}
	if find(b, "senc") != nil {
		run.track.unsupported("is encrypted (DRM)")
	}
	if run.track.Kind == Other || run.track.problem != "" {
		return base, nil
	}
	if tfdt := find(b, "tfdt"); tfdt != nil {
		f := fields{b: tfdt}
		version, _ := f.full()
		if err := rd.decodeTime(i, run.track, f.word(version)); err != nil {
			return base, err
		}
	}
	rd.fragments[i].started = true
	err = eachBox("traf", b, func(x box) error {
		if x.typ == "trun" {
			return rd.readRun(&run, x.body)
		}
		return nil
	})
	return run.next, err
}

// fragmentHeader reads tfhd (§8.8.7).
func (rd *reader) fragmentHeader(b []byte, moof, base int64) (index int, run trackRun, err error) {
	f := fields{b: b}
	_, flags := f.full()
	id := f.u32()
	run = trackRun{fragmentDefaults: rd.defaults[id], base: base, next: base}
	for i, t := range rd.movie.Tracks {
		if t.ID == id {
			index, run.track = i, t
		}
	}
	if flags&0x020000 != 0 { // default-base-is-moof
		run.base = moof
	}
	if flags&1 != 0 {
		at := f.u64()
		if at > 1<<62 {
			return 0, run, &FormatError{"tfhd", fmt.Sprintf("its data lie at byte %d", at)}
		}
		run.base = int64(at)
	}
	run.next = run.base
	for bit, field := range []*uint32{1: &run.description, 3: &run.duration, 4: &run.size, 5: &run.flags} {
		if field != nil && flags>>bit&1 != 0 {
			*field = f.u32()
		}
	}
	if f.short {
		return 0, run, &FormatError{"tfhd", "it is missing or too short"}
	}
	if run.track != nil && run.description > 1 {
		run.track.unsupported("changes its format midway (several sample descriptions)")
	}
	return index, run, nil
}

// decodeTime applies tfdt (§8.8.12): the first one of a track is its start, a later one stretches or shortens the
// last sample before it, because a plain MP4 knows no gaps.
func (rd *reader) decodeTime(i int, t *Track, at uint64) error {
	fr, s := &rd.fragments[i], &t.table
	if at > 1<<62 || seconds(int64(at), t.timescale) > 20*longest {
		return &FormatError{"tfdt", "it lies in an absurd future"}
	}
	if !fr.started && s.n == 0 {
		fr.start = at
		return nil
	}
	gap := int64(at) - int64(fr.start) - s.duration // samples of moov begin at 0
	if gap == 0 || s.n == 0 {
		return nil
	}
	last := &s.deltas[len(s.deltas)-1]
	stretched := int64(last.v) + gap
	if stretched < 0 || stretched > 1<<31-1 {
		return &FormatError{"tfdt", fmt.Sprintf("a fragment begins %v off the end of the one before it", seconds(gap, t.timescale))}
	}
	if last.n--; last.n == 0 {
		s.deltas = s.deltas[:len(s.deltas)-1]
	}
	s.deltas.add(1, uint32(stretched))
	s.duration += gap
	return nil
}

// readRun reads trun (§8.8.8).
func (rd *reader) readRun(run *trackRun, b []byte) error {
	f := fields{b: b}
	_, flags := f.full()
	n := f.u32()
	at := run.next
	if flags&1 != 0 {
		at = run.base + int64(int32(f.u32()))
	}
	first := run.flags
	if flags&4 != 0 {
		first = f.u32()
	}
	width := 0
	for _, bit := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&bit != 0 {
			width += 4
		}
	}
	if f.short || int64(n)*int64(width) > int64(len(f.b)) {
		return &FormatError{"trun", "it is shorter than its count says"}
	}
	if flags&0x200 == 0 {
		// These samples take no bytes of the index; no real ones are smaller than their entry would be.
		if rd.implicit += int64(n); rd.implicit*4 > rd.size {
			return &FormatError{"trun", fmt.Sprintf("it counts %d samples in a file of %d bytes", n, rd.size)}
		}
	}
	s := &run.track.table
	s.chunks = append(s.chunks, at)
	s.perChunk.add(1, n)
	for i := range n {
		d := run.fragmentDefaults
		if i == 0 && flags&4 != 0 {
			d.flags = first
		}
		offset := int32(0)
		if flags&0x100 != 0 {
			d.duration = f.u32()
		}
		if flags&0x200 != 0 {
			d.size = f.u32()
		}
		if flags&0x400 != 0 {
			d.flags = f.u32()
		}
		if flags&0x800 != 0 {
			offset = int32(f.u32())
		}
		if d.duration > 1<<31-1 {
			return &FormatError{"trun", "a sample lasts less than no time"}
		}
		s.append(d, offset)
		at += int64(d.size)
	}
	run.next = at
	if at < 0 || at > rd.size || s.chunks[len(s.chunks)-1] < 0 {
		return &TruncatedError{rd.size, max(at, 0)}
	}
	return nil
}

// append adds one sample of a fragment.
func (s *samples) append(d fragmentDefaults, offset int32) {
	if s.sync == nil {
		s.sync = make(bitset, 0, 1)
		for i := range s.n { // those of moov, if any, were all sync samples
			s.sync.set(i)
		}
	}
	if d.flags&flagNonSync == 0 {
		s.sync.set(s.n)
	}
	s.sizes.add(1, d.size)
	s.deltas.add(1, d.duration)
	if offset != 0 || s.offsets != nil {
		if s.offsets == nil {
			s.offsets.add(uint32(s.n), 0)
		}
		s.offsets.add(1, offset)
	}
	s.duration += int64(d.duration)
	s.n++
}

// latestStart bounds the initial delay of a fragmented file. One that begins later is a piece of a longer stream whose
// clock runs on; it is shown from time 0.
const latestStart = 10 * time.Second

// finishFragments turns the first decoding times of the tracks into initial delays.
func (rd *reader) finishFragments() error {
	m := rd.movie
	earliest := time.Duration(1<<63 - 1)
	for i, fr := range rd.fragments {
		t := m.Tracks[i]
		if !fits(uint64(t.table.duration), t.timescale) {
			return &FormatError{"trun", "it lasts longer than ten years"}
		}
		if fr.started && (t.Kind == Video || t.Kind == Audio) {
			earliest = min(earliest, seconds(int64(fr.start), t.timescale))
		}
	}
	if earliest < latestStart {
		earliest = 0
	}
	for i, fr := range rd.fragments {
		t := m.Tracks[i]
		start := int64(fr.start) - int64(mulDiv(uint64(earliest), uint64(t.timescale), uint64(time.Second), uint64(time.Second)/2))
		if !fr.started || start <= 0 {
			continue
		}
		if err := m.delay(t, start); err != nil {
			return err
		}
	}
	return nil
}

// delay lets a track begin later, by ticks of its media.
func (m *Movie) delay(t *Track, ticks int64) error {
	if !fits(uint64(ticks), t.timescale) || !fits(uint64(ticks+t.edit.shift), t.timescale) {
		return &FormatError{"tfdt", "the tracks begin years apart"}
	}
	t.edit.shift += ticks
	m.commonTimescale()
	t.edit.empty = rescale(uint64(t.edit.shift), t.timescale, m.timescale)
	t.edit.shift = int64(rescale(t.edit.empty, m.timescale, t.timescale)) // what both readings can say
	return nil
}

// commonTimescale makes the movie's ticks as fine as those of all its pictures and sound, so that an initial delay
// given in ticks of the media can be said exactly in an edit list, which counts in ticks of the movie (§8.6.6.3).
func (m *Movie) commonTimescale() {
	scale := uint64(m.timescale)
	for _, t := range m.Tracks {
		if t.Kind == Video || t.Kind == Audio {
			scale = scale / gcd(scale, uint64(t.timescale)) * uint64(t.timescale)
		}
		if scale >= 1<<31 {
			return
		}
	}
	for _, t := range m.Tracks {
		t.edit.empty = rescale(t.edit.empty, m.timescale, uint32(scale))
		t.edit.duration = rescale(t.edit.duration, m.timescale, uint32(scale))
	}
	m.timescale = uint32(scale)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
