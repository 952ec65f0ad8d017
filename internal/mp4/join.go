package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"time"
)

// A Piece is one track of one file, on its way into a movie made of several.
type Piece struct {
	Movie *Movie // the file's index
	Track *Track // one of its tracks
	Data  io.ReaderAt
	At    time.Duration // where the file's time 0 is in the joined movie
}

// Join makes one movie of tracks that lie in several files, and one file of theirs, without copying a byte: what an
// encoder makes apart, pictures and sound or a film in stretches, can then be packaged as if it had never been apart.
//
// Each argument is one track of the result. A track of one piece at 0 stays as it is. Several pieces are stretches of
// one film in order, encoded alike; their samples follow each other at the presentation times they have in their
// pieces, each counted from its piece's At. The movie has no chapters.
func Join(tracks ...[]Piece) (*Movie, io.ReaderAt, error) {
	j := joiner{starts: map[*Movie]int64{}, movie: &Movie{timescale: 1000}}
	for _, pieces := range tracks {
		if len(pieces) == 0 {
			return nil, nil, errors.New("a track without pieces")
		}
		for _, p := range pieces {
			j.addFile(p)
		}
	}
	j.movie.timescale = tracks[0][0].Movie.timescale
	for i, pieces := range tracks {
		t, err := j.track(pieces)
		if err != nil {
			return nil, nil, err
		}
		t.ID, t.enabled, t.chapters = uint32(i)+1, true, 0
		j.movie.Tracks = append(j.movie.Tracks, t)
		if err := t.finish(j.movie); err != nil {
			return nil, nil, err
		}
	}
	return j.movie, &j.files, nil
}

// A joiner lays files end to end.
type joiner struct {
	movie  *Movie
	files  files
	starts map[*Movie]int64 // where each file begins
}

func (j *joiner) addFile(p Piece) {
	if _, ok := j.starts[p.Movie]; ok {
		return
	}
	j.starts[p.Movie] = j.movie.size
	j.files = append(j.files, placed{j.movie.size, p.Movie.size, p.Data})
	j.movie.size += p.Movie.size
}

// track makes the track of some pieces.
func (j *joiner) track(pieces []Piece) (*Track, error) {
	first := pieces[0].Track
	for _, p := range pieces {
		switch {
		case p.Track.problem != "":
			return nil, &UnsupportedError{p.Track.problem}
		case p.Track.table.n == 0:
			return nil, &UnsupportedError{p.Track.noun() + " is empty"}
		case p.Track.timescale != first.timescale || p.Track.entry.typ != first.entry.typ || !bytes.Equal(p.Track.withoutRates(), first.withoutRates()):
			return nil, &UnsupportedError{p.Track.noun() + " changes its format midway"}
		}
	}
	t := *first
	if len(pieces) > 1 || pieces[0].At != 0 {
		return &t, j.restretch(&t, pieces)
	}
	t.table.chunks = slices.Clone(t.table.chunks)
	for i := range t.table.chunks {
		t.table.chunks[i] += j.starts[pieces[0].Movie]
	}
	from, to := pieces[0].Movie.timescale, j.movie.timescale
	t.edit.empty, t.edit.duration = rescale(t.edit.empty, from, to), rescale(t.edit.duration, from, to)
	return &t, nil
}

// withoutRates is the track's sample entry without its bit rates (btrt, §8.5.2.2), which differ from piece to piece and
// bind nobody.
func (t *Track) withoutRates() []byte {
	const fixed = 78 // of a visual sample entry (§12.1.3)
	if t.Kind != Video || len(t.entry.body) < fixed {
		return t.entry.body
	}
	w := writer{b: slices.Clone(t.entry.body[:fixed])}
	_ = eachBox(t.entry.typ, t.entry.body[fixed:], func(x box) error { // it was read before
		if x.typ != "btrt" {
			w.box(x.typ, func() { w.bytes(x.body...) })
		}
		return nil
	})
	return w.b
}

// restretch gives t the samples of all pieces, one after the other.
func (j *joiner) restretch(t *Track, pieces []Piece) error {
	t.table, t.groups, t.verbatim, t.entry.body = samples{}, nil, nil, t.withoutRates()
	s := &t.table
	allSync := true
	var begin, show, last, offset int64 // when the first sample is decoded and shown; the sample before
	var tail uint32
	for _, p := range pieces {
		at := int64(math.Round(p.At.Seconds() * float64(t.timescale)))
		for c := p.Track.table.cursor(); c.more(); c.next() {
			shift := at - p.Track.edit.mediaTime + p.Track.edit.shift
			dts, pts := c.dts+shift, c.pts()+shift
			if s.n == 0 {
				begin, show = dts, pts
			} else {
				// The reordering delay of films with a variable frame rate differs from piece to piece. Where a piece begins to be
				// decoded before the one before it has ended, its first decoding times move up; nothing is shown at another time.
				dts = max(dts, last+1)
				if dts-last > math.MaxInt32 {
					return &FormatError{"stts", "two samples are absurdly far apart"}
				}
				s.deltas.add(1, uint32(dts-last))
				s.offsets.add(1, int32(offset))
			}
			last, offset, tail = dts, pts-dts, c.dur()
			if int64(int32(offset)) != offset {
				return &FormatError{"ctts", "its offsets are absurd"}
			}
			s.sizes.add(1, c.size())
			s.chunks = append(s.chunks, c.off+j.starts[p.Movie])
			s.perChunk.add(1, 1)
			if c.sync() {
				s.sync.set(s.n)
			} else {
				allSync = false
			}
			s.n++
		}
	}
	s.deltas.add(1, tail)
	s.offsets.add(1, int32(offset))
	if allSync {
		s.sync = nil
	}
	// What is shown late is delayed by an empty edit up to the first picture: FFmpeg, and Chromium with it, takes any
	// other gap for a mistake and closes it.
	t.edit = edit{present: true, mediaTime: max(show, 0) - begin, shift: max(show, 0)}
	t.edit.empty = rescale(uint64(t.edit.shift), t.timescale, j.movie.timescale)
	return s.sumDuration(t.timescale)
}

// files are several files read as one.
type files []placed

type placed struct {
	start, size int64
	data        io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (j *files) ReadAt(b []byte, off int64) (int, error) {
	f := *j
	i := sort.Search(len(f), func(i int) bool { return f[i].start+f[i].size > off })
	n := 0
	for ; n < len(b) && i < len(f); i++ {
		at := off + int64(n) - f[i].start
		part := b[n:min(int64(len(b)), int64(n)+f[i].size-at)]
		got, err := f[i].data.ReadAt(part, at)
		n += got
		if got < len(part) {
			if err == nil || errors.Is(err, io.EOF) {
				err = fmt.Errorf("file %d of %d ends at byte %d of %d: %w", i+1, len(f), at+int64(got), f[i].size, io.ErrUnexpectedEOF)
			}
			return n, err
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}
