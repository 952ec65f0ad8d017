package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"matinee/internal/video"
)

// isTerminal tells whether a person reads along.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A progress shows how far clips have come: a bar for each clip in the making on a terminal, now and then a line
// elsewhere, and events for programs. Its zero value shows nothing.
type progress struct {
	w     io.Writer
	quiet bool
	bars  bool
	json  bool

	mu    sync.Mutex
	clips []*clipProgress // in the making, in the order they began
	lines int             // on the terminal
	drawn time.Time
}

// A clipProgress is how far one clip has come, and what has been said of it.
type clipProgress struct {
	video.Progress
	said int // tenths of the encoding, of which a line told
}

func newProgress(e env, quiet, asJSON bool) *progress {
	return &progress{w: e.stderr, quiet: quiet && !asJSON, json: asJSON, bars: isTerminal(e.stderr) && !asJSON}
}

// update is called whenever a clip has come further.
func (p *progress) update(u video.Progress) {
	if p.quiet || p.w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.clips, func(c *clipProgress) bool { return c.Clip == u.Clip })
	if i < 0 {
		i = len(p.clips)
		p.clips = append(p.clips, &clipProgress{Progress: video.Progress{Clip: u.Clip}})
	}
	c := p.clips[i]
	before := c.Progress
	c.Progress = u
	finished := (u.Step == video.Packaging || u.Step == video.Converting) && u.Done == u.Total
	switch {
	case p.json:
		if u.Step == video.Encoding || u.Step == video.Converting && u.Done != before.Done || before.Step != u.Step || finished {
			p.event(u)
		}
	case !p.bars:
		p.line(c, before.Step != u.Step, finished)
	}
	if finished {
		p.clips = slices.Delete(p.clips, i, i+1)
	}
	if p.bars && (finished || time.Since(p.drawn) > 100*time.Millisecond) {
		p.draw()
	}
}

// event tells a program, on a line of its own. Encoding is counted in seconds of the film, packaging and uploading in bytes,
// converting in percent.
func (p *progress) event(u video.Progress) {
	e := struct {
		Event string  `json:"event"`
		Clip  string  `json:"clip"`
		Step  string  `json:"step"`
		Done  float64 `json:"done"`
		Total float64 `json:"total"`
		Speed float64 `json:"speed,omitempty"` // times as fast as the film plays
		Left  float64 `json:"left,omitempty"`  // seconds
	}{"progress", u.Clip, string(u.Step), float64(u.Done), float64(u.Total), u.Speed, left(u).Seconds()}
	if u.Step == video.Encoding {
		e.Done, e.Total = e.Done/1e9, e.Total/1e9
	}
	if line, err := json.Marshal(e); err == nil {
		fmt.Fprintf(p.w, "%s\n", line)
	}
}

// line says in words what a clip has come to, every tenth of its encoding.
func (p *progress) line(c *clipProgress, begins, finished bool) {
	switch {
	case c.Step == video.Uploading || c.Step == video.Converting:
		p.remoteLine(c, begins, finished)
	case finished:
		fmt.Fprintf(p.w, "packaged %s\n", printable(c.Clip))
	case c.Step != video.Encoding:
	case begins:
		fmt.Fprintf(p.w, "encoding %s (%s)\n", printable(c.Clip), clock(time.Duration(c.Total)))
	case c.Total > 0 && c.Done < c.Total && int(10*c.Done/c.Total) > c.said:
		c.said = int(10 * c.Done / c.Total)
		fmt.Fprintf(p.w, "encoding %s: %d %%, %.1fx, %s left\n", printable(c.Clip), 10*c.said, c.Speed, clock(left(c.Progress)))
	}
}

// remoteLine says in words what a clip has come to that is encoded elsewhere.
func (p *progress) remoteLine(c *clipProgress, begins, finished bool) {
	tenths := 0
	if c.Total > 0 {
		tenths = int(10 * c.Done / c.Total)
	}
	switch {
	case finished:
		fmt.Fprintf(p.w, "encoded %s\n", printable(c.Clip))
	case c.Step == video.Uploading && begins:
		fmt.Fprintf(p.w, "uploading %s (%.1f MB)\n", printable(c.Clip), float64(c.Total)/1e6)
	case c.Step == video.Converting && begins:
		fmt.Fprintf(p.w, "MediaConvert encodes %s\n", printable(c.Clip))
	case c.Step == video.Converting && tenths > c.said:
		c.said = tenths
		fmt.Fprintf(p.w, "MediaConvert encodes %s: %d %%\n", printable(c.Clip), 10*tenths)
	}
}

// draw draws the bars over those drawn before.
func (p *progress) draw() {
	p.drawn = time.Now()
	width := 80
	if f, ok := p.w.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = w
		}
	}
	var b strings.Builder
	b.WriteString(p.erase())
	for _, c := range p.clips {
		b.WriteString(bar(c.Progress, width-1) + "\n")
	}
	p.lines = len(p.clips)
	fmt.Fprint(p.w, b.String())
}

// erase is what takes the drawn lines off a terminal (ECMA-48: cursor up, erase in page).
func (p *progress) erase() string {
	if p.lines == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\x1b[J", p.lines)
}

// end clears the bars.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lines > 0 {
		fmt.Fprint(p.w, p.erase())
	}
	p.clips, p.lines = nil, 0
}

// bar is one line, at most width wide, that shows how far a clip has come: "walk.mov  ━━━━━━━━╌╌╌╌  42 %  2.3x  1:05 left".
func bar(u video.Progress, width int) string {
	part := 0.0
	if u.Total > 0 {
		part = min(max(float64(u.Done)/float64(u.Total), 0), 1)
	}
	tail := fmt.Sprintf("  %3.0f %%", 100*part)
	switch {
	case u.Step == video.Packaging || u.Step == video.Uploading:
		tail += "  " + string(u.Step)
	case u.Step == video.Converting:
		tail += "  at MediaConvert"
	case u.Total == 0:
		tail = fmt.Sprintf("  %s, of unknown length", clock(time.Duration(u.Done)))
	case u.Speed > 0:
		tail += fmt.Sprintf("  %.1fx  %s left", u.Speed, clock(left(u)))
	}
	const bricks = 24
	full := int(part * bricks)
	drawing := "  " + strings.Repeat("━", full) + strings.Repeat("╌", bricks-full)
	name := []rune(printable(path.Base(u.Clip)))
	room := width - len([]rune(tail)) - bricks - 2
	if room < 8 {
		drawing = ""
		room = max(width-len([]rune(tail)), 1)
	}
	room = min(room, 24)
	if len(name) > room {
		name = append(name[:max(room-1, 0)], '…')
	}
	return fmt.Sprintf("%-*s", room, string(name)) + drawing + tail
}

// left is how long encoding will go on.
func left(u video.Progress) time.Duration {
	if u.Step != video.Encoding || u.Speed <= 0 || u.Total <= u.Done {
		return 0
	}
	return time.Duration(float64(u.Total-u.Done) / u.Speed)
}

// clock is a length of time as people write it: "1:05", "1:02:03".
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
