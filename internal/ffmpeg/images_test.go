package ffmpeg_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/image/bmp"

	"matinee/internal/ffmpeg"
	"matinee/internal/testenv"
	"matinee/internal/video"
)

// picture is what films in these tests show, a fractal with fine detail; the other sources are what nobody wants to see.
const (
	picture = "mandelbrot=s=320x180:r=12:end_scale=0.02"
	black   = "color=black:s=320x180:r=12"
	white   = "color=white:s=320x180:r=12"
	// A slate: a plain ground with a few lines of what could be words.
	slate = "color=0x203050:s=320x180:r=12,drawbox=60:60:200:8:white:fill,drawbox=80:80:150:8:white:fill,drawbox=100:110:110:5:white:fill"
	blur  = "mandelbrot=s=320x180:r=12:end_scale=0.02,gblur=sigma=8"
)

// A scene is a part of a film: a source of ffmpeg's and its length in seconds.
type scene struct {
	source  string
	seconds int
}

// shoot makes an H.264 film with a keyframe every two seconds in the folder dir.
func shoot(t *testing.T, dir, name string, scenes ...scene) {
	t.Helper()
	var inputs, labels strings.Builder
	for i, s := range scenes {
		fmt.Fprintf(&inputs, "%s,trim=duration=%d,setpts=PTS-STARTPTS,format=yuv420p[s%d];", s.source, s.seconds, i)
		fmt.Fprintf(&labels, "[s%d]", i)
	}
	graph := fmt.Sprintf("%s%sconcat=n=%d", inputs.String(), labels.String(), len(scenes))
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-y", "-filter_complex", graph,
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-keyint_min", "24", "-sc_threshold", "0", "-flags", "+cgop",
		"file:"+filepath.Join(dir, name))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// A studio is a site's folder with a library that takes pictures, and counts the programs it starts.
type studio struct {
	site, cache string
	started     atomic.Int64
}

func newStudio(t *testing.T) *studio {
	t.Helper()
	testenv.Program(t, "ffmpeg", "ffprobe")
	return &studio{site: t.TempDir(), cache: filepath.Join(t.TempDir(), "cache")}
}

func (s *studio) library() *video.Library {
	cli := ffmpeg.CLI{Started: func(string) { s.started.Add(1) }}
	return &video.Library{Site: os.DirFS(s.site), Cache: s.cache, Camera: ffmpeg.Camera{CLI: cli, Cache: s.cache}}
}

// prepare prepares a clip and returns it with the files of the library by path.
func (s *studio) prepare(t *testing.T, c video.Clip) (*video.Library, *video.Video, map[string]string) {
	t.Helper()
	l := s.library()
	videos, err := l.PrepareAll(t.Context(), []video.Clip{c})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range l.Warnings() {
		t.Errorf("warning: %v", w)
	}
	files := map[string]string{}
	for _, f := range l.Files() {
		files[f.Path] = f.Source
		if info, err := os.Stat(f.Source); err != nil || info.Size() != f.Size {
			t.Errorf("%s: %v %v", f.Path, info, err)
		}
	}
	return l, videos[0], files
}

// decode reads a picture of any type as ffmpeg understands it, which is what browsers see.
func decode(t *testing.T, file string) image.Image {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-i", "file:"+file, "-frames:v", "1", "-c:v", "bmp", "-f", "image2pipe", "pipe:1")
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", file, err, stderr.String())
	}
	m, err := bmp.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// difference is the mean difference of the colours of two pictures, 0 to 255, looked at in the size of the first.
func difference(a, b image.Image) float64 {
	sum, n := 0.0, 0
	size, other := a.Bounds(), b.Bounds()
	for y := 0; y < size.Dy(); y += 2 {
		for x := 0; x < size.Dx(); x += 2 {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x*other.Dx()/size.Dx(), y*other.Dy()/size.Dy()).RGBA()
			for _, d := range [][2]uint32{{r1, r2}, {g1, g2}, {b1, b2}} {
				sum += math.Abs(float64(d[0]>>8) - float64(d[1]>>8))
				n++
			}
		}
	}
	return sum / float64(n)
}

// frame is what a film shows at a time, by ffmpeg's own account.
func frame(t *testing.T, film string, second float64) image.Image {
	t.Helper()
	out := filepath.Join(t.TempDir(), "frame.png")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-ss", fmt.Sprint(second), "-i", "file:"+film, "-frames:v", "1", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return decode(t, out)
}

// The poster is taken where there is something to see, in every type and size up to the film's own.
func TestPosterShowsTheFilm(t *testing.T) {
	for name, c := range map[string]struct {
		scenes     []scene
		begin, end int // seconds between which there is something to see
	}{
		"black first": {[]scene{{black, 2}, {picture, 4}}, 2, 6},
		"white slate": {[]scene{{white, 4}, {picture, 4}, {white, 2}}, 4, 8},
		"text slate":  {[]scene{{slate, 4}, {picture, 4}, {slate, 4}}, 4, 8},
		"blurred":     {[]scene{{blur, 4}, {picture, 4}, {blur, 4}}, 4, 8},
		"all at once": {[]scene{{black, 2}, {slate, 4}, {blur, 4}, {picture, 2}, {black, 2}}, 10, 12},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t)
			shoot(t, s.site, "a.mp4", c.scenes...)
			_, v, files := s.prepare(t, video.Clip{Src: "a.mp4"})
			poster := decode(t, files[v.Poster.Images[len(v.Poster.Images)-1].Path])
			best, at := 255.0, 0
			for second := 0; second < int(v.Duration.Seconds()); second += 2 {
				if d := difference(poster, frame(t, filepath.Join(s.site, "a.mp4"), float64(second))); d < best {
					best, at = d, second
				}
			}
			if at < c.begin || at >= c.end {
				t.Errorf("the poster shows second %d, want one from %d to %d", at, c.begin, c.end)
			}
		})
	}
}

func TestPosterTypesAndSizes(t *testing.T) {
	s := newStudio(t)
	shoot(t, s.site, "a.mp4", scene{strings.Replace(picture, "320x180", "960x540", 1), 2})
	_, v, files := s.prepare(t, video.Clip{Src: "a.mp4"})
	var got []string
	for _, i := range v.Poster.Images {
		got = append(got, fmt.Sprintf("%s %dx%d", strings.TrimPrefix(i.Type, "image/"), i.Width, i.Height))
	}
	want := "avif 320x180, avif 640x360, avif 960x540, webp 320x180, webp 640x360, webp 960x540, jpeg 320x180, jpeg 640x360, jpeg 960x540"
	if strings.Join(got, ", ") != want {
		t.Errorf("images are %s", strings.Join(got, ", "))
	}
	reference := decode(t, files[v.Poster.Images[8].Path])
	for _, i := range v.Poster.Images {
		m := decode(t, files[i.Path])
		if m.Bounds().Dx() != i.Width || m.Bounds().Dy() != i.Height {
			t.Errorf("%s is %v", i.Path, m.Bounds())
		}
		if d := difference(m, reference); d > 12 {
			t.Errorf("%s does not look like the others: %.1f", i.Path, d)
		}
	}
	if n := len(v.Poster.Placeholder); n < 50 || n > 400 || !strings.HasPrefix(v.Poster.Placeholder, "data:image/png;base64,") {
		t.Errorf("the placeholder has %d bytes: %s", n, v.Poster.Placeholder)
	}
}

// A moment the author names is the poster, to the frame; one that is not there is a mistake.
func TestPosterAtAMoment(t *testing.T) {
	s := newStudio(t)
	shoot(t, s.site, "a.mp4", scene{picture, 3}, scene{slate, 1}, scene{picture, 3})
	at := 3500 * time.Millisecond
	_, v, files := s.prepare(t, video.Clip{Src: "a.mp4", PosterAt: &at})
	poster := decode(t, files[v.Poster.Images[len(v.Poster.Images)-1].Path])
	if d := difference(poster, frame(t, filepath.Join(s.site, "a.mp4"), 3.5)); d > 4 {
		t.Errorf("the poster is not the slate at 3.5 s: %.1f", d)
	}
	at = 7 * time.Second
	_, err := s.library().PrepareAll(t.Context(), []video.Clip{{Src: "a.mp4", PosterAt: &at, File: "content/a.md", Line: 4}})
	if err == nil || err.Error() != "content/a.md:4: poster: the film is over at 7s" {
		t.Errorf("a poster from beyond the end: %v", err)
	}
}

// Every tile of the storyboard shows the film at the time its cue says, and the cues cover the whole film.
func TestStoryboard(t *testing.T) {
	s := newStudio(t)
	shoot(t, s.site, "a.mp4", scene{picture, 4}, scene{slate, 4}, scene{white, 2}, scene{picture, 3})
	_, v, files := s.prepare(t, video.Clip{Src: "a.mp4"})
	text, err := os.ReadFile(files[v.Storyboard])
	if err != nil {
		t.Fatal(err)
	}
	cues := regexp.MustCompile(`(\d\d):(\d\d):(\d\d\.\d{3}) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)\n`).FindAllStringSubmatch(string(text), -1)
	if len(cues) != 7 || !strings.HasPrefix(string(text), "WEBVTT\n\n00:00:00.000 --> ") || cues[6][4] != "00:00:13.000" {
		t.Fatalf("cues are\n%s", text)
	}
	sprite := decode(t, files[filepath.ToSlash(filepath.Join(filepath.Dir(v.Storyboard), cues[0][5]))]).(*image.RGBA)
	for _, c := range cues {
		second, _ := strconv.ParseFloat(c[3], 64)
		var r [4]int
		for i := range r {
			r[i], _ = strconv.Atoi(c[6+i])
		}
		tile := image.Rect(r[0], r[1], r[0]+r[2], r[1]+r[3])
		if !tile.In(sprite.Rect) || tile.Dx() != 160 || tile.Dy() != 90 {
			t.Errorf("tile %v of a sprite of %v", tile, sprite.Rect)
		}
		cut := image.NewRGBA(image.Rect(0, 0, tile.Dx(), tile.Dy()))
		for y := range tile.Dy() {
			copy(cut.Pix[y*cut.Stride:(y+1)*cut.Stride], sprite.Pix[sprite.PixOffset(tile.Min.X, tile.Min.Y+y):])
		}
		if d := difference(cut, frame(t, filepath.Join(s.site, "a.mp4"), second)); d > 25 {
			t.Errorf("the tile at %v s shows something else: %.1f", second, d)
		}
	}
}

func TestPreview(t *testing.T) {
	s := newStudio(t)
	shoot(t, s.site, "a.mp4", scene{strings.Replace(picture, "320x180", "640x360", 1), 8})
	_, v, files := s.prepare(t, video.Clip{Src: "a.mp4"})
	info, err := ffmpeg.CLI{}.Probe(t.Context(), files[v.Preview])
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Streams) != 1 || info.Streams[0].Codec != "h264" || info.Streams[0].Width != 320 || info.Streams[0].Height != 180 || (info.Duration-3*time.Second).Abs() > 200*time.Millisecond {
		t.Errorf("the preview is %v of %v", info, info.Duration)
	}
	if size, err := os.Stat(files[v.Preview]); err != nil || size.Size() > 120_000 {
		t.Errorf("the preview has %d bytes", size.Size())
	}
}

// Whatever shape a film has, its pictures have it too.
func TestPicturesOfOddFilms(t *testing.T) {
	source := func(size string, seconds float64) []string {
		return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=%s:r=10:d=%g", size, seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "20"}
	}
	turned := filepath.Join(t.TempDir(), "flat.mp4")
	s := newStudio(t)
	make := func(file string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), file)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	make(turned, source("320x180", 5)...)
	make(filepath.Join(s.site, "one-frame.mp4"), append(source("320x180", 1), "-frames:v", "1")...)
	make(filepath.Join(s.site, "blink.mp4"), source("320x180", 0.5)...)
	make(filepath.Join(s.site, "short.mp4"), source("320x180", 2)...)
	make(filepath.Join(s.site, "upright.mp4"), source("180x320", 5)...)
	make(filepath.Join(s.site, "wide.mp4"), source("640x64", 5)...)
	make(filepath.Join(s.site, "small.mp4"), source("64x48", 5)...)
	make(filepath.Join(s.site, "100%d.mp4"), source("320x180", 5)...)
	if exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-display_rotation", "90", "-i", turned, "-c", "copy", filepath.Join(s.site, "turned.mp4")).Run() != nil {
		make(filepath.Join(s.site, "turned.mp4"), "-i", turned, "-c", "copy", "-metadata:s:v", "rotate=90") // before FFmpeg 6
	}
	make(filepath.Join(s.site, "sound.mp4"), "-f", "lavfi", "-i", "sine=d=3", "-c:a", "aac")
	for _, c := range []struct {
		name, poster        string
		storyboard, preview bool
	}{
		{"one-frame.mp4", "320x180", false, false},
		{"blink.mp4", "320x180", false, false},
		{"short.mp4", "320x180", false, true},
		{"upright.mp4", "180x320", true, true},
		{"wide.mp4", "640x64", true, true},
		{"small.mp4", "64x48", true, true},
		{"100%d.mp4", "320x180", true, true},
		{"turned.mp4", "180x320", true, true},
		{"sound.mp4", "1280x720", false, false}, // a title card
	} {
		_, v, files := s.prepare(t, video.Clip{Src: c.name})
		last := v.Poster.Images[len(v.Poster.Images)-1]
		if got := fmt.Sprintf("%dx%d", last.Width, last.Height); got != c.poster || (v.Storyboard != "") != c.storyboard || (v.Preview != "") != c.preview {
			t.Errorf("%s: poster %s, storyboard %q, preview %q", c.name, got, v.Storyboard, v.Preview)
		}
		if v.HasVideo {
			m := decode(t, files[v.Poster.Images[0].Path])
			if b := m.Bounds(); b.Dx() > b.Dy() != (v.Width > v.Height) {
				t.Errorf("%s: the AVIF is %v", c.name, b)
			}
		}
	}
}

// A second build starts no program, reads no file of the author's and says the same.
func TestImagesAreMadeOnce(t *testing.T) {
	s := newStudio(t)
	shoot(t, s.site, "a.mp4", scene{picture, 6})
	_, first, _ := s.prepare(t, video.Clip{Src: "a.mp4"})
	if s.started.Load() == 0 {
		t.Fatal("nothing was started: the count is of no use")
	}
	s.started.Store(0)
	l, second, _ := s.prepare(t, video.Clip{Src: "a.mp4"})
	if n := s.started.Load(); n != 0 || l.Counts() != (video.Counts{Clips: 1}) {
		t.Errorf("the second build started %d programs and did %+v", n, l.Counts())
	}
	if fmt.Sprintf("%+v", first) != fmt.Sprintf("%+v", second) {
		t.Errorf("built first: %+v\nthen: %+v", first, second)
	}
}

// A film that cannot be photographed is published all the same, with a warning and a title card.
func TestPicturesThatFail(t *testing.T) {
	s := newStudio(t)
	shoot(t, s.site, "a.mp4", scene{picture, 6})
	l := s.library()
	l.Camera = brokenCamera{ffmpeg.Camera{Cache: s.cache}}
	videos, err := l.PrepareAll(t.Context(), []video.Clip{{Src: "a.mp4", File: "content/a.md", Line: 4}})
	if err != nil {
		t.Fatal(err)
	}
	if images := videos[0].Poster.Images; len(images) != 1 || images[0].Type != "image/svg+xml" {
		t.Errorf("the poster is %+v", images)
	}
	warnings := fmt.Sprint(l.Warnings())
	if !strings.Contains(warnings, "content/a.md:4: a.mp4: storyboard and preview are left out: out of film") {
		t.Errorf("warnings are %s", warnings)
	}
	if left, err := filepath.Glob(filepath.Join(s.cache, "tmp", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

type brokenCamera struct{ ffmpeg.Camera }

func (brokenCamera) Keyframes(context.Context, string, string, time.Duration, image.Point) ([]video.Frame, error) {
	return nil, fmt.Errorf("out of film")
}

// BenchmarkKeyframes compares the storyboard's look at a film with decoding all of it, in one run: the median of
// five. The budget is 10 times.
func BenchmarkKeyframes(b *testing.B) {
	testenv.Program(b, "ffmpeg")
	film := filepath.Join(b.TempDir(), "a.mp4")
	out, err := exec.CommandContext(b.Context(), "ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", "../../content/pendulums.mp4", "-t", "70", "-an",
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-g", "50", "-keyint_min", "50", "-r", "25", "-sc_threshold", "0", film).CombinedOutput()
	if err != nil {
		b.Fatalf("ffmpeg: %v %s", err, out)
	}
	var quick, full, times []float64
	for b.Loop() {
		for range 5 {
			start := time.Now()
			frames, err := ffmpeg.Camera{}.Keyframes(b.Context(), b.TempDir(), film, 2*time.Second, image.Pt(320, 240))
			if err != nil || len(frames) != 35 {
				b.Fatalf("%d frames: %v", len(frames), err)
			}
			quick = append(quick, time.Since(start).Seconds())
			start = time.Now()
			if err := exec.CommandContext(b.Context(), "ffmpeg", "-v", "error", "-i", film, "-vf", "fps=0.5,scale=320:-2", "-f", "null", "-").Run(); err != nil {
				b.Fatal(err)
			}
			full = append(full, time.Since(start).Seconds())
			times = append(times, full[len(full)-1]/quick[len(quick)-1])
		}
	}
	b.ReportMetric(median(times), "times-faster")
	b.ReportMetric(median(quick), "s/keyframes")
	b.ReportMetric(median(full), "s/all")
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// Pictures are taken anew when ffmpeg can make another type of them, and streams are not.
func TestKeyOfCamera(t *testing.T) {
	s := newSite(t)
	keyAndRecipe := func(without string) (key, recipe string) {
		t.Helper()
		e := &ffmpeg.Encoder{Cache: t.TempDir()}
		fakeEncoder(t, `case "$2" in -encoders) $real "$@" | grep -v `+without+`; exit;; esac`)(e)
		key, err := ffmpeg.Camera{CLI: e.CLI, Cache: e.Cache}.Key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		recipe, err = e.Recipe(t.Context(), video.Wish{})
		if err != nil {
			t.Fatal(err)
		}
		return key, recipe
	}
	key, recipe := keyAndRecipe("nothing")
	for _, lacks := range []string{"libwebp", "libaom-av1"} {
		if other, same := keyAndRecipe(lacks); other == key || same != recipe {
			t.Errorf("without %s: key %q and %q, recipe %q and %q", lacks, key, other, recipe, same)
		}
	}
	if other, same := keyAndRecipe("libx264"); other == key || same == recipe {
		t.Errorf("without libx264: key %q, recipe %q", other, same)
	}
	e := &ffmpeg.Encoder{}
	fakeEncoder(t, `echo "Unknown encoder 'libx264'" >&2; exit 1`)(e)
	preview := filepath.Join(t.TempDir(), "preview.mp4")
	if err := (ffmpeg.Camera{CLI: e.CLI}).Preview(t.Context(), "film.mp4", preview, 0, time.Second, 320); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a preview without libx264: %v", err)
	}

	// What an earlier version of ours asked is not enough.
	camera := ffmpeg.Camera{Cache: s.cache}
	if _, err := camera.Key(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.cache, "ffmpeg.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]any
	if err := json.Unmarshal(data, &known); err != nil {
		t.Fatal(err)
	}
	known["has"] = []string{"aac", "libx264"}
	delete(known, "asked")
	if data, err = json.Marshal(known); err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if again, err := camera.Key(t.Context()); err != nil || again != key {
		t.Errorf("from what is remembered: %q, want %q, %v", again, key, err)
	}
}
