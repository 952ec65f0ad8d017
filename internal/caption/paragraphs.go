package caption

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// A Paragraph is what is said in one go, for reading.
type Paragraph struct {
	Speaker string // who begins to speak, where the captions say so and it is somebody else than before
	Lines   []Line
}

// A Line is the text of a cue without markup.
type Line struct {
	At   time.Duration
	Text string
}

const (
	pause   = 2500 * time.Millisecond // of silence: something new begins
	longer  = 280                     // letters after which a paragraph ends with the sentence
	muchToo = 700                     // letters after which it ends in any case
	rolling = 100 * time.Millisecond  // of silence at most: a repeated line is the same one, moved up
)

var (
	voice    = regexp.MustCompile(`^\s*<v(?:\.[^\s>]*)?\s+([^>]+)>`)
	sentence = regexp.MustCompile(`[.!?…。！？]["'”’»)\]]*$`)
)

// Paragraphs groups the cues of a track into paragraphs: they end where somebody else speaks, at a pause, where one of
// the given times (of chapters) falls, and at the end of a sentence once they are long. Captions that roll upwards
// repeat the last line; it is told once.
func (t *Track) Paragraphs(breaks []time.Duration) []Paragraph {
	var paragraphs []Paragraph
	speaker, last, letters := "", "", 0
	var end time.Duration
	for _, c := range t.Cues {
		silence := c.Start - end
		end = max(end, c.End)
		lines := plainLines(c.Text)
		if len(lines) > 0 && lines[0] == last && silence < rolling {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			continue
		}
		last = lines[len(lines)-1]
		who := ""
		if m := voice.FindStringSubmatch(c.Text); m != nil {
			who = Plain(m[1])
		}
		changes := who != "" && who != speaker
		if len(paragraphs) == 0 || changes || silence >= pause || between(breaks, paragraphs, c.Start) || isFull(paragraphs, letters) {
			paragraphs = append(paragraphs, Paragraph{})
			letters = 0
		}
		p := &paragraphs[len(paragraphs)-1]
		if changes {
			p.Speaker, speaker = who, who
		}
		text := strings.Join(lines, " ")
		p.Lines = append(p.Lines, Line{At: c.Start, Text: text})
		letters += utf8.RuneCountInString(text)
	}
	return paragraphs
}

// plainLines are the lines of a cue that say something.
func plainLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = Plain(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// between tells whether one of the breaks falls between the last line and a time.
func between(breaks []time.Duration, paragraphs []Paragraph, at time.Duration) bool {
	lines := paragraphs[len(paragraphs)-1].Lines
	last := lines[len(lines)-1].At
	for _, b := range breaks {
		if last < b && b <= at {
			return true
		}
	}
	return false
}

func isFull(paragraphs []Paragraph, letters int) bool {
	lines := paragraphs[len(paragraphs)-1].Lines
	return letters >= muchToo || letters >= longer && sentence.MatchString(lines[len(lines)-1].Text)
}
