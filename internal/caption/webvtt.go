package caption

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"matinee/internal/diag"
)

const arrow = "-->"

func isWebVTT(line string) bool {
	rest, ok := strings.CutPrefix(line, "WEBVTT")
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// readWebVTT reads a WebVTT file. Its comments and the lines below its first are left out: the latter hold what tools
// tell each other, such as the X-TIMESTAMP-MAP of pieces of a stream, which would move every cue.
func readWebVTT(name string, lines []string) (*Track, error) {
	if !isWebVTT(lines[0]) {
		return nil, diag.At(name, 1, "not a WebVTT file: the first line must be WEBVTT").
			WithHint("if it is a SubRip file, name it .srt")
	}
	t := &Track{}
	head := true // line by line, then block by block
	for i := 1; i < len(lines); i++ {
		switch line := strings.TrimRight(lines[i], " \t"); {
		case line == "":
			head = false
		case !head && strings.HasPrefix(line, "NOTE") && lines[i-1] == "":
			i = endOfBlock(lines, i+1) - 1
		case brokenArrow.MatchString(line):
			return nil, noArrow(name, i+1, line)
		case strings.Contains(line, arrow):
			head = false
			cue, next, err := readCue(lines, i)
			if err != nil {
				return nil, diag.At(name, i+1, "%v", err).WithHint("write cue times as 00:01:02.500 --> 00:01:05.000")
			}
			t.Cues = append(t.Cues, cue)
			i = next - 1
		case !head && (line == "STYLE" || line == "REGION") && lines[i-1] == "" && len(t.Cues) == 0:
			end := endOfBlock(lines, i+1)
			if end > i+1 {
				t.Head = append(t.Head, strings.Join(lines[i:end], "\n"))
			}
			i = end - 1
		}
	}
	return t, nil
}

// brokenArrow is a line that can only be meant as a timing, whose arrow is none: "->", or what an editor made of "-->".
var brokenArrow = regexp.MustCompile(`^\s*(?:\d+:)?\d+:\d{2}[.,]\d+\s*(?:->|- ->|-- >|[–—−]+-?>|→|⟶)\s*(?:\d+:)?\d+:\d{2}[.,]\d`)

func noArrow(name string, number int, line string) error {
	return diag.At(name, number, "cue time %q has no arrow", strings.TrimSpace(line)).
		WithHint(`write "-->" between the times: two hyphens and a >`)
}

// readCue reads the cue whose timing is line i, and returns the line after it.
func readCue(lines []string, i int) (c Cue, next int, err error) {
	c.Line = i + 1
	if c.Start, c.End, c.Settings, err = parseTiming(lines[i]); err != nil {
		return c, i + 1, err
	}
	if before := strings.TrimSpace(lines[i-1]); i > 1 && (i == 2 || lines[i-2] == "") && !strings.Contains(before, arrow) && !keyword.MatchString(before) {
		c.ID = before
	}
	end := endOfBlock(lines, i+1)
	c.Text = strings.Join(lines[i+1:end], "\n")
	return c, end, nil
}

// endOfBlock is the first line from i that is empty or a timing, which ends a block although no empty line does.
func endOfBlock(lines []string, i int) int {
	for i < len(lines) && lines[i] != "" && !strings.Contains(lines[i], arrow) {
		i++
	}
	return i
}

func parseTiming(line string) (start, end time.Duration, settings string, err error) {
	from, rest, _ := strings.Cut(line, arrow)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, 0, "", fmt.Errorf("cue time %q has no end", strings.TrimSpace(line))
	}
	if strings.Contains(rest, arrow) {
		return 0, 0, "", fmt.Errorf("cue time %q has two arrows", strings.TrimSpace(line))
	}
	if start, err = parseCueTime(strings.TrimSpace(from)); err != nil {
		return 0, 0, "", err
	}
	if end, err = parseCueTime(fields[0]); err != nil {
		return 0, 0, "", err
	}
	if end < start {
		return 0, 0, "", endsEarly(fields[0], strings.TrimSpace(from))
	}
	return start, end, strings.Join(fields[1:], " "), nil
}

// keyword begins blocks that are no cues.
var keyword = regexp.MustCompile(`^(STYLE|REGION|NOTE)\b`)

func endsEarly(end, start string) error {
	return fmt.Errorf("cue ends at %s, before it starts at %s", end, start)
}

// parseCueTime reads "[hh:]mm:ss.ttt".
func parseCueTime(s string) (time.Duration, error) {
	whole, milli, ok := strings.Cut(s, ".")
	parts := strings.Split(whole, ":")
	if !ok || len(milli) != 3 || len(parts) == 2 && len(parts[0]) != 2 {
		return 0, notATime(s)
	}
	for _, part := range parts {
		if len(part) < 2 {
			return 0, notATime(s)
		}
	}
	d, err := clock(parts, milli)
	if err != nil {
		return 0, notATime(s)
	}
	return d, nil
}

func notATime(s string) error { return fmt.Errorf("cue time %q is not a time", s) }

var errTime = errors.New("not a time")

// clock adds up hours (where given), minutes and seconds, and the decimals after them.
func clock(parts []string, decimals string) (time.Duration, error) {
	if len(parts) < 2 || len(parts) > 3 || len(decimals) > 9 {
		return 0, errTime
	}
	nanos, err := strconv.ParseUint((decimals + "000000000")[:9], 10, 32)
	if err != nil {
		return 0, errTime
	}
	var seconds uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || len(part) > 5 || (i > 0 || len(parts) == 2) && n > 59 {
			return 0, errTime
		}
		seconds = seconds*60 + n
	}
	return time.Duration(seconds)*time.Second + time.Duration(nanos).Truncate(time.Millisecond), nil
}
