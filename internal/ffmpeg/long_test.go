package ffmpeg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"matinee/internal/ffmpeg"
	"matinee/internal/video"
)

// stretched encodes films of more than two seconds a second at a time.
func stretched(e *ffmpeg.Encoder) {
	e.Stretch, e.Heights = time.Second, []int{90, 48}
}

// prepare prepares one clip.
func prepare(t testing.TB, l *video.Library, clip video.Clip) *video.Video {
	t.Helper()
	videos, err := l.PrepareAll(t.Context(), []video.Clip{clip})
	if err != nil {
		t.Fatal(err)
	}
	return videos[0]
}

// A shot is when a frame of a file is shown, in milliseconds, and whether it is a keyframe.
type shot struct {
	Time float64 `json:"pts_time,string"`
	Key  int     `json:"key_frame"`
}

func shots(t *testing.T, file string) []shot {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time,key_frame", "-of", "json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Frames []shot }
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	return p.Frames
}

// A film encoded in stretches has every picture of the film once, at its time, in every rung: also where seeking lands
// somewhere else, where rates vary, where the first time is not 0, and beside a picture that is copied.
func TestLongFilmsLoseNothing(t *testing.T) {
	const film = "-f lavfi -i testsrc2=s=160x90:r=30000/1001:d=6.3 -f lavfi -i sine=d=6.3:r=48000 "
	for name, args := range map[string]string{
		"ntsc.mkv":     film + "-c:v mpeg4 -g 40 -bf 2 -c:a libopus",
		"open.mp4":     film + "-c:v libx264 -preset veryfast -g 50 -x264-params open-gop=1:bframes=3 -c:a aac",
		"copied.mp4":   film + "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 37 -c:a aac",
		"variable.mkv": film + "-c:v mpeg4 -g 50 -vf select='not(mod(n\\,3))+lt(mod(n\\,50)\\,20)' -fps_mode vfr -c:a libopus",
		"shifted.ts":   film + "-c:v mpeg2video -g 15 -bf 2 -c:a mp2",
		"late.mp4":     "-itsoffset 0.7 -f lavfi -i testsrc2=s=160x90:r=25:d=6 -f lavfi -i sine=d=6.5:r=48000 -c:v mpeg4 -c:a aac",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.make(t, name, args)
			l := s.library(stretched)
			v := prepare(t, l, video.Clip{Src: name})
			if got := l.Counts(); got.Made < 3 {
				t.Errorf("%+v: it was not encoded in stretches", got)
			}
			source := shots(t, filepath.Join(s.dir, name))
			info, err := ffmpeg.CLI{}.Probe(t.Context(), filepath.Join(s.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			origin := info.Start.Seconds() // time begins with the first packet of any track
			for _, r := range v.Renditions {
				got := shots(t, files(l)[r.Path])
				if len(got) != len(source) {
					t.Errorf("%s has %d pictures, the film %d", r.Label, len(got), len(source))
					continue
				}
				for i := range got {
					if diff := got[i].Time - (source[i].Time - origin); diff > 0.001 || diff < -0.001 {
						t.Fatalf("picture %d of %s is shown at %.4f, in the film at %.4f", i, r.Label, got[i].Time, source[i].Time-origin)
					}
				}
			}
			sameCuts(t, l, v)
			if left, _ := os.ReadDir(filepath.Join(s.cache, "parts")); len(left) > 0 {
				t.Errorf("parts of a finished film are kept: %v", left)
			}
		})
	}
}

// sameCuts checks that all rungs are cut at the same times, more often than not at all.
func sameCuts(t *testing.T, l *video.Library, v *video.Video) {
	t.Helper()
	paths := files(l)
	var first []string
	for i, r := range v.Renditions {
		playlist, err := os.ReadFile(paths[r.Playlist])
		if err != nil {
			t.Fatal(err)
		}
		var times []string
		for line := range strings.Lines(string(playlist)) {
			if strings.HasPrefix(line, "#EXTINF") {
				times = append(times, rounded(strings.TrimSpace(line)))
			}
		}
		times = times[:len(times)-1]
		if i == 0 {
			first = times
		}
		if !slices.Equal(times, first) || v.Duration > 4*time.Second && len(times) == 0 {
			t.Errorf("%s is cut at %v, %s at %v", r.Label, times, v.Renditions[0].Label, first)
		}
	}
}

// TestMain lets the test program be a build of its own, for those that kill one.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MATINEE_TEST_BUILD"); dir != "" {
		l := site{filepath.Join(dir, "site"), filepath.Join(dir, "cache")}.library(stretched)
		_, err := l.PrepareAll(context.Background(), []video.Clip{{Src: "film.mkv"}})
		fmt.Println(l.Counts().Made, l.Counts().Reused, err)
		return
	}
	os.Exit(m.Run())
}

// A build that is killed, at whatever moment, leaves nothing that looks like a stream, and the next one does not do
// again what was done.
func TestKilledBuilds(t *testing.T) {
	s := newSite(t)
	dir := filepath.Dir(s.dir)
	s = site{filepath.Join(dir, "site"), filepath.Join(dir, "cache")}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=10.5 -f lavfi -i sine=d=10.5 -c:v mpeg4 -c:a libopus")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	build := func(ctx context.Context, stop func(cmd *exec.Cmd)) string {
		cmd := exec.CommandContext(ctx, self)
		cmd.Env = append(os.Environ(), "MATINEE_TEST_BUILD="+dir)
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop(cmd)
		_ = cmd.Wait()
		return out.String()
	}
	const parts = 12 // eleven stretches and the sound
	finished := 0
	for range 10 {
		if finished >= parts-2 {
			break
		}
		// At a random moment after one more part than before has been finished.
		pause := time.Duration(rand.IntN(200)) * time.Millisecond
		build(t.Context(), func(cmd *exec.Cmd) {
			for waited := 0; partsIn(t, s.cache) <= finished && waited < 3000; waited++ {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(pause)
			_ = cmd.Process.Kill()
		})
		if found, _ := filepath.Glob(filepath.Join(s.cache, "*", "*", "clip.json")); len(found) > 0 {
			t.Fatalf("%v looks like a stream", found)
		}
		finished = partsIn(t, s.cache)
		whole(t, s.cache)
	}
	t.Logf("killed until %d of %d parts were there", finished, parts)
	var made, reused int
	out := build(t.Context(), func(*exec.Cmd) {})
	if _, err := fmt.Sscan(out, &made, &reused); err != nil || !strings.Contains(out, "<nil>") {
		t.Fatalf("the last build says %q", out)
	}
	if reused != finished || made+reused != parts || reused == 0 {
		t.Errorf("%d parts were made and %d reused, of %d that were there", made, reused, finished)
	}
	v := prepare(t, s.library(stretched), video.Clip{Src: "film.mkv"})
	if (v.Duration - 10500*time.Millisecond).Abs() > 50*time.Millisecond {
		t.Errorf("the film lasts %v", v.Duration)
	}
}

func partsIn(t *testing.T, cache string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "parts", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// whole checks that all parts in the cache can be read to their ends.
func whole(t *testing.T, cache string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "parts", "*", "*", "*.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		if out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", file, err, out)
		}
	}
}

// Interrupted encoding ends at once, with the interruption for an error, and leaves no program behind.
func TestInterrupted(t *testing.T) {
	s := newSite(t)
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=640x360:r=25:d=20 -c:v mpeg4")
	ctx, cancel := context.WithCancel(t.Context())
	l := s.library(nil)
	l.Progress = func(p video.Progress) {
		if p.Step == video.Encoding {
			cancel()
		}
	}
	if _, err := l.PrepareAll(ctx, []video.Clip{{Src: "film.mkv"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	left := 0
	_ = filepath.WalkDir(filepath.Join(s.cache, "tmp"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left++
		}
		return nil
	})
	if left > 0 {
		t.Errorf("%d files are left", left)
	}
}

// A build with nothing new starts no program. One with another ffmpeg asks it what it can do, and encodes anew only if
// that is something else.
func TestNothingNewStartsNothing(t *testing.T) {
	s := newSite(t)
	s.make(t, "film.mkv", "-f lavfi -i testsrc2=s=160x90:r=25:d=1 -c:v mpeg4")
	s.make(t, "plain.mp4", "-f lavfi -i testsrc2=s=160x90:r=25:d=1 -c:v libx264 -pix_fmt yuv420p")
	clips := []video.Clip{{Src: "film.mkv"}, {Src: "plain.mp4"}}
	build := func(path string) (int64, video.Counts, []*video.Video) {
		var started atomic.Int64
		l := s.library(func(e *ffmpeg.Encoder) {
			e.CLI.FFmpeg = path
			e.CLI.Started = func(string) { started.Add(1) }
		})
		if err := l.Check(t.Context(), clips); err != nil {
			t.Fatal(err)
		}
		videos, err := l.PrepareAll(t.Context(), clips)
		if err != nil {
			t.Fatal(err)
		}
		return started.Load(), l.Counts(), videos
	}
	if n, c, _ := build(""); n == 0 || c.Packaged != 2 {
		t.Errorf("the first build started %d programs, %+v", n, c)
	}
	if n, c, _ := build(""); n != 0 || c != (video.Counts{Clips: 2}) {
		t.Errorf("the second build started %d programs, %+v", n, c)
	}
	real, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(other, []byte("#!/bin/sh\nexec "+real+" \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if n, c, _ := build(other); n != 4 || c.Packaged != 0 {
		t.Errorf("a build with the same ffmpeg elsewhere started %d programs, %+v", n, c)
	}
	newer := "#!/bin/sh\nif [ \"$2\" = -version ]; then echo ffmpeg version 9.1 Copyright; else exec " + real + " \"$@\"; fi\n"
	if err := os.WriteFile(other, []byte(newer), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, before := build("")
	_, c, videos := build(other)
	if c.Packaged != 1 || videos[0].Name == before[0].Name {
		t.Errorf("a newer ffmpeg: %+v, %s", c, videos[0].Name)
	}
	if videos[1].Name != before[1].Name {
		t.Errorf("a clip that is copied has another name for another ffmpeg: %s, %s", videos[1].Name, before[1].Name)
	}
	copied := prepare(t, &video.Library{Site: os.DirFS(s.dir), Cache: s.cache}, video.Clip{Src: "plain.mp4"})
	if copied.Name != videos[1].Name {
		t.Errorf("a clip that is copied is called %s without ffmpeg, %s with it", copied.Name, videos[1].Name)
	}
}
