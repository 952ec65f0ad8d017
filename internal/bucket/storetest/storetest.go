// Package storetest holds what every bucket.Store must do, as one suite for all of them, and [Memory], a store for
// tests of those who use one.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"matinee/internal/bucket"
)

// Run tests a store. Each call of open returns an empty one. The tests named in except are left out: a store may be
// worth having although it is known not to do everything that S3 does.
func Run(t *testing.T, open func(t *testing.T) bucket.Store, except ...string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, bucket.Store)
	}{
		{"RoundTrip", roundTrip},
		{"Missing", missing},
		{"Replace", replace},
		{"IfAbsent", ifAbsent},
		{"IfMatch", ifMatch},
		{"OneWinner", oneWinner},
		{"Corrupt", corrupt},
		{"Copy", copies},
		{"Versions", versions},
		{"Delete", deletes},
		{"List", list},
		{"ListPages", listPages},
		{"Cancelled", cancelled},
		{"Multipart", multipart},
		{"MultipartResume", multipartResume},
		{"MultipartIfAbsent", multipartIfAbsent},
	} {
		if !slices.Contains(except, test.name) {
			t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
		}
	}
}

// body makes a Body of a text.
func body(t *testing.T, text string) bucket.Body {
	t.Helper()
	b, err := bucket.ReadBody(strings.NewReader(text), 0, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t *testing.T, s bucket.Store, key, text string) bucket.Stored {
	t.Helper()
	stored, err := s.Put(t.Context(), key, body(t, text), bucket.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// get returns the content of an object, and all that is known of it.
func get(t *testing.T, s bucket.Store, key string) (string, *bucket.Content) {
	t.Helper()
	c, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(c)
	if err := errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	return string(data), c
}

func want(t *testing.T, s bucket.Store, key, text string) {
	t.Helper()
	if got, _ := get(t, s, key); got != text {
		t.Errorf("%s holds %q, want %q", key, got, text)
	}
}

func wantErr(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("got %v, want an error that is %q", err, target)
	}
}

var html = bucket.Headers{ContentType: "text/html; charset=utf-8", CacheControl: "public, max-age=0, must-revalidate"}

func roundTrip(t *testing.T, s bucket.Store) {
	for _, key := range []string{"index.html", "a-walk/index.html", "with space/ü+%&=?#é/日本.txt", ".matinee/current"} {
		for _, text := range []string{"", "hello", strings.Repeat("x", 100_000)} {
			stored, err := s.Put(t.Context(), key, body(t, text), bucket.PutOptions{Headers: html})
			if err != nil {
				t.Fatal(err)
			}
			got, content := get(t, s, key)
			if got != text {
				t.Errorf("%s: got %d bytes, want %d", key, len(got), len(text))
			}
			if stored.ETag == "" || content.ETag != stored.ETag {
				t.Errorf("%s: Put says ETag %q, Get %q", key, stored.ETag, content.ETag)
			}
			if b := body(t, text); !stored.Opaque && stored.ETag != fmt.Sprintf("%x", b.MD5) {
				t.Errorf("%s: ETag %q is not the MD5 %x", key, stored.ETag, b.MD5)
			}
			if (content.Headers != bucket.Headers{}) && content.Headers != html {
				t.Errorf("%s: headers %+v, want %+v", key, content.Headers, html)
			}
			if content.Age < 0 || content.Age > time.Hour {
				t.Errorf("%s: %v old, want just written", key, content.Age)
			}
		}
	}
}

func missing(t *testing.T, s bucket.Store) {
	_, err := s.Get(t.Context(), "nothing")
	wantErr(t, err, bucket.ErrNotFound)
	put(t, s, "a/b", "here")
	_, err = s.Get(t.Context(), "a")
	wantErr(t, err, bucket.ErrNotFound)
	_, err = s.Get(t.Context(), "a/b/c")
	wantErr(t, err, bucket.ErrNotFound)
}

func replace(t *testing.T, s bucket.Store) {
	first := put(t, s, "a", "one")
	second := put(t, s, "a", "two")
	if first.ETag == second.ETag {
		t.Error("the ETag of another content is the same")
	}
	want(t, s, "a", "two")
}

func ifAbsent(t *testing.T, s bucket.Store) {
	if _, err := s.Put(t.Context(), "a/lock", body(t, "mine"), bucket.PutOptions{IfAbsent: true}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Put(t.Context(), "a/lock", body(t, "theirs"), bucket.PutOptions{IfAbsent: true})
	wantErr(t, err, bucket.ErrPrecondition)
	want(t, s, "a/lock", "mine")
}

func ifMatch(t *testing.T, s bucket.Store) {
	first := put(t, s, "a", "one")
	second, err := s.Put(t.Context(), "a", body(t, "two"), bucket.PutOptions{IfMatch: first.ETag})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Put(t.Context(), "a", body(t, "three"), bucket.PutOptions{IfMatch: first.ETag})
	wantErr(t, err, bucket.ErrPrecondition)
	want(t, s, "a", "two")
	_, err = s.Put(t.Context(), "b", body(t, "three"), bucket.PutOptions{IfMatch: second.ETag})
	wantErr(t, err, bucket.ErrPrecondition)
	_, err = s.Get(t.Context(), "b")
	wantErr(t, err, bucket.ErrNotFound)
}

// oneWinner holds that of several writers with the same condition exactly one succeeds.
func oneWinner(t *testing.T, s bucket.Store) {
	for round := range 5 {
		options := bucket.PutOptions{IfAbsent: true}
		if round > 0 {
			_, c := get(t, s, "lock")
			options = bucket.PutOptions{IfMatch: c.ETag}
		}
		const writers = 8
		errs := make([]error, writers)
		var group sync.WaitGroup
		for i := range writers {
			b := body(t, fmt.Sprint("round ", round, " writer ", i))
			group.Go(func() { _, errs[i] = s.Put(t.Context(), "lock", b, options) })
		}
		group.Wait()
		winner := -1
		for i, err := range errs {
			if err == nil && winner >= 0 {
				t.Fatalf("round %d: writers %d and %d both won", round, winner, i)
			}
			if err == nil {
				winner = i
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won: %v", round, errors.Join(errs...))
		}
		want(t, s, "lock", fmt.Sprint("round ", round, " writer ", winner))
	}
}

// corrupt holds that content which does not arrive as announced does not replace anything.
func corrupt(t *testing.T, s bucket.Store) {
	put(t, s, "a", "intact")
	b := body(t, "what was announced")
	b.SectionReader = io.NewSectionReader(strings.NewReader("what was delivered"), 0, b.Size())
	if _, err := s.Put(t.Context(), "a", b, bucket.PutOptions{}); err == nil {
		t.Error("content that does not match its digests was taken")
	}
	want(t, s, "a", "intact")
}

func copies(t *testing.T, s bucket.Store) {
	put(t, s, "a", "text")
	for _, key := range []string{"a", "dir/b ü"} {
		stored, err := s.Copy(t.Context(), key, bucket.Source{Key: "a"}, html)
		if err != nil {
			t.Fatal(err)
		}
		text, c := get(t, s, key)
		if text != "text" || c.ETag != stored.ETag {
			t.Errorf("the copy %s holds %q with ETag %q, want %q with %q", key, text, c.ETag, "text", stored.ETag)
		}
		if (c.Headers != bucket.Headers{}) && c.Headers != html {
			t.Errorf("the copy %s has headers %+v", key, c.Headers)
		}
	}
	if _, err := s.Copy(t.Context(), "c", bucket.Source{Key: "dir/b ü"}, html); err != nil {
		t.Error(err)
	}
	_, err := s.Copy(t.Context(), "d", bucket.Source{Key: "nothing"}, html)
	wantErr(t, err, bucket.ErrNotFound)
}

// versions holds that a store which names versions can bring them back.
func versions(t *testing.T, s bucket.Store) {
	first := put(t, s, "page", "first")
	if first.Version == "" {
		t.Fatal("the store keeps no versions")
	}
	put(t, s, "page", "second")
	restore := func() {
		t.Helper()
		if _, err := s.Copy(t.Context(), "page", bucket.Source{Key: "page", Version: first.Version}, html); err != nil {
			t.Fatal(err)
		}
		want(t, s, "page", "first")
	}
	holds := func() {
		t.Helper()
		v, ok := s.(bucket.Versioned)
		if !ok {
			t.Fatal("the store names versions, and does not tell which it has")
		}
		if err := v.Holds(t.Context(), bucket.Source{Key: "page", Version: first.Version}); err != nil {
			t.Error(err)
		}
		wantErr(t, v.Holds(t.Context(), bucket.Source{Key: "another", Version: first.Version}), bucket.ErrNotFound)
	}
	restore()
	holds()
	if _, err := s.Delete(t.Context(), []string{"page"}); err != nil {
		t.Fatal(err)
	}
	holds()
	restore()
}

func deletes(t *testing.T, s bucket.Store) {
	put(t, s, "a/b/c", "1")
	put(t, s, "a/b/d ü&", "2")
	put(t, s, "e", "3")
	failed, err := s.Delete(t.Context(), []string{"a/b/c", "never/there", "a/b/d ü&"})
	if err != nil || len(failed) > 0 {
		t.Fatal(err, failed)
	}
	_, err = s.Get(t.Context(), "a/b/c")
	wantErr(t, err, bucket.ErrNotFound)
	page, _, err := s.List(t.Context(), "", "")
	if err != nil || len(page) != 1 || page[0].Key != "e" {
		t.Errorf("left are %v, %v, want e alone", page, err)
	}
	put(t, s, "a/b", "a file where a folder was")
}

func list(t *testing.T, s bucket.Store) {
	if page, more, err := s.List(t.Context(), "", ""); err != nil || more || len(page) > 0 {
		t.Fatalf("an empty store lists %v, %v, %v", page, more, err)
	}
	keys := []string{"a.b", "a-b", "a/b", "a/b c", "a/ü", "a0", "b", ".matinee/current", "Z"} // "-" < "." < "/" < "0"
	for _, key := range keys {
		put(t, s, key, key)
	}
	slices.Sort(keys)
	for _, c := range []struct{ prefix, after string }{
		{"", ""}, {"a", ""}, {"a/", ""}, {"a/b", ""}, {"", "a/b"}, {"a/", "a/b"}, {"zzz", ""}, {"", "zzz"}, {"", "a/a"},
	} {
		var expected []string
		for _, key := range keys {
			if strings.HasPrefix(key, c.prefix) && key > c.after {
				expected = append(expected, key)
			}
		}
		page, more, err := s.List(t.Context(), c.prefix, c.after)
		if err != nil || more {
			t.Fatal(err, more)
		}
		var got []string
		for _, l := range page {
			got = append(got, l.Key)
			if _, content := get(t, s, l.Key); l.Size != int64(len(l.Key)) || l.ETag != content.ETag {
				t.Errorf("listed as %+v, want %d bytes and ETag %q", l, len(l.Key), content.ETag)
			}
		}
		if !slices.Equal(got, expected) {
			t.Errorf("prefix %q after %q: got %q, want %q", c.prefix, c.after, got, expected)
		}
	}
}

func listPages(t *testing.T, s bucket.Store) {
	const n = 1003
	var group sync.WaitGroup
	b := body(t, "x")
	errs := make([]error, 8)
	for w := range errs {
		group.Go(func() {
			for i := w; i < n; i += len(errs) {
				b := b
				b.SectionReader = io.NewSectionReader(strings.NewReader("x"), 0, 1)
				_, err := s.Put(t.Context(), fmt.Sprintf("k%04d", i), b, bucket.PutOptions{})
				errs[w] = errors.Join(errs[w], err)
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	first, more, err := s.List(t.Context(), "", "")
	if err != nil || !more || len(first) > 1000 || len(first) == 0 {
		t.Fatalf("the first page has %d objects, more %v, %v", len(first), more, err)
	}
	got := len(first)
	for more {
		var page []bucket.Listed
		if page, more, err = s.List(t.Context(), "", fmt.Sprintf("k%04d", got-1)); err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 || page[0].Key != fmt.Sprintf("k%04d", got) {
			t.Fatalf("the page after %d objects is %v", got, page)
		}
		got += len(page)
	}
	if got != n {
		t.Errorf("listed %d objects, want %d", got, n)
	}
}

func cancelled(t *testing.T, s bucket.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, "a", body(t, "x"), bucket.PutOptions{}); err == nil {
		t.Error("a cancelled Put went through")
	}
	if _, err := s.Get(t.Context(), "a"); err == nil {
		t.Error("a cancelled Put left an object")
	}
}

// partSize is the smallest that S3 allows for all parts but the last.
const partSize = 5 << 20

func parts(t *testing.T) (content []byte, bodies []bucket.Body) {
	t.Helper()
	content = bytes.Repeat([]byte("0123456789abcdef"), (2*partSize+partSize/2)/16)
	for offset := int64(0); offset < int64(len(content)); offset += partSize {
		b, err := bucket.ReadBody(bytes.NewReader(content), offset, min(partSize, int64(len(content))-offset))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, b)
	}
	return content, bodies
}

func inParts(t *testing.T, s bucket.Store) bucket.Multipart {
	t.Helper()
	m, ok := s.(bucket.Multipart)
	if !ok {
		t.Fatal("the store takes objects in one piece")
	}
	return m
}

func multipart(t *testing.T, s bucket.Store) {
	m := inParts(t, s)
	content, bodies := parts(t)
	upload, err := m.BeginUpload(t.Context(), "clip ü.mp4", html)
	if err != nil {
		t.Fatal(err)
	}
	sent := make([]bucket.Part, len(bodies))
	for i := range slices.Backward(bodies) { // in any order
		if sent[i], err = m.PutPart(t.Context(), upload, i+1, bodies[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(t.Context(), "clip ü.mp4"); err == nil {
		t.Error("the object is there before its upload is finished")
	}
	stored, err := m.FinishUpload(t.Context(), upload, sent, false)
	if err != nil {
		t.Fatal(err)
	}
	got, c := get(t, s, "clip ü.mp4")
	if got != string(content) || c.ETag != stored.ETag {
		t.Errorf("the object has %d bytes and ETag %q, want %d and %q", len(got), c.ETag, len(content), stored.ETag)
	}
	if (c.Headers != bucket.Headers{}) && c.Headers != html {
		t.Errorf("headers %+v, want %+v", c.Headers, html)
	}
	page, _, err := s.List(t.Context(), "", "")
	if err != nil || len(page) != 1 || page[0].ETag != stored.ETag {
		t.Errorf("listed as %v, %v, want ETag %q", page, err, stored.ETag)
	}
	again, err := m.FinishUpload(t.Context(), upload, sent, false) // S3 remembers finished uploads for a while, others do not
	if err == nil && again.ETag != stored.ETag || err != nil && !errors.Is(err, bucket.ErrNotFound) {
		t.Errorf("finished once more: %+v, %v, want ETag %q or an error that is %q", again, err, stored.ETag, bucket.ErrNotFound)
	}
}

func multipartIfAbsent(t *testing.T, s bucket.Store) {
	m := inParts(t, s)
	finish := func(key string) error {
		t.Helper()
		_, bodies := parts(t)
		upload, err := m.BeginUpload(t.Context(), key, html)
		if err != nil {
			t.Fatal(err)
		}
		sent := make([]bucket.Part, len(bodies))
		for i, b := range bodies {
			if sent[i], err = m.PutPart(t.Context(), upload, i+1, b); err != nil {
				t.Fatal(err)
			}
		}
		_, err = m.FinishUpload(t.Context(), upload, sent, true)
		return err
	}
	put(t, s, "theirs.mp4", "theirs")
	wantErr(t, finish("theirs.mp4"), bucket.ErrPrecondition)
	if got, _ := get(t, s, "theirs.mp4"); got != "theirs" {
		t.Errorf("it was replaced by %d bytes", len(got))
	}
	if err := finish("ours.mp4"); err != nil {
		t.Fatal(err)
	}
	content, _ := parts(t)
	if got, _ := get(t, s, "ours.mp4"); got != string(content) {
		t.Errorf("it has %d bytes", len(got))
	}
}

func multipartResume(t *testing.T, s bucket.Store) {
	m := inParts(t, s)
	_, bodies := parts(t)
	upload, err := m.BeginUpload(t.Context(), "clip.mp4", html)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.PutPart(t.Context(), upload, 2, bodies[1]); err != nil {
		t.Fatal(err)
	}
	uploads, err := m.Uploads(t.Context())
	if err != nil || !slices.Contains(uploads, upload) {
		t.Fatalf("the uploads under way are %v, %v, want %v among them", uploads, err, upload)
	}
	arrived, err := m.Parts(t.Context(), upload)
	if err != nil || len(arrived) != 1 || arrived[0] != (bucket.Part{Number: 2, Size: partSize, ETag: fmt.Sprintf("%x", bodies[1].MD5)}) {
		t.Fatalf("arrived are %v, %v, want part 2 with its MD5", arrived, err)
	}
	for range 2 {
		if err := m.AbortUpload(t.Context(), upload); err != nil {
			t.Fatal(err)
		}
	}
	_, err = m.Parts(t.Context(), upload)
	wantErr(t, err, bucket.ErrNotFound)
	if uploads, err := m.Uploads(t.Context()); err != nil || slices.Contains(uploads, upload) {
		t.Errorf("after it was aborted, the uploads under way are %v, %v", uploads, err)
	}
}
