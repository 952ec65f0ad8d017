package video

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A copyist is an Encoder that copies its source in parts, and can be broken off after some of them.
type copyist struct {
	parts  int
	breaks int // after so many parts; 0: never
	recipe string
}

var errBroken = errors.New("broken off")

func (c copyist) Recipe(context.Context, Wish) (string, error) { return "copyist " + c.recipe, nil }
func (c copyist) Check(context.Context, *Job) error            { return nil }

func (c copyist) Encode(_ context.Context, job *Job) ([]Source, error) {
	var made Source
	for i := range c.parts {
		dir, err := job.Keep(string(rune('a'+i)), func(dir string) error {
			if c.breaks > 0 && i >= c.breaks {
				return errBroken
			}
			return copyTo(job.Sources[0], filepath.Join(dir, "film.mp4"))
		})
		if err != nil {
			return nil, err
		}
		if made, err = job.Open(filepath.Join(dir, "film.mp4")); err != nil {
			return nil, err
		}
	}
	return []Source{made}, nil
}

func copyTo(s Source, name string) error {
	data := make([]byte, s.Size)
	if _, err := s.Data.ReadAt(data, 0); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// What an interrupted job has finished is there for the next, and gone when the stream is.
func TestPartsOutliveAnInterruption(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	clip := Clip{Src: film + ".mp4", File: "content/a.md", Line: 3}
	build := func(e copyist) (Counts, error) {
		l := &Library{Site: os.DirFS(site), Cache: cache, Encoder: e}
		_, err := l.PrepareAll(t.Context(), []Clip{clip})
		return l.Counts(), err
	}
	if c, err := build(copyist{parts: 5, breaks: 2}); err == nil || c.Made != 2 || c.Reused != 0 {
		t.Errorf("broken off: %+v, %v", c, err)
	}
	if c, err := build(copyist{parts: 5, breaks: 3, recipe: "other"}); err == nil || c.Made != 3 || c.Reused != 0 {
		t.Errorf("parts of one recipe are used for another: %+v, %v", c, err)
	}
	if c, err := build(copyist{parts: 5, breaks: 4}); err == nil || c.Made != 2 || c.Reused != 2 {
		t.Errorf("broken off again: %+v, %v", c, err)
	}
	if c, err := build(copyist{parts: 5}); err != nil || c.Made != 1 || c.Reused != 4 {
		t.Errorf("finished: %+v, %v", c, err)
	}
	left, err := filepath.Glob(filepath.Join(cache, "parts", "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("parts are left: %v, %v; want those of the other recipe", left, err)
	}
	if c, err := build(copyist{parts: 5}); err != nil || c != (Counts{Clips: 1}) {
		t.Errorf("again: %+v, %v", c, err)
	}
}

// Two builds that make the same parts at once both end well, and clear up.
func TestTwoBuildsOfTheSameParts(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			l := &Library{Site: os.DirFS(site), Cache: cache, Encoder: copyist{parts: 20}}
			if _, err := l.PrepareAll(t.Context(), []Clip{{Src: film + ".mp4"}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A clip of which nothing is encoded has one stream and one name, whoever found that out.
func TestUntouchedClipsKeepTheirNames(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	names := map[string]bool{}
	packaged := 0
	for _, e := range []Encoder{Copy{}, untouching{recipe: "5.1"}, untouching{recipe: "7.0"}, Copy{}, untouching{recipe: "7.0"}} {
		l := &Library{Site: os.DirFS(site), Cache: cache, Encoder: e}
		names[prepare(t, l, Clip{Src: film + ".mp4"})[0].Name] = true
		packaged += l.Counts().Packaged
	}
	if len(names) != 1 || packaged != 1 {
		t.Errorf("names %v, packaged %d times", names, packaged)
	}
}

type untouching struct{ recipe string }

func (u untouching) Recipe(context.Context, Wish) (string, error)       { return u.recipe, nil }
func (untouching) Check(context.Context, *Job) error                    { return nil }
func (untouching) Encode(_ context.Context, job *Job) ([]Source, error) { return job.Sources, nil }

// AV1 comes after what every browser plays, which is also what the download is.
func TestAV1ComesLast(t *testing.T) {
	v := Video{Renditions: []Rendition{{Label: "90p", Width: 160, Height: 90, Codecs: "avc1.64000b"}, {Label: "180p-av1", Width: 320, Height: 180, Codecs: "av01.0.00M.08,mp4a.40.2"}}}
	if got := v.Progressive().Label; got != "90p" {
		t.Errorf("the download is %s", got)
	}
}

// What was made of films that no clip names is found, and broken-off work that is old. All that was made of the others
// stays, whatever it was made with.
func TestInventory(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	clip, other := Clip{Src: film + ".mp4"}, Clip{Src: "other.mp4", Poster: "other.png"}
	copyFile(t, filepath.Join(site, "other.mp4"), filepath.Join("..", "..", "content", "spiral.mp4"))
	copyFile(t, filepath.Join(site, "other.png"), filepath.Join("..", "..", "content", "spiral.jpg"))
	prepare(t, &Library{Site: os.DirFS(site), Cache: cache, Encoder: copyist{parts: 1, recipe: "former"}}, clip)
	prepare(t, &Library{Site: os.DirFS(site), Cache: cache, Encoder: copyist{parts: 1}}, clip, other)
	for name, age := range map[string]time.Duration{"clip-old": 2 * time.Hour, "clip-new": 0} {
		file := filepath.Join(cache, "tmp", name, "v0.mp4")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(file, then, then); err != nil {
			t.Fatal(err)
		}
	}
	items, err := Inventory(cache)
	if err != nil {
		t.Fatal(err)
	}
	// A recipe under which nothing was made yet tells nothing of what is of use.
	unused, unmade, err := (&Library{Site: os.DirFS(site), Cache: cache, Encoder: copyist{recipe: "next"}}).Unused(t.Context(), []Clip{clip, other}, items)
	if err != nil || kinds(unused) != "work" || len(unmade) != 2 || unmade[0].Src != clip.Src {
		t.Errorf("not made yet: unused %+v, unmade %+v, %v", unused, unmade, err)
	}
	unused, unmade, err = (&Library{Site: os.DirFS(site), Cache: cache, Encoder: copyist{parts: 1}}).Unused(t.Context(), []Clip{clip}, items)
	if err != nil || kinds(unused) != "images stream text work" || unused[3].Name != "tmp/clip-old" || len(unmade) != 0 {
		t.Fatalf("unused %+v, unmade %+v, %v", unused, unmade, err)
	}
	freed, err := Remove(cache, unused)
	if err != nil || freed < 1_000_000 {
		t.Errorf("freed %d, %v", freed, err)
	}
	for _, recipe := range []string{"", "former"} {
		again := &Library{Site: os.DirFS(site), Cache: cache, Encoder: copyist{parts: 1, recipe: recipe}}
		prepare(t, again, clip)
		if c := again.Counts(); c.Packaged != 0 {
			t.Errorf("what was in use is gone: %+v", c)
		}
	}
	if none, err := Inventory(filepath.Join(cache, "nowhere")); err != nil || len(none) != 0 {
		t.Errorf("a cache that is not there: %v, %v", none, err)
	}
}

// kinds lists the kinds of items, in their order.
func kinds(items []Item) string {
	var list []string
	for _, i := range items {
		list = append(list, i.Kind)
	}
	return strings.Join(list, " ")
}
