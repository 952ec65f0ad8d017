package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"matinee/internal/video"
)

func TestBar(t *testing.T) {
	half := video.Progress{Clip: "content/walk.mov", Step: video.Encoding, Done: int64(65 * time.Second), Total: int64(130 * time.Second), Speed: 2}
	for _, test := range []struct {
		u     video.Progress
		width int
		want  string
	}{
		{half, 80, "walk.mov                  ━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌   50 %  2.0x  0:33 left"},
		{half, 40, "walk.mov           50 %  2.0x  0:33 left"},
		{video.Progress{Clip: "a.mp4", Step: video.Packaging, Done: 1, Total: 4}, 80, "a.mp4                     ━━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌   25 %  packaging"},
		{video.Progress{Clip: "a.webm", Step: video.Encoding, Done: int64(time.Hour)}, 80, "a.webm                    ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  1:00:00, of unknown length"},
		{video.Progress{Clip: strings.Repeat("long", 20) + "\x1b[31m.mov", Step: video.Encoding, Done: 1, Total: 1}, 60, "longlonglonglonglonglon…  ━━━━━━━━━━━━━━━━━━━━━━━━  100 %"},
	} {
		if got := bar(test.u, test.width); got != test.want || len([]rune(got)) > max(test.width, 60) {
			t.Errorf("\n%q, want\n%q", got, test.want)
		}
	}
}

// tell reports the making of a clip.
func tell(p *progress) {
	for i := range 21 {
		p.update(video.Progress{Clip: "a.mov", Step: video.Encoding, Done: int64(i) * int64(time.Second), Total: int64(20 * time.Second), Speed: 4})
	}
	for i := range 5 {
		p.update(video.Progress{Clip: "a.mov", Step: video.Packaging, Done: int64(i), Total: 4})
	}
	p.end()
}

func TestProgressInLines(t *testing.T) {
	var out bytes.Buffer
	tell(&progress{w: &out})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 11 || lines[0] != "encoding a.mov (0:20)" || lines[5] != "encoding a.mov: 50 %, 4.0x, 0:03 left" || lines[10] != "packaged a.mov" {
		t.Errorf("%d lines: %s", len(lines), out.String())
	}
}

func TestProgressAsEvents(t *testing.T) {
	var out bytes.Buffer
	tell(newProgress(env{stderr: &out}, true, true))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := `{"event":"progress","clip":"a.mov","step":"encoding","done":10,"total":20,"speed":4,"left":2.5}`
	if len(lines) != 23 || lines[10] != want || lines[22] != `{"event":"progress","clip":"a.mov","step":"packaging","done":4,"total":4}` {
		t.Errorf("%d events: %s", len(lines), out.String())
	}
}

// What was drawn is taken away: a terminal keeps nothing of the bars.
func TestBarsVanish(t *testing.T) {
	var out bytes.Buffer
	tell(&progress{w: &out, bars: true})
	up, down := strings.Count(out.String(), "\x1b[1A\x1b[J"), strings.Count(out.String(), "\n")
	if down == 0 || up != down {
		t.Errorf("%d lines are drawn and %d erased: %q", down, up, out.String())
	}
	out.Reset()
	tell(&progress{w: &out, quiet: true})
	if out.Len() > 0 {
		t.Errorf("quiet means %q", out.String())
	}
}
