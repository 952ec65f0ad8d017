package video

import (
	"strings"
	"testing"
	"time"

	"matinee/internal/caption"
)

// Chapters survive being written as a WebVTT file, whatever a title holds.
func TestChaptersRoundTrip(t *testing.T) {
	chapters := []Chapter{{0, "A <b> & c"}, {90 * time.Second, "--> arrow"}, {2 * time.Hour, "Two\nlines"}, {3 * time.Hour, "At the end"}}
	track, err := caption.Read("c.vtt", chaptersTrack(chapters, 3*time.Hour).WebVTT())
	if err != nil {
		t.Fatal(err)
	}
	if len(track.Cues) != len(chapters) {
		t.Fatalf("%d cues, want %d", len(track.Cues), len(chapters))
	}
	for i, c := range chapters {
		q := track.Cues[i]
		if want := strings.ReplaceAll(c.Title, "\n", " "); q.Start != c.At || q.End <= q.Start || caption.Plain(q.Text) != want {
			t.Errorf("chapter %d is %+v, want %v %q", i, q, c.At, want)
		}
	}
}
