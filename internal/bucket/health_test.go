package bucket_test

import (
	"errors"
	"testing"

	"matinee/internal/bucket"
	"matinee/internal/bucket/storetest"
)

func examine(t *testing.T, p *bucket.Publisher, local tree) *bucket.Health {
	t.Helper()
	var objects []bucket.Object
	if local != nil {
		objects = local.objects(p.Stream.Store != nil)
	}
	h, err := p.Examine(t.Context(), objects)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A site is well after it was published, and what others did to it since is found, and mended by a publish that looks.
func TestExamine(t *testing.T) {
	for _, split := range []bool{false, true} {
		site, stream := &storetest.Memory{}, &storetest.Memory{}
		p := publisher(t, site, nil)
		clips := bucket.Store(site)
		if split {
			p.Stream = bucket.Place{Name: "mem://stream", Store: stream}
			clips = stream
		}
		if h := examine(t, p, films("1", 2)); h.Site != "" || h.Generation.Number != 0 || len(h.Unpublished) != len(films("1", 2)) || h.Foreign != 0 {
			t.Errorf("before the first publish: %+v", h)
		}
		publish(t, p, films("1", 2))
		writes := len(site.Calls())
		h := examine(t, p, films("1", 2))
		if h.Site != p.ID || h.Generation.Number != 1 || h.Conditional != "yes" || h.Busy != nil || h.Interrupted || h.Forgetting > 0 ||
			len(h.Missing)+len(h.Altered)+h.Foreign+len(h.Unpublished)+h.Dropped > 0 || len(h.Manifest.Objects) != len(films("1", 2)) {
			t.Errorf("after a publish: %+v", h)
		}
		for _, c := range site.Calls()[writes:] {
			if c.Write {
				t.Errorf("an examination wrote: %+v", c)
			}
		}
		if _, err := clips.Delete(t.Context(), []string{"stream/clip0/720p.mp4"}); err != nil {
			t.Fatal(err)
		}
		put(t, site, "index.html", "defaced")
		put(t, site, "notes.txt", "somebody else's")
		h = examine(t, p, films("2", 2))
		if len(h.Missing) != 1 || h.Missing[0].Key != "stream/clip0/720p.mp4" || (h.Missing[0].Side == bucket.Stream) != split ||
			len(h.Altered) != 1 || h.Altered[0].Key != "index.html" || h.Foreign != 1 || len(h.Unpublished) == 0 || h.Dropped == 0 {
			t.Errorf("after mischief: %+v", h)
		}
		p.Verify = true
		publish(t, p, films("1", 2))
		if h := examine(t, p, films("1", 2)); len(h.Missing)+len(h.Altered) > 0 || h.Foreign != 1 {
			t.Errorf("after mending: %+v", h)
		}
	}
}

// What stays for a while, and what a publish that died has brought, is nobody else's; and whoever is at it does not keep
// others from looking.
func TestExamineAfterDeath(t *testing.T) {
	store := &storetest.Memory{}
	p := publisher(t, store, nil)
	publish(t, p, films("1", 1))
	publish(t, p, films("2", 1))
	if h := examine(t, p, nil); h.Foreign != 0 || h.Unpublished != nil || len(h.Manifest.Gone) == 0 {
		t.Errorf("with tombstones: %+v", h)
	}
	writes := 0
	store.Fault = func(c storetest.Call) storetest.Fault {
		if c.Write {
			writes++
		}
		if c.Write && writes > 3 {
			return storetest.Denied
		}
		return storetest.None
	}
	if _, err := tryPublish(t.Context(), p, films("3", 1)); !errors.Is(err, bucket.ErrRefused) {
		t.Fatal(err)
	}
	h := examine(t, p, nil)
	if h.Busy == nil || h.Busy.Owner != "ann@laptop" || !h.Interrupted || h.Foreign != 0 {
		t.Errorf("after a death: %+v", h)
	}
}
