package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"matinee/internal/testenv"
)

// TestGallery shows a browser a gallery of 24 films whose pictures were really made, and counts what it fetches; moves
// the pointer over cards and over the time line of a player.
func TestGallery(t *testing.T) {
	tools := browserTools(t)
	testenv.Program(t, "ffmpeg")
	testenv.Program(t, "ffprobe")
	site := t.TempDir()
	write(t, filepath.Join(site, "site.yaml"), "title: Two dozen\nurl: https://films.example.com\nper_page: 24\nstreaming: {encoder: ffmpeg, ladder: [720]}\n")
	films := []string{"aurora", "chord", "garden", "pendulums", "ripples-720", "silk", "snowfall", "spiral"}
	for _, film := range films {
		data, err := os.ReadFile(filepath.Join("../../content", film+".mp4"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(site, "content", film+".mp4"), string(data))
	}
	for n := range 24 {
		film := films[n%len(films)]
		title := strings.ToUpper(film[:1]) + film[1:]
		write(t, filepath.Join(site, "content", fmt.Sprintf("film-%02d.md", n)),
			fmt.Sprintf("---\ntitle: %s %d\ndate: 2026-01-%02d\ntags: [films]\nvideo: {src: %s.mp4, poster: \"0:%02d\"}\n---\nOne of the films.\n", title, n, 28-n, film, 2+3*(n/len(films))))
	}
	address := serveSite(t, site)
	tools.run(t, []string{"MATINEE_URL=" + address, "MATINEE_PUBLIC=" + filepath.Join(site, "public")}, "gallery")
}
