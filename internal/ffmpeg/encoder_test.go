package ffmpeg_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matinee/internal/diag"
	"matinee/internal/ffmpeg"
	"matinee/internal/ffmpeg/oddclips"
	"matinee/internal/testenv"
	"matinee/internal/video"
)

// A site is a folder with clips, and a cache.
type site struct{ dir, cache string }

func newSite(t testing.TB) site {
	t.Helper()
	testenv.Program(t, "ffmpeg", "ffprobe")
	return site{t.TempDir(), filepath.Join(t.TempDir(), "cache")}
}

// library is a Library of the site whose encoder is changed by change, which may be nil.
func (s site) library(change func(e *ffmpeg.Encoder)) *video.Library {
	e := &ffmpeg.Encoder{Dir: s.dir, Cache: s.cache, Background: "#f8f5ef"}
	if change != nil {
		change(e)
	}
	return &video.Library{Site: os.DirFS(s.dir), Cache: s.cache, Encoder: e}
}

func (s site) make(t testing.TB, name, args string) {
	t.Helper()
	words := append([]string{"-y", "-nostdin", "-v", "error"}, strings.Fields(args)...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(words, filepath.Join(s.dir, name))...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// files are the files of a library by path.
func files(l *video.Library) map[string]string {
	list := map[string]string{}
	for _, f := range l.Files() {
		list[f.Path] = f.Source
	}
	return list
}

// Every odd clip becomes a stream of the size, length and rate that somebody who knows it expects, in which every rung
// can be cut at the same times, or is refused with the reason.
func TestOddClips(t *testing.T) {
	s := newSite(t)
	clips := oddclips.Clips()
	if err := oddclips.Write(t.Context(), s.dir, clips); err != nil {
		t.Fatal(err)
	}
	for _, c := range clips {
		t.Run(c.Name, func(t *testing.T) {
			l := s.library(func(e *ffmpeg.Encoder) { e.Heights = []int{360, 90} })
			clip := video.Clip{Src: c.Name, File: "content/a.md", Line: 3}
			checkErr := l.Check(t.Context(), []video.Clip{clip})
			videos, err := l.PrepareAll(t.Context(), []video.Clip{clip})
			if c.Sound == false && c.Width == 0 {
				refused(t, c, err)
				return
			}
			if checkErr != nil || err != nil {
				t.Fatal(checkErr, err)
			}
			if warned := strings.Contains(fmt.Sprint(l.Warnings()), "is damaged"); warned != c.Damaged {
				t.Errorf("warnings: %v", l.Warnings())
			}
			streamed(t, c, l, videos[0])
		})
	}
}

// refused checks that a clip is refused with what it is, and a hint.
func refused(t *testing.T, c oddclips.Clip, err error) {
	t.Helper()
	problems, rest := diag.Problems(err)
	if len(problems) != 1 || len(rest) != 0 || !strings.Contains(problems[0].Text, c.Refused) || problems[0].Line != 3 {
		t.Errorf("the error is %v, want one that contains %q", err, c.Refused)
	}
	t.Log(err)
}

// streamed checks what became of a clip.
func streamed(t *testing.T, c oddclips.Clip, l *video.Library, v *video.Video) {
	t.Helper()
	if v.HasVideo != (c.Width > 0) || v.HasAudio != c.Sound || v.AlternateAudio != (len(c.Tongues) > 1) {
		t.Errorf("picture %v, sound %v, languages %v", v.HasVideo, v.HasAudio, v.AlternateAudio)
	}
	largest := v.Renditions[len(v.Renditions)-1]
	if math.Abs(float64(largest.Width-min(c.Width, c.Width*360/max(c.Height, 1)))) > 1 || math.Abs(float64(largest.Height-min(c.Height, 360))) > 1 {
		t.Errorf("it is %d×%d, want %d×%d", largest.Width, largest.Height, c.Width, c.Height)
	}
	frame := 40 * time.Millisecond
	if c.Rate > 0 {
		frame = time.Duration(float64(time.Second) / c.Rate)
		if math.Abs(largest.FrameRate-c.Rate) > 0.5 && c.Width > 0 {
			t.Errorf("%v pictures per second, want %v", largest.FrameRate, c.Rate)
		}
	}
	if c.Sound {
		frame = max(frame, 60*time.Millisecond) // packets of sound, with what other codecs put before and after it
	}
	if (v.Duration - c.Duration).Abs() > frame+time.Millisecond {
		t.Errorf("it lasts %v, want %v", v.Duration, c.Duration)
	}
	if want := map[bool]int{true: 2, false: 1}[c.Height > 90 && c.Width > 90]; len(v.Renditions) != want {
		t.Errorf("%d renditions, want %d", len(v.Renditions), want)
	}
	paths := files(l)
	cuts := ""
	for i, r := range v.Renditions {
		copied := c.Copied && i == len(v.Renditions)-1
		checkRendition(t, paths[r.Path], r, copied)
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
		if got := strings.Join(times[:len(times)-1], " "); i > 0 && got != cuts {
			t.Errorf("%s is cut at %s, the one before at %s", r.Label, got, cuts)
		} else {
			cuts = got
		}
	}
}

// rounded is an EXTINF with milliseconds.
func rounded(line string) string {
	var f float64
	_, _ = fmt.Sscanf(line, "#EXTINF:%f,", &f)
	return fmt.Sprintf("%.3f", f)
}

// checkRendition asks ffprobe whether a rendition is what every browser plays, and has it decoded.
func checkRendition(t *testing.T, path string, r video.Rendition, copied bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-of", "json", "-show_entries",
		"stream=codec_type,codec_name,width,height,sample_aspect_ratio,pix_fmt,field_order,color_transfer,profile:stream_side_data=rotation", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var p struct {
		Streams []struct {
			Type     string `json:"codec_type"`
			Codec    string `json:"codec_name"`
			Width    int
			Height   int
			Aspect   string `json:"sample_aspect_ratio"`
			Pixels   string `json:"pix_fmt"`
			Fields   string `json:"field_order"`
			Transfer string `json:"color_transfer"`
			Profile  string
			SideData []struct{ Rotation float64 } `json:"side_data_list"`
		}
	}
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Streams {
		if s.Type != "video" {
			if s.Codec != "aac" || s.Profile != "LC" {
				t.Errorf("%s: sound is %s %s", r.Label, s.Codec, s.Profile)
			}
			continue
		}
		turned := len(s.SideData) > 0 && !copied
		if s.Codec != "h264" || s.Pixels != "yuv420p" || s.Aspect != "1:1" && !copied || s.Fields != "progressive" || s.Transfer == "smpte2084" || s.Transfer == "arib-std-b67" || turned {
			t.Errorf("%s: picture is %+v", r.Label, s)
		}
		if !copied && (s.Width != r.Width || s.Height != r.Height) {
			t.Errorf("%s: %d×%d is coded, %d×%d shown", r.Label, s.Width, s.Height, r.Width, r.Height)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", path, "-map", "0", "-f", "null", "-").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%s: decoding: %v: %s", r.Label, err, out)
	}
}
