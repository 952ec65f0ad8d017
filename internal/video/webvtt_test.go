package video

import (
	"strings"
	"testing"
	"time"
)

func TestParseWebVTT(t *testing.T) {
	text, cues, err := parseWebVTT("c.vtt", []byte("\xef\xbb\xbfWEBVTT\r\n\r\n1\r\n00:01.500 --> 00:02.000 align:start\r\n<v Ann>Hello &amp;\r\n<i>goodbye</i>\r\n\r\n01:00:00.000 --> 01:00:01.000\r\nLate\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(string(text), "\r\ufeff") {
		t.Errorf("text keeps its carriage returns or byte order mark: %q", text)
	}
	if len(cues) != 2 || cues[0].Start != 1500*time.Millisecond || cues[1].Start != time.Hour || cues[0].Line != 4 {
		t.Fatalf("cues are %+v", cues)
	}
	if got := plainCue(cues[0].Text); got != "Hello & goodbye" {
		t.Errorf("plain text is %q", got)
	}
}

func TestParseWebVTTProblems(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"", "c.vtt:1: not a WebVTT file"},
		{"1\n00:00:01,000 --> 00:00:02,000\nHi\n", "c.vtt:1: not a WebVTT file"},
		{"WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nHi\n", `c.vtt:3: cue time "00:00:01,000" is not a time`},
		{"WEBVTT\n\n00:05.000 --> 00:01.000\nHi\n", "c.vtt:3: cue ends at 00:01.000, before it starts at 00:05.000"},
		{"WEBVTT\n\n00:05.000 -->\nHi\n", "c.vtt:3: cue time \"00:05.000 -->\" has no end"},
		{"WEBVTT\n\ncaf\xe9\n", "c.vtt:3: not UTF-8"},
		{"WEBVTT\n\n99999999999:00:00.000 --> 00:01.000\n", "c.vtt:3: cue time"},
	} {
		_, _, err := parseWebVTT("c.vtt", []byte(test.file))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q: error is %v, want %s", test.file, err, test.want)
		}
	}
}

// What chaptersWebVTT writes, parseWebVTT reads, whatever a title holds.
func TestChaptersRoundTrip(t *testing.T) {
	chapters := []Chapter{{0, "A <b> & c"}, {90 * time.Second, "--> arrow"}, {2 * time.Hour, "Two\nlines"}}
	_, cues, err := parseWebVTT("c.vtt", chaptersWebVTT(chapters, 3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(cues) != len(chapters) {
		t.Fatalf("%d cues, want %d", len(cues), len(chapters))
	}
	for i, c := range chapters {
		if want := strings.ReplaceAll(c.Title, "\n", " "); cues[i].Start != c.At || plainCue(cues[i].Text) != want {
			t.Errorf("chapter %d is %v %q, want %v %q", i, cues[i].Start, plainCue(cues[i].Text), c.At, want)
		}
	}
}

func FuzzParseWebVTT(f *testing.F) {
	f.Add([]byte("WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n"))
	f.Add([]byte("\xef\xbb\xbfWEBVTT x\r\n\r\n-->\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, cues, err := parseWebVTT("f.vtt", data)
		if err != nil {
			return
		}
		again, cues2, err := parseWebVTT("f.vtt", text)
		if err != nil || string(again) != string(text) || len(cues2) != len(cues) {
			t.Fatalf("what was accepted and normalised is not accepted again: %v", err)
		}
		for _, c := range cues {
			if c.Start < 0 || c.End < c.Start {
				t.Fatalf("cue %+v", c)
			}
		}
	})
}
