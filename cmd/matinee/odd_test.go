package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	Missing  string  `json:"-"` // what a build says is missing
}

// alike are films that differ from another one only for the decoder. The tests of the encoder have them.
var alike = []string{
	"pcm.mov", "mp3.mp4", "surround.mp4", "60p.mp4", "hevc10.mkv", "hlg.mp4", "high10.mp4", "prores.mov", "vp8.webm", "theora.ogv",
	"mjpeg.avi", "windows.wmv", "interlaced.mp4", "variable.mp4", "upside-down.mov", "transparent.mov", "screen.mkv", "short.mkv",
	"voice.ogg", "voice.wav", "voice.m4a",
}

// realFilms are films that cameras and programs of long ago made. Of damaged ones, what can be decoded counts. Each may
// be one of its own pictures off.
var realFilms = []playedFilm{
	{Name: "Megamind.avi", Width: 720, Height: 528, Duration: 11.26, Slack: 1 / 23.9, Sound: true}, // its last sound is broken
	{Name: "Megamind_bugy.avi", Width: 720, Height: 528, Duration: 9, Slack: 1 / 29.9},
	{Name: "VID_20191220_170832.mp4", Width: 214, Height: 120, Duration: 1.6, Slack: 1 / 29.9, Sound: true}, // 15 Mbit/s: the plain file is the small one
	{Name: "movie-hello.avi", Width: 1024, Height: 576, Duration: 8.36, Slack: 1 / 24.9, Sound: true},
	{Name: "movie-hello.mp4", Width: 1280, Height: 720, Duration: 8.32, Slack: 1 / 29.9, Sound: true},
	{Name: "movie-hello.mpeg", Width: 640, Height: 480, Duration: 8.32, Slack: 1 / 29.9, Sound: true},
	{Name: "movie-hello.ogg", Width: 720, Height: 480, Duration: 8.25, Slack: 1 / 29.9, Sound: true, Missing: "0.11 s of 8.34 s is missing"}, // its end is broken, and its sound begins before its time
	{Name: "tour.mp4", Width: 960, Height: 540, Duration: 11.25, Slack: 1 / 23.9, Missing: "0.08 s of 11.33 s is missing"},                   // its edit list begins too early, and its first two pictures are broken
	{Name: "tree.avi", Width: 320, Height: 240, Duration: 29.6, Slack: 1 / 14.9},
	{Name: "vtest.avi", Width: 768, Height: 576, Duration: 79.5, Slack: 1 / 9.9},
}

// find reads a film that make setup has fetched.
func (f *playedFilm) find() ([]byte, error) {
	return os.ReadFile(filepath.Join("../../bin/films", f.Name)) //nolint:gosec // of this test
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
			frame = max(frame, 24*time.Millisecond) // 1,024 samples of sound are one packet
		}
		clips = append(clips, c)
		add(playedFilm{Name: c.Name, Width: c.Width, Height: c.Height, Duration: c.Duration.Seconds(), Slack: frame.Seconds() + 0.001, Sound: c.Sound})
	}
	if err := oddclips.Write(t.Context(), filepath.Join(site, "content"), clips); err != nil {
		t.Fatal(err)
	}
	for _, f := range realFilms {
		data, err := f.find()
		if err != nil {
			t.Run(f.Name, func(t *testing.T) { testenv.Missing(t, "it is not there (make setup fetches it)") })
			continue
		}
		write(t, filepath.Join(site, "content", f.Name), string(data))
		add(f)
	}
	said := matinee(t, "build", "--source", site, "--quiet")
	for _, f := range films {
		if !strings.Contains(said, f.Missing) {
			t.Errorf("of %s nothing is said to be missing", f.Name)
		}
	}
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
