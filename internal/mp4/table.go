package mp4

import "math/bits"

// samples is the sample table of one track in columns: what the boxes of stbl (§8.5) or the runs of movie fragments
// (§8.8) say, in 4 bytes a sample for the sizes, run lengths for times, one bit for sync, and 8 bytes a chunk.
type samples struct {
	n        int
	duration int64        // of the media, in ticks: the sum of the durations
	sizes    column       // bytes
	deltas   runs[uint32] // durations in decoding order
	offsets  runs[int32]  // composition time minus decoding time; empty: all 0
	sync     bitset       // samples decoding can start at; nil: all
	chunks   []int64      // file offset of each chunk
	perChunk runs[uint32] // samples in each chunk
}

// A column is a list of numbers, or one number that stands n times.
type column struct {
	n     int
	fixed uint32
	list  []uint32 // nil: all are fixed
}

func (c *column) at(i int) uint32 {
	if c.list == nil {
		return c.fixed
	}
	return c.list[i]
}

// add appends n times v.
func (c *column) add(n int, v uint32) {
	if c.list == nil && (c.n == 0 || c.fixed == v) {
		c.fixed = v
		c.n += n
		return
	}
	if c.list == nil {
		c.list = make([]uint32, c.n, 2*c.n+n)
		for i := range c.list {
			c.list[i] = c.fixed
		}
	}
	for range n {
		c.list = append(c.list, v)
	}
	c.n += n
}

// sum is the total of the numbers from i up to but not including j.
func (c *column) sum(i, j int) int64 {
	if c.list == nil {
		return int64(j-i) * int64(c.fixed)
	}
	var total int64
	for _, v := range c.list[i:j] {
		total += int64(v)
	}
	return total
}

// runs is a run-length list, as stts and ctts are.
type runs[T int32 | uint32] []run[T]

type run[T int32 | uint32] struct {
	n uint32
	v T
}

// add appends n times v.
func (r *runs[T]) add(n uint32, v T) {
	if n == 0 {
		return
	}
	if k := len(*r) - 1; k >= 0 && (*r)[k].v == v && uint64((*r)[k].n)+uint64(n) < 1<<32 {
		(*r)[k].n += n
		return
	}
	*r = append(*r, run[T]{n, v})
}

// A bitset marks sample numbers, counted from 0.
type bitset []uint64

func (b *bitset) set(i int) {
	for len(*b) <= i/64 {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (b bitset) has(i int) bool {
	return b == nil || i/64 < len(b) && b[i/64]>>(i%64)&1 == 1
}

func (b bitset) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// A cursor walks the samples of a track in decoding order. It is a value: a copy walks on alone.
type cursor struct {
	s   *samples
	i   int   // number of the current sample
	dts int64 // its decoding time
	off int64 // its place in the file

	delta, offset, per place
	chunk              int
	left               uint32 // samples left in the chunk, the current one included
}

// A place is a position in a run-length list.
type place struct {
	run  int
	used uint32
}

func (s *samples) cursor() cursor {
	c := cursor{s: s}
	c.enterChunk()
	return c
}

// enterChunk moves to the first chunk, from c.chunk on, that holds samples.
func (c *cursor) enterChunk() {
	for c.left == 0 && c.per.run < len(c.s.perChunk) && c.chunk < len(c.s.chunks) {
		r := c.s.perChunk[c.per.run]
		c.left, c.off = r.v, c.s.chunks[c.chunk]
		c.chunk++
		if c.per.used++; c.per.used == r.n {
			c.per = place{run: c.per.run + 1}
		}
	}
}

func (c *cursor) more() bool   { return c.i < c.s.n }
func (c *cursor) size() uint32 { return c.s.sizes.at(c.i) }
func (c *cursor) sync() bool   { return c.s.sync.has(c.i) }
func (c *cursor) dur() uint32  { return c.s.deltas[c.delta.run].v }
func (c *cursor) end() int64   { return c.dts + int64(c.dur()) }

// cto is the composition time offset (§8.6.1.3).
func (c *cursor) cto() int32 {
	if c.offset.run >= len(c.s.offsets) {
		return 0
	}
	return c.s.offsets[c.offset.run].v
}

// pts is the composition time: the presentation time but for the edit list.
func (c *cursor) pts() int64 { return c.dts + int64(c.cto()) }

// next moves to the next sample.
func (c *cursor) next() {
	c.dts = c.end()
	c.off += int64(c.size())
	c.delta = c.delta.after(c.s.deltas[c.delta.run].n)
	if c.offset.run < len(c.s.offsets) {
		c.offset = c.offset.after(c.s.offsets[c.offset.run].n)
	}
	c.i++
	if c.left--; c.left == 0 {
		c.enterChunk()
	}
}

// after is the next place in a list whose current run is n long.
func (p place) after(n uint32) place {
	if p.used++; p.used == n {
		return place{run: p.run + 1}
	}
	return p
}
