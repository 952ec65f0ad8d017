package ffmpeg_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"matinee/internal/video"
)

// A point is what one rung of a ladder needs and shows: bit/s, and SSIM against the film, scaled to its size.
type point struct {
	label string
	rate  float64
	ssim  float64
}

// decibels are SSIM on a scale on which equal steps look alike.
func (p point) decibels() float64 { return -10 * math.Log10(1-min(p.ssim, 0.999999)) }

// appleLadder is the fixed ladder of 16:9 films in Apple's HLS Authoring Specification: size and kbit/s.
var appleLadder = []struct{ width, height, kbit int }{
	{416, 234, 145}, {480, 270, 365}, {640, 360, 730}, {768, 432, 1100}, {960, 540, 2000}, {1280, 720, 3000}, {1920, 1080, 6000},
}

// BenchmarkPerTitle compares the ladders we make of three kinds of film with the fixed one that Apple recommends, made
// with the same encoder at those bit rates. For each of our rungs it looks up what the fixed ladder needs to show as
// much, between its own rungs, and prints what is saved.
func BenchmarkPerTitle(b *testing.B) {
	s := newSite(b)
	source, err := os.ReadFile("encoder.go")
	if err != nil {
		b.Fatal(err)
	}
	text := filepath.Join(s.dir, "text.txt")
	if err := os.WriteFile(text, source, 0o600); err != nil {
		b.Fatal(err)
	}
	const store = " -t 8 -c:v libx264 -preset ultrafast -crf 8 -pix_fmt yuv420p"
	films := []struct{ name, args string }{
		{"busy", "-f lavfi -i mandelbrot=s=1920x1080:r=25:end_scale=0.02 -vf noise=alls=8:allf=t" + store},
		{"soft", "-f lavfi -i gradients=s=1920x1080:r=25:n=5:speed=0.03:seed=4" + store},
		{"text", "-f lavfi -i color=white:s=1920x1080:r=25 -vf drawtext=textfile=" + text + ":fontsize=26:x=60:y=40-90*floor(t)" + store},
	}
	for b.Loop() {
		fmt.Println()
		for _, f := range films {
			s.make(b, f.name+".mkv", f.args)
			film := filepath.Join(s.dir, f.name+".mkv")
			fixed, fixedBytes := s.fixedLadder(b, film)
			l := s.library(nil)
			v := prepare(b, l, video.Clip{Src: f.name + ".mkv"})
			paths, bytes := files(l), int64(0)
			for _, r := range v.Renditions {
				bytes += r.Size
				p := point{r.Label, float64(r.AverageBandwidth), s.ssim(b, paths[r.Path], film)}
				rate, exact := needs(fixed, p.decibels())
				sign := map[bool]string{true: " ", false: ">"}[exact]
				fmt.Printf("%-5s %6s %7.0f kbit/s  SSIM %.4f  fixed ladder for the same %s%6.0f kbit/s  saved %s%3.0f %%\n",
					f.name, p.label, p.rate/1000, p.ssim, sign, rate/1000, sign, 100*(1-p.rate/rate))
			}
			top := fixed[len(fixed)-1]
			fmt.Printf("%-5s stored: %.2f MB of %.2f MB; the fixed ladder's largest has SSIM %.4f\n", f.name, float64(bytes)/1e6, float64(fixedBytes)/1e6, top.ssim)
		}
	}
}

// fixedLadder encodes a film as Apple recommends.
func (s site) fixedLadder(b *testing.B, film string) (points []point, bytes int64) {
	b.Helper()
	for _, r := range appleLadder {
		name := fmt.Sprintf("fixed-%d.mp4", r.height)
		s.make(b, name, fmt.Sprintf("-i %s -vf scale=%d:%d:flags=bicubic -c:v libx264 -preset veryfast -profile:v high -b:v %dk -maxrate %dk -bufsize %dk -g 50 -sc_threshold 0",
			film, r.width, r.height, r.kbit, r.kbit*11/10, r.kbit*2))
		file := filepath.Join(s.dir, name)
		stat, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		bytes += stat.Size()
		points = append(points, point{name, float64(stat.Size()) * 8 / 8, s.ssim(b, file, film)}) // 8 s
	}
	return points, bytes
}

var ssimAll = regexp.MustCompile(`All:([0-9.]+)`)

// ssim compares an encode, scaled to the size of the film, with the film.
func (s site) ssim(b *testing.B, file, film string) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "ffmpeg", "-nostdin", "-i", file, "-i", film, "-lavfi",
		"[0:v]scale=1920:1080:flags=bicubic[a];[a][1:v]ssim", "-f", "null", "-").CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	found := ssimAll.FindAllStringSubmatch(strings.ReplaceAll(string(out), "\r", "\n"), -1)
	if len(found) == 0 {
		b.Fatalf("no SSIM in %s", out)
	}
	value, err := strconv.ParseFloat(found[len(found)-1][1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return value
}

// needs is the bit rate at which a ladder shows as much, between its rungs by interpolation. When even its largest rung
// shows less, that one's rate is a lower bound.
func needs(ladder []point, decibels float64) (rate float64, exact bool) {
	for i, p := range ladder {
		switch {
		case p.decibels() < decibels:
			continue
		case i == 0:
			return p.rate, true
		}
		below := ladder[i-1]
		part := (decibels - below.decibels()) / (p.decibels() - below.decibels())
		return math.Exp(math.Log(below.rate) + part*(math.Log(p.rate)-math.Log(below.rate))), true
	}
	return ladder[len(ladder)-1].rate, false
}
