package mp4

import (
	"math"
	"sort"
)

// unity is the identity matrix (§6.2.2).
var unity = [36]byte{1: 1, 17: 1, 32: 0x40}

// outerHead is everything before the HLS initialisation segment: ftyp, moov with the full sample tables and chunk
// offsets of width bytes, and the head of an mdat box with that payload.
func (l *Layout) outerHead(payload int64, width int) []byte {
	estimate := 4096
	for _, t := range l.tracks {
		s := &t.table
		estimate += 4*len(s.sizes.list) + 8*(len(s.deltas)+len(s.offsets)) + 8*s.sync.count() + 4096
	}
	w := &writer{b: make([]byte, 0, estimate+(width+12)*len(l.chunks))}
	w.fileType(l.brands()...)
	var offsets []int // where the chunk offsets of each track stand in w.b
	w.box("moov", func() {
		w.movieHeader(l.movie.timescale, l.longestTrack(), len(l.tracks))
		for i := range l.tracks {
			w.box("trak", func() { offsets = append(offsets, w.fullTrack(l, i, width)) })
		}
	})
	if payload+8 > math.MaxUint32 {
		w.u32(1)
		w.str("mdat")
		w.u64(uint64(payload) + 16)
	} else {
		w.u32(uint32(payload) + 8)
		w.str("mdat")
	}
	l.writeOffsets(w.b, offsets, width)
	return w.b
}

// brands are the compatible brands (§4.3), the major one first. None promises that there are no fragments or that
// there are: for its reader this file is an MP4 of 2005.
func (l *Layout) brands() []string {
	first := l.tracks[0]
	switch {
	case first.Kind == Audio:
		return []string{"M4A ", "isom", "iso2", "mp41", "mp42"}
	case first.entry.typ == "avc1":
		return []string{"isom", "iso2", "avc1", "mp41"}
	case first.entry.typ == "av01":
		return []string{"isom", "iso2", "av01", "mp41"} // AV1-ISOBMFF §2.1 wants its brand among them
	}
	return []string{"isom", "iso2", "mp41"}
}

// fileType writes ftyp (§4.3).
func (w *writer) fileType(brands ...string) {
	w.box("ftyp", func() {
		w.str(brands[0])
		w.u32(0x200)
		for _, b := range brands {
			w.str(b)
		}
	})
}

// writeOffsets fills the chunk offsets (§8.7.5) in, now that the length of what stands before them is known.
func (l *Layout) writeOffsets(head []byte, at []int, width int) {
	pos := int64(len(head) + len(l.init))
	for i := range l.parts {
		s := &l.parts[i]
		data := pos + s.moof + 8
		for _, c := range l.chunks[s.lo:s.hi] {
			if width == 8 {
				be.PutUint64(head[at[c.track]:], uint64(data))
			} else {
				be.PutUint32(head[at[c.track]:], uint32(data))
			}
			at[c.track] += width
			data += c.size
		}
		pos = data
	}
}

// longestTrack is the duration of the movie in its ticks. A longer track that is not written does not count.
func (l *Layout) longestTrack() uint64 {
	var ticks uint64
	for _, t := range l.tracks {
		ticks = max(ticks, t.movieDuration(l.movie.timescale))
	}
	return ticks
}

// movieDuration is the duration of a track in ticks of the movie: the sum of its edits (§8.3.2.3).
func (t *Track) movieDuration(scale uint32) uint64 {
	return t.edit.empty + t.shown(scale)
}

// shown is the duration of the one edit of the track in ticks of the movie.
func (t *Track) shown(scale uint32) uint64 {
	media := rescale(uint64(max(t.end-t.edit.mediaTime, 0)), t.timescale, scale)
	if t.edit.duration > 0 && t.edit.duration <= media+uint64(scale) {
		return t.edit.duration
	}
	return media
}

// movieHeader writes mvhd (§8.2.2). Times of creation are left out: they say when the author was where.
func (w *writer) movieHeader(timescale uint32, duration uint64, tracks int) {
	version := wide(duration)
	w.full("mvhd", version, 0, func() {
		w.word(version, 0)
		w.word(version, 0)
		w.u32(timescale)
		w.word(version, duration)
		w.u32(1 << 16) // rate
		w.u16(1 << 8)  // volume
		w.zeros(10)
		w.bytes(unity[:]...)
		w.zeros(24)
		w.u32(uint32(tracks) + 1) // next_track_ID
	})
}

// fullTrack writes the body of the outer trak of track i (§8.3.1) and returns where its chunk offsets belong.
func (w *writer) fullTrack(l *Layout, i, width int) (offsets int) {
	t := l.tracks[i]
	w.trackHeader(t, i, t.movieDuration(l.movie.timescale))
	if t.edit.present || t.edit.empty > 0 {
		w.editList(t, l.movie.timescale)
	}
	w.media(t, uint64(t.table.duration), func() {
		w.times(&t.table)
		offsets = w.places(l, i, width)
		for _, x := range t.verbatim {
			w.box(x.typ, func() { w.bytes(x.body...) })
		}
		for _, g := range t.groups {
			w.box("sgpd", func() { w.bytes(g.description...) })
			w.box("sbgp", func() { w.bytes(g.mapping...) })
		}
	})
	return offsets
}

// trackHeader writes tkhd (§8.3.2).
func (w *writer) trackHeader(t *Track, i int, duration uint64) {
	const enabledInMovie = 3
	version := wide(duration)
	w.full("tkhd", version, enabledInMovie, func() {
		w.word(version, 0)
		w.word(version, 0)
		w.u32(uint32(i) + 1) // track_ID
		w.u32(0)
		w.word(version, duration)
		w.zeros(8)
		w.u16(t.header.layer)
		w.u16(0) // alternate_group
		w.u16(t.header.volume)
		w.u16(0)
		w.bytes(t.header.matrix[:]...)
		w.u32(t.header.width)
		w.u32(t.header.height)
	})
}

// editList writes edts of the outer moov (§8.6.5): the initial delay, then the media.
func (w *writer) editList(t *Track, scale uint32) {
	version := wide(t.edit.empty, t.shown(scale), uint64(t.edit.mediaTime)<<1)
	entries := uint32(1)
	if t.edit.empty > 0 {
		entries = 2
	}
	w.box("edts", func() {
		w.full("elst", version, 0, func() {
			w.u32(entries)
			if t.edit.empty > 0 {
				w.word(version, t.edit.empty)
				w.word(version, math.MaxUint64) // media_time -1
				w.u32(1 << 16)
			}
			w.word(version, t.shown(scale))
			w.word(version, uint64(t.edit.mediaTime))
			w.u32(1 << 16)
		})
	})
}

// media writes mdia (§8.4.1) with a sample table of stsd and what tables writes.
func (w *writer) media(t *Track, duration uint64, tables func()) {
	version := wide(duration)
	w.box("mdia", func() {
		w.full("mdhd", version, 0, func() {
			w.word(version, 0)
			w.word(version, 0)
			w.u32(t.timescale)
			w.word(version, duration)
			w.u16(t.header.language)
			w.u16(0)
		})
		w.handler(t.Kind)
		if t.header.extended != "" {
			w.full("elng", 0, 0, func() {
				w.str(t.header.extended)
				w.bytes(0)
			})
		}
		w.box("minf", func() {
			w.mediaHeader(t.Kind)
			w.box("stbl", func() {
				w.full("stsd", 0, 0, func() {
					w.u32(1)
					w.box(t.entry.typ, func() { w.bytes(t.entry.body...) })
				})
				tables()
			})
		})
	})
}

// handler writes hdlr (§8.4.3). The source's own name may tell which device made it.
func (w *writer) handler(kind Kind) {
	typ, name := "vide", "VideoHandler\x00"
	if kind == Audio {
		typ, name = "soun", "SoundHandler\x00"
	}
	w.full("hdlr", 0, 0, func() {
		w.u32(0)
		w.str(typ)
		w.zeros(12)
		w.str(name)
	})
}

// mediaHeader writes vmhd or smhd (§12.1.2, §12.2.2) and a dinf that says "in this file" (§8.7.1).
func (w *writer) mediaHeader(kind Kind) {
	if kind == Audio {
		w.full("smhd", 0, 0, func() { w.u32(0) })
	} else {
		w.full("vmhd", 0, 1, func() { w.zeros(8) })
	}
	w.box("dinf", func() {
		w.full("dref", 0, 0, func() {
			w.u32(1)
			w.full("url ", 0, 1, func() {})
		})
	})
}

// times writes stts, ctts and stss (§8.6).
func (w *writer) times(s *samples) {
	w.full("stts", 0, 0, func() {
		w.u32(uint32(len(s.deltas)))
		for _, r := range s.deltas {
			w.u32(r.n)
			w.u32(r.v)
		}
	})
	if len(s.offsets) > 0 {
		w.full("ctts", 0, 0, func() {
			w.u32(uint32(len(s.offsets)))
			for _, r := range s.offsets {
				w.u32(r.n)
				w.u32(uint32(r.v))
			}
		})
	}
	if s.sync != nil {
		w.full("stss", 0, 0, func() {
			w.u32(uint32(s.sync.count()))
			for i := range s.n {
				if s.sync.has(i) {
					w.u32(uint32(i) + 1)
				}
			}
		})
	}
}

// places writes stsz, stsc and room for stco or co64 (§8.7) and returns where that room is.
func (w *writer) places(l *Layout, track, width int) (offsets int) {
	s := &l.tracks[track].table
	w.full("stsz", 0, 0, func() {
		if s.sizes.list == nil && s.sizes.fixed > 0 {
			w.u32(s.sizes.fixed)
			w.u32(uint32(s.n))
			return
		}
		w.u32(0) // every sample has a size of its own
		w.u32(uint32(s.n))
		for i := range s.n {
			w.u32(s.sizes.at(i))
		}
	})
	chunks := uint32(0)
	w.full("stsc", 0, 0, func() {
		at, entries, last := len(w.b), uint32(0), uint32(0)
		w.u32(0)
		for _, c := range l.chunks {
			if c.track != track {
				continue
			}
			chunks++
			if c.samples != last {
				last = c.samples
				entries++
				w.u32(chunks)
				w.u32(c.samples)
				w.u32(1)
			}
		}
		be.PutUint32(w.b[at:], entries)
	})
	typ := map[int]string{4: "stco", 8: "co64"}[width]
	w.full(typ, 0, 0, func() {
		w.u32(chunks)
		offsets = len(w.b)
		w.zeros(width * int(chunks))
	})
	return offsets
}

// initSegment is the HLS initialisation segment (RFC 8216 §3.3): ftyp and a moov without samples. The edit list in it
// says only where in the media time 0 is, because players that append segments may ignore an empty edit; the initial
// delay is in the decoding times of the fragments instead.
func (l *Layout) initSegment() []byte {
	w := &writer{}
	w.fileType("iso6", "mp41")
	w.box("moov", func() {
		w.movieHeader(l.movie.timescale, 0, len(l.tracks))
		for i, t := range l.tracks {
			w.box("trak", func() { w.emptyTrack(t, i) })
		}
		w.box("mvex", func() {
			for i := range l.tracks {
				w.full("trex", 0, 0, func() {
					w.u32(uint32(i) + 1)
					w.u32(1) // default_sample_description_index
					w.zeros(12)
				})
			}
		})
	})
	return w.b
}

// emptyTrack writes the body of a trak whose samples are in fragments.
func (w *writer) emptyTrack(t *Track, i int) {
	w.trackHeader(t, i, 0)
	if at := t.edit.mediaTime; at != 0 {
		version := wide(uint64(at) << 1)
		w.box("edts", func() {
			w.full("elst", version, 0, func() {
				w.u32(1)
				w.word(version, 0)
				w.word(version, uint64(at))
				w.u32(1 << 16)
			})
		})
	}
	w.media(t, 0, func() {
		for _, typ := range []string{"stts", "stsc", "stsz", "stco"} {
			w.full(typ, 0, 0, func() {
				if typ == "stsz" {
					w.u32(0)
				}
				w.u32(0)
			})
		}
		for _, g := range t.groups {
			w.box("sgpd", func() { w.bytes(g.description...) })
		}
	})
}

// moof is the movie fragment (§8.8.4) of a segment, which has the given sequence number.
func (l *Layout) moof(s *part, sequence uint32) []byte {
	w := &writer{}
	var patch []int // where data offsets stand
	w.box("moof", func() {
		w.full("mfhd", 0, 0, func() { w.u32(sequence) })
		for i := range l.tracks {
			f := fragment{writer: w, from: s.from[i], chunks: l.chunks[s.lo:s.hi], index: i, track: l.tracks[i]}
			f.write()
			patch = append(patch, f.patch...)
		}
	})
	for _, at := range patch {
		be.PutUint32(w.b[at:], be.Uint32(w.b[at:])+uint32(len(w.b))+8)
	}
	return w.b
}

// A fragment is a traf (§8.8.6) being written.
type fragment struct {
	*writer
	from   cursor
	chunks []chunk
	index  int
	track  *Track
	patch  []int // where its data offsets, counted from the first byte of data, stand

	samples int
	even    bool // all samples last equally long
	offsets bool // some have a composition time offset
	allSync bool
}

// Flags of tfhd and trun (§8.8.7.1, §8.8.8.1).
const (
	tfhdDuration   = 0x000008
	tfhdFlags      = 0x000020
	tfhdBaseIsMoof = 0x020000
	trunOffset     = 0x001
	trunFirstFlags = 0x004
	trunDuration   = 0x100
	trunSize       = 0x200
	trunCTO        = 0x800
)

func (f *fragment) write() {
	f.survey()
	if f.samples == 0 {
		return
	}
	c := f.from
	f.box("traf", func() {
		f.header(c.dur())
		f.full("tfdt", 1, 0, func() { f.u64(uint64(c.dts + f.track.edit.shift)) })
		f.runs()
		for _, g := range f.track.groups {
			f.group(g, int64(c.i), int64(c.i+f.samples))
		}
	})
}

// survey looks for what the samples have in common and need not be said of each.
func (f *fragment) survey() {
	c := f.from
	f.even, f.allSync = true, true
	duration := uint32(0)
	for _, k := range f.chunks {
		if k.track != f.index {
			continue
		}
		for range k.samples {
			if f.samples == 0 {
				duration = c.dur()
			}
			f.even = f.even && c.dur() == duration
			f.offsets = f.offsets || c.cto() != 0
			f.allSync = f.allSync && c.sync()
			f.samples++
			c.next()
		}
	}
}

// header writes tfhd.
func (f *fragment) header(duration uint32) {
	flags := uint32(tfhdBaseIsMoof | tfhdFlags)
	if f.even {
		flags |= tfhdDuration
	}
	f.full("tfhd", 0, flags, func() {
		f.u32(uint32(f.index) + 1)
		if f.even {
			f.u32(duration)
		}
		if f.allSync {
			f.u32(flagsSync)
		} else {
			f.u32(flagsDelta)
		}
	})
}

// runs writes one trun for each chunk, and a new one at every keyframe: then its flags are those of a first sample,
// and no other sample needs any.
func (f *fragment) runs() {
	c := f.from
	data := int64(0)
	for _, k := range f.chunks {
		if k.track != f.index {
			data += k.size
			continue
		}
		for left := k.samples; left > 0; {
			end := c
			n := uint32(0)
			for n < left && (n == 0 || f.allSync || !end.sync()) {
				end.next()
				n++
			}
			f.run(c, n, data)
			data += c.s.sizes.sum(c.i, end.i)
			c = end
			left -= n
		}
	}
}

// run writes trun (§8.8.8) for n samples from c on, whose data begin at that byte of the segment's data. Version 1
// has signed composition time offsets.
func (f *fragment) run(c cursor, n uint32, data int64) {
	flags := uint32(trunOffset | trunSize)
	first := !f.allSync && c.sync()
	if first {
		flags |= trunFirstFlags
	}
	if !f.even {
		flags |= trunDuration
	}
	if f.offsets {
		flags |= trunCTO
	}
	f.full("trun", 1, flags, func() {
		f.u32(n)
		f.patch = append(f.patch, len(f.b))
		f.u32(uint32(data))
		if first {
			f.u32(flagsSync)
		}
		for range n {
			if !f.even {
				f.u32(c.dur())
			}
			f.u32(c.size())
			if f.offsets {
				f.u32(uint32(c.cto()))
			}
			c.next()
		}
	})
}

// group writes the sbgp (§8.9.2) of the samples from i up to but not including j. The descriptions it points to are
// in the initialisation segment.
func (f *fragment) group(g sampleGroup, i, j int64) {
	k := sort.Search(len(g.spans), func(k int) bool { return g.spans[k].first > i }) - 1
	f.full("sbgp", 0, 0, func() {
		f.bytes(g.description[4:8]...) // grouping_type
		at, entries := len(f.b), uint32(0)
		f.u32(0)
		for ; i < j; k++ {
			end := j
			if k+1 < len(g.spans) {
				end = min(j, g.spans[k+1].first)
			}
			if end == i {
				continue
			}
			f.u32(uint32(end - i))
			f.u32(g.spans[k].index)
			entries++
			i = end
		}
		be.PutUint32(f.b[at:], entries)
	})
}
