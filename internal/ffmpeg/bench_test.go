//go:build unix

package ffmpeg_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"matinee/internal/ffmpeg"
	"matinee/internal/video"
)

// processors is the processor time that this process and those it waited for have used.
func processors(b *testing.B) time.Duration {
	b.Helper()
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return total
}

// BenchmarkLadder makes five rungs of a film of 1080 lines: with everything that belongs to it (digest, probe, packaging),
// with one bare ffmpeg that makes the same five with the same settings, and with one ffmpeg for each rung and one for the
// sound, as scripts do. The ratios are medians of eight rounds; the budgets are 1.05 and 0.65.
func BenchmarkLadder(b *testing.B) {
	s := newSite(b)
	s.make(b, "film.mkv", "-f lavfi -i mandelbrot=s=1920x1080:r=25:end_scale=0.02 -f lavfi -i sine=d=8:r=48000 -t 8 -c:v libx264 -preset veryfast -crf 17 -pix_fmt yuv420p -c:a libopus")
	film := filepath.Join(s.dir, "film.mkv")
	heights := []int{1080, 720, 540, 360, 234}
	widths := []int{1920, 1280, 960, 640, 416}
	caps := []int{6000, 2892, 1723, 830, 382}    // kbit/s
	output := func(rung, threads int) []string { // 0 threads: as many as x264 likes
		return strings.Fields(fmt.Sprintf("-an -c:v libx264 -threads %d -preset veryfast -profile:v high -crf 21 -maxrate %dk -bufsize %dk -sc_threshold 0 "+
			"-x264-params open-gop=0 -force_key_frames expr:gte(t,n_forced*2) -g 201 -f mp4 %s/bare%d.mp4", threads, caps[rung], 2*caps[rung], s.dir, rung))
	}
	sound := strings.Fields("-c:a aac -ac 1 -ar 48000 -b:a 80k " + filepath.Join(s.dir, "bare.m4a"))
	run := func(args ...string) {
		cmd := exec.CommandContext(b.Context(), "ffmpeg", append([]string{"-y", "-nostdin", "-v", "error", "-i", film}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	s.make(b, "small.mkv", "-f lavfi -i testsrc2=s=64x48:d=0.2 -c:v mpeg4")
	prepare(b, s.library(nil), video.Clip{Src: "small.mkv"}) // asks ffmpeg what it can do, which is remembered
	ours := func() {
		if err := os.RemoveAll(filepath.Join(s.cache, "sources.json")); err != nil {
			b.Fatal(err)
		}
		streams, err := filepath.Glob(filepath.Join(s.cache, strings.Repeat("?", 64)))
		if err != nil {
			b.Fatal(err)
		}
		for _, dir := range streams {
			if err := os.RemoveAll(dir); err != nil {
				b.Fatal(err)
			}
		}
		l := s.library(func(e *ffmpeg.Encoder) { e.Heights = heights })
		if v := prepare(b, l, video.Clip{Src: "film.mkv"}); len(v.Renditions) != len(heights) {
			b.Fatalf("%d renditions", len(v.Renditions))
		}
	}
	bare := func() {
		graph := "[0:v]split=2[v0][s1]"
		args, pixels := []string{}, 0
		for i := range heights {
			pixels += widths[i] * heights[i]
		}
		for i := 1; i < len(heights); i++ {
			graph += fmt.Sprintf(";[s%d]scale=%d:%d:flags=bicubic", i, widths[i], heights[i])
			if i+1 < len(heights) {
				graph += fmt.Sprintf(",split=2[v%d][s%d]", i, i+1)
			} else {
				graph += fmt.Sprintf("[v%d]", i)
			}
		}
		args = append(args, "-filter_complex", graph)
		for i := range heights {
			threads := math.Round(1.5 * float64(runtime.GOMAXPROCS(0)*widths[i]*heights[i]) / float64(pixels))
			args = append(args, append([]string{"-map", fmt.Sprintf("[v%d]", i)}, output(i, max(1, int(threads)))...)...)
		}
		run(append(append(args, "-map", "0:a"), sound...)...)
	}
	each := func() {
		for i := range heights {
			run(append([]string{"-vf", fmt.Sprintf("scale=%d:%d:flags=bicubic", widths[i], heights[i])}, output(i, 0)...)...)
		}
		run(append([]string{"-vn"}, sound...)...)
	}
	// The three take turns, forwards and back: what disturbs one round disturbs its neighbours as much.
	var ofBare, ofEach, seconds []float64
	for b.Loop() {
		for round := range 8 {
			var took [3]float64
			for k := range took {
				i := k
				if round%2 == 1 {
					i = len(took) - 1 - k
				}
				before := processors(b)
				[]func(){ours, bare, each}[i]()
				took[i] = (processors(b) - before).Seconds()
			}
			seconds, ofBare, ofEach = append(seconds, took[0]), append(ofBare, took[0]/took[1]), append(ofEach, took[0]/took[2])
		}
	}
	b.ReportMetric(median(seconds), "cpu-s")
	b.ReportMetric(median(ofBare), "of-bare")
	b.ReportMetric(median(ofEach), "of-one-each")
}
