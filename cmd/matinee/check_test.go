package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// The hosts of streams elsewhere are asked when that is wanted, and only then.
func TestCheckStreams(t *testing.T) {
	var requests atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch strings.Replace(r.URL.Path, "/50% of 1/", "/", 1) {
		case "/good/master.m3u8":
			w.Write([]byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n")) //nolint:errcheck // the test would notice
		case "/good/a.m3u8":
			w.Write([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")) //nolint:errcheck // likewise
		case "/good/a.ts":
			w.Write([]byte("x")) //nolint:errcheck // likewise
		default:
			http.NotFound(w, r)
		}
	}))
	defer host.Close()
	site := t.TempDir()
	write(t, filepath.Join(site, "site.yaml"), "title: Films\nstreaming: {url: "+host.URL+"/good}\n")
	write(t, filepath.Join(site, "content", "good.md"), "---\nvideo: "+host.URL+"/good/master.m3u8\n---\n")
	write(t, filepath.Join(site, "content", "key.md"), "---\nvideo: stream:master.m3u8\n---\n")
	write(t, filepath.Join(site, "content", "half.md"), "---\nvideo: 'stream:50% of 1/master.m3u8'\n---\n")
	check := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if code := run(t.Context(), env{stdout: &out, stderr: &out, getenv: os.Getenv}, append([]string{"check", "--source", site}, args...)); code != want {
			t.Errorf("check %v: exit code %d, want %d\n%s", args, code, want, out.String())
		}
		return out.String()
	}
	if check(exitDone); requests.Load() != 0 {
		t.Errorf("%d requests that nobody wanted", requests.Load())
	}
	if out := check(exitDone, "--streams"); !strings.Contains(out, ", 2 streams elsewhere (all answer) and ") || requests.Load() != 6 {
		t.Errorf("%d requests for two streams, one named twice\n%s", requests.Load(), out)
	}
	write(t, filepath.Join(site, "content", "bad.md"), "---\ntitle: Bad\nvideo: "+host.URL+"/bad/master.m3u8\n---\n")
	if out := check(exitProblems, "--streams"); !strings.Contains(out, "content/bad.md:3: stream "+host.URL+"/bad/master.m3u8: its playlist answers 404 Not Found") {
		t.Error(out)
	}
	if _, err := os.Stat(filepath.Join(site, "public")); err == nil {
		t.Error("check made a site")
	}
}
