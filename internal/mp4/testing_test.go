package mp4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matinee/internal/testenv"
)

// execute runs a program in dir and returns what it wrote to standard output. Anything on standard error fails the test.
func execute(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	testenv.Program(t, name)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.Bytes())
	}
	return stdout.String()
}

// open reads a file's index.
func open(t testing.TB, file string) (*Movie, *os.File) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	stat, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(f, stat.Size())
	if err != nil {
		t.Fatalf("%s: %v", filepath.Base(file), err)
	}
	return m, f
}

// pack packages a selection into a file and checks the file's structure.
func pack(t testing.TB, sel Selection, cuts []time.Duration, src io.ReaderAt, file string) *Layout {
	t.Helper()
	l, err := Plan(sel, cuts)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := l.WriteTo(out, src)
	if err != nil || n != l.Size {
		t.Fatalf("wrote %d bytes of %d: %v", n, l.Size, err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	checkHybrid(t, sel, l, src, b)
	return l
}

// playlist writes the media playlist of a layout beside its file. It is written by hand here, because mp4 does not
// know hls.
func playlist(t testing.TB, l *Layout, file string) string {
	t.Helper()
	name := filepath.Base(file)
	var b strings.Builder
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-PLAYLIST-TYPE:VOD\n", l.TargetDuration)
	fmt.Fprintf(&b, "#EXT-X-MAP:URI=%q,BYTERANGE=\"%d@%d\"\n", name, l.Init.Length, l.Init.Offset)
	for _, s := range l.Segments {
		fmt.Fprintf(&b, "#EXTINF:%.9f,\n#EXT-X-BYTERANGE:%d@%d\n%s\n", s.Duration.Seconds(), s.Length, s.Offset, name)
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	list := strings.TrimSuffix(file, filepath.Ext(file)) + ".m3u8"
	if err := os.WriteFile(list, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return list
}

// A sample is all that a reader of a file learns of one sample.
type sample struct {
	dts, cto int64
	duration uint32
	sync     bool
	hash     [32]byte
}

// samplesOf lists the samples of a track. The decoding times include the initial delay.
func samplesOf(t testing.TB, tr *Track, src io.ReaderAt) []sample {
	t.Helper()
	var list []sample
	for c := tr.table.cursor(); c.more(); c.next() {
		b := make([]byte, c.size())
		if err := readFull(src, b, c.off); err != nil {
			t.Fatalf("sample %d of track %d: %v", c.i, tr.ID, err)
		}
		list = append(list, sample{c.dts + tr.edit.shift, int64(c.cto()), c.dur(), c.sync(), sha256.Sum256(b)})
	}
	return list
}

// checkHybrid checks the file b that was written by the layout l of a selection of src: both its readings must have
// the source's samples, and the layout must say the truth about it.
func checkHybrid(t testing.TB, sel Selection, l *Layout, src io.ReaderAt, b []byte) {
	t.Helper()
	if int64(len(b)) != l.Size {
		t.Fatalf("the file has %d bytes, the layout says %d", len(b), l.Size)
	}
	plain, err := Read(bytes.NewReader(b), l.Size)
	if err != nil {
		t.Fatalf("reading the file back: %v", err)
	}
	if plain.Fragmented {
		t.Error("the file reads as fragmented")
	}
	hls := append([]byte(nil), b[l.Init.Offset:l.Init.Offset+l.Init.Length]...)
	end := l.Init.Offset + l.Init.Length
	for i, s := range l.Segments {
		if s.Offset != end || s.Length <= 0 {
			t.Errorf("segment %d is %+v, the one before it ends at %d", i, s, end)
		}
		end = s.Offset + s.Length
		segment := b[s.Offset:end]
		checkSegment(t, i, len(l.Segments), append(hls[:l.Init.Length:l.Init.Length], segment...), l)
		hls = append(hls, segment...)
	}
	if end != l.Size {
		t.Errorf("the segments end at %d of %d", end, l.Size)
	}
	stream, err := Read(bytes.NewReader(hls), int64(len(hls)))
	if err != nil {
		t.Fatalf("reading the stream back: %v", err)
	}
	for i, source := range sel.tracks() {
		want := samplesOf(t, source, src)
		compareTrack(t, "file", want, source, plain.Tracks[i], bytes.NewReader(b))
		compareTrack(t, "stream", want, source, stream.Tracks[i], bytes.NewReader(hls))
	}
	checkRates(t, l)
	if got, want := l.Duration, sel.end()-sel.start(); got != want {
		t.Errorf("the segments last %v, the film %v", got, want)
	}
}

// compareTrack compares what was written of a track with its source.
func compareTrack(t testing.TB, reading string, want []sample, source, tr *Track, src io.ReaderAt) {
	t.Helper()
	got := samplesOf(t, tr, src)
	if len(got) != len(want) {
		t.Errorf("%s: %s has %d samples, the source %d", reading, tr.Kind, len(got), len(want))
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: %s sample %d is %+v, in the source %+v", reading, tr.Kind, i, got[i], want[i])
			return
		}
	}
	if tr.edit.mediaTime != source.edit.mediaTime || tr.timescale != source.timescale {
		t.Errorf("%s: %s begins at %d/%d, in the source at %d/%d", reading, tr.Kind, tr.edit.mediaTime, tr.timescale, source.edit.mediaTime, source.timescale)
	}
	if tr.Codec != source.Codec || tr.Language != source.Language || tr.Width != source.Width || tr.Height != source.Height ||
		tr.Rotation != source.Rotation || tr.SampleRate != source.SampleRate || tr.Channels != source.Channels {
		t.Errorf("%s: track is %+v, in the source %+v", reading, tr, source)
	}
}

// checkSegment checks one segment, given after its initialisation segment.
func checkSegment(t testing.TB, i, n int, b []byte, l *Layout) {
	t.Helper()
	m, err := Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatalf("reading segment %d of %d: %v", i, n, err)
	}
	for _, tr := range m.Tracks {
		if tr.Samples > 0 && !tr.table.sync.has(0) {
			t.Errorf("segment %d of %d does not begin with a sync sample", i, n)
		}
	}
	if got := l.Segments[i].Duration; got.Round(time.Second) > time.Duration(l.TargetDuration)*time.Second {
		t.Errorf("segment %d lasts %v, longer than the target duration of %d s", i, got, l.TargetDuration)
	}
}

// checkRates computes the bit rates anew, in the words of RFC 8216 §4.1.
func checkRates(t testing.TB, l *Layout) {
	t.Helper()
	var peak, bits, length float64
	for i, s := range l.Segments {
		bits += float64(s.Length) * 8
		length += s.Duration.Seconds()
		var b, d float64
		for _, s := range l.Segments[i:] {
			b += float64(s.Length) * 8
			d += s.Duration.Seconds()
			if target := float64(l.TargetDuration); d >= 0.5*target && d <= 1.5*target {
				peak = max(peak, b/d)
			}
		}
	}
	if float64(l.Bandwidth) < peak || float64(l.AverageBandwidth) < bits/length {
		t.Errorf("the bit rates are %.0f and %.0f, the layout says %d and %d", peak, bits/length, l.Bandwidth, l.AverageBandwidth)
	}
}
