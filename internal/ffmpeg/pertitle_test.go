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

	"matinee/internal/testenv"
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

// A title is a film whose ladders are compared.
type title struct {
	name  string
	args  string // of ffmpeg, that make it
	needs string // a file of bin/films that it is made of; "": none
	size
	seconds float64
}

type size struct{ width, height int }

// BenchmarkPerTitle compares the ladders we make of several kinds of film with the fixed one that Apple recommends, made
// with the same encoder at those bit rates. For each of our rungs it looks up what the fixed ladder needs to show as
// much, between its own rungs, and prints what is saved. Films of cameras are there once make setup has fetched them.
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
	real, err := filepath.Abs("../../bin/films")
	if err != nil {
		b.Fatal(err)
	}
	full := size{1920, 1080}
	const store = " -t 8 -c:v libx264 -preset ultrafast -crf 8 -pix_fmt yuv420p"
	const dog, park, talk = "VID_20191220_170832.mp4", "IMG_20200608_111614.jpg", "movie-hello.mp4"
	titles := []title{
		{"dog", "-i " + filepath.Join(real, dog) + " -an -c copy", dog, full, 1.517},
		{"park", "-loop 1 -framerate 25 -i " + filepath.Join(real, park) + " -vf scale=2880:-2,crop=1920:1080:x=40*t+100:y=400+60*sin(t),noise=alls=4:allf=t" + store, park, full, 8},
		{"talk", "-i " + filepath.Join(real, talk) + " -an -c copy", talk, size{1280, 720}, 8.3},
		{"busy", "-f lavfi -i mandelbrot=s=1920x1080:r=25:end_scale=0.02 -vf noise=alls=8:allf=t" + store, "", full, 8},
		{"soft", "-f lavfi -i gradients=s=1920x1080:r=25:n=5:speed=0.03:seed=4" + store, "", full, 8},
		{"text", "-f lavfi -i color=white:s=1920x1080:r=25 -vf drawtext=textfile=" + text + ":fontsize=26:x=60:y=40-90*floor(t)" + store, "", full, 8},
	}
	for _, f := range titles {
		b.Run(f.name, func(b *testing.B) {
			if _, err := os.Stat(filepath.Join(real, f.needs)); err != nil {
				testenv.Missing(b, "%v (make setup fetches it)", err)
			}
			for b.Loop() {
				fmt.Println()
				s.compare(b, f)
			}
		})
	}
}

// compare makes both ladders of a film and prints what they need and show.
func (s site) compare(b *testing.B, f title) {
	b.Helper()
	s.make(b, f.name+".mkv", f.args)
	film := filepath.Join(s.dir, f.name+".mkv")
	fixed, fixedBytes := s.fixedLadder(b, film, f)
	l := s.library(nil)
	v := prepare(b, l, video.Clip{Src: f.name + ".mkv"})
	paths, bytes := files(l), int64(0)
	ours, theirs := 0.0, 0.0
	for _, r := range v.Renditions {
		bytes += r.Size
		p := point{r.Label, float64(r.AverageBandwidth), s.ssim(b, paths[r.Path], film, f)}
		rate, exact := needs(fixed, p.decibels())
		sign := map[bool]string{true: " ", false: ">"}[exact]
		ours, theirs = ours+p.rate, theirs+rate
		fmt.Printf("%-5s %6s %7.0f kbit/s  SSIM %.4f  fixed ladder for the same %s%6.0f kbit/s  saved %s%3.0f %%\n",
			f.name, p.label, p.rate/1000, p.ssim, sign, rate/1000, sign, 100*(1-p.rate/rate))
	}
	top := fixed[len(fixed)-1]
	fmt.Printf("%-5s stored: %.2f MB of %.2f MB, saved %.0f %%; of the same SSIM, size by size, %.0f %%; the fixed ladder's largest needs %.0f kbit/s for SSIM %.4f\n",
		f.name, float64(bytes)/1e6, float64(fixedBytes)/1e6, 100*(1-float64(bytes)/float64(fixedBytes)), 100*(1-ours/theirs), top.rate/1000, top.ssim)
}

// fixedLadder encodes a film as Apple recommends, up to its own size.
func (s site) fixedLadder(b *testing.B, film string, f title) (points []point, bytes int64) {
	b.Helper()
	for _, r := range appleLadder {
		if r.height > f.height {
			continue
		}
		name := fmt.Sprintf("fixed-%d.mp4", r.height)
		s.make(b, name, fmt.Sprintf("-i %s -fps_mode passthrough -vf scale=%d:%d:flags=bicubic -c:v libx264 -preset veryfast -profile:v high -b:v %dk -maxrate %dk -bufsize %dk -g 50 -sc_threshold 0",
			film, r.width, r.height, r.kbit, r.kbit*11/10, r.kbit*2))
		file := filepath.Join(s.dir, name)
		stat, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		bytes += stat.Size()
		points = append(points, point{name, float64(stat.Size()) * 8 / f.seconds, s.ssim(b, file, film, f)})
	}
	return points, bytes
}

var ssimAll = regexp.MustCompile(`All:([0-9.]+)`)

// ssim compares an encode, scaled to the size of the film, with the film.
func (s site) ssim(b *testing.B, file, film string, f title) float64 {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "ffmpeg", "-nostdin", "-i", file, "-i", film, "-lavfi",
		fmt.Sprintf("[0:v]scale=%d:%d:flags=bicubic,settb=1/90000,setpts=N*3000[a];[1:v]settb=1/90000,setpts=N*3000[b];[a][b]ssim", f.width, f.height), "-f", "null", "-").CombinedOutput()
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
