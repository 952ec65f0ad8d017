package mp4

import "math"

// Align gives the pictures of several encodes of the same film one time scale, exactly, so that a player can go on
// counting when it changes from one to another. hls.js maps the times of a stream anew when their scale changes, by
// decoding times; how far these are before what is shown differs between encoders, so a gap or an overlap of some
// pictures came of it. Encodes whose scales have no common multiple that the format can hold are left as they are.
func Align(encodes []Selection) []Selection {
	scale := uint64(1)
	for _, s := range encodes {
		if s.Video == nil {
			continue
		}
		if scale = scale / gcd(scale, uint64(s.Video.timescale)) * uint64(s.Video.timescale); scale > math.MaxInt32 {
			return encodes
		}
	}
	aligned := make([]Selection, len(encodes))
	for i, s := range encodes {
		if aligned[i] = s; s.Video == nil {
			continue
		}
		t, ok := s.Video.finer(uint32(scale), s.Movie.timescale)
		if !ok {
			return encodes
		}
		aligned[i].Video = t
	}
	return aligned
}

// finer is the track with times in ticks of scale, a multiple of its own, unless one of them is too large for that.
func (t *Track) finer(scale, movieScale uint32) (*Track, bool) {
	k := int64(scale / t.timescale)
	fine := *t
	fine.timescale = scale
	fine.end *= k
	fine.edit.mediaTime *= k
	fine.edit.shift = int64(rescale(t.edit.empty, movieScale, scale))
	fine.table.duration *= k
	fine.table.deltas, fine.table.offsets = nil, nil
	for _, r := range t.table.deltas {
		if int64(r.v)*k > math.MaxInt32 {
			return nil, false
		}
		fine.table.deltas.add(r.n, r.v*uint32(k))
	}
	for _, r := range t.table.offsets {
		v := int64(r.v) * k
		if v > math.MaxInt32 || v < math.MinInt32 {
			return nil, false
		}
		fine.table.offsets.add(r.n, int32(v))
	}
	return &fine, true
}
