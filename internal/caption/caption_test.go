package caption_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"matinee/internal/caption"
)

// TestRead reads files as they are found in the wild; what is wanted is the WebVTT without its first two lines.
func TestRead(t *testing.T) {
	for name, c := range map[string]struct{ file, data, want string }{
		"subrip": {
			"a.srt", "1\n00:00:01,000 --> 00:00:02,500\nHello\nthere\n\n2\n00:00:03,000 --> 00:00:04,000\nYes\n",
			"00:00:01.000 --> 00:00:02.500\nHello\nthere\n\n00:00:03.000 --> 00:00:04.000\nYes\n",
		},
		"mark and CRLF": {"a.srt", "\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\nHello\r\n\r\n", "00:00:01.000 --> 00:00:02.000\nHello\n"},
		"CR":            {"a.srt", "1\r00:00:01,000 --> 00:00:02,000\rHello\r", "00:00:01.000 --> 00:00:02.000\nHello\n"},
		"Windows-1252":  {"a.srt", "1\n00:00:01,000 --> 00:00:02,000\nCaf\xe9 \x96 5 \x80\n", "00:00:01.000 --> 00:00:02.000\nCafé – 5 €\n"},
		"UTF-16":        {"a.srt", "\xff\xfe1\x00\n\x000\x000\x00:\x000\x001\x00,\x000\x00-\x00-\x00>\x000\x00:\x000\x002\x00\n\x00\xe9\x00", "00:00:01.000 --> 00:00:02.000\né\n"},
		"a note of a time": {
			"a.vtt", "WEBVTT\n\nNOTE was\n00:03.000 -> 00:04.000\n\n00:01.000 --> 00:02.000\nAt 00:03.000 -> 00:04.000\n",
			"00:00:01.000 --> 00:00:02.000\nAt 00:03.000 -> 00:04.000\n",
		},
		"no empty lines between": {
			"a.srt", "1\n00:00:01,000 --> 00:00:02,000\nOne\n2\n00:00:02,000 --> 00:00:03,000\nTwo\n00:00:03,000 --> 00:00:04,000\nThree",
			"00:00:01.000 --> 00:00:02.000\nOne\n\n00:00:02.000 --> 00:00:03.000\nTwo\n\n00:00:03.000 --> 00:00:04.000\nThree\n",
		},
		"empty lines inside": {"a.srt", "1\n00:00:01,000 --> 00:00:02,000\nOne\n\nand more\n", "00:00:01.000 --> 00:00:02.000\nOne\nand more\n"},
		"out of order, overlapping": {
			"a.srt", "00:00:05,000 --> 00:00:09,000\nB\n\n00:00:01,000 --> 00:00:06,000\nA\n",
			"00:00:01.000 --> 00:00:06.000\nA\n\n00:00:05.000 --> 00:00:09.000\nB\n",
		},
		"before the beginning": {
			"a.srt", "-00:00:05,000 --> -00:00:01,000\nNever\n\n-00:00:01,000 --> 00:00:01,000\nA\n\n00:00:02,000 --> 00:00:02,000\nNothing\n",
			"00:00:00.000 --> 00:00:01.000\nA\n",
		},
		"loose times": {"a.srt", "0:1:2.5 --> 0:01:04 X1:40 X2:600\nA\n", "00:01:02.500 --> 00:01:04.000\nA\n"},
		"markup": {
			"a.srt", "00:00:01,000 --> 00:00:02,000\n<I>a</I> <font color=\"#f00\">b</font> {\\an8}<b>c\n<u>d</b> 1 < 2 && 3 > 2 <3 &amp; --> {e}\n",
			"00:00:01.000 --> 00:00:02.000\n<i>a</i> b <b>c\n<u>d</u></b> 1 &lt; 2 &amp;&amp; 3 &gt; 2 &lt;3 &amp; --&gt; {e}\n",
		},
		"script":           {"a.srt", "00:00:01,000 --> 00:00:02,000\n<script>alert(1)</script><img src=x onerror=alert(1)>\n", "00:00:01.000 --> 00:00:02.000\nalert(1)\n"},
		"no markup":        {"a.srt", "00:00:01,000 --> 00:00:02,000\n<laughs> a vector<int> and <T>, <b>x</b><brr>\n", "00:00:01.000 --> 00:00:02.000\n&lt;laughs&gt; a vector&lt;int&gt; and &lt;T&gt;, <b>x</b>&lt;brr&gt;\n"},
		"broken lines":     {"a.srt", "00:00:01,000 --> 00:00:02,000\n<i>One<br>two<BR/>three<br /></i>\n", "00:00:01.000 --> 00:00:02.000\n<i>One\ntwo\nthree\n</i>\n"},
		"webvtt in a .srt": {"a.srt", "WEBVTT\n\n00:01.000 --> 00:02.000\nA\n", "00:00:01.000 --> 00:00:02.000\nA\n"},
		"webvtt": {
			"a.vtt", "WEBVTT - title\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnobody reads this\n\nintro\n00:01.000 --> 00:02.000 line:0 align:start\n<v Ada>A &lt; B\n00:03.000 --> 00:04.000\nC",
			"STYLE\n::cue { color: red }\n\nintro\n00:00:01.000 --> 00:00:02.000 line:0 align:start\n<v Ada>A &lt; B\n\n00:00:03.000 --> 00:00:04.000\nC\n",
		},
		"substation": {
			"a.ass", "[Script Info]\nTitle: x\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n" +
				"Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,no\n" +
				"Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\i1\\c&H00FF00&}la{\\i0\\b1\\i1}te{\\rSign}, {a note}<b>\\Nnext\n" +
				"Dialogue: 1,0:00:01.50,0:00:02.00,Default,,0,0,0,,early\nDialogue: 2,0:00:01.50,0:00:02.00,Default,,0,0,0,,early\n" +
				"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0{\\p0}\n",
			"00:00:01.500 --> 00:00:02.000\nearly\n\n00:00:03.000 --> 00:00:04.000\n<i>la</i><b><i>te</i></b>, &lt;b&gt;\nnext\n",
		},
		"substation 4": {"a.ssa", "[Events]\nFormat: Marked, Start, End, Text\nDialogue: Marked=0,0:00:01.00,0:00:02.00,a, b", "00:00:01.000 --> 00:00:02.000\na, b\n"},
	} {
		t.Run(name, func(t *testing.T) {
			track, err := caption.Read(c.file, []byte(c.data))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimPrefix(string(track.WebVTT()), "WEBVTT\n\n")
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if track.Legacy != (name == "Windows-1252") {
				t.Error("legacy", track.Legacy)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct{ file, data, want string }{
		{"a.vtt", "1\n00:00:01,000 --> 00:00:02,000\nA\n", "a.vtt:1: not a WebVTT file"},
		{"a.vtt", "WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nA\n", `a.vtt:3: cue time "00:00:01,000" is not a time`},
		{"a.vtt", "WEBVTT\n\n00:05.000 --> 00:02.000\nA\n", "a.vtt:3: cue ends at 00:02.000, before it starts at 00:05.000"},
		{"a.vtt", "WEBVTT\n\n00:05.000 -->\nA\n", "a.vtt:3: cue time \"00:05.000 -->\" has no end"},
		{"a.vtt", "WEBVTT\n\n\xff", "a.vtt:3: not UTF-8 text"},
		{"a.srt", "", "a.srt:1: no cue with a time"},
		{"a.srt", "Once upon a time --> there was\n", "a.srt:1: no cue with a time"},
		{"a.srt", "1\n00:00:01,000 --> 00:00:02,000\nA\n\n2\n00:99:01,000 --> 00:00:02,000\nB\n", `a.srt:6: cue time "00:99:01,000" is not a time`},
		{"a.srt", "00:00:05,000 --> 00:00:02,000\nA\n", "a.srt:1: cue ends at 00:00:02,000, before it starts at 00:00:05,000"},
		{"a.srt", "1\n00:00:01,000 --> 00:00:02,000\nA\n\n2\n00:00:03,000 —> 00:00:04,000\nB\n", `a.srt:6: cue time "00:00:03,000 —> 00:00:04,000" has no arrow`},
		{"a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nA\n\nid\n00:03.000 -> 00:04.000\nB\n", `a.vtt:7: cue time "00:03.000 -> 00:04.000" has no arrow`},
		{"a.ass", "[Script Info]\n", "a.ass:1: no line that begins with Dialogue:"},
		{"a.ass", "[Events]\nDialogue: 0,0:00:xx.00,0:00:01.00,Default,,0,0,0,,A", `a.ass:2: cue time "0:00:xx.00" is not a time`},
		{"a.ass", "[Events]\nDialogue: 0,0:00:01.00", "a.ass:2: the line has 2 columns, and its Format line names 10"},
		{"a.sub", "", "a.sub: captions of this type are not understood"},
	} {
		if _, err := caption.Read(c.file, []byte(c.data)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q\n got %v\nwant %s", c.data, err, c.want)
		}
	}
}

func TestParagraphs(t *testing.T) {
	sentence := "This is a sentence of some length, said to fill a paragraph until it is full. "
	track, err := caption.Read("a.vtt", []byte("WEBVTT\n\n"+
		"00:00.000 --> 00:02.000\n<v Ada>Good morning.\n\n"+
		"00:02.000 --> 00:04.000\n<v Ada>It is\n\n"+
		"00:04.000 --> 00:06.000\n<v Ada>It is\nearly.\n\n"+ // rolls
		"00:06.000 --> 00:07.000\n<v Bob>So it &amp; is.\n\n"+
		"00:20.000 --> 00:21.000\nAfter a pause.\n\n"+
		"00:21.000 --> 00:22.000\nAnother chapter.\n\n"+
		"00:22.000 --> 00:23.000\n"+strings.Repeat(sentence, 4)+"\n\n"+
		"00:23.000 --> 00:24.000\nAfter a long one.\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range track.Paragraphs([]time.Duration{0, 21 * time.Second}) {
		text := p.Speaker + ":"
		for _, l := range p.Lines {
			text += " " + l.At.String() + " " + l.Text
		}
		got = append(got, text)
	}
	want := []string{
		"Ada: 0s Good morning. 2s It is 4s early.",
		"Bob: 6s So it & is.",
		": 20s After a pause.",
		": 21s Another chapter. 22s " + strings.TrimSpace(strings.Repeat(sentence, 4)),
		": 23s After a long one.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// FuzzRead: nothing panics, and what is written is WebVTT that reads back to the same cues, in order, whose text cannot
// leave its place. Text from formats other than WebVTT holds no tags but <i>, <b> and <u>, all of them closed.
func FuzzRead(f *testing.F) {
	f.Add(uint8(0), []byte("WEBVTT\n\nSTYLE\na\n\nid\n00:01.000 --> 00:02.000 line:0\n<v A>b\n\nNOTE\nx\n"))
	f.Add(uint8(1), []byte("1\r\n-00:00:01,000 --> 00:00:02,000\r\n<i>a<b>b</i>&amp;{\\i1}\x00\r\n\r\n2\r\n00:00:01,5 --> 0:0:3\r\nb\xe9"))
	f.Add(uint8(2), []byte("[Events]\nFormat: Start, End, Text\nDialogue: 0:00:01.00,0:00:02.00,{\\i1\\p1}m{\\p0}<a\\Nb"))
	f.Add(uint8(1), []byte("\xff\xfe0\x00"))
	f.Fuzz(func(t *testing.T, format uint8, data []byte) {
		ext := caption.Extensions[int(format)%len(caption.Extensions)]
		track, err := caption.Read("a"+ext, data)
		if err != nil {
			return
		}
		written := track.WebVTT()
		again, err := caption.Read("b.vtt", written)
		if err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		if !slices.EqualFunc(track.Cues, again.Cues, func(a, b caption.Cue) bool { a.Line = b.Line; return a == b }) {
			t.Fatalf("other cues\n%+v\n%+v", track.Cues, again.Cues)
		}
		if !slices.Equal(track.Head, again.Head) || !bytes.Equal(written, again.WebVTT()) || !utf8.Valid(written) {
			t.Fatalf("other file\n%q\n%q", written, again.WebVTT())
		}
		var last time.Duration
		for _, c := range track.Cues {
			if c.Start < last || c.End < c.Start || strings.Contains(c.Text, "-->") || strings.Contains("\n"+c.Text+"\n", "\n\n") && c.Text != "" {
				t.Fatalf("%+v", c)
			}
			last = c.Start
			if ext != ".vtt" && !bytes.HasPrefix(bytes.TrimPrefix(data, []byte("\ufeff")), []byte("WEBVTT")) && !isUTF16(data) {
				checkTags(t, c.Text)
			}
		}
		_ = track.Paragraphs(nil)
	})
}

func isUTF16(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
}

// checkTags fails unless every < begins one of the tags that are kept, and these nest.
func checkTags(t *testing.T, text string) {
	t.Helper()
	var open []string
	for i := 0; i < len(text); i++ {
		if text[i] != '<' {
			continue
		}
		name, _, _ := strings.Cut(text[i+1:], ">")
		closing, isClosing := strings.CutPrefix(name, "/")
		switch {
		case isClosing && len(open) > 0 && open[len(open)-1] == closing:
			open = open[:len(open)-1]
		case slices.Contains([]string{"i", "b", "u"}, name):
			open = append(open, name)
		default:
			t.Fatalf("<%s> in %q", name, text)
		}
	}
	if len(open) > 0 {
		t.Fatalf("%v left open in %q", open, text)
	}
}
