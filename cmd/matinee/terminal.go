package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"matinee/internal/video"
)

// isTerminal tells whether a person reads along.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A progress shows how far clips have come: one bar over all of them on a terminal, a line for each finished clip
// elsewhere.
type progress struct {
	w     io.Writer
	quiet bool
	bar   bool

	mu    sync.Mutex
	clips map[string]video.Progress
	shown *progressbar.ProgressBar
}

func newProgress(e env, quiet bool) *progress {
	return &progress{w: e.stderr, quiet: quiet, bar: isTerminal(e.stderr), clips: map[string]video.Progress{}}
}

// update is called whenever a clip has come further.
func (p *progress) update(u video.Progress) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.clips[u.Clip]
	p.clips[u.Clip] = u
	if !p.bar {
		if u.Done == u.Total && before.Done != u.Total {
			fmt.Fprintf(p.w, "packaged %s\n", u.Clip)
		}
		return
	}
	var done, total int64
	for _, c := range p.clips {
		done, total = done+c.Done, total+c.Total
	}
	if p.shown == nil {
		p.shown = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.w), progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100_000_000))
	}
	p.shown.Describe(path.Base(u.Clip))
	p.shown.ChangeMax64(max(total, 1))
	_ = p.shown.Set64(done) // a bar that cannot be drawn must not stop the build
}

// end clears the bar.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown != nil {
		_ = p.shown.Finish()
	}
}
