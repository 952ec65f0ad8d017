package ffmpeg_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"matinee/internal/ffmpeg"
	"matinee/internal/testenv"
)

// film makes a small film with ffmpeg's own sources and returns its path.
func film(t *testing.T, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	full := append([]string{"-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1"}, args...)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(full, "file:"+path)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func TestProbeSaysWhatAFilmIs(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffprobe")
	path := film(t, "walk.mkv", "-c:v", "mjpeg", "-c:a", "pcm_s16le", "-metadata:s:a", "language=ger", "-ac", "2")
	info, err := ffmpeg.CLI{}.Probe(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	want := []ffmpeg.Stream{
		{
			Type: "video", Codec: "mjpeg", Width: 64, Height: 48, AspectW: 1, AspectH: 1, PixelFormat: "yuvj444p",
			FieldOrder: "progressive", Range: "pc", FrameRate: 10,
		},
		{Index: 1, Type: "audio", Codec: "pcm_s16le", Language: "ger", Channels: 2},
	}
	if len(info.Streams) != 2 || info.Streams[0] != want[0] || info.Streams[1] != want[1] {
		t.Errorf("streams are\n%#v, want\n%#v", info.Streams, want)
	}
	if info.Format != "matroska,webm" || info.Duration.Round(100*time.Millisecond) != time.Second {
		t.Errorf("got %s of %v", info.Format, info.Duration)
	}
	if got, want := info.String(), "matroska,webm with mjpeg 64x48, pcm_s16le (ger)"; got != want {
		t.Errorf("in words: %q, want %q", got, want)
	}
}

// No name is an option, a protocol or a pattern.
func TestProbeOddNames(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffprobe")
	made := film(t, "a.avi")
	t.Chdir(t.TempDir())
	names := []string{"-i.avi", "-version", "concat:a|b.avi", "http:x.avi", "a b'c\"d.avi", "%03d.avi", "a#?&.avi", "Öde 🎬.avi", "$(touch x).avi"}
	if runtime.GOOS == "windows" {
		names = []string{"-i.avi", "a b'c.avi", "%03d.avi", "a#&.avi", "Öde 🎬.avi"}
	}
	for _, name := range names {
		if err := os.Link(made, name); err != nil {
			t.Fatal(err)
		}
		info, err := ffmpeg.CLI{}.Probe(t.Context(), name)
		if err != nil || info.Format != "avi" {
			t.Errorf("%q is %q, %v", name, info.Format, err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir("."); len(left) != 0 {
		t.Errorf("there are new files: %v", left)
	}
}

func TestProbeWhatIsNoFilm(t *testing.T) {
	testenv.Program(t, "ffmpeg", "ffprobe")
	t.Chdir(t.TempDir())
	whole, err := os.ReadFile(film(t, "a.mp4", "-c:v", "mpeg4"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, content, want string }{
		{"text.mp4", "This is only text.\n", "ffprobe: "},
		{"empty.mp4", "", "ffprobe: "},
		{"truncated.mp4", string(whole[:len(whole)/2]), "ffprobe: moov atom not found"},
		{"playlist.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n", "ffprobe: not a format of films"},
		{"concat.mp4", "ffconcat version 1.0\nfile a.mp4\n", "ffprobe: not a format of films"},
	} {
		if err := os.WriteFile(c.name, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		info, err := ffmpeg.CLI{}.Probe(t.Context(), c.name)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 200 {
			t.Errorf("%s: %v, %v; want an error like %q", c.name, info, err, c.want)
		}
	}
	if _, err := (ffmpeg.CLI{}).Probe(t.Context(), "missing.mp4"); err == nil || err.Error() != "ffprobe: No such file or directory" {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := (ffmpeg.CLI{}).Probe(t.Context(), "."); err == nil {
		t.Error("a folder is a film")
	}
}

func TestProbeWithoutFFprobe(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, cli := range []ffmpeg.CLI{{}, {FFprobe: filepath.Join(t.TempDir(), "ffprobe")}} {
		_, err := cli.Probe(t.Context(), "a.mp4")
		if !errors.Is(err, ffmpeg.ErrMissing) || err.Error() != "ffprobe: not installed" {
			t.Errorf("%+v gives %v", cli, err)
		}
	}
}

// fake is a program that stands for ffprobe.
func fake(t *testing.T, script string) ffmpeg.CLI {
	t.Helper()
	testenv.Unix(t)
	path := filepath.Join(t.TempDir(), "ffprobe")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o777); err != nil {
		t.Fatal(err)
	}
	return ffmpeg.CLI{FFprobe: path}
}

func TestHungProgramIsKilledWithItsChildren(t *testing.T) {
	// The child would hold the pipes open for a minute, and the test with them.
	cli := fake(t, "sleep 60 & wait\n")
	cli.TimeLimit = 50 * time.Millisecond
	_, err := cli.Probe(t.Context(), "a.mp4")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "ffprobe: no answer within 50ms") {
		t.Errorf("error is %v", err)
	}
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	if _, err := cli.Probe(ctx, "a.mp4"); !errors.Is(err, interrupted) {
		t.Errorf("error is %v", err)
	}
}

func TestComplaintsAreOneCleanLine(t *testing.T) {
	for script, want := range map[string]string{
		`echo "[mov,mp4 @ 0x55d8] moov atom not found" >&2; echo "file:a.mp4: Invalid data found" >&2; exit 1`: "ffprobe: moov atom not found",
		`echo "file:a.mp4: Invalid data found" >&2; exit 1`:                                                    "ffprobe: Invalid data found",
		`printf 'bad \033[31mname\n' >&2; exit 1`:                                                              "ffprobe: bad ?[31mname",
		`yes complaint | head -c 1000000 >&2; echo last >&2; exit 1`:                                           "ffprobe: last",
		`exit 3`:         "ffprobe: exit status 3",
		`echo "no JSON"`: "ffprobe: invalid character 'o' in literal null (expecting 'u')",
	} {
		if _, err := fake(t, script).Probe(t.Context(), "a.mp4"); err == nil || err.Error() != want {
			t.Errorf("%s\ngives %v, want %s", script, err, want)
		}
	}
}

func TestProbeBelievesNothing(t *testing.T) {
	cli := fake(t, `cat <<'END'
{"format": {"format_name": "x", "duration": "-3"}, "streams": [
 {"codec_type": "video", "codec_name": "png", "disposition": {"attached_pic": 1}, "tags": {"language": "en\u001b[31m"}},
 {"codec_type": "audio", "tags": {"language": "und"}}]}
END
`)
	info, err := cli.Probe(t.Context(), "a.mp4")
	if err != nil {
		t.Fatal(err)
	}
	if info.Duration != 0 || info.Streams[0] != (ffmpeg.Stream{Type: "picture", Codec: "png"}) || info.String() != "x with png, unknown audio" {
		t.Errorf("got %+v: %s", info, info)
	}
}
