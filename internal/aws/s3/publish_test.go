package s3_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"matinee/internal/aws/s3"
	"matinee/internal/aws/s3/s3test"
	"matinee/internal/bucket"
	"matinee/internal/bucket/refs"
)

// The algorithm of package bucket is tried there, on a store in memory, in every corner. Here it meets a real server,
// and a network that is none too good.

// A tree is a built site in memory: contents by key.
type tree map[string]string

// films is a site of which every page needs the style of this version, and every post a clip of its own.
func films(version string, posts int) tree {
	style := "assets/style-" + version + ".css"
	s := tree{style: "style " + version, "index.html": "<link rel=stylesheet href=" + style + ">home " + version}
	for i := range posts {
		clip := fmt.Sprintf("stream/clip%d", i)
		if i%2 == 0 {
			clip += "-" + version
		}
		s[clip+"/720p.mp4"] = "film " + clip
		s[clip+"/720p.m3u8"] = "#EXTM3U\n720p.mp4\n"
		s[clip+"/master.m3u8"] = "#EXTM3U\n720p.m3u8\n"
		s[fmt.Sprintf("post%d/index.html", i)] = fmt.Sprintf(
			"<link rel=stylesheet href=../%s><video><source src=../%s/master.m3u8></video>%s", style, clip, version)
	}
	return s
}

func (s tree) objects() []bucket.Object {
	var list []bucket.Object
	for _, key := range slices.Sorted(maps.Keys(s)) {
		o := bucket.Object{
			Key: key, Size: int64(len(s[key])), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(s[key]))),
			Headers: bucket.Headers{ContentType: "text/plain", CacheControl: "no-cache"},
		}
		switch {
		case path.Base(key) == "master.m3u8":
			o.Wave, o.Immutable = bucket.Masters, true
		case path.Ext(key) == ".m3u8":
			o.Wave, o.Immutable = bucket.Playlists, true
		case key == "index.html":
			o.Wave = bucket.Entries
		case path.Ext(key) == ".html":
			o.Wave = bucket.Pages
		default:
			o.Immutable = true
		}
		list = append(list, o)
	}
	return list
}

// needs returns the keys that a file cannot be shown without.
func needs(t *testing.T, key, text string) []string {
	t.Helper()
	found, err := refs.Resolver{}.Needs(key, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, need := range found {
		keys = append(keys, need.Key)
	}
	return keys
}

// A memoryFile makes a bucket.File of a text.
type memoryFile struct{ *strings.Reader }

func (memoryFile) Close() error { return nil }

// A network of nothing: it counts what it is told.
type cdn struct{ calls int }

func (c *cdn) Invalidate(context.Context, []string, string) (string, error) {
	c.calls++
	return "id", nil
}
func (c *cdn) Wait(context.Context, string) error { return nil }

// A rig is a bucket on a real server behind a proxy, and a machine that publishes to it.
type rig struct {
	*s3test.Proxy

	store *s3.Store
	cdn   *cdn
	cache string
}

func newRig(t *testing.T, versions bool) *rig {
	t.Helper()
	server := start(t, s3test.Versity)
	if err := server.CreateBucket(t.Context(), "films", versions); err != nil {
		t.Fatal(err)
	}
	p := proxy(t, server)
	return &rig{p, &s3.Store{Bucket: "films", Endpoint: p.URL()}, &cdn{}, t.TempDir() + "/manifest"}
}

func (r *rig) publisher(t *testing.T, s tree) *bucket.Publisher {
	return &bucket.Publisher{
		Site: bucket.Place{Name: "s3://films", Store: r.store, CDN: r.cdn}, ID: "https://films.example.com/", Owner: "ann@laptop",
		Open: func(key string) (bucket.File, error) { return memoryFile{strings.NewReader(s[key])}, nil },
		Refs: func(o bucket.Object) (list []bucket.Ref, err error) {
			for _, key := range needs(t, o.Key, s[o.Key]) {
				list = append(list, bucket.Ref{Key: key})
			}
			return list, nil
		},
		Cache: r.cache, Rand: func() float64 { return 0.05 * rand.Float64() },
	}
}

func apply(ctx context.Context, p *bucket.Publisher, s tree) (*bucket.Result, error) {
	plan, err := p.Plan(ctx, s.objects())
	if err != nil {
		return &bucket.Result{}, err
	}
	return p.Apply(ctx, plan)
}

func (r *rig) publish(t *testing.T, s tree) {
	t.Helper()
	if _, err := apply(t.Context(), r.publisher(t, s), s); err != nil {
		t.Fatal(err)
	}
}

// wantSite checks that the bucket holds a site, every file with the bytes it should have.
func (r *rig) wantSite(t *testing.T, s tree) {
	t.Helper()
	for key, text := range s {
		c, err := r.store.Get(t.Context(), key)
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := io.ReadAll(c)
		if err := errors.Join(err, c.Close()); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got, []byte(text)) {
			t.Errorf("%s holds %d bytes, want %d others", key, len(got), len(text))
		}
	}
}

// wantOrder checks in the proxy's log that no page or playlist of a site was sent before everything it needs was
// there, and nothing deleted before the last of them was.
func (r *rig) wantOrder(t *testing.T, s tree) (pages int) {
	t.Helper()
	there := map[string]int{} // when the server had it
	for _, q := range r.Log() {
		if q.Action != "PutObject" && q.Action != "CompleteMultipartUpload" || q.Status != 200 {
			continue
		}
		if there[q.Key] == 0 {
			there[q.Key] = q.Ended
		}
	}
	last := 0
	for _, q := range r.Log() {
		if q.Action == "DeleteObjects" && q.Began < last {
			t.Error("something was deleted before all was sent")
		}
		if q.Action != "PutObject" || strings.HasPrefix(q.Key, bucket.StatePrefix) {
			continue
		}
		last = max(last, there[q.Key])
		for _, need := range needs(t, q.Key, s[q.Key]) {
			pages++
			if there[need] > q.Began {
				t.Errorf("%s was sent before %s was there", q.Key, need)
			}
		}
	}
	return pages
}

// count returns how often each action was asked for since the log was emptied, and empties it.
func (r *rig) count() (all int, by map[string]int) {
	by = map[string]int{}
	for _, q := range r.Log() {
		by[q.Action]++
		all++
	}
	r.Forget()
	return all, by
}

// TestRequests counts what a publish costs. Package bucket says where each request goes.
func TestRequests(t *testing.T) {
	r := newRig(t, true) // as provision makes it; without versions, old pages are put aside at a request each
	s := films("a", 260)
	r.publish(t, s)
	if got, by := r.count(); got != len(s)+6 {
		t.Errorf("first publish of %d objects: %d requests %v, want %d", len(s), got, by, len(s)+6)
	}
	r.publish(t, s)
	if got, by := r.count(); got != 1 {
		t.Errorf("nothing changed: %d requests %v, want 1", got, by)
	}
	for i := range 7 {
		s[fmt.Sprintf("post%d/index.html", i)] += "changed"
	}
	r.publish(t, s)
	if got, by := r.count(); got+r.cdn.calls != 7+6 {
		t.Errorf("7 changed: %d requests %v, want 7 + 6 with the invalidation", got+r.cdn.calls, by)
	}
	r.cache = t.TempDir() + "/manifest"
	r.publish(t, s)
	if got, by := r.count(); got != 1+1 {
		t.Errorf("a fresh machine: %d requests %v, want 1 + 1", got, by)
	}
	p := r.publisher(t, s)
	p.Verify = true
	if _, err := apply(t.Context(), p, s); err != nil {
		t.Fatal(err)
	}
	if got, by := r.count(); got != 1+(len(s)+999)/1000 {
		t.Errorf("verifying %d objects: %d requests %v, want 1 and a listing for each 1,000", len(s), got, by)
	}
}

// TestFaults publishes over a network that loses, breaks, delays and changes things.
func TestFaults(t *testing.T) {
	r := newRig(t, false)
	r.publish(t, films("a", 60))
	for seed := range uint64(3) {
		r.Forget()
		dice := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable
		r.Spoil(func(q s3test.Request) s3test.Fault {
			pause := time.Duration(dice.IntN(5)) * time.Millisecond
			switch n := dice.IntN(100); {
			case n < 5:
				return s3test.SlowDown
			case n < 8:
				return s3test.Fault{Reset: true}
			case n < 10:
				return s3test.Fault{Lost: q.Write()}
			case n < 12:
				return s3test.Fault{Half: q.Action == "PutObject"}
			case n < 14 && q.Action == "PutObject":
				return s3test.Fault{ETag: `"d41d8cd98f00b204e9800998ecf8427e"`}
			}
			return s3test.Fault{Delay: pause}
		})
		s := films(fmt.Sprint("b", seed), 60)
		_, err := apply(t.Context(), r.publisher(t, s), s)
		r.Spoil(nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if pages := r.wantOrder(t, s); pages < 60 {
			t.Errorf("seed %d: only %d references were seen", seed, pages)
		}
		r.wantSite(t, s)
	}
}

// TestExpiredMidway lets a session end in the middle of a publish, as they do after an hour.
func TestExpiredMidway(t *testing.T) {
	r := newRig(t, false)
	old, s := films("a", 20), films("b", 20)
	r.publish(t, old)
	r.Forget()
	r.Spoil(func(q s3test.Request) s3test.Fault {
		if q.Number > 30 {
			return s3test.Expired
		}
		return s3test.Fault{}
	})
	_, err := apply(t.Context(), r.publisher(t, s), s)
	var problem *s3.Error
	if !errors.As(err, &problem) || !strings.HasSuffix(problem.Text, "the session has expired") {
		t.Fatalf("got %v, want that the session has expired", err)
	}
	r.Spoil(nil)
	r.wantOrder(t, s)
	r.Forget()
	again := r.publisher(t, s)
	again.StealLock = true // or wait until it is stale
	if _, err := apply(t.Context(), again, s); err != nil {
		t.Fatal(err)
	}
	if _, by := r.count(); by["PutObject"] > len(s)-10 {
		t.Errorf("the second attempt sent %d objects of %d again", by["PutObject"], len(s))
	}
	r.wantSite(t, s)
}

// TestResume kills an upload in the middle and counts what the next publish sends.
func TestResume(t *testing.T) {
	r := newRig(t, false)
	const parts, partSize = 7, bucket.PartSize
	s := films("a", 1)
	s["stream/clip0-a/720p.mp4"] = strings.Repeat("0123456789abcdef", (parts*partSize-5)/16)
	sent := 0
	r.Spoil(func(q s3test.Request) s3test.Fault {
		if q.Action == "UploadPart" {
			sent++
		}
		if sent > parts/2 {
			denied := s3test.Denied
			denied.Delay = time.Second // the parts before it arrive meanwhile
			return denied
		}
		return s3test.Fault{}
	})
	if _, err := apply(t.Context(), r.publisher(t, s), s); !errors.Is(err, bucket.ErrRefused) {
		t.Fatalf("got %v, want that the upload was cut off", err)
	}
	r.Spoil(nil)
	arrived := r.partsArrived(t)
	r.Forget()
	again := r.publisher(t, s)
	again.StealLock = true
	if _, err := apply(t.Context(), again, s); err != nil {
		t.Fatal(err)
	}
	_, by := r.count()
	if arrived == 0 || by["UploadPart"] != parts-arrived || by["ListMultipartUploads"] != 1 || by["ListParts"] != 1 || by["CreateMultipartUpload"] != 0 {
		t.Errorf("after %d parts of %d, the next publish asks for %v", arrived, parts, by)
	}
	r.wantSite(t, s)
}

// partsArrived counts the parts of the one unfinished upload, when no more of them arrive.
func (r *rig) partsArrived(t *testing.T) int {
	t.Helper()
	for last := -1; ; time.Sleep(300 * time.Millisecond) {
		uploads, err := r.store.Uploads(t.Context())
		if err != nil || len(uploads) != 1 {
			t.Fatalf("unfinished uploads: %v, %v, want one", uploads, err)
		}
		list, err := r.store.Parts(t.Context(), uploads[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == last {
			return last
		}
		last = len(list)
	}
}

// TestTwoPublishers lets two machines publish at once.
func TestTwoPublishers(t *testing.T) {
	r := newRig(t, false)
	r.publish(t, films("a", 10))
	sites := []tree{films("b", 10), films("c", 10)}
	errs := make([]error, len(sites))
	var group sync.WaitGroup
	var begin sync.WaitGroup
	begin.Add(len(sites))
	for i, s := range sites {
		p := r.publisher(t, s)
		p.Cache = t.TempDir() + "/manifest"
		group.Go(func() {
			plan, err := p.Plan(t.Context(), s.objects())
			begin.Done()
			begin.Wait() // both have seen that nobody publishes
			if err == nil {
				_, err = p.Apply(t.Context(), plan)
			}
			errs[i] = err
		})
	}
	group.Wait()
	winners := 0
	for i, err := range errs {
		var busy *bucket.BusyError
		switch {
		case err == nil:
			winners++
			r.wantSite(t, sites[i])
		case !errors.Is(err, bucket.ErrChanged) && !errors.As(err, &busy):
			t.Errorf("publisher %d: %v", i, err)
		}
	}
	if winners != 1 {
		t.Errorf("%d publishers got through, want 1: %v", winners, errs)
	}
}

// TestRollback goes back to the site before, from versions that the server keeps or from what was put aside.
func TestRollback(t *testing.T) {
	for _, versions := range []bool{false, true} {
		t.Run(fmt.Sprint("versions=", versions), func(t *testing.T) {
			r := newRig(t, versions)
			old, s := films("a", 5), films("b", 5)
			r.publish(t, old)
			r.publish(t, s)
			p := r.publisher(t, nil)
			plan, err := p.PlanRollback(t.Context(), 0)
			if err == nil {
				_, err = p.Apply(t.Context(), plan)
			}
			if err != nil {
				t.Fatal(err)
			}
			r.wantSite(t, old)
		})
	}
}
