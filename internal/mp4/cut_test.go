package mp4

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// still is a silent film of n pictures at rate pictures a second with the given numbers of keyframes.
func still(n int, rate uint32, keys ...int) Selection {
	m := &Movie{timescale: 1000}
	t := &Track{Kind: Video, timescale: rate * 100, enabled: true}
	key := map[int]bool{}
	for _, k := range keys {
		key[k] = true
	}
	for i := range n {
		flags := uint32(flagsDelta)
		if key[i] {
			flags = flagsSync
		}
		t.table.append(fragmentDefaults{duration: 100, size: 1, flags: flags}, 0)
	}
	t.table.chunks, t.table.perChunk = []int64{0}, runs[uint32]{{uint32(n), uint32(n)}}
	if err := t.finish(m); err != nil {
		panic(err)
	}
	return Selection{Movie: m, Video: t}
}

func every(n, step int) []int {
	var keys []int
	for k := 0; k < n; k += step {
		keys = append(keys, k)
	}
	return keys
}

func TestCuts(t *testing.T) {
	for _, test := range []struct {
		name string
		film Selection
		want string // segment lengths
	}{
		{"keyframe every 2 s", still(500, 25, every(500, 50)...), "2s 2s 2s 6s 6s 2s"},
		{"keyframe every second", still(500, 25, every(500, 25)...), "2s 2s 2s 6s 6s 2s"},
		{"keyframe every 10 s", still(750, 25, every(750, 250)...), "10s 10s 10s"},
		{"keyframe every 4 s", still(600, 25, every(600, 100)...), "4s 4s 4s 4s 4s 4s"},
		{"only keyframes", still(500, 25, every(500, 1)...), "2s 2s 2s 6s 6s 2s"},
		{"one picture", still(1, 25, 0), "40ms"},
		{"short last part", still(105, 25, 0, 50, 100), "2s 2.2s"},
		{"no keyframe but the first", still(500, 25, 0), "20s"},
	} {
		l, err := Plan(test.film, test.film.Cuts())
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		var got []string
		for _, s := range l.Segments {
			got = append(got, s.Duration.String())
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, want %s", test.name, got, test.want)
		}
	}
}

func TestPlanRefusesCuts(t *testing.T) {
	film := still(500, 25, every(500, 50)...)
	for _, cuts := range [][]time.Duration{{time.Second}, {4 * time.Second, 2 * time.Second}, {0}, {2 * time.Second, 2 * time.Second}, {-time.Second}} {
		if _, err := Plan(film, cuts); err == nil {
			t.Errorf("%v: no error", cuts)
		}
	}
	if _, err := Plan(still(10, 25, 3), nil); err == nil || !strings.Contains(err.Error(), "keyframe") {
		t.Errorf("got %v", err)
	}
	if _, err := Plan(Selection{Movie: &Movie{}}, nil); err == nil {
		t.Error("nothing selected: no error")
	}
}

func TestCommonCuts(t *testing.T) {
	at := func(seconds ...float64) string {
		var list []time.Duration
		for _, s := range seconds {
			list = append(list, time.Duration(s*float64(time.Second)))
		}
		return fmt.Sprint(list)
	}
	for _, test := range []struct {
		name string
		a, b Selection
		want string
	}{
		{"same keyframes", still(500, 25, every(500, 50)...), still(500, 25, every(500, 50)...), at(2, 4, 6, 12, 18)},
		{"some in common", still(500, 25, every(500, 50)...), still(500, 25, every(500, 75)...), at(6, 12, 18)},
		{"another frame rate", still(500, 25, every(500, 50)...), still(1000, 50, every(1000, 100)...), at(2, 4, 6, 12, 18)},
		{"none in common", still(500, 25, 0, 60, 200), still(500, 25, 0, 70, 190), "no keyframes at the same times"},
		{"none but the first in a short film", still(140, 25, 0, 60), still(140, 25, 0, 70), at()},
		{"other length", still(500, 25, 0), still(400, 25, 0), "not of the same length"},
		{"other beginning", still(500, 25, 0, 50), still(500, 25, 12, 50), "do not begin with the same picture"},
	} {
		cuts, err := CommonCuts(test.a, test.b)
		got := fmt.Sprint(cuts)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if err != nil {
			continue
		}
		for _, s := range []Selection{test.a, test.b} {
			if _, err := Plan(s, cuts); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	}
}

// Sound alone is cut at the same times as the picture it goes with, so that a player can change the language.
func TestSoundIsCutWithThePicture(t *testing.T) {
	data, _ := packaged(t, 500)
	m, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	sel := m.Select()
	cuts := sel.Cuts()
	for _, s := range []Selection{sel, {Movie: sel.Movie, Video: sel.Video}, {Movie: sel.Movie, Audio: sel.Audio}} {
		l, err := Plan(s, cuts)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := l.WriteTo(&b, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		checkHybrid(t, s, l, bytes.NewReader(data), b.Bytes())
		at := s.start()
		for i, c := range cuts {
			if at += l.Segments[i].Duration; at != c {
				t.Errorf("segment %d ends at %v, want %v", i, at, c)
			}
		}
	}
}

func TestSniff(t *testing.T) {
	ts := bytes.Repeat(append([]byte{0x47}, make([]byte, 187)...), 3)
	for head, want := range map[string]string{
		"":                                 "empty",
		"\x00\x00\x00\x18ftypisom\x00\x00": "MP4",
		"\x00\x00\x00\x14ftypqt  \x00\x00": "QuickTime",
		"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat":                                              "QuickTime",
		"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm": "WebM",
		"\x1a\x45\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska":                                    "Matroska",
		"RIFF\x00\x00\x00\x00AVI LIST":                                                          "AVI",
		"RIFF\x00\x00\x00\x00WAVEfmt ":                                                          "WAV",
		"FLV\x01\x05\x00\x00\x00\x09":                                                           "FLV",
		string(ts):                                                                              "MPEG-TS",
		"\x00\x00\x01\xba\x44\x00":                                                              "MPEG-PS",
		"OggS\x00\x02":                                                                          "Ogg",
		"ID3\x04\x00":                                                                           "MP3",
		"\xff\xfb\x90\x64\x00":                                                                  "MP3",
		"\xff\xf1\x50\x80\x00":                                                                  "AAC",
		"\xff\xd8\xff\xe0":                                                                      "JPEG",
		"<!DOCTYPE html><title>404</title>":                                                     "HTML",
		"Dear diary, grüße":                                                                     "text",
		"Dear diary, gr\xc3":                                                                    "text",
		"\x01\x02\x03\x04":                                                                      "",
	} {
		if got := Sniff([]byte(head)); got != want {
			t.Errorf("%.20q: got %q, want %q", head, got, want)
		}
	}
}

func TestLanguage(t *testing.T) {
	pack := func(s string) uint16 { return uint16(s[0]-0x60)<<10 | uint16(s[1]-0x60)<<5 | uint16(s[2]-0x60) }
	for _, test := range []struct {
		packed   uint16
		extended string
		want     string
	}{
		{pack("und"), "", ""},
		{pack("deu"), "", "de"},
		{pack("ger"), "", "de"},
		{pack("fil"), "", "fil"},
		{pack("zho"), "zh-Hant-TW", "zh-Hant-TW"},
		{pack("eng"), "not a \"tag\"", "en"},
		{0, "", ""},
		{11, "", "ja"},
		{0x7fff, "", ""},
	} {
		if got := languageTag(test.packed, test.extended); got != test.want {
			t.Errorf("%x %q: got %q, want %q", test.packed, test.extended, got, test.want)
		}
	}
}
