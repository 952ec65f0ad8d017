package ffmpeg_test

import (
	"errors"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"matinee/internal/diag"
	"matinee/internal/ffmpeg"
	"matinee/internal/testenv"
	"matinee/internal/video"
)

// AV1 stands beside H.264, in renditions of its own that come after what every browser plays.
func TestAV1Rungs(t *testing.T) {
	s := newSite(t)
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=320x180:r=25:d=7 -f lavfi -i sine=d=7 -c:v mpeg4 -c:a libopus")
	s.make(t, "plain.mp4", "-f lavfi -i testsrc2=s=320x180:r=25:d=7 -f lavfi -i sine=d=7 -c:v libx264 -g 33 -pix_fmt yuv420p -c:a aac")
	for _, name := range []string{"film.mkv", "plain.mp4"} {
		l := s.library(func(e *ffmpeg.Encoder) { e.Heights, e.AV1 = []int{180, 90}, true })
		v := prepare(t, l, video.Clip{Src: name})
		var labels []string
		for _, r := range v.Renditions {
			labels = append(labels, r.Label)
			if av1 := strings.HasPrefix(r.Codecs, "av01.0."); av1 != strings.HasSuffix(r.Label, "-av1") {
				t.Errorf("%s is %s", r.Label, r.Codecs)
			}
			if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-xerror", "-i", files(l)[r.Path], "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s %s: %v: %s", name, r.Label, err, out)
			}
		}
		if got := strings.Join(labels, " "); got != "90p 180p 90p-av1 180p-av1" {
			t.Errorf("%s: the renditions are %s", name, got)
		}
		if p := v.Progressive(); p.Label != "180p" {
			t.Errorf("%s: browsers without a player get %s", name, p.Label)
		}
		if name == "film.mkv" {
			sameCuts(t, l, v)
		}
	}
}

// loudness measures the integrated loudness of a file, in LUFS.
func loudness(t *testing.T, file string) float64 {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-hide_banner", "-nostats", "-i", file, "-map", "0:a", "-af", "ebur128", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	var lufs float64
	_, summary, _ := strings.Cut(string(out), "Integrated loudness:")
	if _, err := fmt.Sscanf(strings.TrimSpace(summary), "I: %f LUFS", &lufs); err != nil {
		t.Fatal(err)
	}
	return lufs
}

func TestLoudness(t *testing.T) {
	s := newSite(t)
	s.make(t, "quiet.mp4", "-f lavfi -i testsrc2=s=160x90:r=25:d=5 -f lavfi -i sine=d=5:r=48000,volume=-20dB -c:v libx264 -pix_fmt yuv420p -c:a aac")
	s.make(t, "silence.mp4", "-f lavfi -i testsrc2=s=160x90:r=25:d=1 -f lavfi -i anullsrc=d=1 -t 1 -c:v libx264 -pix_fmt yuv420p -c:a aac")
	l := s.library(nil)
	v := prepare(t, l, video.Clip{Src: "quiet.mp4", Wish: video.Wish{Loudness: -16}})
	file := files(l)[v.Renditions[0].Path]
	if got := loudness(t, file); got < -17 || got > -15 {
		t.Errorf("it is of %.1f LUFS, want -16", got)
	}
	frames := func(file string) string {
		out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", file, "-map", "0:v", "-c", "copy", "-f", "md5", "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if frames(file) != frames(filepath.Join(s.dir, "quiet.mp4")) {
		t.Error("the pictures were encoded to make the sound louder")
	}
	if v := prepare(t, s.library(nil), video.Clip{Src: "silence.mp4", Wish: video.Wish{Loudness: -16}}); !v.HasAudio {
		t.Error("silence became nothing")
	}
	other := prepare(t, s.library(nil), video.Clip{Src: "quiet.mp4"})
	if other.Name == v.Name {
		t.Error("the stream has the same name at another loudness")
	}
}

// What shows through a transparent film is the colour of the page.
func TestTransparentFilmsLieOnThePage(t *testing.T) {
	s := newSite(t)
	s.make(t, "glass.webm", "-f lavfi -i color=black:s=64x48:r=25:d=1,format=yuva420p,colorchannelmixer=aa=0 -c:v libvpx-vp9 -auto-alt-ref 0")
	s.make(t, "glass.mov", "-f lavfi -i color=black:s=64x48:r=25:d=1,format=argb,colorchannelmixer=aa=0 -c:v qtrle")
	for _, name := range []string{"glass.webm", "glass.mov"} {
		l := s.library(nil)
		v := prepare(t, l, video.Clip{Src: name})
		got := firstPicture(t, files(l)[v.Renditions[0].Path])
		r, g, b, _ := got.At(32, 24).RGBA()
		if diff := max(far(r>>8, 0xf8), far(g>>8, 0xf5), far(b>>8, 0xef)); diff > 4 {
			t.Errorf("%s: it is #%02x%02x%02x, want #f8f5ef", name, r>>8, g>>8, b>>8)
		}
	}
}

func far(a, b uint32) uint32 { return max(a, b) - min(a, b) }

func firstPicture(t *testing.T, file string) image.Image {
	t.Helper()
	out := filepath.Join(t.TempDir(), "a.png")
	if text, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", file, "-frames:v", "1", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// What HDR calls paper white is light grey to white on an ordinary screen, and grey stays grey.
func TestToneMapping(t *testing.T) {
	s := newSite(t)
	// A signal of 0.58 is 203 cd/m² in PQ (BT.2408: the white of graphics), and of 0.75 in HLG.
	for name, c := range map[string]struct {
		transfer string
		signal   float64
	}{"pq.mp4": {"smpte2084", 0.58}, "hlg.mp4": {"arib-std-b67", 0.75}} {
		luma := int(64 + 876*c.signal)
		s.make(t, name, fmt.Sprintf("-f lavfi -i color=black:s=64x48:r=25:d=0.4,format=yuv420p10le,lutyuv=y=%d:u=512:v=512 -c:v libx265 -pix_fmt yuv420p10le "+
			"-x265-params log-level=none:colorprim=bt2020:transfer=%s:colormatrix=bt2020nc -color_primaries bt2020 -color_trc %[2]s -colorspace bt2020nc", luma, c.transfer))
		l := s.library(nil)
		v := prepare(t, l, video.Clip{Src: name})
		r, g, b, _ := firstPicture(t, files(l)[v.Renditions[0].Path]).At(32, 24).RGBA()
		r, g, b = r>>8, g>>8, b>>8
		if min(r, g, b) < 150 || far(r, g) > 6 || far(g, b) > 6 {
			t.Errorf("%s: white became #%02x%02x%02x", name, r, g, b)
		}
	}
}

// fakeTools is a folder with an ffmpeg that a script plays, and the real ffprobe.
func fakeEncoder(t *testing.T, script string) func(e *ffmpeg.Encoder) {
	t.Helper()
	real, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ffmpeg")
	text := "#!/bin/sh\nreal=" + real + "\n" + script + "\nexec $real \"$@\"\n"
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return func(e *ffmpeg.Encoder) { e.CLI.FFmpeg = path }
}

// What goes wrong in ffmpeg is told in a line, at the line of the post that names the clip.
func TestEncoderFails(t *testing.T) {
	s := newSite(t)
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v mpeg4")
	s.make(t, "hdr.mp4", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none -color_trc smpte2084")
	const lists = `case "$2" in -encoders|-filters|-decoders)`
	for name, test := range map[string]struct{ clip, script, text, hint string }{
		"old":        {"film.mkv", `[ "$2" = -version ] && echo ffmpeg version 4.4.2 && exit`, "film.mkv: ffmpeg: too old: version 4.4, and 5.1 or later is needed", ""},
		"no x264":    {"film.mkv", lists + ` $real "$@" | grep -v libx264; exit;; esac`, "film.mkv: it has to be encoded as H.264, and the ffmpeg on this machine (5.1) has no libx264", "install an ffmpeg"},
		"no zscale":  {"hdr.mp4", lists + ` $real "$@" | grep -v zscale; exit;; esac`, "hdr.mp4: its picture is HDR, which other screens show grey, and the ffmpeg on this machine (5.1) has no zscale", "install an ffmpeg"},
		"crash":      {"film.mkv", `case "$*" in *progress*) echo "[libx264 @ 0x1] out of luck" >&2; kill -9 $$;; esac`, "film.mkv: cannot be encoded: ffmpeg: out of luck", ""},
		"nothing":    {"film.mkv", `case "$*" in *progress*) exit 0;; esac`, "", ""},
		"too long":   {"film.mkv", `case "$*" in *progress*) printf 'out_time_us=900000000\nprogress=continue\n'; sleep 60;; esac`, "film.mkv: cannot be encoded: ffmpeg: the film does not end where it says it does", ""},
		"disobeying": {"film.mkv", `case "$*" in *progress*) trap '' TERM; printf 'out_time_us=900000000\nprogress=continue\n'; sleep 60 & wait; sleep 60;; esac`, "film.mkv: cannot be encoded: ffmpeg: the film does not end where it says it does", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := site{s.dir, filepath.Join(t.TempDir(), "cache")}
			l := s.library(fakeEncoder(t, test.script))
			_, err := l.PrepareAll(t.Context(), []video.Clip{{Src: test.clip, File: "content/a.md", Line: 3}})
			if test.text == "" {
				if err == nil {
					t.Error("it was encoded to nothing")
				}
				return
			}
			problems, rest := diag.Problems(err)
			if len(problems) != 1 || len(rest) > 0 || !strings.HasPrefix(problems[0].Text, versionless(test.text)) || !strings.HasPrefix(problems[0].Hint, test.hint) || problems[0].Line != 3 {
				t.Errorf("the error is %v", err)
			}
		})
	}
	t.Run("disk full", func(t *testing.T) {
		s := site{s.dir, filepath.Join(t.TempDir(), "cache")}
		l := s.library(fakeEncoder(t, `case "$*" in *progress*) echo "av_interleaved_write_frame(): No space left on device" >&2; exit 1;; esac`))
		_, err := l.PrepareAll(t.Context(), []video.Clip{{Src: "film.mkv", File: "content/a.md", Line: 3}})
		if _, ok := errors.AsType[*video.CacheError](err); !ok || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("the error is %v", err)
		}
		prepare(t, s.library(nil), video.Clip{Src: "film.mkv"})
	})
}

// An ffmpeg that cannot make a size keeps no clip from being streamed as it is; what was asked for and cannot be made is
// refused before anything is encoded.
func TestEncoderLacks(t *testing.T) {
	s := newSite(t)
	s.make(t, "plain.mp4", "-f lavfi -i testsrc2=s=640x360:r=25:d=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p")
	clip := video.Clip{Src: "plain.mp4", File: "content/a.md", Line: 3}
	without := func(name string) func(e *ffmpeg.Encoder) {
		return fakeEncoder(t, `case "$2" in -encoders) $real "$@" | grep -v `+name+`; exit;; esac`)
	}
	v := prepare(t, site{s.dir, t.TempDir()}.library(without("libx264")), clip)
	if len(v.Renditions) != 1 || v.Renditions[0].Label != "360p" {
		t.Errorf("without libx264: %+v", v.Renditions)
	}
	for name, test := range map[string]struct {
		heights    []int
		av1        bool
		text, hint string
	}{
		"libx264":   {[]int{360, 180}, false, "plain.mp4: it has to be encoded as H.264", "install an ffmpeg"},
		"libsvtav1": {nil, true, "plain.mp4: AV1 was asked for (streaming.ladder.codecs)", "leave av1 out of streaming.ladder.codecs, or install an ffmpeg"},
	} {
		l := site{s.dir, t.TempDir()}.library(func(e *ffmpeg.Encoder) {
			e.Heights, e.AV1 = test.heights, test.av1
			without(name)(e)
		})
		problems, rest := diag.Problems(l.Check(t.Context(), []video.Clip{clip}))
		if len(problems) != 1 || len(rest) > 0 || !strings.HasPrefix(problems[0].Text, test.text) || !strings.HasPrefix(problems[0].Hint, test.hint) {
			t.Errorf("without %s: %+v, %v", name, problems, rest)
		}
	}
}

// A film that ffprobe does not come to an end with is not called broken.
func TestProbeTakesTooLong(t *testing.T) {
	s := newSite(t)
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v mpeg4")
	l := s.library(func(e *ffmpeg.Encoder) {
		real, err := exec.LookPath("ffmpeg")
		if err != nil {
			t.Fatal(err)
		}
		e.CLI = fake(t, "sleep 60")
		e.CLI.FFmpeg, e.CLI.TimeLimit = real, 3*time.Second
	})
	problems, rest := diag.Problems(l.Check(t.Context(), []video.Clip{{Src: "film.mkv", File: "content/a.md", Line: 3}}))
	if len(problems) != 1 || len(rest) > 0 || !strings.HasPrefix(problems[0].Text, "film.mkv: ffprobe: no answer within 3s") {
		t.Errorf("the error is %+v, %v", problems, rest)
	}
}

// versionless leaves the version of ffmpeg, and what follows it, out of a message where it is that of this machine.
func versionless(text string) string {
	text, _, _ = strings.Cut(text, "(5.1)")
	return text
}

// A real disk that is full leaves the cache as it was.
func TestDiskFull(t *testing.T) {
	s := newSite(t)
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=640x360:r=25:d=4 -c:v mpeg4 -q:v 2")
	if out, err := exec.CommandContext(t.Context(), "mkdir", "-p", s.cache).CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=64k", "matinee-test", s.cache).CombinedOutput(); err != nil {
		testenv.Missing(t, "a small disk cannot be made: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", s.cache).CombinedOutput(); err != nil { //nolint:noctx // the test's context has ended
			t.Errorf("umount: %s", out)
		}
	})
	_, err := s.library(nil).PrepareAll(t.Context(), []video.Clip{{Src: "film.mkv", File: "content/a.md", Line: 3}})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the error is %v", err)
	}
	if found, _ := filepath.Glob(filepath.Join(s.cache, "*", "*", "clip.json")); len(found) > 0 {
		t.Errorf("%v looks like a stream", found)
	}
	if left, _ := os.ReadDir(filepath.Join(s.cache, "tmp")); len(left) > 0 {
		t.Errorf("%v is left on the full disk", left)
	}
}

// Several encodes that the author made are a ladder as they are; one that cannot be is not silently replaced.
func TestAuthorsLadder(t *testing.T) {
	s := newSite(t)
	for _, h := range []string{"90", "180"} {
		s.make(t, h+".mp4", "-f lavfi -i testsrc2=s="+map[string]string{"90": "160x90", "180": "320x180"}[h]+":r=25:d=3 -c:v libx264 -g 25 -pix_fmt yuv420p")
	}
	s.make(t, "90.webm", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -c:v libvpx -deadline realtime")
	l := s.library(nil)
	if v := prepare(t, l, video.Clip{Src: "180.mp4", Renditions: []string{"90.mp4"}}); len(v.Renditions) != 2 || l.Counts().Made != 0 {
		t.Errorf("the renditions are %+v", v.Renditions)
	}
	_, err := s.library(nil).PrepareAll(t.Context(), []video.Clip{{Src: "180.mp4", Renditions: []string{"90.webm"}, File: "content/a.md", Line: 3}})
	problems, _ := diag.Problems(err)
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "90.webm: WebM") || !strings.Contains(problems[0].Hint, "without renditions") {
		t.Errorf("the error is %v, %+v", err, problems)
	}
}

// Progress comes to the end, and says how fast it goes.
func TestProgress(t *testing.T) {
	s := newSite(t)
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=3 -c:v mpeg4")
	l := s.library(nil)
	var last video.Progress
	fast := false
	l.Progress = func(p video.Progress) {
		if p.Step == video.Encoding {
			if p.Done < last.Done {
				t.Errorf("%v comes after %v", time.Duration(p.Done), time.Duration(last.Done))
			}
			last, fast = p, fast || p.Speed > 0
		}
	}
	prepare(t, l, video.Clip{Src: "film.mkv"})
	if last.Done < last.Total*9/10 || time.Duration(last.Total) < 2900*time.Millisecond || !fast {
		t.Errorf("the last is %+v", last)
	}
}
