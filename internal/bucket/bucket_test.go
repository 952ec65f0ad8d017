package bucket_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"matinee/internal/bucket"
	"matinee/internal/bucket/refs"
	"matinee/internal/bucket/storetest"
)

// A tree is a built site in memory: contents by key.
type tree map[string]string

// file makes a bucket.File of a text.
type file struct{ *strings.Reader }

func (file) Close() error { return nil }

func (s tree) open(key string) (bucket.File, error) {
	text, ok := s[key]
	if !ok {
		return nil, fmt.Errorf("%s: no such file", key)
	}
	return file{strings.NewReader(text)}, nil
}

// objects lists the tree as cmd does. Streams lie in a bucket of their own when split is set.
func (s tree) objects(split bool) []bucket.Object {
	var list []bucket.Object
	for _, key := range slices.Sorted(maps.Keys(s)) {
		sum := sha256.Sum256([]byte(s[key]))
		o := bucket.Object{
			Key: key, Size: int64(len(s[key])), SHA256: fmt.Sprintf("%x", sum),
			Headers: bucket.Headers{ContentType: "type of " + path.Ext(key)},
		}
		switch {
		case path.Base(key) == "master.m3u8":
			o.Wave, o.Immutable = bucket.Masters, true
		case path.Ext(key) == ".m3u8":
			o.Wave, o.Immutable = bucket.Playlists, true
		case key == "index.html" || key == "feed.xml":
			o.Wave = bucket.Entries
		case path.Ext(key) == ".html":
			o.Wave = bucket.Pages
		default:
			o.Immutable = true
		}
		if split && strings.HasPrefix(key, "stream/") {
			o.Side = bucket.Stream
		}
		list = append(list, o)
	}
	return list
}

func (s tree) refs(o bucket.Object, split bool) ([]bucket.Ref, error) {
	var list []bucket.Ref
	for _, key := range needs(o.Key, s[o.Key]) {
		ref := bucket.Ref{Key: key}
		if split && strings.HasPrefix(key, "stream/") {
			ref.Side = bucket.Stream
		}
		list = append(list, ref)
	}
	return list, nil
}

// needs returns the keys that a page or playlist cannot be shown without.
func needs(key, text string) []string {
	found, err := refs.Resolver{}.Needs(key, strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	var keys []string
	for _, need := range found {
		keys = append(keys, need.Key)
	}
	return keys
}

// films is a site whose every page needs the style of this version, and every post a clip of its own.
func films(version string, posts int) tree {
	style := "assets/style-" + version + ".css"
	s := tree{
		style:        "style " + version,
		"404.html":   "nothing here",
		"feed.xml":   "feed " + version,
		"index.html": "<link rel=stylesheet href=" + style + ">home " + version,
	}
	for i := range posts {
		clip := fmt.Sprintf("stream/clip%d-%s", i, version)
		if i%2 == 0 {
			clip = fmt.Sprintf("stream/clip%d", i) // the same in all versions
		}
		s[clip+"/720p.mp4"] = "film " + clip
		s[clip+"/720p.m3u8"] = "#EXTM3U\n720p.mp4\n"
		s[clip+"/master.m3u8"] = "#EXTM3U\n720p.m3u8\n"
		s[fmt.Sprintf("post%d/index.html", i)] = fmt.Sprintf("<link rel=stylesheet href=../%s><video><source src=../%s/master.m3u8></video>%s", style, clip, version)
	}
	return s
}

// broken returns what is wrong with a bucket as its visitors see it: pages and playlists that need what is not there.
func broken(objects map[string]string) []string {
	var problems []string
	for key, text := range objects {
		for _, need := range needs(key, text) {
			if _, ok := objects[need]; !ok && !strings.HasPrefix(key, bucket.StatePrefix) {
				problems = append(problems, key+" needs "+need)
			}
		}
	}
	return problems
}

// A network is an Invalidator that remembers, and fails on demand.
type network struct {
	store   *storetest.Memory // when set, at is filled
	mu      sync.Mutex
	told    []string // paths
	at      []int    // and how many requests the store had seen by then
	calls   int
	failing bool
	waited  []string
}

func (n *network) Invalidate(_ context.Context, paths []string, reference string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls++
	if n.failing {
		return "", fmt.Errorf("no permission (%w)", bucket.ErrRefused)
	}
	for _, path := range paths {
		n.told = append(n.told, path)
		if n.store != nil {
			n.at = append(n.at, len(n.store.Calls()))
		}
	}
	return "id of " + reference, nil
}

func (n *network) Wait(_ context.Context, id string) error {
	n.waited = append(n.waited, id)
	return nil
}

// forgets reports whether an answer for a path was to be forgotten.
func (n *network) forgets(path string) bool { return n.forgetsAfter(path, -1) }

// forgetsAfter reports whether that was after a request to the store.
func (n *network) forgetsAfter(path string, call int) bool {
	for i, told := range n.told {
		prefix, isWildcard := strings.CutSuffix(told, "*")
		if (told == path || isWildcard && strings.HasPrefix(path, prefix)) && (call < 0 || n.at[i] >= call) {
			return true
		}
	}
	return false
}

// publisher is one machine that publishes to a store.
func publisher(t *testing.T, store bucket.Store, s tree) *bucket.Publisher {
	return &bucket.Publisher{
		Site: bucket.Place{Name: "mem://site", Store: store}, ID: "https://films.example.com/", Owner: "ann@laptop",
		Open: s.open, Cache: t.TempDir() + "/manifest", Rand: func() float64 { return 0.5 },
	}
}

func publish(t *testing.T, p *bucket.Publisher, s tree) *bucket.Result {
	t.Helper()
	result, err := tryPublish(t.Context(), p, s)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func tryPublish(ctx context.Context, p *bucket.Publisher, s tree) (*bucket.Result, error) {
	split := p.Stream.Store != nil
	p.Open = s.open
	p.Refs = func(o bucket.Object) ([]bucket.Ref, error) { return s.refs(o, split) }
	plan, err := p.Plan(ctx, s.objects(split))
	if err != nil {
		return nil, err
	}
	return p.Apply(ctx, plan)
}

// wantSite checks that the bucket holds the site, and, of what is no state, nothing else.
func wantSite(t *testing.T, store *storetest.Memory, s tree, others ...string) {
	t.Helper()
	objects := store.Objects()
	for key, text := range s {
		if objects[key] != text {
			t.Errorf("%s holds %q, want %q", key, objects[key], text)
		}
	}
	for key := range objects {
		if _, ok := s[key]; !ok && !strings.HasPrefix(key, bucket.StatePrefix) && !slices.Contains(others, key) {
			t.Errorf("%s is still there", key)
		}
	}
	if problems := broken(objects); len(problems) > 0 {
		t.Error(problems)
	}
}

// requests counts the requests since the last call.
type requests struct {
	store *storetest.Memory
	seen  int
}

func (r *requests) count() int {
	n := len(r.store.Calls())
	defer func() { r.seen = n }()
	return n - r.seen
}

func TestRequests(t *testing.T) {
	store, cdn := &storetest.Memory{}, &network{}
	r := requests{store: store}
	s := films("a", 300) // 1,204 objects
	p := publisher(t, store, s)
	p.Site.CDN = cdn
	publish(t, p, s)
	// pointer, listing of nothing, lock, probe, manifest, commit, which unlocks: caches know nothing of the site yet
	if got, want := r.count(), len(s)+7-1; got != want {
		t.Errorf("first publish of %d objects: %d requests, want %d", len(s), got, want)
	}
	publish(t, p, s)
	if got := r.count(); got != 1 {
		t.Errorf("nothing changed: %d requests, want 1", got)
	}
	for i := range 5 {
		s[fmt.Sprintf("post%d/index.html", i)] += "changed"
	}
	plan, err := p.Plan(t.Context(), s.objects(false))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.count(); got != 1 {
		t.Errorf("a plan: %d requests, want 1", got)
	}
	if _, err := p.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if got := 1 + r.count() + cdn.calls; got != 5+6 || plan.Requests != got {
		t.Errorf("5 changed: %d requests, planned %d, want 5 + 6", got, plan.Requests)
	}
	s["index.html"] += "changed"
	fresh := publisher(t, store, s)
	fresh.Site.CDN = cdn
	publish(t, fresh, s)
	if got := r.count() + 1; got != 1+6+1 {
		t.Errorf("1 changed, on another machine: %d requests, want 1 + 6 + 1", got)
	}
	fresh.Verify = true
	publish(t, fresh, s)
	if got := r.count(); got != 1+2 {
		t.Errorf("verifying %d objects: %d requests, want 1 + 2", len(s), got)
	}
	wantSite(t, store, s)
}

// Nothing is live before what it needs, and a site that goes leaves nothing behind.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		store.Changed = func(c storetest.Call, objects map[string]string) {
			if problems := broken(objects); len(problems) > 0 {
				t.Errorf("after %s %s: %v", c.Method, c.Key, problems)
			}
		}
		old, changed := films("a", 6), films("b", 6)
		p := publisher(t, store, old)
		publish(t, p, old)
		publish(t, p, changed)
		gone := slices.DeleteFunc(slices.Sorted(maps.Keys(old)), func(key string) bool { return changed[key] != "" })
		wantSite(t, store, changed, gone...)

		time.Sleep(23 * time.Hour)
		publish(t, p, changed)
		wantSite(t, store, changed, gone...)
		if _, ok := store.Objects()[gone[0]]; !ok {
			t.Errorf("%s was deleted before its time", gone[0])
		}
		time.Sleep(2 * time.Hour)
		if result := publish(t, p, changed); result.Deleted != len(gone) {
			t.Errorf("deleted %d, want %d", result.Deleted, len(gone))
		}
		wantSite(t, store, changed)
	})
}

func TestPruneNow(t *testing.T) {
	store, cdn := &storetest.Memory{Unversioned: true}, &network{}
	s := films("a", 3)
	p := publisher(t, store, s)
	p.Site.CDN = cdn
	publish(t, p, s)
	s["post1/index.html"] += " secret"
	publish(t, p, s)
	s["post1/index.html"] += " more"
	publish(t, p, s)
	for key := range maps.Clone(s) {
		if strings.HasPrefix(key, "post1/") || strings.HasPrefix(key, "stream/clip1") {
			delete(s, key)
		}
	}
	p.PruneNow = true
	publish(t, p, s)
	wantSite(t, store, s)
	for key, text := range store.Objects() {
		if strings.Contains(text, "secret") {
			t.Errorf("%s still says %q", key, text)
		}
	}
	for _, path := range []string{"/post1/", "/post1/index.html", "/stream/clip1-a/720p.mp4"} {
		if !cdn.forgets(path) {
			t.Errorf("caches were not told to forget %s but %q", path, cdn.told)
		}
	}
}

// A kept content goes when no generation within reach shows it any more.
func TestKeptContentsGo(t *testing.T) {
	store := &storetest.Memory{Unversioned: true}
	s := films("a", 1)
	p := publisher(t, store, s)
	publish(t, p, s)
	for i := range 40 {
		s["index.html"] = fmt.Sprint("home ", i)
		publish(t, p, s)
	}
	state := 0
	for key := range store.Objects() {
		if strings.HasPrefix(key, bucket.StatePrefix) {
			state++
		}
	}
	if state < 20 || state > 33 { // pointer, 10 kept contents, 10 to 21 manifests
		t.Errorf("after 41 generations there are %d objects of state", state)
	}
	generations, err := p.Generations(t.Context())
	if err != nil || len(generations) < 11 {
		t.Errorf("there are %d generations, %v, want 10 besides the present one", len(generations), err)
	}
}

func TestHeadersOnly(t *testing.T) {
	store, cdn := &storetest.Memory{}, &network{}
	s := films("a", 2)
	p := publisher(t, store, s)
	p.Site.CDN = cdn
	publish(t, p, s)
	before := len(store.Calls())
	list := s.objects(false)
	list[0].Headers.CacheControl = "no-cache" // 404.html
	plan, err := p.Plan(t.Context(), list)
	if err != nil || len(plan.Changes) != 1 || plan.Changes[0].Reason != bucket.HeadersOnly {
		t.Fatalf("planned %+v, %v", plan.Changes, err)
	}
	if _, err := p.Apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	for _, c := range store.Calls()[before:] {
		if c.Key == "404.html" && c.Method != "Copy" {
			t.Errorf("%s %s", c.Method, c.Key)
		}
	}
	content, err := store.Get(t.Context(), "404.html")
	if err != nil || content.Headers.CacheControl != "no-cache" || content.Headers.ContentType != "type of .html" {
		t.Errorf("the headers are %+v, %v", content.Headers, err)
	}
	if !cdn.forgets("/404.html") {
		t.Error("caches were not told")
	}
}

func TestReferencesAreChecked(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 3)
	delete(s, "stream/clip1-a/720p.m3u8")
	s["post0/index.html"] += "<img src=/logo.png>"
	p := publisher(t, store, s)
	_, err := tryPublish(t.Context(), p, s)
	for _, want := range []string{"post0/index.html: it needs logo.png", "stream/clip1-a/master.m3u8: it needs stream/clip1-a/720p.m3u8"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if len(store.Objects()) > 0 {
		t.Error("something was written")
	}
	// What somebody else has put there is there.
	put(t, store, "logo.png", "logo")
	put(t, store, "stream/clip1-a/720p.m3u8", "#EXTM3U\n720p.mp4\n")
	publish(t, p, s)
}

func put(t *testing.T, store bucket.Store, key, text string) {
	t.Helper()
	body, err := bucket.ReadBody(strings.NewReader(text), 0, int64(len(text)))
	if err == nil {
		_, err = store.Put(t.Context(), key, body, bucket.PutOptions{Headers: bucket.Headers{ContentType: "binary/octet-stream"}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A bucket that another program filled is taken over: what is the same is not sent again but gets its headers, what
// nobody knows is left alone, and nothing of someone else's is replaced unasked.
func TestAdoption(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 3)
	for key, text := range s {
		put(t, store, key, text)
	}
	put(t, store, "index.html", "another home page")
	put(t, store, "forum/index.html", "somebody else's")
	p := publisher(t, store, s)
	if _, err := tryPublish(t.Context(), p, s); !errors.Is(err, bucket.ErrTaken) || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("got %v, want that index.html would be replaced", err)
	}
	p.Takeover = true
	result := publish(t, p, s)
	if result.Sent.Objects != 1 || result.Copied != len(s)-1 {
		t.Errorf("sent %d and copied %d, want 1 and %d", result.Sent.Objects, result.Copied, len(s)-1)
	}
	wantSite(t, store, s, "forum/index.html")
	if content, err := store.Get(t.Context(), "404.html"); err != nil || content.Headers.ContentType != "type of .html" {
		t.Errorf("%+v, %v", content.Headers, err)
	}
	p.PruneNow, p.Verify = true, true
	publish(t, p, tree{"index.html": "all"})
	wantSite(t, store, tree{"index.html": "all"}, "forum/index.html")
}

// What somebody puts where a later publish has something new to put is not replaced unasked either, although that
// publish does not look what is there.
func TestTakenSince(t *testing.T) {
	const film = "film.mp4"
	for _, key := range []string{"news/index.html", film} {
		store := &storetest.Memory{}
		before := films("a", 2)
		p := publisher(t, store, before)
		publish(t, p, before)
		put(t, store, key, "somebody else's")
		after := films("a", 2)
		after["news/index.html"] = "our news"
		after[film] = strings.Repeat("film", bucket.PartSize/3) // sent in parts
		for range 2 {                                           // the second looks what is there
			if _, err := tryPublish(t.Context(), p, after); !errors.Is(err, bucket.ErrTaken) || !strings.Contains(err.Error(), key) {
				t.Errorf("got %v, want that %s would be replaced", err, key)
			}
			if got := store.Objects()[key]; got != "somebody else's" {
				t.Errorf("%s is %.20q", key, got)
			}
		}
		p.Takeover = true
		publish(t, p, after)
		wantSite(t, store, after)
	}
}

// What is there already, as somebody else or an attempt whose answer was lost has put it, is as good as sent.
func TestSameSince(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.None, storetest.SlowDown, storetest.Reset, storetest.LostReply, storetest.HalfBody, storetest.WrongETag} {
		synctest.Test(t, func(t *testing.T) {
			store := &storetest.Memory{}
			before := films("a", 2)
			p := publisher(t, store, before)
			publish(t, p, before)
			after := films("a", 4)
			after["film.mp4"] = strings.Repeat("film", bucket.PartSize/3)
			if fault == storetest.None {
				put(t, store, "post3/index.html", after["post3/index.html"])
			}
			failed := map[string]bool{}
			store.Fault = func(c storetest.Call) storetest.Fault {
				if first := !failed[c.Method+c.Key]; first && c.Write && !strings.HasPrefix(c.Key, bucket.StatePrefix) {
					failed[c.Method+c.Key] = true
					return fault
				}
				return storetest.None
			}
			publish(t, p, after)
			wantSite(t, store, after)
		})
	}
}

func TestAnotherSite(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 1)
	p := publisher(t, store, s)
	publish(t, p, s)
	p.ID = "https://other.example.com/"
	if _, err := tryPublish(t.Context(), p, s); !errors.Is(err, bucket.ErrTaken) || !strings.Contains(err.Error(), "https://films.example.com/") {
		t.Errorf("got %v", err)
	}
}

func TestVerifyMendsDrift(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 4)
	p := publisher(t, store, s)
	publish(t, p, s)
	put(t, store, "index.html", "defaced")
	put(t, store, "post1/index.html", s["post1/index.html"]) // the same content, written by somebody: headers unknown
	if _, err := store.Delete(t.Context(), []string{"404.html"}); err != nil {
		t.Fatal(err)
	}
	publish(t, p, s)
	if store.Objects()["index.html"] != "defaced" {
		t.Fatal("the test is about nothing")
	}
	p.Verify = true
	result := publish(t, p, s)
	wantSite(t, store, s)
	if result.Sent.Objects != 2 || result.Copied > 1 {
		t.Errorf("sent %d and copied %d, want 2 and at most 1", result.Sent.Objects, result.Copied)
	}
}

func TestDeletesAreLimited(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 100)
	p := publisher(t, store, s)
	publish(t, p, s)
	p.PruneNow, p.MaxDeletes = true, 10
	small := films("a", 1)
	before := len(store.Calls())
	_, err := tryPublish(t.Context(), p, small)
	var tooMany *bucket.TooManyDeletesError
	if !errors.As(err, &tooMany) || tooMany.Limit != 10 || len(tooMany.Deletes) != len(s)-len(small) {
		t.Fatalf("got %v", err)
	}
	if calls := store.Calls()[before:]; len(calls) != 1 {
		t.Errorf("made the requests %v, want to read only", calls)
	}
	wantSite(t, store, s)
}

func TestDeleteErrorsAreToldAndTriedAgain(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 3)
	p := publisher(t, store, s)
	publish(t, p, s)
	store.Fault = func(c storetest.Call) storetest.Fault {
		if c.Method == "Delete" { //nolint:usestdlibvars // of Store, not of HTTP
			return storetest.HalfBody
		}
		return storetest.None
	}
	p.PruneNow = true
	small := films("a", 2)
	_, err := tryPublish(t.Context(), p, small)
	var failed *bucket.DeleteError
	if !errors.As(err, &failed) || len(failed.Failed) != 1 || failed.Failed[0].Key != "post2/index.html" {
		t.Fatalf("got %v, want one failed key", err)
	}
	if problems := broken(store.Objects()); len(problems) > 0 {
		t.Errorf("what could not be deleted needs what was: %q", problems)
	}
	store.Fault, p.PruneNow = nil, false
	publish(t, p, small)
	wantSite(t, store, small)
	r := requests{store: store}
	r.count()
	publish(t, p, small)
	if got := r.count(); got != 1 {
		t.Errorf("afterwards: %d requests, want 1", got)
	}
}

func TestInvalidationIsNeverLost(t *testing.T) {
	store, cdn := &storetest.Memory{}, &network{}
	s := films("a", 3)
	p := publisher(t, store, s)
	p.Site.CDN = cdn
	publish(t, p, s)
	cdn.failing = true
	s["post1/index.html"] += "changed"
	if _, err := tryPublish(t.Context(), p, s); !errors.Is(err, bucket.ErrRefused) {
		t.Fatalf("got %v", err)
	}
	wantSite(t, store, s)
	cdn.failing, p.Wait = false, true
	s["post2/index.html"] += "changed"
	publish(t, p, s)
	want := []string{"/post1/", "/post1/index.html", "/post2/", "/post2/index.html"}
	if got := slices.Sorted(slices.Values(cdn.told)); !slices.Equal(got, want) || len(cdn.waited) != 1 {
		t.Errorf("forgotten are %q, waited for %q, want %q", got, cdn.waited, want)
	}
	before := cdn.calls
	publish(t, p, s)
	if cdn.calls != before {
		t.Error("told again")
	}
}

func TestTwoBuckets(t *testing.T) {
	var order []string
	var mu sync.Mutex
	note := func(c storetest.Call, _ map[string]string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, c.Key)
	}
	site, stream := &storetest.Memory{Changed: note}, &storetest.Memory{Changed: note}
	s := films("a", 4)
	p := publisher(t, site, s)
	p.Stream = bucket.Place{Name: "mem://stream", Store: stream}
	publish(t, p, s)
	for key := range site.Objects() {
		if strings.HasPrefix(key, "stream/") {
			t.Errorf("%s is in the bucket of pages", key)
		}
	}
	for key := range stream.Objects() {
		if !strings.HasPrefix(key, "stream/") {
			t.Errorf("%s is in the bucket of clips", key)
		}
	}
	last := 0
	for i, key := range order {
		if strings.HasPrefix(key, "stream/") {
			last = i
		}
	}
	if first := slices.Index(order, "post0/index.html"); first < last {
		t.Errorf("a page went out before the clips were: %q", order)
	}

	// Into one bucket, and out of it again, with another name for the clips.
	alone := publisher(t, site, s)
	publish(t, alone, s)
	wantSite(t, site, s)
	other := &storetest.Memory{}
	p.Stream = bucket.Place{Name: "mem://other", Store: other}
	publish(t, p, s)
	if len(other.Objects()) != len(stream.Objects()) {
		t.Errorf("the new bucket has %d objects, want %d", len(other.Objects()), len(stream.Objects()))
	}
}

func TestUnconditionalStore(t *testing.T) {
	store := &storetest.Memory{Unconditional: true}
	s := films("a", 2)
	p := publisher(t, store, s)
	for range 2 {
		s["index.html"] += "changed"
		result := publish(t, p, s)
		if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "no lock") {
			t.Errorf("warnings %q, want one that there is no lock", result.Warnings)
		}
	}
	wantSite(t, store, s)

	// Somebody else publishes in between: that is noticed, though not prevented.
	s["index.html"] += "changed"
	plan, err := p.Plan(t.Context(), s.objects(false))
	if err != nil {
		t.Fatal(err)
	}
	other := maps.Clone(s)
	other["index.html"] = "somebody else's"
	publish(t, publisher(t, store, other), other)
	if _, err := p.Apply(t.Context(), plan); !errors.Is(err, bucket.ErrChanged) {
		t.Errorf("got %v, want %v", err, bucket.ErrChanged)
	}
}

func TestPlanPrints(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 30)
	p := publisher(t, store, s)
	var text strings.Builder
	show := func() string {
		t.Helper()
		plan, err := p.Plan(t.Context(), s.objects(false))
		if err != nil {
			t.Fatal(err)
		}
		text.Reset()
		if err := plan.Write(&text); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if got := show(); !strings.Contains(got, "and 104 more\ngeneration 1: 124 objects and") {
		t.Errorf("the first plan is\n%s", got)
	}
	publish(t, p, s)
	if got, want := show(), "nothing to do: generation 1 is published, 124 objects, 4.9 kB\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	delete(s, "post29/index.html")
	s["index.html"] += "!"
	got := show()
	for _, want := range []string{"content   index.html, 52 bytes\n", "stays     post29/index.html, until a publish after 20", "generation 2: 1 objects and 52 bytes to send"} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
}

func TestChangedLocalFile(t *testing.T) {
	store := &storetest.Memory{}
	s := films("a", 2)
	p := publisher(t, store, s)
	list := s.objects(false)
	plan, err := p.Plan(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	s["post1/index.html"] = strings.TrimSuffix(s["post1/index.html"], "a") + "z"
	_, err = p.Apply(t.Context(), plan)
	var local *bucket.LocalError
	if !errors.As(err, &local) || local.Key != "post1/index.html" {
		t.Errorf("got %v", err)
	}
	if _, ok := store.Objects()["index.html"]; ok {
		t.Error("the home page went out although a page did not")
	}
	publish(t, p, s)
	wantSite(t, store, s)
}
