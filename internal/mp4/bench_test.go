package mp4

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"matinee/internal/testenv"
)

// BenchmarkPackage500MB packages a clip of about 500 MB, and copies it with cp and with the two runs of ffmpeg that
// would make the same, and prints the medians of five rounds. The packager and cp take turns, then the two of ffmpeg; a
// round before the first is not counted. All that makes their times comparable: in a virtual machine whoever is first
// to use memory after it was idle waits for the host to provide it, which takes longer than the copying itself.
//
//	go test ./internal/mp4 -run '^$' -bench Package500MB -benchtime 1x
//
// MATINEE_BENCH names a folder to work in and to keep the clip in, which takes 3 GB.
func BenchmarkPackage500MB(b *testing.B) {
	testenv.Program(b, "ffmpeg")
	dir := os.Getenv("MATINEE_BENCH")
	if dir == "" {
		dir = b.TempDir()
	}
	clip := bigClip(b, dir)
	stat, err := os.Stat(clip)
	if err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	out := func(name string) string { return filepath.Join(dir, name) }
	tools := []struct {
		name string
		args []string
		made []string
	}{
		{"cp", []string{"cp", clip, out("cp.mp4")}, []string{"cp.mp4"}},
		{"matinee", []string{self}, []string{"hybrid.mp4"}},
		{"ffmpeg +faststart", []string{"ffmpeg", "-v", "error", "-y", "-i", clip, "-c", "copy", "-movflags", "+faststart", out("fast.mp4")}, []string{"fast.mp4"}},
		{"ffmpeg hls", []string{"ffmpeg", "-v", "error", "-y", "-i", clip, "-c", "copy", "-f", "hls", "-hls_time", "6", "-hls_playlist_type", "vod", "-hls_flags", "single_file", "-hls_segment_type", "fmp4", out("hls.m3u8")}, []string{"hls.m3u8", "hls.m4s", "init.mp4"}},
	}
	const rounds = 5
	wall := make([][]time.Duration, len(tools))
	peak := 0
	b.SetBytes(stat.Size())
	for b.Loop() {
		for _, pair := range [][]int{{0, 1}, {2, 3}} {
			for round := range rounds + 1 {
				for _, i := range pair {
					tool := tools[i]
					cmd := exec.CommandContext(context.Background(), tool.args[0], tool.args[1:]...)
					cmd.Env = append(os.Environ(), "MATINEE_PACKAGE_IN="+clip, "MATINEE_PACKAGE_OUT="+out("hybrid.mp4"))
					start := time.Now()
					text, err := cmd.CombinedOutput()
					if round > 0 {
						wall[i] = append(wall[i], time.Since(start))
					}
					if err != nil {
						b.Fatalf("%s: %v\n%s", tool.name, err, text)
					}
					if _, kb, ok := strings.Cut(string(text), "VmHWM:"); ok {
						n, _ := strconv.Atoi(strings.Fields(kb)[0])
						peak = max(peak, n)
					}
					for _, name := range tool.made {
						if err := os.RemoveAll(out(name)); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
		}
	}
	medians := make([]time.Duration, len(tools))
	fmt.Printf("\n%-20s %10s   of %d rounds, %d MB\n", "", "median", rounds, stat.Size()/1e6)
	for i, tool := range tools {
		slices.Sort(wall[i])
		medians[i] = wall[i][len(wall[i])/2]
		fmt.Printf("%-20s %10v   %v\n", tool.name, medians[i].Round(time.Millisecond), rounded(wall[i]))
	}
	toCopy := medians[1].Seconds() / medians[0].Seconds()
	toFFmpeg := medians[1].Seconds() / (medians[2] + medians[3]).Seconds()
	fmt.Printf("matinee / cp                %.2f   (at most 1.75)\nmatinee / both ffmpeg runs  %.2f   (at most 0.70)\npeak memory of matinee      %.1f MB (at most 64)\n", toCopy, toFFmpeg, float64(peak)/1024)
	b.ReportMetric(toCopy, "×cp")
	b.ReportMetric(toFFmpeg, "×ffmpeg")
	b.ReportMetric(float64(peak)/1024, "peak-MB")
}

func rounded(list []time.Duration) []time.Duration {
	list = slices.Clone(list)
	for i := range list {
		list[i] = list[i].Round(time.Millisecond)
	}
	return list
}

// bigClip makes a clip of about 500 MB by repeating a short one, unless dir has it.
func bigClip(b *testing.B, dir string) string {
	clip := filepath.Join(dir, "500mb.mp4")
	if _, err := os.Stat(clip); err == nil {
		return clip
	}
	short := filepath.Join(dir, "short.mp4")
	execute(b, "", "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=20,noise=alls=12:allf=t", "-f", "lavfi", "-i",
		"sine=duration=20", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "5M", "-maxrate", "5M", "-bufsize", "5M", "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", short)
	stat, err := os.Stat(short)
	if err != nil {
		b.Fatal(err)
	}
	temporary := filepath.Join(dir, "500mb.part.mp4")
	execute(b, "", "ffmpeg", "-v", "error", "-y", "-stream_loop", strconv.Itoa(int(500e6/stat.Size())), "-i", short, "-c", "copy", temporary)
	if err := os.Rename(temporary, clip); err != nil {
		b.Fatal(err)
	}
	return clip
}

// TestMain lets the test program be one that packages a single file, so that the benchmark can measure its memory.
func TestMain(m *testing.M) {
	in, out := os.Getenv("MATINEE_PACKAGE_IN"), os.Getenv("MATINEE_PACKAGE_OUT")
	if in == "" {
		os.Exit(m.Run())
	}
	if err := packageOne(in, out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// packageOne packages a file and, on Linux, prints how much memory that took.
func packageOne(in, out string) error {
	src, err := os.Open(in)
	if err != nil {
		return err
	}
	stat, err := src.Stat()
	if err != nil {
		return err
	}
	m, err := Read(src, stat.Size())
	if err != nil {
		return err
	}
	l, err := Plan(m.Select(), m.Select().Cuts())
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := l.WriteTo(f, src); err != nil {
		return err
	}
	if err := f.Close(); err != nil || runtime.GOOS != "linux" {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			fmt.Print(line)
		}
	}
	return err
}
