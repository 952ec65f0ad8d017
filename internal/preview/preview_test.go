package preview_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"matinee/internal/preview"
	"matinee/internal/testenv"
)

var page = strings.Repeat("<p>A walk in the woods.</p>\n", 100)

// site is a small built site on disk, with a secret beside it.
func site(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"secret.txt":                             "secret",
		"public/index.html":                      page,
		"public/404.html":                        "<h1>Nothing here</h1>",
		"public/a walk/index.html":               page,
		"public/empty/note.txt":                  "note",
		"public/feed.xml":                        "<rss/>",
		"public/assets/style.0f0f0f0f.css":       "a{}",
		"public/stream/a-3f9a2c1b7d/720p.mp4":    "0123456789",
		"public/stream/talks/1.mp4":              "0123456789",
		"public/stream/a-3f9a2c1b7d/master.m3u8": "#EXTM3U\n",
		"public/posters/a-3f9a2c1b7d/poster.svg": "<svg/>",
		"public/stream/a-3f9a2c1b7d/c.en.vtt":    "WEBVTT\n",
		"public/assets/player-a8cae244/LICENSE":  "free",
		"public/%2e%2e/index.html":               "odd but fine",
		"public/" + `back\slash.html`:            "odd",
		"public/100% real #1?/index.html":        "odd",
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "public")
}

// ask sends one request to a preview of the site.
func ask(t *testing.T, h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func handler(t *testing.T) preview.Handler {
	root, err := os.OpenRoot(site(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return preview.Handler{Files: root.FS()}
}

func TestAddresses(t *testing.T) {
	h := handler(t)
	for _, c := range []struct {
		target   string
		status   int
		location string
	}{
		{"/", 200, ""},
		{"/a%20walk/", 200, ""},
		{"/a%20walk", 307, "./a%20walk/"},
		{"/a%20walk?t=90", 307, "./a%20walk/?t=90"},
		{"/a%20walk/index.html", 307, "./"},
		{"/index.html?t=1", 307, "./?t=1"},
		{"/100%25%20real%20%231%3F", 307, "./100%25%20real%20%231%3F/"},
		{"/100%25%20real%20%231%3F/", 200, ""},
		{"/%252e%252e/", 200, ""},
		{"/back%5Cslash.html", 200, ""},
		{"/feed.xml", 200, ""},
		{"/feed.xml/", 404, ""},
		{"/missing", 404, ""},
		{"/missing/index.html", 404, ""},
		{"/empty", 404, ""},
		{"/empty/", 404, ""},
		{"/404.html", 200, ""},
		{"/../secret.txt", 404, ""},
		{"/%2e%2e/secret.txt", 404, ""},
		{"/a%20walk/..%2f..%2fsecret.txt", 404, ""},
		{"/..%5csecret.txt", 404, ""},
		{"/a%20walk/../index.html", 404, ""},
		{"//etc/passwd", 404, ""},
		{"/%00", 404, ""},
		{"/%ff", 404, ""},
		{"/./feed.xml", 404, ""},
		{"/C:/secret.txt", 404, ""},
		{"//example.com/..", 404, ""},
	} {
		r := ask(t, h, "GET", "http://127.0.0.1"+c.target)
		if r.Code != c.status || r.Header().Get("Location") != c.location {
			t.Errorf("%s gives %d to %q, want %d to %q", c.target, r.Code, r.Header().Get("Location"), c.status, c.location)
		}
		if text := r.Body.String(); strings.Contains(text, "secret") {
			t.Errorf("%s gives away %q", c.target, text)
		}
	}
}

func TestLinksOutOfTheSiteLeadNowhere(t *testing.T) {
	dir := site(t)
	if err := os.Symlink(filepath.Join(dir, "..", "secret.txt"), filepath.Join(dir, "link.txt")); err != nil {
		testenv.Missing(t, "there are no symbolic links: %v", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close() //nolint:errcheck // only read
	if r := ask(t, preview.Handler{Files: root.FS()}, "GET", "/link.txt"); r.Code != 404 {
		t.Errorf("a link out of the site gives %d", r.Code)
	}
}

func TestBelowAPrefix(t *testing.T) {
	server := httptest.NewServer(http.StripPrefix("/films", handler(t)))
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/films/a%20walk?t=1") //nolint:noctx // the server lives and ends here
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if got, want := response.Request.URL.RequestURI(), "/films/a%20walk/?t=1"; got != want || response.StatusCode != http.StatusOK {
		t.Errorf("redirected to %s with %s, want %s", got, response.Status, want)
	}
}

func TestNotFoundPage(t *testing.T) {
	h := handler(t)
	r := ask(t, h, "GET", "/stream/gone/720p.mp4")
	if got := r.Body.String(); got != "<h1>Nothing here</h1>" || r.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("got %q with Cache-Control %q", got, r.Header().Get("Cache-Control"))
	}
	if r := ask(t, h, "HEAD", "/gone"); r.Code != 404 || r.Body.String() != "" || r.Header().Get("Content-Length") != "21" {
		t.Errorf("HEAD gives %d and %v", r.Code, r.Header())
	}
	if r := ask(t, preview.Handler{Files: fstest.MapFS{}}, "GET", "/"); r.Code != 404 {
		t.Errorf("an empty site gives %d", r.Code)
	}
}

func TestMethods(t *testing.T) {
	h := handler(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
		if r := ask(t, h, method, "/"); r.Code != 405 || r.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s gives %d, Allow %q", method, r.Code, r.Header().Get("Allow"))
		}
	}
	r := ask(t, h, "HEAD", "/stream/a-3f9a2c1b7d/720p.mp4")
	if r.Code != 200 || r.Header().Get("Content-Length") != "10" || r.Body.String() != "" {
		t.Errorf("HEAD gives %d and %v", r.Code, r.Header())
	}
}

func TestHeadersByName(t *testing.T) {
	const forever, askFirst = "public, max-age=31536000, immutable", "no-cache"
	h := handler(t)
	for _, c := range []struct{ target, mediaType, cache string }{
		{"/", "text/html; charset=utf-8", askFirst},
		{"/feed.xml", "application/rss+xml; charset=utf-8", askFirst},
		{"/assets/style.0f0f0f0f.css", "text/css; charset=utf-8", forever},
		{"/assets/player-a8cae244/LICENSE", "text/plain; charset=utf-8", forever},
		{"/stream/a-3f9a2c1b7d/720p.mp4", "video/mp4", forever},
		{"/stream/a-3f9a2c1b7d/master.m3u8", "application/vnd.apple.mpegurl", forever},
		{"/stream/a-3f9a2c1b7d/c.en.vtt", "text/vtt; charset=utf-8", forever},
		{"/posters/a-3f9a2c1b7d/poster.svg", "image/svg+xml", forever},
		{"/stream/talks/1.mp4", "video/mp4", askFirst}, // the author's own
	} {
		r := ask(t, h, "GET", c.target)
		if got := r.Header().Get("Content-Type"); got != c.mediaType {
			t.Errorf("%s has type %q, want %q", c.target, got, c.mediaType)
		}
		if got := r.Header().Get("Cache-Control"); got != c.cache {
			t.Errorf("%s has Cache-Control %q, want %q", c.target, got, c.cache)
		}
		if r.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", c.target)
		}
		if isPage := c.target == "/"; isPage != strings.Contains(r.Header().Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("%s has the policy %q", c.target, r.Header().Get("Content-Security-Policy"))
		}
	}
	for name, want := range map[string]string{
		"assets/fonts/grotesk.0f0f0f0f.woff2": forever,
		"assets/IMG-20261122.jpg":             askFirst, // the author's own, which may change
		"assets/20261122.jpg":                 askFirst,
		"assets/walk-20261122/map.png":        askFirst,
		"posters/walk-20261122.jpg":           askFirst,
		"posters/walk-20261122/map.png":       askFirst,
	} {
		if got := preview.CacheControl(name); got != want {
			t.Errorf("%s has Cache-Control %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"a.avif": "image/avif", "a.webp": "image/webp", "a.WOFF2": "font/woff2", "sitemap.xml": "application/xml; charset=utf-8",
		"a.JPG": "image/jpeg", "a.exe": "application/octet-stream", "oembed.json": "application/json", "embed.js": "text/javascript; charset=utf-8",
	} {
		if got := preview.ContentType(name); got != want {
			t.Errorf("%s has type %q, want %q", name, got, want)
		}
	}
}

func TestContentSecurityPolicy(t *testing.T) {
	const own = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self' blob:; " +
		"worker-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'"
	if got := preview.ContentSecurityPolicy(""); got != own {
		t.Errorf("got  %s\nwant %s", got, own)
	}
	got := preview.ContentSecurityPolicy("https://clips.example.com/films/")
	for _, want := range []string{
		"img-src 'self' data: https://clips.example.com;", "media-src 'self' blob: https://clips.example.com;",
		"connect-src 'self' https://clips.example.com;", "script-src 'self';",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	got = preview.ContentSecurityPolicy("https://clips.example.com", "https://cdn.example.com/a/master.m3u8", "https://clips.example.com", "http://b.example.com:8080")
	for _, want := range []string{
		"img-src 'self' data: https://clips.example.com;", "media-src 'self' blob: https://clips.example.com https://cdn.example.com http://b.example.com:8080;",
		"connect-src 'self' https://clips.example.com https://cdn.example.com http://b.example.com:8080;",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	for _, odd := range []string{"javascript:alert(1)", "clips.example.com", "https://a b/", "https://a;script-src *", "//x"} {
		if got := preview.ContentSecurityPolicy(odd, odd); got != own {
			t.Errorf("%q changes the policy to %s", odd, got)
		}
	}
}

func TestRanges(t *testing.T) {
	h := handler(t)
	const clip = "/stream/a-3f9a2c1b7d/720p.mp4"
	tag := ask(t, h, "GET", clip).Header().Get("ETag")
	if tag == "" || strings.HasPrefix(tag, "W/") {
		t.Fatalf("the entity tag is %q, want a strong one", tag)
	}
	for _, c := range []struct {
		headers []string
		status  int
		want    string
	}{
		{[]string{"Range", "bytes=2-4"}, 206, "234"},
		{[]string{"Range", "bytes=-3"}, 206, "789"},
		{[]string{"Range", "bytes=8-"}, 206, "89"},
		{[]string{"Range", "bytes=2-4", "Accept-Encoding", "gzip"}, 206, "234"},
		{[]string{"Range", "bytes=2-4", "If-Range", tag}, 206, "234"},
		{[]string{"Range", "bytes=2-4", "If-Range", `"another"`}, 200, "0123456789"},
		{[]string{"If-None-Match", tag}, 304, ""},
		{[]string{"If-None-Match", `"another"`}, 200, "0123456789"},
	} {
		r := ask(t, h, "GET", clip, c.headers...)
		if got := r.Body.String(); got != c.want || r.Code != c.status {
			t.Errorf("%v gives %d and %q, want %d and %q", c.headers, r.Code, got, c.status, c.want)
		}
		if c.status == 206 && !strings.HasSuffix(r.Header().Get("Content-Range"), "/10") {
			t.Errorf("%v has Content-Range %q", c.headers, r.Header().Get("Content-Range"))
		}
	}
	if r := ask(t, h, "GET", clip, "Range", "bytes=20-30"); r.Code != 416 {
		t.Errorf("a range past the end gives %d", r.Code)
	}
}

func TestCompression(t *testing.T) {
	h := handler(t)
	plain := ask(t, h, "GET", "/")
	if plain.Body.String() != page || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("without compression: %v", plain.Header())
	}
	r := ask(t, h, "GET", "/", "Accept-Encoding", "br, gzip;q=0.8")
	z, err := gzip.NewReader(r.Body)
	if err != nil || r.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("not compressed: %v, %v", err, r.Header())
	}
	if data, err := io.ReadAll(z); err != nil || string(data) != page {
		t.Errorf("the compressed page is another (%v)", err)
	}
	tag := r.Header().Get("ETag")
	if tag == plain.Header().Get("ETag") {
		t.Errorf("both have the entity tag %s", tag)
	}
	if r := ask(t, h, "GET", "/", "Accept-Encoding", "gzip", "If-None-Match", tag); r.Code != 304 {
		t.Errorf("a known page gives %d", r.Code)
	}
	if r := ask(t, h, "GET", "/", "Accept-Encoding", "gzip", "Range", "bytes=0-1"); r.Code != 206 || r.Body.String() != page[:2] {
		t.Errorf("a range of a page gives %d", r.Code)
	}
	for _, c := range []struct{ target, accept string }{
		{"/", ""}, {"/", "gzip;q=0"}, {"/", "br"}, {"/stream/a-3f9a2c1b7d/720p.mp4", "gzip"}, {"/feed.xml", "gzip"},
	} {
		if r := ask(t, h, "GET", c.target, "Accept-Encoding", c.accept); r.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed for %q", c.target, c.accept)
		}
	}
}

func TestListenTakesTheNextFreePort(t *testing.T) {
	first, err := preview.Listen(t.Context(), "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() //nolint:errcheck // nothing was written
	taken := first.Addr().(*net.TCPAddr).Port
	second, err := preview.Listen(t.Context(), "127.0.0.1", taken)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close() //nolint:errcheck // nothing was written
	if port := second.Addr().(*net.TCPAddr).Port; port <= taken || port > taken+20 {
		t.Errorf("took port %d after %d", port, taken)
	}
	if want := fmt.Sprintf("http://127.0.0.1:%d/", taken); preview.URL(first) != want {
		t.Errorf("the address is %s, want %s", preview.URL(first), want)
	}
	if _, err := preview.Listen(t.Context(), "192.0.2.1", 8080); err == nil || !strings.Contains(err.Error(), ":8080") {
		t.Errorf("an address of another machine gives %v, want an error about port 8080", err)
	}
}

// An answer that a browser does not take must not keep the program from ending.
func TestServeEndsWithItsContext(t *testing.T) {
	l, err := preview.Listen(t.Context(), "127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	film := fstest.MapFS{"film.mp4": {Data: bytes.Repeat([]byte("x"), 64<<20)}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- preview.Serve(ctx, l, preview.Handler{Files: film}) }()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // cut off by the server
	_, _ = io.WriteString(conn, "GET /film.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "HTTP/1.1 200 OK\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
