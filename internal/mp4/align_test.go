package mp4

import (
	"bytes"
	"testing"
)

// Two encodes of a film whose times are counted in different ticks come out with the same ticks and their own times.
func TestAlign(t *testing.T) {
	data, _ := packaged(t, 200)
	movie, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	first, second := movie.Select(), movie.Select()
	scaled := *second.Video
	scaled.timescale = first.Video.timescale / 2 * 3 // lasts two thirds as long
	second.Video = &scaled
	aligned := Align([]Selection{first, second})
	for i, s := range []Selection{first, second} {
		got := aligned[i].Video
		if got.timescale != first.Video.timescale*3 {
			t.Fatalf("encode %d counts %d ticks a second, want %d", i, got.timescale, first.Video.timescale*3)
		}
		want, c := s.Video.table.cursor(), got.table.cursor()
		for ; c.more(); c.next() {
			if got, want := got.at(c.pts()), s.Video.at(want.pts()); got != want {
				t.Fatalf("picture %d of encode %d is shown at %v, want %v", c.i, i, got, want)
			}
			want.next()
		}
		if got.at(got.end) != s.Video.at(s.Video.end) {
			t.Errorf("encode %d ends at %v, want %v", i, got.at(got.end), s.Video.at(s.Video.end))
		}
	}
	l, err := Plan(aligned[0], aligned[0].Cuts())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := l.WriteTo(&b, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	checkHybrid(t, aligned[0], l, bytes.NewReader(data), b.Bytes())

	// A scale that no common one can be found for leaves both as they are.
	odd := *second.Video
	odd.timescale = 1<<31 - 1
	second.Video = &odd
	if same := Align([]Selection{first, second}); same[0].Video != first.Video || same[1].Video != second.Video {
		t.Error("encodes without a common scale were changed")
	}
}
