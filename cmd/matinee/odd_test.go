package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"matinee/internal/ffmpeg/oddclips"
	"matinee/internal/testenv"
)

// A playedFilm is what odd.test.mjs expects of the page of a film.
type playedFilm struct {
	Name     string  `json:"name"`
	Page     string  `json:"page"`
	Width    int     `json:"width"` // on the screen, pixels; 0: there is nothing to see
	Height   int     `json:"height"`
	Duration float64 `json:"duration"` // seconds
	Slack    float64 `json:"slack"`    // seconds
	Sound    bool    `json:"sound"`
}

// alike are films that differ from another one only for the decoder. The tests of the encoder have them.
var alike = []string{
	"pcm.mov", "mp3.mp4", "surround.mp4", "60p.mp4", "hevc10.mkv", "hlg.mp4", "high10.mp4", "prores.mov", "vp8.webm", "theora.ogv",
	"mjpeg.avi", "windows.wmv", "interlaced.mp4", "variable.mp4", "upside-down.mov", "transparent.mov", "screen.mkv", "short.mkv",
	"voice.ogg", "voice.wav", "voice.m4a",
}

// TestBrowserFilms builds one site of films in every format that makes video hard, with ffmpeg, and plays each of them
// as its page offers it, as an MP4 and as a stream: in its size, its right way up, for its time, and with its sound.
func TestBrowserFilms(t *testing.T) {
	tools := browserTools(t)
	testenv.Program(t, "ffmpeg")
	site := t.TempDir()
	// The pictures of films have tests of their own.
	write(t, filepath.Join(site, "site.yaml"), "title: Odd films\nstreaming: {encoder: ffmpeg, ladder: [1080, 120]}\n")
	var clips []oddclips.Clip
	var films []playedFilm
	add := func(f playedFilm) {
		f.Page = fmt.Sprintf("film-%d", len(films))
		write(t, filepath.Join(site, "content", f.Page+".md"), fmt.Sprintf("---\ntitle: %s\nvideo: %s\n---\n", f.Name, f.Name))
		films = append(films, f)
	}
	for _, c := range oddclips.Clips() {
		if refused := c.Width == 0 && !c.Sound; refused || slices.Contains(alike, c.Name) {
			continue
		}
		frame := 40 * time.Millisecond
		if c.Rate > 0 {
			frame = time.Duration(float64(time.Second) / c.Rate)
		}
		if c.Sound {
			frame = max(frame, 60*time.Millisecond) // packets of sound, with what other codecs put before and after it
		}
		clips = append(clips, c)
		add(playedFilm{Name: c.Name, Width: c.Width, Height: c.Height, Duration: c.Duration.Seconds(), Slack: frame.Seconds() + 0.01, Sound: c.Sound})
	}
	if err := oddclips.Write(t.Context(), filepath.Join(site, "content"), clips); err != nil {
		t.Fatal(err)
	}
	for _, f := range []playedFilm{ // real ones, of those who have them
		{Name: "flower.mp4", Width: 960, Height: 540, Duration: 5.06, Slack: 0.06, Sound: true},
		{Name: "friday.mp4", Width: 640, Height: 480, Duration: 6.17, Slack: 0.06, Sound: true},
		{Name: "tree.avi", Width: 320, Height: 240, Duration: 30, Slack: 1, Sound: false},
	} {
		for _, folder := range []string{"../../../shared/clips", "/usr/share/doc/opencv-doc/examples/data", "/usr/share/doc/opencv-doc/opencv4/samples/data"} {
			data, err := os.ReadFile(filepath.Join(folder, f.Name)) //nolint:gosec // of this test
			if err != nil {
				continue
			}
			write(t, filepath.Join(site, "content", f.Name), string(data))
			add(f)
			break
		}
	}
	matinee(t, "build", "--source", site, "--quiet")
	list, err := json.Marshal(films)
	if err != nil {
		t.Fatal(err)
	}
	player, err := filepath.Abs("../../themes/default/player/dist")
	if err != nil {
		t.Fatal(err)
	}
	tools.run(t, []string{"MATINEE_FILMS=" + string(list), "MATINEE_PUBLIC=" + filepath.Join(site, "public"), "MATINEE_PLAYER=" + player}, "films")
}
