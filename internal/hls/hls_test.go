package hls_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"matinee/internal/hls"
)

func film() hls.Media {
	return hls.Media{
		Version: 7, TargetDuration: 6, IndependentSegments: true,
		Map: hls.Map{URI: "720p.mp4", Offset: 2048, Length: 1234},
		Segments: []hls.Segment{
			{URI: "720p.mp4", Duration: 2002 * time.Millisecond, Offset: 3282, Length: 1000},
			{URI: "720p.mp4", Duration: 6006006006, Offset: 4282, Length: 2000},
			{URI: "720p.mp4", Duration: time.Second, Offset: 6282, Length: 1},
		},
	}
}

func ladder() hls.Master {
	return hls.Master{
		Version: 7, IndependentSegments: true,
		Media: []hls.Rendition{
			{Type: hls.Audio, GroupID: "sound", Name: "English", Language: "en", Default: true, Autoselect: true, Channels: 2},
			{Type: hls.Audio, GroupID: "sound", Name: "Deutsch, für alle", Language: "de", Autoselect: true, URI: "audio-de.m3u8", Channels: 6},
			{Type: hls.Subtitles, GroupID: "text", Name: "日本語", Language: "ja", URI: "ja.m3u8"},
		},
		Variants: []hls.Variant{
			{URI: "240p.m3u8", Bandwidth: 400000},
			{
				URI: "720p.m3u8", Bandwidth: 2000000, AverageBandwidth: 1500000, Codecs: "avc1.64001F,mp4a.40.2", Width: 1280, Height: 720,
				FrameRate: 29.97, AudioGroup: "sound", SubtitlesGroup: "text",
			},
		},
	}
}

func TestMediaText(t *testing.T) {
	m := film()
	got, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="720p.mp4",BYTERANGE="1234@2048"
#EXTINF:2.002,
#EXT-X-BYTERANGE:1000@3282
720p.mp4
#EXTINF:6.006006006,
#EXT-X-BYTERANGE:2000@4282
720p.mp4
#EXTINF:1,
#EXT-X-BYTERANGE:1@6282
720p.mp4
#EXT-X-ENDLIST
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMasterText(t *testing.T) {
	m := ladder()
	got, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Deutsch, für alle",LANGUAGE="de",AUTOSELECT=YES,CHANNELS="6",URI="audio-de.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="日本語",LANGUAGE="ja",URI="ja.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=400000
240p.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=1500000,CODECS="avc1.64001F,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="sound",SUBTITLES="text"
720p.m3u8
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	media, master := film(), ladder()
	b, _ := media.Marshal()
	var media2 hls.Media
	if err := media2.Unmarshal(b); err != nil || !reflect.DeepEqual(media, media2) {
		t.Errorf("%v: got %+v, want %+v", err, media2, media)
	}
	b, _ = master.Marshal()
	var master2 hls.Master
	if err := master2.Unmarshal(b); err != nil || !reflect.DeepEqual(master, master2) {
		t.Errorf("%v: got %+v, want %+v", err, master2, master)
	}
}

// What the caller got wrong must never reach the text.
func TestMarshalRefuses(t *testing.T) {
	for name, change := range map[string]func(*hls.Media, *hls.Master){
		"line break in address":      func(m *hls.Media, _ *hls.Master) { m.Segments[0].URI = "a.mp4\n#EXT-X-ENDLIST" },
		"comment as address":         func(m *hls.Media, _ *hls.Master) { m.Segments[0].URI = "#a.mp4" },
		"space in address":           func(m *hls.Media, _ *hls.Master) { m.Segments[0].URI = "a b.mp4" },
		"no address":                 func(m *hls.Media, _ *hls.Master) { m.Segments[0].URI = "" },
		"quote in map":               func(m *hls.Media, _ *hls.Master) { m.Map.URI = `a",BYTERANGE="1@1` },
		"target duration too short":  func(m *hls.Media, _ *hls.Master) { m.Segments[0].Duration = 6500 * time.Millisecond },
		"negative duration":          func(m *hls.Media, _ *hls.Master) { m.Segments[0].Duration = -1 },
		"range beyond all numbers":   func(m *hls.Media, _ *hls.Master) { m.Segments[0].Length = 1<<63 - 1 },
		"negative offset":            func(m *hls.Media, _ *hls.Master) { m.Map.Offset = -1 },
		"map in version 5":           func(m *hls.Media, _ *hls.Master) { m.Version = 5 },
		"quote in name":              func(_ *hls.Media, m *hls.Master) { m.Media[0].Name = `say "hi"` },
		"line break in codecs":       func(_ *hls.Media, m *hls.Master) { m.Variants[1].Codecs = "avc1\r\n" },
		"not UTF-8":                  func(_ *hls.Media, m *hls.Master) { m.Media[0].Name = "\xff" },
		"no bandwidth":               func(_ *hls.Media, m *hls.Master) { m.Variants[0].Bandwidth = 0 },
		"half a resolution":          func(_ *hls.Media, m *hls.Master) { m.Variants[0].Width = 640 },
		"unknown group":              func(_ *hls.Media, m *hls.Master) { m.Variants[0].AudioGroup = "noise" },
		"two of one name":            func(_ *hls.Media, m *hls.Master) { m.Media[1].Name = "English" },
		"two defaults":               func(_ *hls.Media, m *hls.Master) { m.Media[1].Default = true },
		"default not autoselected":   func(_ *hls.Media, m *hls.Master) { m.Media[0].Autoselect = false },
		"subtitles without address":  func(_ *hls.Media, m *hls.Master) { m.Media[2].URI = "" },
		"type that is none":          func(_ *hls.Media, m *hls.Master) { m.Media[0].Type = "AUDIO,X=1" },
		"no variants":                func(_ *hls.Media, m *hls.Master) { m.Variants = nil },
		"negative average bandwidth": func(_ *hls.Media, m *hls.Master) { m.Variants[0].AverageBandwidth = -1 },
	} {
		media, master := film(), ladder()
		change(&media, &master)
		_, err1 := media.Marshal()
		_, err2 := master.Marshal()
		if (err1 == nil) == (err2 == nil) {
			t.Errorf("%s: got %v and %v, want one error", name, err1, err2)
		}
	}
}

func TestUnmarshalOthers(t *testing.T) {
	var m hls.Media
	err := m.Unmarshal([]byte("#EXTM3U\r\n#EXT-X-VERSION:4\r\n# a comment\r\n\r\n#EXT-X-TARGETDURATION:10\r\n#EXT-X-NEW:1\r\n#EXTINF:9.9, a title\r\n" +
		"#EXT-X-BYTERANGE:10@5\r\na.ts\r\n#EXTINF:3\r\n#EXT-X-BYTERANGE:7\r\na.ts\r\n#EXT-X-ENDLIST"))
	want := hls.Media{Version: 4, TargetDuration: 10, Segments: []hls.Segment{
		{URI: "a.ts", Duration: 9900 * time.Millisecond, Offset: 5, Length: 10},
		{URI: "a.ts", Duration: 3 * time.Second, Offset: 15, Length: 7},
	}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%v: got %+v, want %+v", err, m, want)
	}
	var master hls.Master
	err = master.Unmarshal([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,FRAME-RATE=29.97002997,X-NEW=\"a,b\",CODECS=\"a,b\"\nlow.m3u8?a=b\n"))
	if err != nil || len(master.Variants) != 1 || master.Variants[0] != (hls.Variant{URI: "low.m3u8?a=b", Bandwidth: 1, FrameRate: 29.97, Codecs: "a,b"}) {
		t.Errorf("%v: got %+v", err, master)
	}
}

func TestUnmarshalErrors(t *testing.T) {
	const start = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n"
	for text, want := range map[string]string{
		"":                         "empty",
		"#EXTINF:1,\na\n":          "EXTM3U",
		"\ufeff#EXTM3U\n":          "EXTM3U",
		start + "#EXTINF:1,\na.ts": "EXT-X-ENDLIST",
		start + "#EXTINF:x,\na.ts\n#EXT-X-ENDLIST":                              "line 4",
		start + "#EXTINF:-1,\na.ts\n#EXT-X-ENDLIST":                             "line 4",
		start + "#EXTINF:1,\n#EXT-X-ENDLIST":                                    "without an address",
		start + "a.ts\n#EXT-X-ENDLIST":                                          "without EXTINF",
		start + "#EXTINF:1,\n#EXT-X-BYTERANGE:5\na.ts\n#EXT-X-ENDLIST":          "without an offset",
		start + "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-ENDLIST":           "encrypted",
		start + "#EXT-X-MAP:URI=a.mp4\n#EXT-X-ENDLIST":                          "quotation marks",
		start + "#EXT-X-MAP:URI=\"a.mp4\n#EXT-X-ENDLIST":                        "closing",
		start + "#EXT-X-MAP:URI=\"a\"x\n#EXT-X-ENDLIST":                         "goes on",
		start + "#EXT-X-MAP:URI=\"a\",URI=\"b\"\n#EXT-X-ENDLIST":                "twice",
		start + "#EXT-X-DISCONTINUITY\n#EXT-X-ENDLIST":                          "not supported",
		start + "#EXTINF:7,\na.ts\n#EXT-X-ENDLIST":                              "target duration",
		start + "#EXTINF:99999999999999999999,\na.ts\n#EXT-X-ENDLIST":           "duration",
		start + "#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXT-X-ENDLIST":         "master playlist",
		"#EXTM3U\n#EXT-X-ENDLIST":                                               "TARGETDURATION",
		start + "#EXTINF:1,\n#EXT-X-BYTERANGE:99999999999999999999@1\na.ts\n#E": "too large",
	} {
		var m hls.Media
		if err := m.Unmarshal([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want something about %q", text, err, want)
		}
	}
}

func TestTargetDuration(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 1, 1499 * time.Millisecond: 1, 5500 * time.Millisecond: 6, 6499 * time.Millisecond: 6} {
		if got := hls.TargetDuration([]hls.Segment{{Duration: d}}); got != want {
			t.Errorf("%v: got %d, want %d", d, got, want)
		}
	}
}

// What Unmarshal accepts, Marshal writes, and reads back to the same.
func FuzzUnmarshal(f *testing.F) {
	media, master := film(), ladder()
	for _, m := range []interface{ Marshal() ([]byte, error) }{&media, &master} {
		b, err := m.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:9\n#EXTINF:1.5,t\n#EXT-X-BYTERANGE:10@5\na.ts\n#EXTINF:3\n#EXT-X-BYTERANGE:7\na.ts\n#EXT-X-ENDLIST"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var media, media2 hls.Media
		if media.Unmarshal(b) == nil {
			text, err := media.Marshal()
			if err != nil {
				t.Fatalf("read but not written: %v", err)
			}
			if err := media2.Unmarshal(text); err != nil || !reflect.DeepEqual(media, media2) {
				t.Fatalf("%v: %+v became %+v by way of\n%s", err, media, media2, text)
			}
		}
		var master, master2 hls.Master
		if master.Unmarshal(b) == nil {
			text, err := master.Marshal()
			if err != nil {
				t.Fatalf("read but not written: %v", err)
			}
			if err := master2.Unmarshal(text); err != nil || !reflect.DeepEqual(master, master2) {
				t.Fatalf("%v: %+v became %+v by way of\n%s", err, master, master2, text)
			}
		}
	})
}

// Captions inside the picture are nothing a playlist has to hold.
func TestClosedCaptionsAreLeftOut(t *testing.T) {
	var m hls.Master
	err := m.Unmarshal([]byte(`#EXTM3U
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="English",INSTREAM-ID="CC1"
#EXT-X-STREAM-INF:BANDWIDTH=1,CLOSED-CAPTIONS="cc"
a.m3u8
`))
	if err != nil || len(m.Media) != 0 || len(m.Variants) != 1 {
		t.Errorf("%v: got %+v", err, m)
	}
}
