package ffmpeg

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// A progress reads what ffmpeg writes with -progress: blocks of lines "key=value" that end with the key progress.
type progress struct {
	told     func(progress) // called after each block
	done     time.Duration  // what has been written of the film
	frames   int64          // pictures that have been written
	advanced bool           // there is more than at the last block

	line []byte // without its end yet
}

// Write implements io.Writer.
func (p *progress) Write(b []byte) (int, error) {
	n := len(b)
	for {
		head, rest, found := bytes.Cut(b, []byte("\n"))
		if len(p.line)+len(head) <= 1<<10 { // no line of ffmpeg's is longer
			p.line = append(p.line, head...)
		}
		if !found {
			return n, nil
		}
		key, value, _ := strings.Cut(strings.TrimSpace(string(p.line)), "=")
		p.set(key, strings.TrimSpace(value))
		p.line, b = p.line[:0], rest
	}
}

func (p *progress) set(key, value string) {
	switch key {
	case "frame":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > p.frames {
			p.frames, p.advanced = n, true
		}
	case "out_time_us": // "N/A" before the first packet
		us, err := strconv.ParseInt(value, 10, 64)
		if done := time.Duration(us) * time.Microsecond; err == nil && us < math.MaxInt64/1000 && done > p.done {
			p.done, p.advanced = done, true
		}
	case "progress":
		p.told(*p)
		p.advanced = false
	}
}
