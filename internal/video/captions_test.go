package video

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"matinee/internal/caption"
	"matinee/internal/diag"
	"matinee/internal/hls"
)

const srt = "1\n00:00:01,000 --> 00:00:02,000\n%s\n"

// captionSite is a film without sidecars, and the files given.
func captionSite(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, filepath.Join(dir, "walk.mp4"), filepath.Join("..", "..", "content", film+".mp4"))
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func said(text string) string { return strings.Replace(srt, "%s", text, 1) }

func languages(v *Video) []string {
	var langs []string
	for _, c := range v.Captions {
		langs = append(langs, c.Lang)
	}
	return langs
}

func newLibrary(t *testing.T, site string) *Library {
	t.Helper()
	return &Library{Site: os.DirFS(site), Cache: filepath.Join(t.TempDir(), "cache"), Language: "en"}
}

// textOf is the content of a file of the library.
func textOf(t *testing.T, l *Library, name string) string {
	t.Helper()
	f, ok := l.published(name)
	if !ok {
		t.Fatalf("%s is not published", name)
	}
	data, err := os.ReadFile(f.Source)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCaptionsBesideTheClip(t *testing.T) {
	l := newLibrary(t, captionSite(t, map[string]string{
		"walk.en.srt": said("Hello"), "walk.en.ass": "not read: .srt comes first",
		"walk.pt-BR.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nOlá\n", "walk.de.srt": said("Gr\xfc\xdfe"),
		"walk.chapters.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n", "walk.part2.srt": "another clip's", "walker.fr.srt": "another clip's",
	}))
	v := prepare(t, l, Clip{Src: "walk.mp4"})[0]
	if got := languages(v); !slices.Equal(got, []string{"de", "en", "pt-BR"}) {
		t.Errorf("captions in %v", got)
	}
	if got := textOf(t, l, v.Captions[0].Path); got != "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nGrüße\n" {
		t.Errorf("German captions are %q", got)
	}
	if w := l.Warnings(); len(w) != 1 || w[0].Error() != "walk.de.srt: not UTF-8; read as Windows-1252" {
		t.Errorf("warnings %v", w)
	}
	if v.Transcript == nil || v.Transcript.Lang != "en" || v.Transcript.Paragraphs[0].Lines[0].Text != "Hello" {
		t.Errorf("transcript %+v", v.Transcript)
	}
	if v := prepare(t, l, Clip{Src: "walk.mp4", NoTranscript: true})[0]; v.Transcript != nil || len(v.Captions) != 3 {
		t.Errorf("transcript not wanted: %+v", v.Transcript)
	}
}

// The master offers every caption, changes its name with them, and leaves the packaged one alone.
func TestSubtitlesGroup(t *testing.T) {
	site := captionSite(t, map[string]string{"walk.en.srt": said("Hello"), "walk.de.srt": said("Hallo")})
	l := newLibrary(t, site)
	captions := []Caption{{Path: "walk.en.srt", Lang: "en", Label: `The "best"`}, {Path: "walk.de.srt", Lang: "de", Label: `The "best"`}}
	v := prepare(t, l, Clip{Src: "walk.mp4", Captions: captions})[0]
	var plain, master hls.Master
	if err := plain.Unmarshal([]byte(textOf(t, l, "stream/"+v.Name+"/master.m3u8"))); err != nil || len(plain.Media) != 0 {
		t.Errorf("packaged master: %v %+v", err, plain.Media)
	}
	if err := master.Unmarshal([]byte(textOf(t, l, v.Master))); err != nil {
		t.Fatal(err)
	}
	if v.Warm[0].Path != v.Master || len(master.Media) != 2 || master.Media[0].Name != "The 'best'" || master.Media[1].Name != "The 'best' 2" {
		t.Errorf("warm %v, media %+v", v.Warm[0], master.Media)
	}
	for i, r := range master.Media {
		var media hls.Media
		if err := media.Unmarshal([]byte(textOf(t, l, path.Dir(v.Master)+"/"+r.URI))); err != nil {
			t.Fatal(err)
		}
		if r.Default || r.Autoselect || len(media.Segments) != 1 || media.Segments[0].URI != path.Base(v.Captions[i].Path) || media.Segments[0].Duration != v.Duration {
			t.Errorf("rendition %+v, playlist %+v", r, media)
		}
	}
	for i, variant := range master.Variants {
		if variant.SubtitlesGroup = ""; variant != plain.Variants[i] {
			t.Errorf("variant %d is %+v, want %+v", i, variant, plain.Variants[i])
		}
	}
	if err := os.WriteFile(filepath.Join(site, "walk.de.srt"), []byte(said("Guten Tag")), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := prepare(t, l, Clip{Src: "walk.mp4", Captions: captions})[0]; again.Master == v.Master || path.Dir(again.Master) != path.Dir(v.Master) {
		t.Errorf("after a correction the master is %s, was %s", again.Master, v.Master)
	}
}

type fakeExtractor struct {
	calls int
	texts map[string]string // by language
	found Extras
	err   error
}

func (f *fakeExtractor) Extract(_ context.Context, _, dir string) (Extras, error) {
	f.calls++
	found := f.found
	for _, lang := range slices.Sorted(maps.Keys(f.texts)) {
		if err := os.WriteFile(filepath.Join(dir, lang+".vtt"), []byte(f.texts[lang]), 0o644); err != nil {
			return Extras{}, err
		}
		found.Subtitles = append(found.Subtitles, Subtitles{Lang: lang, File: lang + ".vtt"})
	}
	return found, f.err
}

func TestSubtitlesInside(t *testing.T) {
	site := captionSite(t, map[string]string{"walk.en.srt": said("Beside")})
	fake := &fakeExtractor{
		texts: map[string]string{"eng": "WEBVTT\n\n00:01.000 --> 00:02.000\nInside\n", "ger": "WEBVTT\n\n00:01.000 --> 00:02.000\nInnen\n"},
		found: Extras{Chapters: []Chapter{{At: time.Second, Title: "One"}, {At: time.Hour, Title: "After the end"}}},
	}
	l := newLibrary(t, site)
	l.Extractor = fake
	prepare(t, l, Clip{Src: "walk.mp4"})
	if fake.calls != 0 {
		t.Errorf("asked %d times about an MP4 without text", fake.calls)
	}
	// What the cache knows stands for a clip with text.
	src, err := l.sources.look("walk.mp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(l.Cache, "inside", src.SHA256+".json")
	in, err := l.extract(t.Context(), &Clip{Src: "walk.mkv"})
	if err != nil || len(in.Subtitles) != 2 {
		t.Fatalf("%+v %v", in, err)
	}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeAtomic(known, data); err != nil {
		t.Fatal(err)
	}
	v := prepare(t, l, Clip{Src: "walk.mp4"})[0]
	if got := languages(v); !slices.Equal(got, []string{"en", "de"}) || !strings.Contains(textOf(t, l, v.Captions[0].Path), "Beside") {
		t.Errorf("captions in %v", got)
	}
	if len(v.Chapters) != 1 || v.Chapters[0].Title != "One" {
		t.Errorf("chapters %+v", v.Chapters)
	}
	if named := prepare(t, l, Clip{Src: "walk.mp4", Captions: []Caption{{Path: "walk.en.srt", Lang: "fr"}}})[0]; !slices.Equal(languages(named), []string{"fr"}) || len(named.Chapters) != 1 {
		t.Errorf("with captions named: %v, %+v", languages(named), named.Chapters)
	}
	if fake.calls != 1 || len(l.Warnings()) != 0 {
		t.Errorf("%d calls, warnings %v", fake.calls, l.Warnings())
	}
	if left, err := os.ReadDir(filepath.Join(l.Cache, "tmp")); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// What is wrong with the file is told once and for all; what may be otherwise another time is asked again.
func TestSubtitlesInsideThatCannotBeHad(t *testing.T) {
	for _, c := range []struct {
		name      string
		extractor *fakeExtractor
		kept      bool
		warning   string
	}{
		{"missing", &fakeExtractor{err: ErrNoProgram}, false, "ffmpeg is not installed"},
		{"slow", &fakeExtractor{err: fmt.Errorf("not within a minute: %w", context.DeadlineExceeded)}, false, "not within a minute: context deadline exceeded"},
		{"broken off", &fakeExtractor{err: errors.New("signal: killed")}, false, "signal: killed"},
		{"failing", &fakeExtractor{err: &Refused{Path: "a.mkv", Reason: "no such codec"}}, true, "no such codec"},
		{"too long", &fakeExtractor{texts: map[string]string{"en": said(strings.Repeat("x", caption.MaxSize))}}, true, "en.vtt: 16 MB are too much for captions"},
		{"no captions", &fakeExtractor{texts: map[string]string{"en": "nonsense"}}, true, "en.vtt:1: not a WebVTT file: the first line must be WEBVTT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			site := t.TempDir()
			if err := os.WriteFile(filepath.Join(site, "a.mkv"), []byte("\x1aE\xdf\xa3"), 0o644); err != nil {
				t.Fatal(err)
			}
			l := newLibrary(t, site)
			l.Extractor = c.extractor
			l.init()
			clip := &Clip{Src: "a.mkv", File: "content/a.md", Line: 3}
			for range 2 {
				if _, err := l.captions(t.Context(), &Video{}, clip); err != nil {
					t.Fatal(err)
				}
			}
			want := map[bool]int{true: 1, false: 2}[c.kept]
			if w := l.Warnings(); c.extractor.calls != want || len(w) != 1 || w[0].Error() != "content/a.md:3: a.mkv: subtitles inside the clip are left out: "+c.warning {
				t.Errorf("%d calls, warnings %v", c.extractor.calls, w)
			}
		})
	}
}

type fakeTranscriber struct {
	calls     int
	key, text string
	err       error
	limit     time.Duration
	meanwhile func()
}

func (f *fakeTranscriber) Key() string { return f.key }

func (f *fakeTranscriber) Transcribe(_ context.Context, _, dir string, limit time.Duration) (string, error) {
	f.calls++
	f.limit = limit
	if f.meanwhile != nil {
		f.meanwhile()
	}
	if f.err != nil {
		return "", f.err
	}
	return "out.srt", os.WriteFile(filepath.Join(dir, "out.srt"), []byte(f.text), 0o644)
}

// While one clip is listened to, others are looked into, and what was heard before is read.
func TestTranscriberHoldsUpNobody(t *testing.T) {
	site := captionSite(t, nil)
	for _, name := range []string{"heard.mkv", "new.mkv"} {
		if err := os.WriteFile(filepath.Join(site, name), []byte("\x1aE\xdf\xa3"+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := newLibrary(t, site)
	l.init()
	fake := &fakeTranscriber{text: said("Heard")}
	l.Transcriber, l.Extractor = fake, &fakeExtractor{}
	heard, fresh := Clip{Src: "heard.mkv"}, Clip{Src: "new.mkv"}
	captions := func(c *Clip) {
		if got, err := l.captions(t.Context(), &Video{HasAudio: true}, c); err != nil || len(got) != 1 {
			t.Errorf("%s: %+v, %v", c.Src, got, err)
		}
	}
	captions(&heard)
	fake.meanwhile = func() { captions(&heard) }
	captions(&fresh)
	if fake.calls != 2 {
		t.Errorf("%d calls", fake.calls)
	}
}

func TestTranscriber(t *testing.T) {
	site := captionSite(t, nil)
	l := newLibrary(t, site)
	fake := &fakeTranscriber{key: "a", text: said("Heard")}
	l.Transcriber = fake
	for range 2 {
		v := prepare(t, l, Clip{Src: "walk.mp4"}, Clip{Src: "walk.mp4"})[1]
		if got := languages(v); !slices.Equal(got, []string{"en"}) || v.Transcript.Paragraphs[0].Lines[0].Text != "Heard" {
			t.Errorf("captions in %v, transcript %+v", got, v.Transcript)
		}
	}
	if fake.calls != 1 || fake.limit <= 10*time.Minute {
		t.Errorf("called %d times with limit %v", fake.calls, fake.limit)
	}
	fake.key, fake.text = "b", "\n"
	for range 2 {
		if v := prepare(t, l, Clip{Src: "walk.mp4"})[0]; len(v.Captions) != 0 {
			t.Errorf("captions of silence: %+v", v.Captions)
		}
	}
	if fake.calls != 2 {
		t.Errorf("called %d times after its settings changed", fake.calls)
	}
	for text, want := range map[string]string{
		"":         "content/a.md:3: walk.mp4: captions.command: model not found",
		"nonsense": "content/a.md:3: walk.mp4: captions.command wrote captions with a mistake at out.srt:1: no cue",
	} {
		fake.key, fake.text = "c"+text, text
		if fake.err = nil; text == "" {
			fake.err = errors.New("model not found")
		}
		_, err := l.PrepareAll(t.Context(), []Clip{{Src: "walk.mp4", File: "content/a.md", Line: 3}})
		problems, rest := diag.Problems(err)
		if len(problems) != 1 || len(rest) != 0 || !strings.HasPrefix(problems[0].Error(), want) {
			t.Errorf("problems %v %v, want %s", problems, rest, want)
		}
	}
}
