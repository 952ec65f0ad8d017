package s3_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"matinee/internal/aws/s3"
	"matinee/internal/aws/s3/s3test"
	"matinee/internal/bucket"
)

// tooLarge is how S3 says that an object of more than 5 GB takes other requests to be copied.
func tooLarge(q s3test.Request) s3test.Fault {
	if q.Action != "CopyObject" {
		return s3test.Fault{}
	}
	return s3test.Fault{
		Status: http.StatusBadRequest, Code: "InvalidRequest",
		Text: "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120",
	}
}

// upload sends content in parts, as package bucket does.
func upload(t *testing.T, s *s3.Store, key, content string) bucket.Stored {
	t.Helper()
	u, err := s.BeginUpload(t.Context(), key, bucket.Headers{ContentType: "video/mp4", CacheControl: "no-cache"})
	if err != nil {
		t.Fatal(err)
	}
	var parts []bucket.Part
	for i := int64(0); i*bucket.PartSize < int64(len(content)); i++ {
		body, err := bucket.ReadBody(strings.NewReader(content), i*bucket.PartSize, min(bucket.PartSize, int64(len(content))-i*bucket.PartSize))
		if err != nil {
			t.Fatal(err)
		}
		part, err := s.PutPart(t.Context(), u, int(i+1), body)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	stored, err := s.FinishUpload(t.Context(), u, parts, false)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// Headers of a film that is too large for one request are changed without sending it again, and it stays the same film.
func TestCopyInParts(t *testing.T) {
	server := start(t, s3test.Versity)
	for _, versions := range []bool{false, true} {
		plain, ok := opener(server, versions)(t).(*s3.Store)
		if !ok {
			t.Fatal("no Store")
		}
		p := proxy(t, server)
		store := &s3.Store{Bucket: plain.Bucket, Endpoint: p.URL()}
		film := strings.Repeat("0123456789abcdef", (2*bucket.PartSize+5)/16+1)
		before := upload(t, store, "stream/a b.mp4", film)
		p.Spoil(tooLarge)
		p.Forget()
		headers := bucket.Headers{ContentType: "video/mp4", CacheControl: "public, max-age=31536000, immutable"}
		after, err := store.Copy(t.Context(), "stream/a b.mp4", bucket.Source{Key: "stream/a b.mp4", Version: before.Version}, headers)
		if err != nil {
			t.Fatal(err)
		}
		if after.ETag != before.ETag {
			t.Errorf("the ETag was %s and is %s", before.ETag, after.ETag)
		}
		sent, counts := int64(0), map[string]int{}
		for _, q := range p.Log() {
			counts[q.Action]++
			sent += max(0, q.Bytes)
		}
		if counts["UploadPartCopy"] != 3 || len(p.Log()) != 7 || sent > 10_000 {
			t.Errorf("%d bytes were sent with %v", sent, counts)
		}
		c, err := store.Get(t.Context(), "stream/a b.mp4")
		if err != nil {
			t.Fatal(err)
		}
		body, err := bucket.ReadBody(readAll(t, c), 0, int64(len(film)))
		if want, _ := bucket.ReadBody(strings.NewReader(film), 0, int64(len(film))); err != nil || body.MD5 != want.MD5 || c.Headers != headers {
			t.Errorf("it is another film, or has other headers: %+v (%v)", c.Headers, err)
		}
	}
}

// What goes wrong on the way leaves no half of a film behind.
func TestCopyInPartsFails(t *testing.T) {
	server := start(t, s3test.Versity)
	plain, ok := opener(server, false)(t).(*s3.Store)
	if !ok {
		t.Fatal("no Store")
	}
	p := proxy(t, server)
	store := &s3.Store{Bucket: plain.Bucket, Endpoint: p.URL()}
	upload(t, store, "a.mp4", strings.Repeat("x", bucket.PartSize+1))
	p.Spoil(func(q s3test.Request) s3test.Fault {
		if q.Action == "UploadPartCopy" {
			return s3test.Denied
		}
		return tooLarge(q)
	})
	_, err := store.Copy(t.Context(), "a.mp4", bucket.Source{Key: "a.mp4"}, bucket.Headers{})
	if !errors.Is(err, bucket.ErrRefused) || !strings.Contains(err.Error(), "copy a.mp4 to a.mp4 in films-") {
		t.Errorf("%v", err)
	}
	if left, err := store.Uploads(context.WithoutCancel(t.Context())); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func readAll(t *testing.T, c *bucket.Content) *strings.Reader {
	t.Helper()
	defer c.Close() //nolint:errcheck // only read
	var b strings.Builder
	if _, err := io.Copy(&b, c); err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(b.String())
}
