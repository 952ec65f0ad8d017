package bucket_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"matinee/internal/bucket"
	"matinee/internal/bucket/storetest"
	"matinee/internal/diag"
)

// refuseDeletes lets no object go.
func refuseDeletes(c storetest.Call) storetest.Fault {
	if c.Method == "Delete" { //nolint:usestdlibvars // of Store, not of HTTP
		return storetest.Denied
	}
	return storetest.None
}

// A large file that is written to after the plan was made, or while it is sent, is not published: it is not what was built,
// or half of it is.
func TestWrittenWhileSent(t *testing.T) {
	for _, when := range []string{"before", "while"} {
		store := &storetest.Memory{}
		s := tree{"index.html": "home", "film.mp4": strings.Repeat("film", bucket.PartSize/2)}
		p := publisher(t, store, s)
		publish(t, p, tree{"index.html": "home"})
		film := onDisk(t, s["film.mp4"])
		p.Open = func(key string) (bucket.File, error) {
			if key == "film.mp4" {
				return os.Open(film)
			}
			return s.open(key)
		}
		plan, err := p.Plan(t.Context(), s.objects(false))
		if err != nil {
			t.Fatal(err)
		}
		if when == "before" {
			touch(t, film)
		} else {
			store.Changed = touchedByParts(t, film)
		}
		var local *bucket.LocalError
		if _, err := p.Apply(t.Context(), plan); !errors.As(err, &local) || local.Key != "film.mp4" {
			t.Errorf("%s: got %v", when, err)
		}
		if _, there := store.Objects()["film.mp4"]; there {
			t.Errorf("%s: it was published", when)
		}
		store.Changed = nil
		if plan, err = p.Plan(t.Context(), s.objects(false)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Apply(t.Context(), plan); err != nil {
			t.Error(err)
		}
		wantSite(t, store, s)
	}
}

// Nor is such a file left where it was to be sent besides publishing.
func TestWrittenWhileSentBesides(t *testing.T) {
	store := &storetest.Memory{}
	content := strings.Repeat("film", bucket.PartSize/2)
	film := onDisk(t, content)
	file, err := os.Open(film) //nolint:gosec // our own
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // only read
	store.Changed = touchedByParts(t, film)
	p := &bucket.Publisher{Site: bucket.Place{Name: "memory", Store: store}}
	err = p.Send(t.Context(), bucket.Object{Key: "inbox/film", Size: int64(len(content))}, file)
	if local, ok := errors.AsType[*bucket.LocalError](err); !ok || local.Key != "inbox/film" || len(store.Objects()) > 0 {
		t.Errorf("got %v, and %d objects", err, len(store.Objects()))
	}
}

// onDisk writes a file and returns its name.
func onDisk(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "film.mp4")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func touch(t *testing.T, name string) {
	t.Helper()
	if err := os.Chtimes(name, time.Time{}, time.Now().Add(time.Second)); err != nil {
		t.Error(err)
	}
}

// touchedByParts has a file written to whenever a part of one is sent.
func touchedByParts(t *testing.T, name string) func(storetest.Call, map[string]string) {
	return func(c storetest.Call, _ map[string]string) {
		if c.Method == "PutPart" {
			touch(t, name)
		}
	}
}

// A content that was to go and could not is kept, if it is needed again by then.
func TestKeptAgainWhileDoomed(t *testing.T) {
	store := &storetest.Memory{Unversioned: true}
	s := tree{"index.html": "the first"}
	p := publisher(t, store, s)
	publish(t, p, s)
	for i := range 10 {
		s["index.html"] = fmt.Sprint("home ", i)
		publish(t, p, s)
	}
	store.Fault = refuseDeletes
	s["index.html"] = "the first"
	if _, err := tryPublish(t.Context(), p, s); !errors.Is(err, bucket.ErrRefused) {
		t.Fatalf("got %v, want that the content kept of the first could not be deleted", err)
	}
	store.Fault = nil
	for i := range 2 {
		s["index.html"] = fmt.Sprint("later ", i)
		publish(t, p, s)
	}
	plan, err := p.PlanRollback(t.Context(), 12)
	if err == nil {
		_, err = p.Apply(t.Context(), plan)
	}
	if got := store.Objects()["index.html"]; err != nil || got != "the first" {
		t.Errorf("going back shows %q, %v", got, err)
	}
}

// An object that was to go, came back in a publish that died, and is out of the site again, is not listed as both.
func TestBackInDeathWhileDoomed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		without := films("a", 2)
		with := maps.Clone(without)
		with["extra.html"] = "extra"
		p := publisher(t, store, with)
		publish(t, p, with)
		p.PruneNow, store.Fault = true, refuseDeletes
		if _, err := tryPublish(t.Context(), p, without); !errors.Is(err, bucket.ErrRefused) {
			t.Fatal(err)
		}
		p.PruneNow, store.Fault = false, killAt(3)
		with["extra.html"] = "extra again"
		if _, err := tryPublish(t.Context(), p, with); !errors.Is(err, bucket.ErrRefused) {
			t.Fatal(err)
		}
		store.Fault = nil
		time.Sleep(3 * time.Minute)
		publish(t, p, without)
		time.Sleep(25 * time.Hour)
		publish(t, p, without)
		publish(t, p, without)
		wantSite(t, store, without)
	})
}

// A strictNetwork takes no more wildcards at a time than CloudFront does.
type strictNetwork struct{ network }

func (n *strictNetwork) Invalidate(ctx context.Context, paths []string, reference string) (string, error) {
	wildcards := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "*") {
			wildcards++
		}
	}
	if wildcards > 15 {
		return "", fmt.Errorf("%d wildcards: %w", wildcards, bucket.ErrRefused)
	}
	return n.network.Invalidate(ctx, paths, reference)
}

// What could not be forgotten, together with what comes on top of it, is not more than a network takes.
func TestInvalidationsAddUp(t *testing.T) {
	store, cdn := &storetest.Memory{}, &strictNetwork{}
	s := tree{}
	for i := range 60 {
		for j := range 4 {
			s[fmt.Sprintf("list%02d/%d.html", i, j)] = "page"
		}
	}
	p := publisher(t, store, s)
	p.Site.CDN = cdn
	publish(t, p, s)
	change := func(from, to int) {
		for i := from; i < to; i++ {
			for j := range 4 {
				s[fmt.Sprintf("list%02d/%d.html", i, j)] += "!"
			}
		}
	}
	cdn.failing = true
	change(0, 10)
	if _, err := tryPublish(t.Context(), p, s); !errors.Is(err, bucket.ErrRefused) {
		t.Fatal(err)
	}
	cdn.failing = false
	change(10, 20)
	publish(t, p, s)
	for _, path := range []string{"/list00/0.html", "/list19/3.html"} {
		if !cdn.forgets(path) {
			t.Errorf("%s is not forgotten: %q", path, cdn.told)
		}
	}
}

// New headers for an object that somebody has replaced do not hide that from those who look.
func TestHeadersOfDrift(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 2)
	p := publisher(t, store, s)
	publish(t, p, s)
	put(t, store, "404.html", "NOTHING HERE")
	list := s.objects(false)
	list[slices.IndexFunc(list, func(o bucket.Object) bool { return o.Key == "404.html" })].Headers.CacheControl = "no-cache"
	for _, verify := range []bool{false, true} {
		p.Verify = verify
		plan, err := p.Plan(t.Context(), list)
		if err == nil {
			_, err = p.Apply(t.Context(), plan)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	wantSite(t, store, s)
}

// What somebody has put in a page's place is not taken for the page's content when going back.
func TestKeepingDrift(t *testing.T) {
	store := &storetest.Memory{Unversioned: true}
	s := films("a", 2)
	p := publisher(t, store, s)
	publish(t, p, s)
	put(t, store, "index.html", "defaced")
	changed := maps.Clone(s)
	changed["index.html"] += "!"
	publish(t, p, changed)
	plan, err := p.PlanRollback(t.Context(), 1)
	if err == nil {
		_, err = p.Apply(t.Context(), plan)
	}
	if got := store.Objects()["index.html"]; got == "defaced" {
		t.Errorf("going back brought %q, %v", got, err)
	}
}

// Going back works whatever write a publish between died before.
func TestRollbackAfterDeath(t *testing.T) {
	for n := 1; n < 20; n++ {
		synctest.Test(t, func(t *testing.T) {
			store := &storetest.Memory{Unversioned: true}
			first, second := films("a", 2), films("b", 2)
			p := publisher(t, store, first)
			publish(t, p, first)
			store.Fault = killAt(n)
			_, err := tryPublish(t.Context(), p, second)
			store.Fault = nil
			if err != nil {
				time.Sleep(3 * time.Minute)
				publish(t, p, second)
			}
			plan, err := p.PlanRollback(t.Context(), 1)
			if err == nil {
				_, err = p.Apply(t.Context(), plan)
			}
			if err != nil {
				t.Errorf("death at write %d: %v", n, err)
				return
			}
			objects := store.Objects()
			for key, text := range first {
				if objects[key] != text {
					t.Errorf("death at write %d: %s holds %q, want %q", n, key, objects[key], text)
				}
			}
		})
	}
}

// What a page needs does not go, and what is about to go is nothing that a page can rely on.
func TestNeededObjectsStay(t *testing.T) {
	for _, edited := range []bool{false, true} {
		t.Run(fmt.Sprint("edited=", edited), func(t *testing.T) {
			store := &storetest.Memory{}
			s := films("a", 2)
			s["logo.png"] = "logo"
			s["about.html"] = "<img src=logo.png>"
			p := publisher(t, store, s)
			publish(t, p, s)
			delete(s, "logo.png")
			if edited {
				s["about.html"] += "edited"
			}
			if _, err := tryPublish(t.Context(), p, s); err == nil || !strings.Contains(err.Error(), "about.html: it needs logo.png") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A page may not come to need what is out of the site, and waits for its deletion.
func TestGoneObjectsAreNotThere(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 2)
	s["logo.png"] = "logo"
	p := publisher(t, store, s)
	publish(t, p, s)
	delete(s, "logo.png")
	publish(t, p, s)
	s["about.html"] = "<img src=logo.png>"
	if _, err := tryPublish(t.Context(), p, s); err == nil || !strings.Contains(err.Error(), "about.html: it needs logo.png") {
		t.Errorf("got %v", err)
	}
}

// Caches that were filled again from an object that could not be deleted forget it when it is, or when it comes back.
func TestFailedDeletesAreForgotten(t *testing.T) {
	for _, back := range []bool{false, true} {
		store, cdn := &storetest.Memory{}, &network{}
		cdn.store = store
		s := films("a", 2)
		with := maps.Clone(s)
		with["secret.html"] = "secret"
		p := publisher(t, store, with)
		p.Site.CDN = cdn
		publish(t, p, with)
		p.PruneNow, store.Fault = true, refuseDeletes
		if _, err := tryPublish(t.Context(), p, s); !errors.Is(err, bucket.ErrRefused) {
			t.Fatal(err)
		}
		store.Fault = nil
		before := len(store.Calls())
		final := s
		if back {
			final = maps.Clone(with)
			final["secret.html"] = "no secret"
		}
		publish(t, p, final)
		wantSite(t, store, final)
		if !cdn.forgetsAfter("/secret.html", before) {
			t.Errorf("back=%v: caches may show the old page for ever: %q at %v, after %d", back, cdn.told, cdn.at, before)
		}
	}
}

// A loopingStore begins every listing anew.
type loopingStore struct{ *storetest.Memory }

func (s loopingStore) List(ctx context.Context, prefix, _ string) ([]bucket.Listed, bool, error) {
	page, _, err := s.Memory.List(ctx, prefix, "")
	return page, true, err
}

// A store that cannot list more than a page is told apart from an endless bucket.
func TestEndlessListing(t *testing.T) {
	store := &storetest.Memory{}
	put(t, store, "a", "a")
	s := films("a", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := tryPublish(ctx, publisher(t, loopingStore{store}, s), s); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

// An opaqueStore has ETags that tell nothing, as S3 with a key of one's own: no two writes have the same.
type opaqueStore struct {
	*storetest.Memory

	salts map[string]string
}

func (s *opaqueStore) salt(key string, stored bucket.Stored, err error) (bucket.Stored, error) {
	if err == nil && key != bucket.PointerKey {
		s.salts[key] = fmt.Sprint(len(s.Calls()))
		stored.ETag, stored.Opaque = s.salts[key]+stored.ETag, true
	}
	return stored, err
}

func (s *opaqueStore) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	stored, err := s.Memory.Put(ctx, key, body, options)
	return s.salt(key, stored, err)
}

func (s *opaqueStore) Copy(ctx context.Context, key string, from bucket.Source, headers bucket.Headers) (bucket.Stored, error) {
	stored, err := s.Memory.Copy(ctx, key, from, headers)
	return s.salt(key, stored, err)
}

func (s *opaqueStore) List(ctx context.Context, prefix, after string) ([]bucket.Listed, bool, error) {
	page, more, err := s.Memory.List(ctx, prefix, after)
	for i := range page {
		page[i].ETag = s.salts[page[i].Key] + page[i].ETag
	}
	return page, more, err
}

// Looking at what is there costs no kept content, also where ETags tell nothing of it.
func TestKeptContentsWithOpaqueETags(t *testing.T) {
	store := &opaqueStore{Memory: &storetest.Memory{Unversioned: true}, salts: map[string]string{}}
	s := tree{"index.html": "home"}
	p := publisher(t, store, s)
	publish(t, p, s)
	s["index.html"] = "changed"
	publish(t, p, s)
	p.Verify = true
	if result := publish(t, p, s); result.Deleted > 0 {
		t.Errorf("looking deleted %d objects", result.Deleted)
	}
	plan, err := p.PlanRollback(t.Context(), 1)
	if err == nil {
		_, err = p.Apply(t.Context(), plan)
	}
	if got := store.Objects()["index.html"]; err != nil || got != "home" {
		t.Errorf("going back shows %q, %v", got, err)
	}
}

// A halfStore knows one of the two conditions.
type halfStore struct{ *storetest.Memory }

func (s halfStore) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	options.IfMatch = ""
	return s.Memory.Put(ctx, key, body, options)
}

// A store that takes "if there is none" for a condition, and "if it is this one" for none, cannot keep a lock.
func TestHalfConditionalStore(t *testing.T) {
	store := halfStore{&storetest.Memory{}}
	s := films("a", 1)
	result := publish(t, publisher(t, store, s), s)
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "no lock") {
		t.Errorf("warnings %q, want one that there is no lock", result.Warnings)
	}
}

// Two invalidations of the same paths are two, also when the state of the bucket, and the count of generations with it,
// was lost in between: a network takes the same reference for the same invalidation.
func TestReferencesAreNotUsedAgain(t *testing.T) {
	store, cdn := &storetest.Memory{}, &referenced{seen: map[string]bool{}}
	s := films("a", 1)
	for range 2 {
		p := publisher(t, store, s)
		p.Site.CDN, p.Takeover = cdn, true
		publish(t, p, s)
		s["index.html"] += "!"
		publish(t, p, s)
		for key := range store.Objects() {
			if strings.HasPrefix(key, bucket.StatePrefix) {
				if _, err := store.Delete(t.Context(), []string{key}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if cdn.again > 0 {
		t.Errorf("%d references were used again", cdn.again)
	}
}

type referenced struct {
	seen  map[string]bool
	again int
}

func (n *referenced) Invalidate(_ context.Context, _ []string, reference string) (string, error) {
	if n.seen[reference] {
		n.again++
	}
	n.seen[reference] = true
	return reference, nil
}

func (n *referenced) Wait(context.Context, string) error { return nil }

// A bucket whose list of what is published is lost can be mended, and that is said.
func TestLostManifest(t *testing.T) {
	for _, damage := range []func(*storetest.Memory, string){
		func(store *storetest.Memory, key string) { _, _ = store.Delete(t.Context(), []string{key}) },
		func(store *storetest.Memory, key string) { put(t, store, key, "something else") },
	} {
		store := &storetest.Memory{}
		s := films("a", 2)
		p := publisher(t, store, s)
		publish(t, p, s)
		publish(t, p, films("b", 2))
		generations, err := p.Generations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		damage(store, generations[1].Manifest)
		other := publisher(t, store, s)
		_, err = tryPublish(t.Context(), other, s)
		var problem *diag.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Hint, "--verify") {
			t.Errorf("got %v, want a hint that --verify helps", err)
		}
		other.Verify = true
		publish(t, other, s)
		other.Verify = false
		publish(t, other, s)
		for key, text := range s {
			if got := store.Objects()[key]; got != text {
				t.Errorf("%s holds %q, want %q", key, got, text)
			}
		}
	}
}

// A state that cannot be understood is said to be, with what to do about it.
func TestDamagedPointer(t *testing.T) {
	for _, text := range []string{"no JSON", `{"version":2}`} {
		store := &storetest.Memory{}
		put(t, store, bucket.PointerKey, text)
		s := films("a", 1)
		_, err := tryPublish(t.Context(), publisher(t, store, s), s)
		var problem *diag.Problem
		if !errors.As(err, &problem) || problem.Hint == "" {
			t.Errorf("got %v, want a hint", err)
		}
	}
}

// What is no manifest is refused before it fills the memory.
func TestManifestOfNothing(t *testing.T) {
	store := &storetest.Memory{}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write([]byte(`{"version":1,"generation":1,"objects":[{}` + strings.Repeat(",{}", 3<<20) + `]}`))
	if err := errors.Join(err, zip.Close()); err != nil {
		t.Fatal(err)
	}
	key := bucket.StatePrefix + "manifest-000001-00000000.json.gz"
	put(t, store, key, packed.String())
	put(t, store, bucket.PointerKey, fmt.Sprintf(`{"version":1,"site":"https://films.example.com/","generations":[{"number":1,"manifest":%q,"sha256":"%x"}]}`,
		key, sha256.Sum256(packed.Bytes())))
	s := films("a", 1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = tryPublish(t.Context(), publisher(t, store, s), s)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "cannot be understood") {
		t.Errorf("got %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 100<<20 {
		t.Errorf("it took %d MB", took>>20)
	}
}

// An upload that was begun with other headers is not continued: the object would have them.
func TestUploadWithOtherHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		s := tree{"film.mp4": strings.Repeat("0123456789abcdef", 2*bucket.PartSize/16)}
		list := s.objects(false)
		p := publisher(t, store, s)
		store.Fault = func(c storetest.Call) storetest.Fault {
			if c.Method == "FinishUpload" {
				return storetest.Denied
			}
			return storetest.None
		}
		for i, text := range []string{"no-cache", "immutable"} {
			list[0].Headers.CacheControl = text
			plan, err := p.Plan(t.Context(), list)
			if err == nil {
				_, err = p.Apply(t.Context(), plan)
			}
			if (err != nil) != (i == 0) {
				t.Fatal(err)
			}
			store.Fault = nil
		}
		content, err := store.Get(t.Context(), "film.mp4")
		if err != nil || content.Headers.CacheControl != "immutable" {
			t.Errorf("%+v, %v", content.Headers, err)
		}
	})
}

// An object that somebody else put where a publish was to put its own, which died before it did, is left alone.
func TestDeathBesideForeignObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		s := films("a", 2)
		p := publisher(t, store, s)
		publish(t, p, s)
		put(t, store, "legal.html", "somebody else's")
		with := maps.Clone(s)
		with["legal.html"] = "ours"
		store.Fault = killAt(2)
		if _, err := tryPublish(t.Context(), p, with); err == nil {
			t.Fatal("lived")
		}
		store.Fault = nil
		time.Sleep(3 * time.Minute)
		publish(t, p, s)
		time.Sleep(25 * time.Hour)
		publish(t, p, s)
		publish(t, p, s)
		if store.Objects()["legal.html"] == "" {
			t.Error("somebody else's object was deleted")
		}
	})
}
