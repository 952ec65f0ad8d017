package s3test_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"matinee/internal/aws/s3/s3test"
)

// A bucket that nobody answers for is an error of the origin's, and neither a panic nor a page that does not exist.
func TestOriginWithoutABucket(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for name, server := range map[string]http.Handler{
		"closed":  nil,
		"refuses": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }),
		"babbles": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<not xml") }),
	} {
		t.Run(name, func(t *testing.T) {
			address := gone.URL
			if server != nil {
				s := httptest.NewServer(server)
				defer s.Close()
				address = s.URL
			}
			origin := s3test.Origin{
				Client: (&s3test.Server{URL: address}).Client(), Bucket: "films",
				Headers: func(string) http.Header { return http.Header{} },
			}
			answer := httptest.NewRecorder()
			origin.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
			want := map[string]int{"closed": http.StatusBadGateway, "refuses": http.StatusForbidden, "babbles": http.StatusOK}[name]
			if answer.Code != want {
				t.Errorf("status %d, want %d", answer.Code, want)
			}
		})
	}
}
