package video

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"matinee/internal/diag"
)

// maxText is the largest caption or chapter file taken: ten hours of dense captions are below 2 MB.
const maxText = 16 << 20

// A cue is a timed text of a WebVTT file (https://www.w3.org/TR/webvtt1/).
type cue struct {
	Start, End time.Duration
	Text       string
	Line       int // of the timing
}

// parseWebVTT reads the cues of a WebVTT file and returns its text with LF line ends and no byte order mark. Problems
// name the line; a browser would drop such a cue without a word.
func parseWebVTT(file string, data []byte) (text []byte, cues []cue, err error) {
	text = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	if i := invalidUTF8(text); i >= 0 {
		return nil, nil, diag.At(file, 1+bytes.Count(text[:i], []byte("\n")), "not UTF-8 text").
			WithHint("save the file as UTF-8")
	}
	lines := strings.Split(string(text), "\n")
	if head := lines[0]; head != "WEBVTT" && !strings.HasPrefix(head, "WEBVTT ") && !strings.HasPrefix(head, "WEBVTT\t") {
		return nil, nil, diag.At(file, 1, "not a WebVTT file: the first line must be WEBVTT")
	}
	for i := 1; i < len(lines); i++ {
		if !strings.Contains(lines[i], "-->") {
			continue
		}
		c := cue{Line: i + 1}
		if c.Start, c.End, err = parseTiming(lines[i]); err != nil {
			return nil, nil, diag.At(file, i+1, "%v", err).WithHint("write cue times as 00:01:02.500 --> 00:01:05.000")
		}
		var body []string
		for i+1 < len(lines) && lines[i+1] != "" {
			i++
			body = append(body, lines[i])
		}
		c.Text = strings.Join(body, "\n")
		cues = append(cues, c)
	}
	return text, cues, nil
}

func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func parseTiming(line string) (start, end time.Duration, err error) {
	from, rest, _ := strings.Cut(line, "-->")
	fields := strings.Fields(rest) // the end time, then cue settings
	if len(fields) == 0 {
		return 0, 0, fmt.Errorf("cue time %q has no end", strings.TrimSpace(line))
	}
	if start, err = parseCueTime(strings.TrimSpace(from)); err != nil {
		return 0, 0, err
	}
	if end, err = parseCueTime(fields[0]); err != nil {
		return 0, 0, err
	}
	if end < start {
		return 0, 0, fmt.Errorf("cue ends at %s, before it starts at %s", fields[0], strings.TrimSpace(from))
	}
	return start, end, nil
}

// parseCueTime reads "[hh:]mm:ss.ttt".
func parseCueTime(s string) (time.Duration, error) {
	whole, milli, ok := strings.Cut(s, ".")
	parts := strings.Split(whole, ":")
	bad := fmt.Errorf("cue time %q is not a time", s)
	if !ok || len(milli) != 3 || len(parts) < 2 || len(parts) > 3 {
		return 0, bad
	}
	ms, err := strconv.ParseUint(milli, 10, 32)
	if err != nil {
		return 0, bad
	}
	var seconds uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || len(part) < 2 || len(part) > 5 || (i > 0 || len(parts) == 2) && n > 59 {
			return 0, bad
		}
		seconds = seconds*60 + n
	}
	return time.Duration(seconds)*time.Second + time.Duration(ms)*time.Millisecond, nil
}

// chaptersWebVTT writes chapters as a WebVTT chapters file. The last one ends with the clip.
func chaptersWebVTT(chapters []Chapter, duration time.Duration) []byte {
	var b bytes.Buffer
	b.WriteString("WEBVTT\n")
	for i, c := range chapters {
		end := max(duration, c.At)
		if i+1 < len(chapters) {
			end = chapters[i+1].At
		}
		title := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", " ").Replace(c.Title)
		fmt.Fprintf(&b, "\n%s --> %s\n%s\n", cueTime(c.At), cueTime(end), title)
	}
	return b.Bytes()
}

func cueTime(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

// plainCue is the text of a cue without its tags, entities resolved.
var cueEntities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&nbsp;", "\u00a0", "&lrm;", "\u200e", "&rlm;", "\u200f", "&amp;", "&")

func plainCue(text string) string {
	var b strings.Builder
	for text != "" {
		before, rest, ok := strings.Cut(text, "<")
		b.WriteString(before)
		if !ok {
			break
		}
		_, text, _ = strings.Cut(rest, ">")
	}
	return strings.TrimSpace(strings.ReplaceAll(cueEntities.Replace(b.String()), "\n", " "))
}
