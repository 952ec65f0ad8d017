package mp4

import (
	"fmt"
	"math"
)

// A sampleGroup is one grouping of samples (§8.9) that means something to a decoder: how far before a random access
// point decoding must begin for the result to be right ('roll', 'prol', §10.1).
type sampleGroup struct {
	description []byte      // body of sgpd
	mapping     []byte      // body of sbgp, copied into the outer moov
	spans       []groupSpan // which description applies to which samples
}

// A groupSpan begins where another group description, or none, begins to apply.
type groupSpan struct {
	first int64  // sample
	index uint32 // 0: none
}

// readTables reads stbl (§8.5): the sample description and, unless the track cannot be packaged, the sample tables.
func (t *Track) readTables(stbl []byte, fileSize int64) error {
	chunks, err := readChunks(find(stbl, "stsc"))
	if err != nil {
		return err
	}
	if err := t.readDescription(find(stbl, "stsd"), chunks.description); err != nil {
		return err
	}
	sizes, err := readSizes(stbl, fileSize)
	if err != nil {
		return err
	}
	t.Samples = sizes.n
	if t.problem != "" || sizes.n == 0 {
		return nil
	}
	s := &t.table
	s.n, s.sizes = sizes.n, sizes
	if err := s.readTimes(find(stbl, "stts"), find(stbl, "ctts"), t.timescale); err != nil {
		return err
	}
	if err := s.readSync(find(stbl, "stss")); err != nil {
		return err
	}
	if err := s.readPlaces(stbl, chunks); err != nil {
		return err
	}
	if err := s.inside(fileSize); err != nil {
		return err
	}
	return t.readGroups(stbl)
}

// readSizes reads stsz or stz2 (§8.7.3).
func readSizes(stbl []byte, fileSize int64) (column, error) {
	if b := find(stbl, "stz2"); b != nil {
		return readCompactSizes(b)
	}
	f := fields{b: find(stbl, "stsz")}
	f.full()
	fixed := f.u32()
	if fixed != 0 {
		n := f.u32()
		if needs := uint64(n) * uint64(fixed); f.short || needs > uint64(fileSize) {
			return column{}, &TruncatedError{fileSize, int64(min(needs, math.MaxInt64))}
		}
		return column{n: int(n), fixed: fixed}, nil
	}
	n := f.entries(4)
	if f.short {
		return column{}, &FormatError{"stsz", "it is missing or shorter than its count says"}
	}
	c := column{list: make([]uint32, n)}
	for i := range c.list {
		c.list[i] = f.u32()
	}
	c.n = n
	return c, nil
}

// readCompactSizes reads stz2 (§8.7.3.3), whose sizes take 4, 8 or 16 bits.
func readCompactSizes(b []byte) (column, error) {
	f := fields{b: b}
	f.full()
	f.skip(3)
	width, n := int(f.u8()), f.u32()
	if f.short || width != 4 && width != 8 && width != 16 || (uint64(n)*uint64(width)+7)/8 > uint64(len(f.b)) {
		return column{}, &FormatError{"stz2", "it is shorter than its count says, or its sizes are of an odd width"}
	}
	c := column{n: int(n), list: make([]uint32, n)}
	for i := range c.list {
		switch width {
		case 4:
			c.list[i] = uint32(f.b[i/2]>>(4*(1-i%2))) & 15
		case 8:
			c.list[i] = uint32(f.b[i])
		case 16:
			c.list[i] = uint32(be.Uint16(f.b[2*i:]))
		}
	}
	return c, nil
}

// readTimes reads stts (§8.6.1.2) and ctts (§8.6.1.3). A list that names too few samples goes on with its last
// duration, and with no offset.
func (s *samples) readTimes(stts, ctts []byte, timescale uint32) error {
	f := fields{b: stts}
	f.full()
	left := uint32(s.n)
	last := uint32(0)
	for range f.entries(8) {
		n, delta := min(f.u32(), left), f.u32()
		if delta > 1<<31-1 {
			return &FormatError{"stts", "a sample lasts less than no time"}
		}
		s.deltas.add(n, delta)
		left -= n
		last = delta
	}
	if f.short {
		return &FormatError{"stts", "it is missing or shorter than its count says"}
	}
	s.deltas.add(left, last)
	if err := s.sumDuration(timescale); err != nil {
		return err
	}
	if ctts == nil {
		return nil
	}
	f = fields{b: ctts}
	f.full()
	left = uint32(s.n)
	for range f.entries(8) {
		// Version 0 says unsigned, version 1 signed. QuickTime writes negative offsets in version 0, and no real offset
		// is 2^31 ticks, so both are read as signed.
		n, offset := min(f.u32(), left), int32(f.u32())
		s.offsets.add(n, offset)
		left -= n
	}
	if f.short {
		return &FormatError{"ctts", "it is shorter than its count says"}
	}
	s.offsets.add(left, 0)
	if len(s.offsets) == 1 && s.offsets[0].v == 0 {
		s.offsets = nil
	}
	return nil
}

// sumDuration computes the duration of the media and refuses absurd ones.
func (s *samples) sumDuration(timescale uint32) error {
	total := uint64(0)
	for _, r := range s.deltas {
		total += uint64(r.n) * uint64(r.v)
		if !fits(total, timescale) {
			return &FormatError{"stts", "it lasts longer than ten years"}
		}
	}
	s.duration = int64(total)
	return nil
}

// readSync reads stss (§8.6.2). Without one every sample is a sync sample.
func (s *samples) readSync(stss []byte) error {
	if stss == nil {
		return nil
	}
	f := fields{b: stss}
	f.full()
	n := f.entries(4)
	if f.short {
		return &FormatError{"stss", "it is shorter than its count says"}
	}
	s.sync = make(bitset, 0, min(n, s.n)/64+1)
	for range n {
		if i := f.u32(); i >= 1 && i <= uint32(s.n) {
			s.sync.set(int(i - 1))
		}
	}
	return nil
}

// chunkRuns is stsc (§8.7.4) as it stands: runs of chunks with the same number of samples.
type chunkRuns struct {
	entries     []stscEntry
	description uint32 // the one sample description used, or 0 for several
}

type stscEntry struct{ first, samples uint32 }

func readChunks(stsc []byte) (chunkRuns, error) {
	f := fields{b: stsc}
	f.full()
	n := f.entries(12)
	if f.short {
		return chunkRuns{}, &FormatError{"stsc", "it is missing or shorter than its count says"}
	}
	c := chunkRuns{entries: make([]stscEntry, n), description: 1}
	for i := range c.entries {
		c.entries[i] = stscEntry{f.u32(), f.u32()}
		description := f.u32()
		switch {
		case c.entries[i].first == 0 || i > 0 && c.entries[i].first <= c.entries[i-1].first:
			return chunkRuns{}, &FormatError{"stsc", "its chunks are not in order"}
		case i == 0:
			c.description = description
		case description != c.description:
			c.description = 0
		}
	}
	return c, nil
}

// readPlaces reads stco or co64 (§8.7.5) and spreads the samples over the chunks.
func (s *samples) readPlaces(stbl []byte, c chunkRuns) error {
	typ, width := "stco", 4
	b := find(stbl, "stco")
	if b == nil {
		typ, width = "co64", 8
		b = find(stbl, "co64")
	}
	f := fields{b: b}
	f.full()
	n := f.entries(width)
	if f.short {
		return &FormatError{typ, "it is missing or shorter than its count says"}
	}
	s.chunks = make([]int64, n)
	for i := range s.chunks {
		offset := f.word(uint8(width / 8)) // 64 bits in co64
		if offset > 1<<62 {
			return &FormatError{typ, fmt.Sprintf("a chunk lies at byte %d", offset)}
		}
		s.chunks[i] = int64(offset)
	}
	return s.spread(c.entries)
}

// spread fills perChunk from the entries of stsc and checks that all samples have a chunk.
func (s *samples) spread(entries []stscEntry) error {
	left := uint64(s.n)
	for i, e := range entries {
		until := uint64(len(s.chunks)) + 1
		if i+1 < len(entries) {
			until = min(until, uint64(entries[i+1].first))
		}
		if uint64(e.first) >= until || left == 0 {
			break
		}
		if i == 0 && e.first != 1 {
			return &FormatError{"stsc", fmt.Sprintf("it begins at chunk %d", e.first)}
		}
		n := until - uint64(e.first)
		if e.samples > 0 && left < n*uint64(e.samples) {
			// The last chunk may hold fewer samples than the entry says; chunks without samples are dropped.
			n = left / uint64(e.samples)
			s.perChunk.add(uint32(n), e.samples)
			s.perChunk.add(1, uint32(left-n*uint64(e.samples)))
			left = 0
			break
		}
		s.perChunk.add(uint32(n), e.samples)
		left -= n * uint64(e.samples)
	}
	if left > 0 {
		return &FormatError{"stsc", fmt.Sprintf("it finds a place for %d of %d samples", uint64(s.n)-left, s.n)}
	}
	return nil
}

// inside checks that every sample lies in the file.
func (s *samples) inside(fileSize int64) error {
	sample, chunk, needs := 0, 0, int64(0)
	for _, r := range s.perChunk {
		for range r.n {
			if r.v > 0 && sample < s.n {
				end := min(sample+int(r.v), s.n)
				needs = max(needs, s.chunks[chunk]+s.sizes.sum(sample, end))
				sample = end
			}
			chunk++
		}
	}
	if needs > fileSize {
		return &TruncatedError{fileSize, needs}
	}
	if total := s.sizes.sum(0, s.n); total > fileSize {
		return &FormatError{"stsz", fmt.Sprintf("its samples take %d bytes of a file of %d", total, fileSize)}
	}
	return nil
}

// readGroups reads the sample groups worth keeping, and notes the boxes that are copied as they stand.
func (t *Track) readGroups(stbl []byte) error {
	mappings := map[string][]byte{}
	return firstErr(
		eachBox("stbl", stbl, func(x box) error {
			switch x.typ {
			case "sbgp":
				if len(x.body) >= 8 {
					mappings[string(x.body[4:8])] = x.body
				}
			case "cslg", "sdtp": // §8.6.1.4, §8.6.4
				t.verbatim = append(t.verbatim, box{x.typ, append([]byte(nil), x.body...)})
			}
			return nil
		}),
		eachBox("stbl", stbl, func(x box) error {
			if x.typ != "sgpd" || len(x.body) < 8 {
				return nil
			}
			switch kind := string(x.body[4:8]); kind {
			case "roll", "prol":
				return t.addGroup(x.body, mappings[kind])
			}
			return nil
		}),
	)
}

func firstErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// addGroup reads one sbgp (§8.9.2).
func (t *Track) addGroup(sgpd, sbgp []byte) error {
	if sbgp == nil {
		return nil
	}
	f := fields{b: sbgp}
	version, _ := f.full()
	f.skip(4)
	if version == 1 {
		f.skip(4)
	}
	g := sampleGroup{description: append([]byte(nil), sgpd...), mapping: append([]byte(nil), sbgp...)}
	sample := int64(0)
	for range f.entries(8) {
		n, index := f.u32(), f.u32()
		g.spans = append(g.spans, groupSpan{sample, index})
		sample += int64(n)
	}
	g.spans = append(g.spans, groupSpan{sample, 0})
	if f.short {
		return &FormatError{"sbgp", "it is shorter than its count says"}
	}
	t.groups = append(t.groups, g)
	return nil
}
