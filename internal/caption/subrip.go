package caption

import (
	"regexp"
	"strings"
	"time"

	"matinee/internal/diag"
)

// looksTimed is a line that can only be meant as the timing of a SubRip cue: "00:01:02,500 --> …".
var looksTimed = regexp.MustCompile(`^\s*-?\d+\s*:.*-->`)

// readSubRip reads a SubRip file. There is no standard; the shape is
//
//	1
//	00:01:02,500 --> 00:01:05,000
//	one or several lines
//
// with an empty line after each cue. Only the timing is relied on: the text is what stands between one and the next,
// without the number above the latter.
func readSubRip(name string, lines []string) (*Track, error) {
	t := &Track{}
	timings := 0
	for i, line := range lines {
		if brokenArrow.MatchString(line) {
			return nil, noArrow(name, i+1, line)
		}
	}
	for i := 0; i < len(lines); {
		if !looksTimed.MatchString(lines[i]) {
			i++
			continue
		}
		start, end, err := subRipTiming(lines[i])
		if err != nil {
			return nil, diag.At(name, i+1, "%v", err).WithHint("write cue times as 00:01:02,500 --> 00:01:05,000")
		}
		timings++
		next := i + 1
		for next < len(lines) && !looksTimed.MatchString(lines[next]) {
			next++
		}
		body := lines[i+1 : next]
		if n := len(body); next < len(lines) && n > 0 && isNumber(body[n-1]) {
			body = body[:n-1]
		}
		t.add(Cue{Start: start, End: end, Line: i + 1}, markup(strings.Join(body, "\n"), false))
		i = next
	}
	if timings == 0 {
		return nil, diag.At(name, 1, "no cue with a time such as 00:01:02,500 --> 00:01:05,000").
			WithHint("is it a SubRip file?")
	}
	return t, nil
}

// add takes a cue with its text, unless nobody would ever see it.
func (t *Track) add(c Cue, text string) {
	c.Start = max(c.Start, 0) // a film that was cut leaves cues from before its beginning
	if c.Text = text; c.End > c.Start && Plain(text) != "" {
		t.Cues = append(t.Cues, c)
	}
}

// isNumber tells whether a line is the number of a cue.
func isNumber(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && strings.Trim(line, "0123456789") == ""
}

// subRipTiming reads "00:01:02,500 --> 00:01:05,000"; places on the picture may follow.
func subRipTiming(line string) (start, end time.Duration, err error) {
	from, rest, _ := strings.Cut(line, arrow)
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, 0, notATime(strings.TrimSpace(line))
	}
	if start, err = signedTime(from); err != nil {
		return 0, 0, err
	}
	if end, err = signedTime(fields[0]); err != nil {
		return 0, 0, err
	}
	if end < start {
		return 0, 0, endsEarly(fields[0], strings.TrimSpace(from))
	}
	return start, end, nil
}

// signedTime reads "h:mm:ss,ttt", also with a point, fewer digits, or a sign.
func signedTime(s string) (time.Duration, error) {
	text, negative := strings.CutPrefix(strings.Join(strings.Fields(s), ""), "-")
	whole, decimals, _ := strings.Cut(strings.ReplaceAll(text, ",", "."), ".")
	d, err := clock(strings.Split(whole, ":"), decimals)
	if err != nil {
		return 0, notATime(strings.TrimSpace(s))
	}
	if negative {
		return -d, nil
	}
	return d, nil
}
