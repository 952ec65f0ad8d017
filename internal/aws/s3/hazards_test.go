package s3_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"matinee/internal/aws/s3"
	"matinee/internal/bucket"
)

// TestVersionOfNone holds that a bucket whose versioning was suspended keeps no contents: all of them are called "null",
// and the next one takes the place of the last.
func TestVersionOfNone(t *testing.T) {
	credentials(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Version-Id", "null")
		w.Header().Set("ETag", `"9dd4e461268c8034f5c8564e155c67a6"`)
		switch {
		case r.Method == http.MethodPost:
			_, _ = w.Write([]byte("<CompleteMultipartUploadResult><ETag>e-1</ETag></CompleteMultipartUploadResult>"))
		case r.Header.Get("X-Amz-Copy-Source") != "":
			_, _ = w.Write([]byte("<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"))
		}
	}))
	defer server.Close()
	store := &s3.Store{Bucket: "films", Endpoint: server.URL}
	for name, do := range map[string]func() (bucket.Stored, error){
		"put": func() (bucket.Stored, error) { return store.Put(t.Context(), "a", body(t, "x"), bucket.PutOptions{}) },
		"copy": func() (bucket.Stored, error) {
			return store.Copy(t.Context(), "a", bucket.Source{Key: "b"}, bucket.Headers{})
		},
		"finish": func() (bucket.Stored, error) {
			return store.FinishUpload(t.Context(), bucket.Upload{Key: "a", ID: "u"}, []bucket.Part{{Number: 1, ETag: "e"}}, false)
		},
	} {
		if stored, err := do(); err != nil || stored.Version != "" {
			t.Errorf("%s: %+v, %v", name, stored, err)
		}
	}
}

// TestWrongServer holds what is said where the endpoint is a server of another kind, which has no page for a bucket.
func TestWrongServer(t *testing.T) {
	credentials(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, _, err := (&s3.Store{Bucket: "films", Endpoint: server.URL}).List(t.Context(), "", "")
	wantProblem(t, err, "list films: the bucket does not exist",
		"make it there, or check the bucket's name and publish.endpoint in site.yaml", bucket.ErrRefused)
}

// TestSlowConnection holds that what a proxy on the way says of a connection is a hiccup.
func TestSlowConnection(t *testing.T) {
	credentials(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestTimeout)
		_, _ = w.Write([]byte("<html>request timeout"))
	}))
	defer server.Close()
	_, err := (&s3.Store{Bucket: "films", Endpoint: server.URL}).Put(t.Context(), "a", body(t, "x"), bucket.PutOptions{})
	wantProblem(t, err, "put a in films: the connection was too slow", "", nil)
}

// TestEndlessLists holds that lists end which a server calls truncated without saying where they go on.
func TestEndlessLists(t *testing.T) {
	credentials(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("uploads") {
			_, _ = w.Write([]byte("<ListMultipartUploadsResult><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>"))
			return
		}
		_, _ = w.Write([]byte("<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>"))
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store := &s3.Store{Bucket: "films", Endpoint: server.URL}
	if _, err := store.Uploads(ctx); err != nil {
		t.Error(err)
	}
	if _, err := store.Parts(ctx, bucket.Upload{Key: "a", ID: "u"}); err != nil {
		t.Error(err)
	}
}
