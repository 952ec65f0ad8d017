package video

import (
	"os"
	"strings"
	"testing"
	"time"

	"matinee/internal/diag"
)

func TestParseStream(t *testing.T) {
	for src, want := range map[string]string{
		"https://cdn.example.com/a/master.m3u8?sig=1#t=3": "https://cdn.example.com/a/master.m3u8?sig=1",
		"http://localhost:8080/a.M3U8":                    "http://localhost:8080/a.M3U8",
		"stream:talks/keynote/master.m3u8":                "stream:talks/keynote/master.m3u8",
		"stream:/talks/master.m3u8":                       "stream:talks/master.m3u8",
	} {
		if got, ok, err := ParseStream(src); got != want || !ok || err != nil {
			t.Errorf("%s is %q %v %v, want %q", src, got, ok, err, want)
		}
	}
	for _, src := range []string{"walk.mp4", "50% off?.mp4", "C:\\films\\walk.mp4", "a:b.mp4", "/walk.mp4"} {
		if _, ok, err := ParseStream(src); ok || err != nil {
			t.Errorf("%s is a stream? %v", src, err)
		}
	}
	for _, src := range []string{
		"javascript://example.com/%0aalert(1).m3u8", "file:///etc/a.m3u8", "ftp://example.com/a.m3u8", "https:///a.m3u8", "//example.com/a.m3u8",
		"https://me:secret@example.com/a.m3u8", "https://www.youtube.com/watch?v=1", "https://example.com/a%zz.m3u8",
		"stream:", "stream:../a.m3u8", "stream:a/../../b.m3u8", "stream:a//b.m3u8", "stream:a.mp4", "stream:a?b.m3u8",
	} {
		if _, ok, err := ParseStream(src); !ok || err == nil {
			t.Errorf("%s is taken", src)
		}
	}
}

func TestExistingStream(t *testing.T) {
	site := t.TempDir()
	copyFile(t, site+"/keynote.jpg", "../../content/"+film+".jpg")
	copyFile(t, site+"/keynote.en.vtt", "../../content/"+film+".en.vtt")
	l := newLibrary(t, site)
	v := prepare(t, l, Clip{
		Src: "https://cdn.example.com/talks/keynote/master.m3u8", Beside: "keynote", Duration: time.Minute, Aspect: "4:3",
		Chapters: []Chapter{{At: 0, Title: "One"}, {At: 30 * time.Second, Title: "Two"}},
	})[0]
	if v.Master != "https://cdn.example.com/talks/keynote/master.m3u8" || len(v.Renditions) != 0 || !v.AlternateAudio || v.Width != 1280 || v.Height != 960 || v.Title != "Keynote" {
		t.Errorf("%+v", v)
	}
	if v.Progressive() != (Rendition{}) || !strings.HasPrefix(v.Name, "keynote-") {
		t.Errorf("name %s", v.Name)
	}
	if len(v.Captions) != 1 || len(v.Chapters) != 2 || v.Transcript == nil || v.Poster.Images[0].Type != "image/jpeg" {
		t.Errorf("%+v", v)
	}
	for _, f := range l.Files() {
		if strings.Contains(f.Path, "m3u8") {
			t.Errorf("%s is published for a stream that exists", f.Path)
		}
	}
	if err := l.Check(t.Context(), []Clip{{Src: v.Master}}); err != nil || l.Counts().Read > 1 {
		t.Errorf("check: %v, %+v", err, l.Counts())
	}
	unknown := prepare(t, l, Clip{Src: "stream:a.m3u8", Chapters: []Chapter{{At: time.Hour, Title: "Late"}}})[0]
	if unknown.Duration != 0 || len(unknown.Chapters) != 1 || unknown.Poster.Images[0].Type != "image/svg+xml" {
		t.Errorf("%+v", unknown)
	}
	_, err := l.PrepareAll(t.Context(), []Clip{{Src: "ftp://example.com/a.m3u8", File: "content/a.md", Line: 3}})
	if problems, _ := diag.Problems(err); len(problems) != 1 || problems[0].Line != 3 {
		t.Errorf("problems %v", problems)
	}
	if _, err := os.Stat(site + "/stream"); err == nil {
		t.Error("something was written into the site")
	}
}
