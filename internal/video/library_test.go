package video

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"matinee/internal/diag"
	"matinee/internal/hls"
)

// film is a clip of the demo site: 1280 × 720 H.264 with AAC sound, captions and a poster beside it.
const film = "pendulums"

// site copies the film and what lies beside it to a new folder.
func newSite(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, ext := range []string{".mp4", ".jpg", ".en.vtt"} {
		copyFile(t, filepath.Join(dir, film+ext), filepath.Join("..", "..", "content", film+ext))
	}
	return dir
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func prepare(t *testing.T, l *Library, clips ...Clip) []*Video {
	t.Helper()
	videos, err := l.PrepareAll(t.Context(), clips)
	if err != nil {
		t.Fatal(err)
	}
	return videos
}

// Everything a Video names is a file of the Library with the size and digest it says.
func TestPrepare(t *testing.T) {
	site := newSite(t)
	l := &Library{Site: os.DirFS(site), Cache: filepath.Join(t.TempDir(), "cache")}
	v := prepare(t, l, Clip{Src: film + ".mp4", File: "content/a.md", Line: 3})[0]

	if v.Title != "Pendulums" || v.Width != 1280 || v.Height != 720 || !v.HasAudio || !v.HasVideo || v.AlternateAudio {
		t.Errorf("video is %+v", v)
	}
	if len(v.Captions) != 1 || v.Captions[0].Lang != "en" || v.Captions[0].Label != "English" {
		t.Errorf("captions are %+v", v.Captions)
	}
	if n := len(v.Poster.Images); n != 4 || v.Poster.Images[3].Type != "image/jpeg" || v.Poster.Images[3].Width != 1280 {
		t.Errorf("poster is %+v", v.Poster)
	}
	files := map[string]File{}
	for _, f := range l.Files() {
		files[f.Path] = f
		data, err := os.ReadFile(f.Source)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 || int64(len(data)) != f.Size {
			t.Errorf("%s is not what it says", f.Path)
		}
	}
	r := v.Renditions[0]
	for _, path := range []string{v.Master, r.Path, r.Playlist, v.Captions[0].Path, v.Poster.Images[0].Path} {
		if _, ok := files[path]; !ok {
			t.Errorf("%s is not among the files", path)
		}
	}
	checkRanges(t, v, files)
}

// checkRanges checks that every byte range of every playlist lies inside its file, and that what is fetched first is
// what the playlists name first.
func checkRanges(t *testing.T, v *Video, files map[string]File) {
	t.Helper()
	for _, r := range v.Renditions {
		data, err := os.ReadFile(files[r.Playlist].Source)
		if err != nil {
			t.Fatal(err)
		}
		var media hls.Media
		if err := media.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		var total time.Duration
		for _, s := range media.Segments {
			if s.Length <= 0 || s.Offset+s.Length > r.Size {
				t.Errorf("segment %+v is not inside %s of %d bytes", s, r.Path, r.Size)
			}
			total += s.Duration
		}
		if diff := (total - v.Duration).Abs(); diff > 100*time.Millisecond {
			t.Errorf("%s lasts %v, the clip %v", r.Playlist, total, v.Duration)
		}
	}
	if len(v.Warm) != 4 || v.Warm[0].Path != v.Master || v.Warm[1].Path != v.Renditions[0].Playlist {
		t.Errorf("what is fetched first is %+v", v.Warm)
	}
}

// A second build reads and packages nothing; a touched file is read, not packaged; a changed one is packaged.
func TestCacheSparesWork(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	clip := Clip{Src: film + ".mp4"}
	counts := func() Counts {
		l := &Library{Site: os.DirFS(site), Cache: cache}
		if err := l.Check(t.Context(), []Clip{clip}); err != nil {
			t.Fatal(err)
		}
		prepare(t, l, clip)
		return l.Counts()
	}
	if c := counts(); c.Packaged != 1 {
		t.Errorf("first build: %+v", c)
	}
	if c := counts(); c != (Counts{Clips: 1}) {
		t.Errorf("second build: %+v, want nothing done", c)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(site, film+".mp4"), later, later); err != nil {
		t.Fatal(err)
	}
	if c := counts(); c != (Counts{Clips: 1, Read: 1}) {
		t.Errorf("after a touch: %+v, want one file read", c)
	}
	copyFile(t, filepath.Join(site, film+".mp4"), "../../content/spiral.mp4")
	if c := counts(); c.Packaged != 1 {
		t.Errorf("after a change: %+v, want one clip packaged", c)
	}
}

// Interrupted packaging leaves nothing under the stream's name, and the next build makes it whole.
func TestInterruptedPackaging(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	clip := Clip{Src: film + ".mp4"}
	ctx, cancel := context.WithCancel(t.Context())
	l := &Library{Site: os.DirFS(site), Cache: cache, Progress: func(Progress) { cancel() }}
	if _, err := l.PrepareAll(ctx, []Clip{clip}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error is %v, want canceled", err)
	}
	found, err := filepath.Glob(filepath.Join(cache, "*", "*", clipName))
	if err != nil || len(found) != 0 {
		t.Errorf("the cache holds %v after an interruption (%v)", found, err)
	}
	prepare(t, &Library{Site: os.DirFS(site), Cache: cache}, clip)
}

// A stream of the cache whose files are not as they were is made anew.
func TestDamagedCache(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	clip := Clip{Src: film + ".mp4"}
	l := &Library{Site: os.DirFS(site), Cache: cache}
	prepare(t, l, clip)
	var mp4 File
	for _, f := range l.Files() {
		if strings.HasSuffix(f.Path, ".mp4") {
			mp4 = f
		}
	}
	if err := os.Truncate(mp4.Source, 100); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cache, "sources.json"), []byte("{broken"), 0o644); err != nil {
		t.Fatal(err)
	}
	again := &Library{Site: os.DirFS(site), Cache: cache}
	prepare(t, again, clip)
	if info, err := os.Stat(mp4.Source); err != nil || info.Size() != mp4.Size || again.Counts().Packaged != 1 {
		t.Errorf("the damaged stream was not made anew: %v, %+v", err, again.Counts())
	}
}

func TestTwoBuildsAtOnce(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			l := &Library{Site: os.DirFS(site), Cache: cache}
			if _, err := l.PrepareAll(t.Context(), []Clip{{Src: film + ".mp4"}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	left, err := os.ReadDir(filepath.Join(cache, "tmp"))
	if err != nil || len(left) != 0 {
		t.Errorf("work in progress was left behind: %v %v", left, err)
	}
}

// A cache that cannot be written is an error of the disk, not of the post.
func TestCacheCannotBeWritten(t *testing.T) {
	site := newSite(t)
	file := filepath.Join(t.TempDir(), "cache")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := (&Library{Site: os.DirFS(site), Cache: file}).PrepareAll(t.Context(), []Clip{{Src: film + ".mp4", File: "content/a.md", Line: 3}})
	if _, ok := errors.AsType[*CacheError](err); !ok {
		t.Errorf("error is %v, want a CacheError", err)
	}
}

func TestProblemsOfClips(t *testing.T) {
	site := newSite(t)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(site, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("bad.jpg", "no picture")
	write("bad.vtt", "WEBVTT\n\n00:01,0 --> 00:02,0\nHi\n")
	write("late.vtt", "WEBVTT\n\n59:00.000 --> 59:01.000\nLate\n")
	write("bad.srt", "1\n00:00:02,000 --> 00:00:01,000\nHi\n")
	for _, test := range []struct {
		clip Clip
		want string
	}{
		{Clip{Poster: "bad.jpg"}, "content/a.md:3: bad.jpg: not a picture that can be read"},
		{Clip{Poster: "bad.srt"}, "content/a.md:3: poster bad.srt: pictures of this type are not understood"},
		{Clip{Poster: "none.jpg"}, "content/a.md:3: none.jpg: no such file or directory"},
		{Clip{Captions: []Caption{{Path: "bad.vtt", Line: 9}}}, "bad.vtt:3: cue time"},
		{Clip{Captions: []Caption{{Path: "bad.srt", Line: 9}}}, "bad.srt:2: cue ends at 00:00:01,000, before it starts at 00:00:02,000"},
		{Clip{Captions: []Caption{{Path: "bad.jpg", Line: 9}}}, "bad.jpg: captions of this type are not understood"},
		{Clip{Captions: []Caption{{Path: "none.vtt", Line: 9}}}, "content/a.md:9: none.vtt: no such file or directory"},
		{Clip{Captions: []Caption{{Path: film + ".en.vtt", Lang: "no such", Line: 9}}}, `content/a.md:9: captions pendulums.en.vtt: "no such" is not a language`},
		{Clip{Start: time.Hour}, `content/a.md:3: pendulums.mp4: start is 1h0m0s, after the clip's end`},
		{Clip{ChaptersFile: "late.vtt"}, `content/a.md:3: late.vtt: chapter "Late" starts at 59m0s, after the clip's end`},
		{Clip{Aspect: "wide"}, `content/a.md:3: aspect "wide" is not a shape`},
	} {
		test.clip.Src, test.clip.File, test.clip.Line = film+".mp4", "content/a.md", 3
		l := &Library{Site: os.DirFS(site), Cache: filepath.Join(t.TempDir(), "cache")}
		_, err := l.PrepareAll(t.Context(), []Clip{test.clip})
		problems, rest := diag.Problems(err)
		if len(problems) != 1 || len(rest) != 0 || !strings.HasPrefix(problems[0].Error(), test.want) {
			t.Errorf("problems are %v %v, want %s", problems, rest, test.want)
		}
	}
}

// A clip that cannot be read at random, or is no video, is refused with what it is.
func TestRefusals(t *testing.T) {
	site := t.TempDir()
	for name, head := range map[string]string{
		"film.webm": "\x1aE\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm",
		"film.avi":  "RIFF\x00\x00\x00\x00AVI LIST",
		"film.mp4":  "Dear diary, this is no film.",
	} {
		if err := os.WriteFile(filepath.Join(site, name), []byte(head), 0o644); err != nil {
			t.Fatal(err)
		}
		l := &Library{Site: os.DirFS(site), Cache: filepath.Join(t.TempDir(), "cache")}
		err := l.Check(t.Context(), []Clip{{Src: name, File: "content/a.md", Line: 3}})
		problems, _ := diag.Problems(err)
		if len(problems) != 1 || problems[0].Line != 3 || problems[0].Hint == "" || !strings.HasPrefix(problems[0].Text, name+": ") {
			t.Errorf("%s: problems are %v", name, problems)
		}
		if _, err := os.Stat(l.Cache); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: checking made a cache (%v)", name, err)
		}
	}
}
