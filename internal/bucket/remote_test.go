package bucket_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"

	"matinee/internal/bucket"
	"matinee/internal/bucket/storetest"
)

// remoteSite publishes films and, beside them, a page that shows what somebody else made.
type remoteSite struct {
	store *storetest.Memory
	site  tree
	made  []bucket.Object
}

func newRemoteSite(t *testing.T) *remoteSite {
	t.Helper()
	s := &remoteSite{store: &storetest.Memory{}, site: films("1", 2)}
	s.site["made/index.html"] = "<video><source src=../stream/clip-x/master.m3u8></video>"
	for _, name := range []string{"master.m3u8", "v.m3u8", "v.mp4"} {
		key, text := "stream/clip-x/"+name, "somebody's "+name
		s.put(t, key, text)
		s.made = append(s.made, bucket.Object{Key: key, Size: int64(len(text)), Remote: true, Immutable: true})
	}
	return s
}

func (s *remoteSite) put(t *testing.T, key, text string) {
	t.Helper()
	body, err := bucket.ReadBody(strings.NewReader(text), 0, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Put(t.Context(), key, body, bucket.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (s *remoteSite) publisher() *bucket.Publisher {
	return &bucket.Publisher{
		Site: bucket.Place{Name: "memory", Store: s.store}, ID: "https://example.com/", Owner: "test", Open: s.site.open,
		Refs: func(o bucket.Object) ([]bucket.Ref, error) { return s.site.refs(o, false) },
	}
}

// publish returns the keys that were written or deleted.
func (s *remoteSite) publish(t *testing.T, change func(*bucket.Publisher)) []string {
	t.Helper()
	p := s.publisher()
	if change != nil {
		change(p)
	}
	before := len(s.store.Calls())
	plan, err := p.Plan(t.Context(), slices.Concat(s.site.objects(false), s.made))
	if err == nil {
		_, err = p.Apply(t.Context(), plan)
	}
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, c := range s.store.Calls()[before:] {
		if c.Write {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// What somebody else made is needed, and neither sent nor deleted, whatever happens.
func TestRemoteObjects(t *testing.T) {
	s := newRemoteSite(t)
	untouched := func(when string, keys []string) {
		t.Helper()
		for _, k := range keys {
			if strings.Contains(k, "clip-x") {
				t.Errorf("%s: %s was touched", when, k)
			}
		}
		for _, o := range s.made {
			if got := s.store.Objects()[o.Key]; got != "somebody's "+o.Key[len("stream/clip-x/"):] {
				t.Errorf("%s: %s is %q", when, o.Key, got)
			}
		}
	}
	untouched("first", s.publish(t, nil))
	before := len(s.store.Calls())
	untouched("again", s.publish(t, nil))
	if n := len(s.store.Calls()) - before; n > 2 {
		t.Errorf("a publish of nothing makes %d requests", n)
	}
	untouched("verified", s.publish(t, func(p *bucket.Publisher) { p.Verify = true }))

	// Out of the site, it stays where it is.
	made, page := s.made, s.site["made/index.html"]
	s.made = nil
	delete(s.site, "made/index.html")
	keys := s.publish(t, func(p *bucket.Publisher) { p.PruneNow = true })
	s.made = made
	untouched("out of the site", keys)
	if _, there := s.store.Objects()["made/index.html"]; there {
		t.Error("the page is still there, so nothing was shown")
	}
	s.site["made/index.html"] = page
	untouched("back", s.publish(t, nil))
	health, err := s.publisher().Examine(t.Context(), slices.Concat(s.site.objects(false), s.made))
	if err != nil || len(health.Missing)+len(health.Altered)+len(health.Unpublished)+health.Dropped > 0 {
		t.Errorf("health %+v, %v", health, err)
	}
}

// A page that needs what is not there is not published, also when it was there before.
func TestRemoteObjectsMissing(t *testing.T) {
	s := newRemoteSite(t)
	gone := s.made[2].Key
	lost := func(change func(*bucket.Publisher)) {
		t.Helper()
		p := s.publisher()
		if change != nil {
			change(p)
		}
		_, err := p.Plan(t.Context(), slices.Concat(s.site.objects(false), s.made))
		if err == nil || !strings.Contains(err.Error(), gone+": it is not in memory") {
			t.Errorf("the error is %v", err)
		}
	}
	remove := func() {
		if _, err := s.store.Delete(t.Context(), []string{gone}); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	lost(nil)
	s.put(t, gone, "something of another size")
	lost(nil)
	s.put(t, gone, "somebody's v.mp4")
	s.publish(t, nil)
	remove()
	lost(func(p *bucket.Publisher) { p.Verify = true })
}

// A file is sent whole or in parts, and what an interrupted upload had sent is not sent again.
func TestSend(t *testing.T) {
	store := &storetest.Memory{}
	p := &bucket.Publisher{Site: bucket.Place{Name: "memory", Store: store}}
	for _, size := range []int{0, 7, bucket.PartSize*2 + 5} {
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		o := bucket.Object{Key: fmt.Sprint("inbox/", size), Size: int64(size), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
		if err := p.Send(t.Context(), o, bytes.NewReader(data)); err != nil || store.Objects()[o.Key] != string(data) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	data := bytes.Repeat([]byte("matinee!"), bucket.PartSize*3/8)
	o := bucket.Object{Key: "inbox/resumed", Size: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
	u, err := store.BeginUpload(t.Context(), o.Key, o.Headers)
	if err != nil {
		t.Fatal(err)
	}
	body, err := bucket.ReadBody(bytes.NewReader(data), 0, bucket.PartSize)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutPart(t.Context(), u, 1, body); err != nil {
		t.Fatal(err)
	}
	before := len(store.Calls())
	if err := p.Send(t.Context(), o, bytes.NewReader(data)); err != nil || store.Objects()[o.Key] != string(data) {
		t.Fatalf("resumed: %v", err)
	}
	sent := 0
	for _, c := range store.Calls()[before:] {
		if c.Method == "PutPart" {
			sent++
		}
	}
	if sent != 2 {
		t.Errorf("%d of 3 parts were sent, where one was there", sent)
	}
}
