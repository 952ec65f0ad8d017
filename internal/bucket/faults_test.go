package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"matinee/internal/bucket"
	"matinee/internal/bucket/storetest"
	"matinee/internal/diag"
)

// killAt makes every request fail from the n-th write on, as they do for a process that is dead.
func killAt(n int) func(storetest.Call) storetest.Fault {
	writes, dead := 0, false
	return func(c storetest.Call) storetest.Fault {
		if c.Write {
			writes++
		}
		dead = dead || writes >= n
		if dead {
			return storetest.Denied
		}
		return storetest.None
	}
}

// A witness sees what visitors see: which contents every page had, and when it changed last.
type witness struct {
	seen    map[string]map[string]bool
	changed map[string]int // number of the request
	last    map[string]string
}

func (w *witness) look(c storetest.Call, objects map[string]string) {
	for key, text := range objects {
		if !strings.HasSuffix(key, ".html") {
			continue
		}
		if w.seen[key] == nil {
			w.seen[key] = map[string]bool{}
		}
		w.seen[key][text] = true
		if w.last[key] != text {
			w.last[key], w.changed[key] = text, c.Number
		}
	}
}

// Whatever write a publish dies before, visitors find complete pages, and the next publish (of the same site, or of
// the one before) heals everything, what caches have to forget included.
func TestDeathAtEveryWrite(t *testing.T) {
	for _, unversioned := range []bool{false, true} {
		for _, back := range []bool{false, true} {
			t.Run(fmt.Sprintf("unversioned=%v,back=%v", unversioned, back), func(t *testing.T) {
				for n := 1; ; n++ {
					if !dieAt(t, n, unversioned, back) {
						if n < 20 {
							t.Errorf("the publish has %d writes, too few to be true", n)
						}
						break
					}
				}
			})
		}
	}
}

func dieAt(t *testing.T, n int, unversioned, back bool) (died bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{Unversioned: unversioned}
		cdn := &network{store: store}
		w := &witness{}
		store.Changed = func(c storetest.Call, objects map[string]string) {
			if problems := broken(objects); len(problems) > 0 {
				t.Errorf("death at write %d: after %s %s: %v", n, c.Method, c.Key, problems)
			}
			if w.seen != nil {
				w.look(c, objects)
			}
		}
		first, second, third := films("a", 4), films("b", 4), films("c", 5)
		p := publisher(t, store, first)
		p.Site.CDN = cdn
		publish(t, p, first)
		publish(t, p, second)
		time.Sleep(25 * time.Hour) // what is only in first is due

		*w = witness{seen: map[string]map[string]bool{}, changed: map[string]int{}, last: maps.Clone(second)}
		for key := range second {
			w.seen[key] = map[string]bool{second[key]: true}
		}
		store.Fault = killAt(n)
		_, err := tryPublish(t.Context(), p, third)
		died, store.Fault = err != nil, nil
		final := third
		if died {
			time.Sleep(3 * time.Minute) // until the lock of the dead can be taken over
			if back {
				final = second
			}
		}
		heal := publisher(t, store, final)
		heal.Site.CDN = cdn
		publish(t, heal, final)
		objects := store.Objects()
		for key, text := range final {
			if objects[key] != text {
				t.Errorf("death at write %d: %s holds %q, want %q", n, key, objects[key], text)
			}
			_, wasThere := second[key]
			path := "/" + strings.TrimSuffix(key, "index.html")
			if delete(w.seen[key], text); wasThere && len(w.seen[key]) > 0 && !cdn.forgetsAfter(path, w.changed[key]) {
				t.Errorf("death at write %d: caches may show %s as it was; forgotten are %q", n, path, cdn.told)
			}
		}
		before := len(store.Calls())
		publish(t, heal, final)
		if got := len(store.Calls()) - before; got != 1 {
			t.Errorf("death at write %d: the publish after the next makes %d requests, want 1", n, got)
		}
		time.Sleep(25 * time.Hour)
		publish(t, heal, final)
		wantSite(t, store, final)
	})
	return died
}

// A first publish that dies, again and again, gets on all the same, and leaves nothing behind.
func TestDyingFirstPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		for n := 1; ; n += 2 {
			s := films(fmt.Sprint("v", n), 3)
			store.Fault = killAt(n)
			_, err := tryPublish(t.Context(), publisher(t, store, s), s)
			store.Fault = nil
			if err == nil {
				time.Sleep(25 * time.Hour)
				publish(t, publisher(t, store, s), s)
				wantSite(t, store, s)
				return
			}
			if n > 100 {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Minute)
		}
	})
}

func TestTwoPublishersAtOnce(t *testing.T) {
	for _, isFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			store := &storetest.Memory{}
			if !isFirst {
				s := films("a", 3)
				publish(t, publisher(t, store, s), s)
			}
			const n = 6
			errs := make([]error, n)
			sites := make([]tree, n)
			begin := make(chan struct{})
			var group sync.WaitGroup
			for i := range n {
				sites[i] = films(fmt.Sprint("p", i), 3)
				p := publisher(t, store, sites[i])
				p.Owner = fmt.Sprint("publisher ", i)
				plan, err := p.Plan(t.Context(), sites[i].objects(false))
				if err != nil {
					t.Fatal(err)
				}
				group.Go(func() {
					<-begin
					_, errs[i] = p.Apply(t.Context(), plan)
				})
			}
			close(begin)
			group.Wait()
			winner := slices.Index(errs, nil)
			if winner < 0 {
				t.Fatal(errors.Join(errs...))
			}
			for i, err := range errs {
				var busy *bucket.BusyError
				switch {
				case i == winner:
				case err == nil:
					t.Errorf("publishers %d and %d both committed", winner, i)
				case errors.As(err, &busy):
					if busy.Owner != fmt.Sprint("publisher ", winner) || busy.Since.IsZero() {
						t.Errorf("publisher %d was told of %q, want publisher %d", i, err, winner)
					}
				case !errors.Is(err, bucket.ErrChanged):
					t.Error(err)
				}
			}
			time.Sleep(25 * time.Hour)
			publish(t, publisher(t, store, sites[winner]), sites[winner])
			wantSite(t, store, sites[winner])
		})
	}
}

// slowStore makes every Put of a page take its time.
type slowStore struct {
	*storetest.Memory

	pause time.Duration
}

func (s slowStore) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	if strings.HasSuffix(key, ".html") {
		time.Sleep(s.pause)
	}
	return s.Memory.Put(ctx, key, body, options)
}

// A publish that takes long keeps its lock, whatever its clock or anyone else's says.
func TestHeartbeatAndSkewedClocks(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 0, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			store := &storetest.Memory{}
			s := films("a", 3)
			p := publisher(t, slowStore{store, 5 * time.Minute}, s)
			p.Now = func() time.Time { return time.Now().Add(skew) }
			finished := make(chan error)
			go func() {
				_, err := tryPublish(t.Context(), p, s)
				finished <- err
			}()
			other := publisher(t, store, s)
			other.Owner = "bob"
			for range 9 {
				time.Sleep(time.Minute)
				var busy *bucket.BusyError
				if _, err := tryPublish(t.Context(), other, s); !errors.As(err, &busy) || busy.Owner != "ann@laptop" {
					t.Errorf("skew %v: got %v, want that ann is publishing", skew, err)
				}
			}
			if err := other.AwaitLock(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-finished; err != nil {
				t.Errorf("skew %v: %v", skew, err)
			}
			publish(t, other, s)
			wantSite(t, store, s)
		})
	}
}

// Who lost his lock, because he did not give a sign of life or somebody insisted, stops before he does harm.
func TestStolenLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		s, others := films("a", 3), films("b", 3)
		p := publisher(t, slowStore{store, time.Hour}, s)
		finished := make(chan error)
		go func() {
			_, err := tryPublish(t.Context(), p, s)
			finished <- err
		}()
		time.Sleep(45 * time.Second) // between two signs of life
		thief := publisher(t, store, others)
		thief.StealLock = true
		publish(t, thief, others)
		if err := <-finished; !errors.Is(err, bucket.ErrLockLost) {
			t.Errorf("the robbed one got %v, want %v", err, bucket.ErrLockLost)
		}
		for key, text := range others {
			if key != "404.html" && store.Objects()[key] != text { // 404.html was on its way
				t.Errorf("%s holds %q, want %q", key, store.Objects()[key], text)
			}
		}
		generations, err := thief.Generations(t.Context())
		if err != nil || len(generations) != 1 {
			t.Errorf("%d generations, %v, want 1", len(generations), err)
		}
	})
}

// A laptop that slept through its lock's term notices before it writes again.
func TestSleepingLaptop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		s, others := films("a", 3), films("b", 3)
		p := publisher(t, store, s)
		var slept atomic.Int64 // time.Duration
		p.Now = func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
		thief := publisher(t, store, others)
		thief.StealLock = true // the store's clock went on as well
		robbed := false
		p.Progress = func(bucket.Progress) {
			if !robbed {
				robbed = true
				publish(t, thief, others)
				slept.Store(int64(time.Hour))
			}
		}
		p.Rand = func() float64 { return 0 }
		if _, err := tryPublish(t.Context(), p, s); !errors.Is(err, bucket.ErrLockLost) {
			t.Errorf("got %v, want %v", err, bucket.ErrLockLost)
		}
		objects := store.Objects()
		for key, text := range others {
			if objects[key] != text {
				t.Errorf("%s holds %q, want %q", key, objects[key], text)
			}
		}
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		s := films("a", 20)
		p := publisher(t, store, s)
		ctx, cancel := context.WithCancel(t.Context())
		p.Progress = func(u bucket.Progress) {
			if u.Done.Objects == 30 {
				cancel()
			}
		}
		if _, err := tryPublish(ctx, p, s); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		p.Progress = nil
		publish(t, p, s) // the lock was given back
		wantSite(t, store, s)
	})
}

// Faults in 5 of 100 requests, of every kind, harm nothing.
func TestFaults(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			store := &storetest.Memory{}
			half := map[string]bool{} // what the store broke, and will be replaced
			store.Changed = func(c storetest.Call, objects map[string]string) {
				if problems := broken(objects); len(problems) > 0 && len(half) == 0 {
					t.Errorf("seed %d, after %s %s: %v", seed, c.Method, c.Key, problems)
				}
			}
			faults := []storetest.Fault{storetest.SlowDown, storetest.Reset, storetest.LostReply, storetest.HalfBody, storetest.WrongETag}
			store.Fault = func(c storetest.Call) storetest.Fault {
				if c.Key == bucket.PointerKey && c.Write && random.IntN(2) == 0 {
					return storetest.None // damaged state is another test
				}
				delete(half, c.Key)
				if random.IntN(100) >= 5 {
					return storetest.None
				}
				fault := faults[random.IntN(len(faults))]
				if c.Key == bucket.PointerKey && fault >= storetest.HalfBody {
					return storetest.LostReply
				}
				if fault == storetest.HalfBody && c.Method == "Put" { //nolint:usestdlibvars // of Store, not of HTTP
					half[c.Key] = true
				}
				return fault
			}
			for _, version := range []string{"a", "b"} {
				s := films(version, 30)
				p := publisher(t, store, s)
				r := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex
				p.Rand = func() float64 {
					mu.Lock()
					defer mu.Unlock()
					return r.Float64()
				}
				publish(t, p, s)
				objects := store.Objects()
				for key, text := range s {
					if objects[key] != text {
						t.Errorf("seed %d: %s holds %q, want %q", seed, key, objects[key], text)
					}
				}
			}
		})
	}
}

func TestPermanentErrorStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		s := films("a", 5)
		p := publisher(t, store, s)
		store.Fault = func(c storetest.Call) storetest.Fault {
			if strings.HasPrefix(c.Key, "post3/") {
				return storetest.Denied
			}
			return storetest.None
		}
		started := time.Now()
		_, err := tryPublish(t.Context(), p, s)
		if !errors.Is(err, bucket.ErrRefused) || !strings.Contains(err.Error(), "post3/index.html") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(started); took > 0 {
			t.Errorf("waited %v", took)
		}
		if _, ok := store.Objects()["index.html"]; ok {
			t.Error("the home page went out although a page did not")
		}
		store.Fault = nil
		publish(t, p, s)
		wantSite(t, store, s)
	})
}

// A store that cannot take it gets fewer requests at a time, and still everything.
func TestOverloadedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		s := films("a", 60)
		limited := &limitedStore{Memory: store, limit: 4}
		p := publisher(t, limited, s)
		p.Rand = rand.New(rand.NewPCG(1, 2)).Float64
		var mu sync.Mutex
		random := p.Rand
		p.Rand = func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return random()
		}
		publish(t, p, s)
		wantSite(t, store, s)
	})
}

// A limitedStore serves a few requests at a time and refuses the others.
type limitedStore struct {
	*storetest.Memory

	limit int
	mu    sync.Mutex
	busy  int
}

func (s *limitedStore) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	s.mu.Lock()
	if s.busy >= s.limit {
		s.mu.Unlock()
		return bucket.Stored{}, fmt.Errorf("put %s: %w", key, bucket.ErrSlowDown)
	}
	s.busy++
	s.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	defer func() {
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}()
	return s.Memory.Put(ctx, key, body, options)
}

// More requests go at once where that brings more answers, and only there.
func TestRequestsAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		workers        int // requests that the server works on at once
		least, highest int // requests at once that are right
	}{
		"far away": {workers: 1000, least: 64, highest: 128},
		"busy":     {workers: 8, least: 8, highest: 24},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &queueingStore{Memory: &storetest.Memory{}, workers: make(chan struct{}, test.workers)}
				want := func(doing string) {
					if store.peak < test.least || store.peak > test.highest {
						t.Errorf("%s: up to %d requests at once, want %d to %d", doing, store.peak, test.least, test.highest)
					}
					store.peak = 0
				}
				first, second := films("a", 1500), films("b", 1500)
				publish(t, publisher(t, store, first), first)
				wantSite(t, store.Memory, first)
				want("publish")
				publish(t, publisher(t, store, second), second)
				store.peak = 0
				p := publisher(t, store, nil)
				plan, err := p.PlanRollback(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := p.Apply(t.Context(), plan); err != nil {
					t.Fatal(err)
				}
				if got := store.Objects()["index.html"]; got != first["index.html"] {
					t.Errorf("the front page is %q", got)
				}
				want("rollback")
			})
		})
	}
}

// A queueingStore takes 30 ms for a request, and lets those wait that are too many.
type queueingStore struct {
	*storetest.Memory

	workers    chan struct{}
	mu         sync.Mutex
	busy, peak int
}

func (s *queueingStore) count(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += by
	s.peak = max(s.peak, s.busy)
}

func (s *queueingStore) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	s.answer()
	return s.Memory.Put(ctx, key, body, options)
}

func (s *queueingStore) Copy(ctx context.Context, key string, from bucket.Source, headers bucket.Headers) (bucket.Stored, error) {
	s.answer()
	return s.Memory.Copy(ctx, key, from, headers)
}

func (s *queueingStore) Holds(ctx context.Context, from bucket.Source) error {
	s.answer()
	return s.Memory.Holds(ctx, from)
}

func (s *queueingStore) answer() {
	s.count(1)
	defer s.count(-1)
	s.workers <- struct{}{}
	defer func() { <-s.workers }()
	time.Sleep(30 * time.Millisecond)
}

func TestResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parts = 6
		film := strings.Repeat("0123456789abcdef", (parts*bucket.PartSize-1000)/16)
		s := tree{"stream/film/720p.mp4": film, "index.html": "<video src=stream/film/720p.mp4></video>"}
		store := &storetest.Memory{}
		sent := 0
		store.Fault = func(c storetest.Call) storetest.Fault {
			if c.Method == "PutPart" {
				sent++
			}
			if sent > parts/2 {
				return storetest.Denied
			}
			return storetest.None
		}
		if _, err := tryPublish(t.Context(), publisher(t, store, s), s); err == nil {
			t.Fatal("it should have died")
		}
		store.Fault = nil
		time.Sleep(3 * time.Minute)
		before := len(store.Calls())
		publish(t, publisher(t, store, s), s)
		count := map[string]int{}
		for _, c := range store.Calls()[before:] {
			if c.Key == "stream/film/720p.mp4" || c.Method == "Uploads" {
				count[c.Method]++
			}
		}
		want := map[string]int{"Uploads": 1, "Parts": 1, "PutPart": parts - parts/2, "FinishUpload": 1}
		if !maps.Equal(count, want) {
			t.Errorf("the film took %v, want %v", count, want)
		}
		if store.Objects()["stream/film/720p.mp4"] != film {
			t.Error("the film is damaged")
		}
		p := publisher(t, store, s)
		p.Verify = true
		if result := publish(t, p, s); result.Sent.Objects+result.Copied > 0 {
			t.Errorf("the film is not recognised: %+v", result)
		}
		if uploads, err := store.Uploads(t.Context()); err != nil || len(uploads) > 0 {
			t.Errorf("left are %v, %v", uploads, err)
		}
	})
}

// An upload that was begun with another content is no use, and is forgotten.
func TestOutdatedUpload(t *testing.T) {
	store := &storetest.Memory{}
	film := strings.Repeat("0123456789abcdef", bucket.PartSize/8)
	s := tree{"a.mp4": film + "!", "b.mp4": film + "??"}
	for _, key := range []string{"a.mp4", "b.mp4", "b.mp4"} {
		u, err := store.BeginUpload(t.Context(), key, bucket.Headers{})
		if err != nil {
			t.Fatal(err)
		}
		for n, text := range []string{film[:bucket.PartSize], "other", "", "superfluous"} {
			body, err := bucket.ReadBody(strings.NewReader(text), 0, int64(len(text)))
			if err != nil {
				t.Fatal(err)
			}
			if n == 3 && key == "b.mp4" {
				break
			}
			if _, err := store.PutPart(t.Context(), u, n+1, body); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(t, publisher(t, store, s), s)
	wantSite(t, store, s)
	if uploads, err := store.Uploads(t.Context()); err != nil || len(uploads) > 0 {
		t.Errorf("left are %v, %v", uploads, err)
	}
	for _, c := range store.Calls() {
		if c.Method == "BeginUpload" && c.Number > 30 && c.Key == "b.mp4" {
			t.Error("the upload of b.mp4 was not continued")
		}
	}
}

// A finished upload whose answer was lost is finished.
func TestLostAnswerOfLargeFile(t *testing.T) {
	for _, fault := range []storetest.Fault{storetest.LostReply, storetest.WrongETag} {
		for _, method := range []string{"FinishUpload", "PutPart", "BeginUpload"} {
			synctest.Test(t, func(t *testing.T) {
				store := &storetest.Memory{}
				once := true
				store.Fault = func(c storetest.Call) storetest.Fault {
					if c.Method == method && once {
						once = false
						return fault
					}
					return storetest.None
				}
				s := tree{"a.mp4": strings.Repeat("0123456789abcdef", bucket.PartSize/8) + "!"}
				publish(t, publisher(t, store, s), s)
				wantSite(t, store, s)
			})
		}
	}
}

func TestRollback(t *testing.T) {
	for _, unversioned := range []bool{false, true} {
		store, cdn := &storetest.Memory{Unversioned: unversioned}, &network{}
		store.Changed = func(c storetest.Call, objects map[string]string) {
			if problems := broken(objects); len(problems) > 0 {
				t.Errorf("after %s %s: %v", c.Method, c.Key, problems)
			}
		}
		var sites []tree
		p := publisher(t, store, nil)
		p.Site.CDN = cdn
		if _, err := p.PlanRollback(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "no earlier generation") {
			t.Errorf("got %v", err)
		}
		for i := range 11 {
			s := films(fmt.Sprint("v", i), 2+i%3)
			sites = append(sites, s)
			publish(t, p, s)
		}
		p.Open, p.Refs = nil, nil // no build is needed
		back := func(number int) {
			t.Helper()
			plan, err := p.PlanRollback(t.Context(), number)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Apply(t.Context(), plan); err != nil {
				t.Fatal(err)
			}
			if number == 0 {
				number = len(sites) - 1
			}
			s := sites[number-1]
			sites = append(sites, s)
			objects := store.Objects()
			for key, text := range s {
				if objects[key] != text {
					t.Errorf("unversioned=%v, back to %d: %s holds %q, want %q", unversioned, number, key, objects[key], text)
				}
			}
			for key := range objects {
				if _, ok := s[key]; !ok && strings.HasSuffix(key, ".html") && !slices.ContainsFunc(plan.Gone, func(g bucket.Tombstone) bool { return g.Key == key }) {
					t.Errorf("%s is there for ever", key)
				}
			}
		}
		back(0)
		before := len(store.Calls())
		back(10)
		if got := len(store.Calls()) - before; !unversioned && got > 20 {
			t.Errorf("%d requests", got)
		}
		back(4)
		back(11)
		back(5) // the tenth before
		if _, err := p.PlanRollback(t.Context(), 99); err == nil || !strings.Contains(err.Error(), "no generation 99") {
			t.Errorf("got %v", err)
		}
		if !cdn.forgets("/") {
			t.Error("caches were not told")
		}
		publish(t, p, films("new", 3))
	}
}

// What was deleted for good and is nowhere kept cannot come back, and that is said before anything is written.
func TestRollbackToWhatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{Unversioned: true}
		first, second := films("a", 2), films("b", 2)
		p := publisher(t, store, first)
		publish(t, p, first)
		publish(t, p, second)
		time.Sleep(25 * time.Hour)
		publish(t, p, second)
		before := store.Objects()
		_, err := p.PlanRollback(t.Context(), 1)
		if err == nil || !strings.Contains(err.Error(), "assets/style-a.css: its earlier content is no longer there") {
			t.Errorf("got %v", err)
		}
		if !maps.Equal(before, store.Objects()) {
			t.Error("something was written")
		}
	})
}

// What the lifecycle of a bucket has removed is not found missing when half of the site has gone back: all of it is told
// before anything is written, and what is still there under another name is taken from there.
func TestRollbackToExpiredVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &storetest.Memory{}
		first, second := films("a", 2), films("b", 2)
		p := publisher(t, store, first)
		publish(t, p, first)
		publish(t, p, second)
		store.Expire()
		before, calls := store.Objects(), len(store.Calls())
		_, err := p.PlanRollback(t.Context(), 1)
		problems, rest := diag.Problems(err)
		if len(rest) > 0 || len(problems) < 2 || !strings.Contains(err.Error(), "index.html: its earlier content is no longer there") {
			t.Errorf("got %v", err)
		}
		for _, c := range store.Calls()[calls:] {
			if c.Write {
				t.Errorf("%s %s", c.Method, c.Key)
			}
		}
		if !maps.Equal(before, store.Objects()) {
			t.Error("something was written")
		}

		// Who may not look is told by the copy.
		store.Fault = func(c storetest.Call) storetest.Fault {
			if c.Method == "Holds" {
				return storetest.Denied
			}
			return storetest.None
		}
		if _, err := p.PlanRollback(t.Context(), 1); err != nil {
			t.Error(err)
		}
	})
}
