package s3test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// An Origin shows a bucket to browsers as a distribution does: with directory indexes, ranges, real 404s and the
// headers that belong to the whole site, and without our state.
type Origin struct {
	Client  *s3.Client
	Bucket  string
	Headers func(key string) http.Header // of a file, besides those that the bucket keeps with it
}

// ServeHTTP implements [http.Handler].
func (o Origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" || strings.HasSuffix(key, "/") {
		key += "index.html"
	}
	if strings.HasPrefix(key, ".matinee/") || !o.send(w, r, key, 0) {
		if !o.send(w, r, "404.html", http.StatusNotFound) {
			http.NotFound(w, r)
		}
	}
}

// send answers with an object, with its own status where status is 0. It reports whether there is one.
func (o Origin) send(w http.ResponseWriter, r *http.Request, key string, status int) bool {
	in := &s3.GetObjectInput{Bucket: &o.Bucket, Key: &key}
	if v := r.Header.Get("Range"); v != "" && status == 0 {
		in.Range = &v
	}
	if v := r.Header.Get("If-None-Match"); v != "" && status == 0 {
		in.IfNoneMatch = &v
	}
	out, err := o.Client.GetObject(r.Context(), in)
	if err != nil {
		failed := statusOf(err)
		if failed != http.StatusNotFound {
			w.WriteHeader(failed) // 304, 416
		}
		return failed != http.StatusNotFound
	}
	defer out.Body.Close() //nolint:errcheck // only read
	h := w.Header()
	maps.Copy(h, o.Headers(key))
	h.Set("Content-Type", aws.ToString(out.ContentType))
	h.Set("Cache-Control", aws.ToString(out.CacheControl))
	h.Set("ETag", aws.ToString(out.ETag))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(aws.ToInt64(out.ContentLength), 10))
	if out.ContentRange != nil {
		h.Set("Content-Range", *out.ContentRange)
		status = http.StatusPartialContent
	}
	if status != 0 {
		w.WriteHeader(status)
	}
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, out.Body) // to a browser that may be gone
	}
	return true
}

// statusOf is the status with which a server refused a request, and that of a gateway where none answered.
func statusOf(err error) int {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || response.HTTPStatusCode() < http.StatusMultipleChoices {
		return http.StatusBadGateway
	}
	return response.HTTPStatusCode()
}
