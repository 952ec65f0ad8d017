package s3_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"matinee/internal/aws/s3"
	"matinee/internal/aws/s3/s3test"
	"matinee/internal/bucket"
)

// credentials gives the test's process those of s3test, or others.
func credentials(t *testing.T, others ...string) {
	t.Helper()
	for name, value := range s3test.Credentials() {
		t.Setenv(name, value)
	}
	for i := 0; i < len(others); i += 2 {
		t.Setenv(others[i], others[i+1])
	}
}

func body(t *testing.T, text string) bucket.Body {
	t.Helper()
	b, err := bucket.ReadBody(strings.NewReader(text), 0, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantProblem checks an error's texts, what package bucket makes of it, and that it gives nothing away.
func wantProblem(t *testing.T, err error, text, hint string, is error) {
	t.Helper()
	var problem *s3.Error
	if !errors.As(err, &problem) {
		t.Fatalf("got %v, want an Error", err)
	}
	if problem.Text != text {
		t.Errorf("text %q, want %q", problem.Text, text)
	}
	if problem.Hint != hint {
		t.Errorf("hint %q, want %q", problem.Hint, hint)
	}
	for _, kind := range []error{bucket.ErrNotFound, bucket.ErrPrecondition, bucket.ErrSlowDown, bucket.ErrRefused} {
		if got, want := errors.Is(err, kind), errors.Is(is, kind); got != want {
			t.Errorf("that it is %q: %t", kind, got)
		}
	}
	for _, secret := range []string{s3test.AccessKey, s3test.SecretKey} {
		if strings.Contains(problem.Text+problem.Hint, secret) {
			t.Errorf("it gives away %q", secret)
		}
	}
}

// TestAnswers holds what every answer of a store is made of.
func TestAnswers(t *testing.T) {
	credentials(t)
	const goesOn = ", then publish again: it goes on where it stopped"
	for _, c := range []struct {
		status     int
		body       string
		header     string
		text, hint string
		is         error
	}{
		{
			status: 403, body: code("AccessDenied"), is: bucket.ErrRefused, text: "access denied",
			hint: "allow s3:PutObject on films/a/b.html (docs/aws.md has the whole policy), or use another profile: publish.profile in site.yaml",
		},
		{
			status: 403, body: "<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/ann is not authorized to perform: s3:PutObject on resource: x because no identity-based policy allows the s3:PutObject action</Message></Error>",
			is: bucket.ErrRefused, text: "access denied, because no identity-based policy allows the s3:PutObject action",
			hint: "allow s3:PutObject on films/a/b.html (docs/aws.md has the whole policy), or use another profile: publish.profile in site.yaml",
		},
		{
			status: 404, body: code("NoSuchBucket"), is: bucket.ErrRefused, text: "the bucket does not exist",
			hint: "make it there, or check the bucket's name and publish.endpoint in site.yaml",
		},
		{
			status: 403, body: code("InvalidAccessKeyId"), is: bucket.ErrRefused, text: "the access key is not known there",
			hint: "check the key, the profile and publish.endpoint in site.yaml: they belong together",
		},
		{
			status: 403, body: code("SignatureDoesNotMatch"), is: bucket.ErrRefused, text: "the secret key does not belong to the access key",
			hint: "check both for missing or extra characters",
		},
		{
			status: 400, body: code("ExpiredToken"), is: bucket.ErrRefused, text: "the session has expired",
			hint: `sign in again ("aws sso login", or new keys)` + goesOn,
		},
		{
			status: 301, body: code("PermanentRedirect"), header: "eu-west-1", is: bucket.ErrRefused,
			text: "the bucket is in eu-west-1, and not in us-east-1", hint: "set publish.region in site.yaml to the bucket's region",
		},
		{
			status: 400, body: "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-north-1'</Message></Error>",
			is: bucket.ErrRefused, text: "the bucket is in eu-north-1, and not in us-east-1", hint: "set publish.region in site.yaml to the bucket's region",
		},
		{
			status: 403, body: code("RequestTimeTooSkewed"), text: "this machine's clock and the store's are more than a quarter of an hour apart",
			hint: "set the clock (or let the system do it by NTP), then publish again",
		},
		{status: 503, body: code("SlowDown"), is: bucket.ErrSlowDown, text: "too many requests at a time", hint: "wait a few minutes" + goesOn},
		{status: 429, body: "", is: bucket.ErrSlowDown, text: "too many requests at a time", hint: "wait a few minutes" + goesOn},
		{
			status: 507, body: code("XMinioStorageFull"), is: bucket.ErrRefused, text: "the store is full, or the account's quota used up",
			hint: "free some space or raise the quota" + goesOn,
		},
		{status: 400, body: code("BadDigest"), text: "what arrived is not what was sent; either the file is changing, or something on the way changes it"},
		{status: 400, body: code("RequestTimeout"), text: "the connection was too slow"},
		{status: 409, body: code("ConditionalRequestConflict"), text: "somebody else was writing it"},
		{status: 412, body: code("PreconditionFailed"), is: bucket.ErrPrecondition, text: "it is not what it was"},
		{status: 500, body: code("InternalError"), text: "the store answers 500 InternalError as the test wishes"},
		{status: 400, body: code("KeyTooLongError"), is: bucket.ErrRefused, text: "the store answers 400 KeyTooLongError as the test wishes"},
		{status: 502, body: "<html>bad gateway", text: "the store answers 502"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", c.header)
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		store := &s3.Store{Bucket: "films", Endpoint: server.URL}
		_, err := store.Put(t.Context(), "a/b.html", body(t, "x"), bucket.PutOptions{})
		wantProblem(t, err, "put a/b.html in films: "+c.text, c.hint, c.is)
		server.Close()
	}
}

func code(code string) string {
	return "<Error><Code>" + code + "</Code><Message>as the test wishes</Message></Error>"
}

// TestOperations holds how errors name what was being done, and which permission is missing.
func TestOperations(t *testing.T) {
	credentials(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(code("AccessDenied")))
	}))
	defer server.Close()
	store := &s3.Store{Bucket: "films", Endpoint: server.URL}
	upload := bucket.Upload{Key: "clip.mp4", ID: "u"}
	for _, c := range []struct {
		do         func(context.Context) error
		text, hint string
	}{
		{func(ctx context.Context) error { _, err := store.Get(ctx, "a"); return err }, "read a in films", "s3:GetObject on films/a"},
		{func(ctx context.Context) error {
			_, err := store.Copy(ctx, "a", bucket.Source{Key: "b"}, bucket.Headers{})
			return err
		}, "copy b to a in films", "s3:GetObject, s3:GetObjectVersion and s3:PutObject on films/a"},
		{func(ctx context.Context) error { _, err := store.Delete(ctx, []string{"a", "b", "c"}); return err }, "delete a and 2 more in films", "s3:DeleteObject on films/a and 2 more"},
		{func(ctx context.Context) error { _, _, err := store.List(ctx, "", ""); return err }, "list films", "s3:ListBucket on films"},
		{func(ctx context.Context) error {
			_, err := store.BeginUpload(ctx, "clip.mp4", bucket.Headers{})
			return err
		}, "begin to upload clip.mp4 in films", "s3:PutObject on films/clip.mp4"},
		{func(ctx context.Context) error { _, err := store.PutPart(ctx, upload, 1, body(t, "x")); return err }, "upload clip.mp4 in films", "s3:PutObject on films/clip.mp4"},
		{func(ctx context.Context) error { _, err := store.FinishUpload(ctx, upload, nil, false); return err }, "finish uploading clip.mp4 in films", "s3:PutObject on films/clip.mp4"},
		{func(ctx context.Context) error { return store.AbortUpload(ctx, upload) }, "abandon the upload of clip.mp4 in films", "s3:AbortMultipartUpload on films/clip.mp4"},
		{func(ctx context.Context) error { _, err := store.Uploads(ctx); return err }, "list the unfinished uploads of films", "s3:ListBucketMultipartUploads on films"},
		{func(ctx context.Context) error { _, err := store.Parts(ctx, upload); return err }, "list the parts of clip.mp4 in films", "s3:ListMultipartUploadParts on films/clip.mp4"},
	} {
		wantProblem(t, c.do(t.Context()), c.text+": access denied",
			"allow "+c.hint+" (docs/aws.md has the whole policy), or use another profile: publish.profile in site.yaml", bucket.ErrRefused)
	}
}

// TestUnreachable holds what is said when there is no answer at all.
func TestUnreachable(t *testing.T) {
	credentials(t)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<ListBucketResult><Contents><Key>a</"))
	}))
	defer half.Close()
	const network = "check the network, and publish.endpoint in site.yaml where one is set"
	for _, c := range []struct {
		endpoint, text, hint string
		is                   error
	}{
		{closed.URL, "dial tcp " + strings.TrimPrefix(closed.URL, "http://") + ": connect: connection refused", network, nil},
		{"http://films.invalid", "no such host: films.invalid", network, nil},
		{
			secure.URL, "tls: failed to verify certificate: x509: certificate signed by unknown authority",
			"check publish.endpoint in site.yaml; AWS_CA_BUNDLE names certificates of one's own", bucket.ErrRefused,
		},
		{half.URL, "the store's answer cannot be read", "", nil},
	} {
		_, _, err := (&s3.Store{Bucket: "films", Endpoint: c.endpoint}).List(t.Context(), "", "")
		wantProblem(t, err, "list films: "+c.text, c.hint, c.is)
	}
}

// TestNoLogin holds what is said where nobody is logged in. The texts are those of package account.
func TestNoLogin(t *testing.T) {
	credentials(t, "AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", "")
	_, _, err := (&s3.Store{Bucket: "films", Endpoint: "http://films.invalid"}).List(t.Context(), "", "")
	wantProblem(t, err, "list films: there are no AWS credentials",
		`run "aws configure" or "aws sso login", or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`, bucket.ErrRefused)
}

// TestExpiring holds what is said when credentials that once were good cannot be renewed.
func TestExpiring(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	once := filepath.Join(t.TempDir(), "once")
	program := "[profile ann]\ncredential_process = sh -c 'mkdir 2>/dev/null " + once + ` && echo "{\"Version\":1,\"AccessKeyId\":\"` + s3test.AccessKey +
		`\",\"SecretAccessKey\":\"` + s3test.SecretKey + `\",\"SessionToken\":\"t\",\"Expiration\":\"2001-01-01T00:00:00Z\"}"'` + "\n"
	if err := os.WriteFile(config, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials(t, "AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", "", "AWS_CONFIG_FILE", config)
	_, _, err := (&s3.Store{Bucket: "films", Profile: "ann", Endpoint: "http://films.invalid"}).List(t.Context(), "", "")
	wantProblem(t, err, "list films: the session has expired",
		`sign in again ("aws sso login --profile ann", or new keys), then publish again: it goes on where it stopped`, bucket.ErrRefused)
}

// TestUnreadable holds that a file which cannot be read is not blamed on the network.
func TestUnreadable(t *testing.T) {
	credentials(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	name := filepath.Join(t.TempDir(), "a.html")
	if err := os.WriteFile(name, []byte("some text"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bucket.ReadBody(f, 0, 9)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = (&s3.Store{Bucket: "films", Endpoint: server.URL}).Put(t.Context(), "a.html", b, bucket.PutOptions{})
	wantProblem(t, err, "put a.html in films: read "+name+": file already closed", `run "matinee build", then publish again`, bucket.ErrRefused)
}

func TestCancelled(t *testing.T) {
	credentials(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := (&s3.Store{Bucket: "films", Endpoint: "http://films.invalid"}).List(ctx, "", "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}

// TestSkewedClock holds that a wrong clock is made up for from the second request on, which is the first one's next try.
func TestSkewedClock(t *testing.T) {
	credentials(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now().Add(40 * time.Minute).UTC()
		w.Header().Set("Date", now.Format(http.TimeFormat))
		signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || now.Sub(signed).Abs() > 15*time.Minute {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(code("RequestTimeTooSkewed")))
		}
	}))
	defer server.Close()
	store := &s3.Store{Bucket: "films", Endpoint: server.URL}
	if _, err := store.Put(t.Context(), "a", body(t, "x"), bucket.PutOptions{}); err == nil {
		t.Error("the first request was taken")
	}
	if _, err := store.Put(t.Context(), "a", body(t, "x"), bucket.PutOptions{}); err != nil {
		t.Error(err)
	}
}

// TestUnconditional holds that a store which refuses conditions is found out, as one that passes over them.
func TestUnconditional(t *testing.T) {
	credentials(t)
	var plain atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match")+r.Header.Get("If-Match") != "" {
			w.WriteHeader(http.StatusNotImplemented)
			_, _ = w.Write([]byte(code("NotImplemented")))
			return
		}
		plain.Add(1)
		w.Header().Set("ETag", `"etag"`)
	}))
	defer server.Close()
	store := &s3.Store{Bucket: "films", Endpoint: server.URL}
	for _, options := range []bucket.PutOptions{{IfAbsent: true}, {IfMatch: "x"}} {
		if stored, err := store.Put(t.Context(), "a", body(t, "x"), options); err != nil || stored.ETag != "etag" {
			t.Errorf("%+v: %+v, %v", options, stored, err)
		}
	}
	if plain.Load() != 2 {
		t.Errorf("%d objects were written, want 2", plain.Load())
	}
}
