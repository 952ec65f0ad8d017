package mp4

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// shown lists when each sample of a track is shown, in decoding order, and what it holds.
func shown(t *testing.T, tr *Track, src io.ReaderAt) (times []time.Duration, content [][32]byte) {
	t.Helper()
	for c := tr.table.cursor(); c.more(); c.next() {
		times = append(times, tr.at(c.pts()))
	}
	for _, s := range samplesOf(t, tr, src) {
		content = append(content, s.hash)
	}
	return times, content
}

// Pieces of a film encoded one by one, and its sound from a third file, are packaged as one film in which every picture
// is shown when it was shown in its piece.
func TestJoin(t *testing.T) {
	dir := t.TempDir()
	execute(t, dir, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x72:r=30000/1001:d=3", "-c:v", "libx264", "-preset", "veryfast",
		"-video_track_timescale", "90000", "a.mp4")
	execute(t, dir, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x72:r=30000/1001:d=2", "-c:v", "libx264", "-preset", "veryfast",
		"-video_track_timescale", "90000", "b.mp4")
	execute(t, dir, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=5", "-c:a", "aac", "c.m4a")
	a, fa := open(t, filepath.Join(dir, "a.mp4"))
	b, fb := open(t, filepath.Join(dir, "b.mp4"))
	c, fc := open(t, filepath.Join(dir, "c.m4a"))
	const at = 3003 * time.Millisecond
	m, data, err := Join(
		[]Piece{{a, a.Select().Video, fa, 0}, {b, b.Select().Video, fb, at}},
		[]Piece{{c, c.Select().Audio, fc, 0}},
	)
	if err != nil {
		t.Fatal(err)
	}
	timesA, contentA := shown(t, a.Select().Video, fa)
	timesB, contentB := shown(t, b.Select().Video, fb)
	times, content := shown(t, m.Select().Video, data)
	if !slices.Equal(content, slices.Concat(contentA, contentB)) {
		t.Fatalf("%d pictures of %d and %d, or other ones", len(content), len(contentA), len(contentB))
	}
	for i := range times {
		want, from, k := at, timesB, i-len(timesA)
		if i < len(timesA) {
			want, from, k = 0, timesA, i
		}
		if want += from[k]; (times[i] - want).Abs() > time.Microsecond {
			t.Fatalf("picture %d is shown at %v, want %v", i, times[i], want)
		}
	}
	sel := m.Select()
	if cuts := sel.Cuts(); len(cuts) != 1 || (cuts[0]-at).Abs() > time.Microsecond {
		t.Errorf("it is cut at %v, not where the pieces meet", cuts)
	}
	pack(t, sel, sel.Cuts(), data, filepath.Join(dir, "joined.mp4"))
	execute(t, dir, "ffmpeg", "-v", "warning", "-xerror", "-i", "joined.mp4", "-f", "null", "-")
}

// A joined film ends when its last piece does, however late the picture after its last one would have been decoded.
func TestJoinedEndsInTime(t *testing.T) {
	dir := t.TempDir()
	execute(t, dir, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x72:r=25:d=12",
		"-vf", "select='lt(n,50)+not(mod(n,12))+eq(n,299)'", "-vsync", "vfr", "-c:v", "libx264", "-bf", "3", "-b_strategy", "0", "-g", "250",
		"-pix_fmt", "yuv420p", "-video_track_timescale", "90000", "a.mp4")
	a, f := open(t, filepath.Join(dir, "a.mp4"))
	v := a.Select().Video
	m, _, err := Join([]Piece{{a, v, f, 0}, {a, v, f, 12 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	sel := m.Select()
	l, err := Plan(sel, sel.Cuts())
	if err != nil {
		t.Fatal(err)
	}
	if m.Duration.Round(time.Millisecond) != 24*time.Second || l.Duration.Round(time.Millisecond) != 24*time.Second {
		t.Errorf("the film lasts %v, its stream %v, want 24 s", m.Duration, l.Duration)
	}
}

// Pieces that overlap in decoding time, as those of films with a variable rate may, still follow each other.
func TestJoinOverlap(t *testing.T) {
	first, data := film(100)
	second, _ := film(100)
	second.Video.edit.mediaTime += 3000 // its decoding begins earlier than the first ends
	m, _, err := Join([]Piece{{first.Movie, first.Video, bytes.NewReader(data), 0}, {second.Movie, second.Video, bytes.NewReader(data), 4 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	last := int64(-1)
	for c := m.Tracks[0].table.cursor(); c.more(); c.next() {
		if c.dts <= last && c.i > 0 {
			t.Fatalf("sample %d is decoded at %d, the one before at %d", c.i, c.dts, last)
		}
		last = c.dts
	}
}

func TestJoinRefuses(t *testing.T) {
	one, data := film(50)
	other, _ := film(50)
	other.Video.entry.body = append([]byte(nil), other.Video.entry.body...)
	other.Video.entry.body[25]++
	var unsupported *UnsupportedError
	src := bytes.NewReader(data)
	if _, _, err := Join([]Piece{{one.Movie, one.Video, src, 0}, {other.Movie, other.Video, src, time.Second}}); !errors.As(err, &unsupported) {
		t.Errorf("pieces of two formats: %v", err)
	}
	if _, _, err := Join(nil); err == nil {
		t.Error("a track without pieces is joined")
	}
}

// Several files read as one end where the last one does, and say which of them has become shorter.
func TestJoinedFiles(t *testing.T) {
	f := files{{0, 3, bytes.NewReader([]byte("abc"))}, {3, 4, bytes.NewReader([]byte("defg"))}, {7, 2, bytes.NewReader([]byte("hi"))}}
	for off := range int64(9) {
		for n := range 11 {
			b := make([]byte, n)
			got, err := f.ReadAt(b, off)
			want := "abcdefghi"[off:min(9, off+int64(n))]
			if string(b[:got]) != want || errors.Is(err, io.EOF) != (off+int64(n) > 9) || err != nil && !errors.Is(err, io.EOF) {
				t.Errorf("%d bytes at %d: %q, %v", n, off, b[:got], err)
			}
		}
	}
	f[1].data = bytes.NewReader([]byte("d"))
	if _, err := f.ReadAt(make([]byte, 5), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that has become shorter: %v", err)
	}
}

// AV1 is packaged, with the codec string of AV1-ISOBMFF section 5, and not taken for what every browser plays.
func TestAV1(t *testing.T) {
	dir := t.TempDir()
	// SVT-AV1 greets on standard error whatever it is told.
	execute(t, dir, "sh", "-c", "ffmpeg -v error -f lavfi -i testsrc2=s=96x72:r=25:d=3 -c:v libsvtav1 -preset 12 -g 50 -pix_fmt yuv420p a.mp4 2>/dev/null")
	m, f := open(t, filepath.Join(dir, "a.mp4"))
	if got := m.Tracks[0].Codec; got != "av01.0.00M.08" {
		t.Errorf("codec is %s", got)
	}
	if got := m.Refusals(); len(got) != 1 || got[0] != "its picture is AV1, which not every browser plays" {
		t.Errorf("it is refused for %q", got)
	}
	sel := m.Select()
	pack(t, sel, sel.Cuts(), f, filepath.Join(dir, "b.mp4"))
	execute(t, dir, "ffmpeg", "-v", "warning", "-xerror", "-i", "b.mp4", "-f", "null", "-")
}

func TestAV1Configurations(t *testing.T) {
	for config, want := range map[string]string{
		"\x81\x00\x0c\x00":     "av01.0.00M.08",
		"\x81\x08\x4c\x00":     "av01.0.08M.10",
		"\x81\x4d\xec\x00":     "av01.2.13H.12",
		"\x81\x28\x0c\x00\xff": "av01.1.08M.08",
	} {
		tr := &Track{}
		if err := tr.readAV1([]byte(config)); err != nil || tr.Codec != want {
			t.Errorf("%x: %s, %v; want %s", config, tr.Codec, err, want)
		}
	}
	for _, config := range []string{"", "\x81\x00\x0c", "\x01\x00\x0c\x00", "\x82\x00\x0c\x00"} {
		var format *FormatError
		if err := (&Track{}).readAV1([]byte(config)); !errors.As(err, &format) {
			t.Errorf("%x: %v", config, err)
		}
	}
}

func TestAV1FilmMadeByHand(t *testing.T) {
	hybrid, _ := packaged(t, 12)
	b := av1Film(t, hybrid)
	m, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil || m.Select().Video == nil || m.Select().Video.Codec != "av01.0.08M.08" {
		t.Errorf("%+v, %v", m, err)
	}
}
