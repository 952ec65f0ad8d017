package visit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"matinee/internal/visit"
)

const forever = "public, max-age=31536000, immutable"

// film is a file that is read in pieces.
var film = strings.NewReader(strings.Repeat("film", 5000))

// header is a set of headers: name, value, name, value …
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

var (
	pageHeader = header("Content-Type", "text/html; charset=utf-8", "Cache-Control", "no-cache", "X-Content-Type-Options", "nosniff",
		"Referrer-Policy", "strict-origin-when-cross-origin", "Content-Security-Policy", "default-src 'none'; img-src 'self'",
		"Strict-Transport-Security", "max-age=31536000")
	filmHeader = header("Content-Type", "video/mp4", "Cache-Control", forever, "X-Content-Type-Options", "nosniff",
		"Strict-Transport-Security", "max-age=31536000", "Access-Control-Allow-Origin", "https://films.example.com")
)

// but returns headers with some of them changed; "" takes one away.
func but(h http.Header, pairs ...string) http.Header {
	h = h.Clone()
	for i := 0; i < len(pairs); i += 2 {
		h.Del(pairs[i])
		if pairs[i+1] != "" {
			h.Set(pairs[i], pairs[i+1])
		}
	}
	return h
}

// An answer as it should be has no flaws, and each that could keep visitors from a page or a film is named.
func TestFlaws(t *testing.T) {
	page := func(h http.Header) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), h)
			_, _ = io.WriteString(w, "<!doctype html>")
		}
	}
	status := func(code int, h http.Header) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), h)
			w.WriteHeader(code)
		}
	}
	pieces := func(h http.Header) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			maps.Copy(w.Header(), h)
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(strings.Repeat("film", 5000)))
		}
	}
	wantPage := visit.Want{Header: pageHeader}
	wantFilm := visit.Want{Header: filmHeader, Size: film.Size(), Origin: "https://films.example.com"}
	for name, test := range map[string]struct {
		want    visit.Want
		host    http.HandlerFunc
		says    string // of the first flaw; "" for none
		isFatal bool
	}{
		"page":               {wantPage, page(pageHeader), "", false},
		"page kept by a CDN": {wantPage, page(but(pageHeader, "Cache-Control", "public, max-age=0, s-maxage=31536000, must-revalidate")), "", false},
		"page of any age":    {visit.Want{Header: but(pageHeader, "Cache-Control", "")}, page(but(pageHeader, "Cache-Control", forever)), "", false},
		"page gone":          {wantPage, status(404, pageHeader), "there is nothing (404 Not Found)", true},
		"page closed":        {wantPage, status(403, pageHeader), "it is closed (403 Forbidden)", true},
		"page broken":        {wantPage, status(503, pageHeader), "it answers 503 Service Unavailable", true},
		"page moved":         {wantPage, status(301, header("Location", "https://elsewhere.example/")), "it leads on to https://elsewhere.example/ (301 Moved Permanently)", true},
		"page as download":   {wantPage, page(but(pageHeader, "Content-Type", "binary/octet-stream")), `its type is "binary/octet-stream" instead of "text/html; charset=utf-8"`, true},
		"page of Latin 1":    {wantPage, page(but(pageHeader, "Content-Type", "text/html")), "does not say that it is UTF-8", false},
		"page in small":      {wantPage, page(but(pageHeader, "Content-Type", "text/html;charset=UTF-8")), "", false},
		"page kept for ever": {wantPage, page(but(pageHeader, "Cache-Control", forever)), "visitors see changes only after 31536000 seconds", false},
		"page without CSP":   {wantPage, page(but(pageHeader, "Content-Security-Policy", "")), "it has no Content-Security-Policy", false},
		"page, wrong CSP":    {wantPage, page(but(pageHeader, "Content-Security-Policy", "default-src 'none'")), "its Content-Security-Policy is another", false},
		"page, more CSP":     {wantPage, page(but(pageHeader, "Content-Security-Policy", "img-src 'self' https://cdn.example.com; default-src 'none'; frame-ancestors 'none'")), "", false},
		"page, lax CSP":      {wantPage, page(but(pageHeader, "Content-Security-Policy", "default-src 'none'; img-src 'self' *")), "its Content-Security-Policy is another", false},
		"page without HSTS":  {wantPage, page(but(pageHeader, "Strict-Transport-Security", "")), "not told to use https alone", false},
		"page, HSTS ends":    {wantPage, page(but(pageHeader, "Strict-Transport-Security", "max-age=0")), "not told to use https alone", false},
		"page, sniffed":      {wantPage, page(but(pageHeader, "X-Content-Type-Options", "")), "it has no X-Content-Type-Options", false},
		"page, telling":      {wantPage, page(but(pageHeader, "Referrer-Policy", "unsafe-url")), `its Referrer-Policy is "unsafe-url"`, false},
		"film":               {wantFilm, pieces(filmHeader), "", false},
		"film for all":       {wantFilm, pieces(but(filmHeader, "Access-Control-Allow-Origin", "*")), "", false},
		"film whole":         {wantFilm, page(filmHeader), "it answers with the whole file", true},
		"film of before":     {visit.Want{Header: filmHeader, Size: 7}, pieces(filmHeader), `the piece is "bytes 0-6/20000", of a file that should have 7 bytes`, true},
		"film compressed":    {wantFilm, pieces(but(filmHeader, "Content-Encoding", "br")), "it is compressed (br)", true},
		"film for none":      {wantFilm, pieces(but(filmHeader, "Access-Control-Allow-Origin", "")), "pages of https://films.example.com may not read it: it allows no other site", true},
		"film for another":   {wantFilm, pieces(but(filmHeader, "Access-Control-Allow-Origin", "https://x.example")), "it allows https://x.example (CORS)", true},
		"film asked again":   {wantFilm, pieces(but(filmHeader, "Cache-Control", "max-age=60")), "browsers ask for it again and again", false},
		"author's film":      {visit.Want{Header: but(filmHeader, "Cache-Control", "no-cache"), Size: film.Size()}, pieces(but(filmHeader, "Cache-Control", "no-cache")), "", false},
		"film as download":   {wantFilm, pieces(but(filmHeader, "Content-Type", "application/octet-stream")), `instead of "video/mp4"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(test.host)
			defer server.Close()
			test.want.URL = server.URL + "/a?b"
			a, flaws, err := visit.Visitor{TLS: trust(server)}.Visit(t.Context(), test.want)
			if err != nil {
				t.Fatal(err)
			}
			if a.TLS != "TLS 1.3" || a.Status == 0 {
				t.Errorf("%+v", a)
			}
			switch {
			case test.says == "" && len(flaws) > 0, test.says != "" && len(flaws) != 1:
				t.Fatalf("flaws %+v, want %q alone", flaws, test.says)
			case test.says != "" && (!strings.Contains(flaws[0].Text, test.says) || flaws[0].IsFatal != test.isFatal || flaws[0].Hint == ""):
				t.Errorf("%+v, want %q, fatal: %v", flaws[0], test.says, test.isFatal)
			}
		})
	}
}

// Several visits share a Visitor, whose certificates stay as they were given.
func TestVisitorIsNotChanged(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	v := visit.Visitor{TLS: trust(server)}
	if _, _, err := v.Visit(t.Context(), visit.Want{URL: server.URL}); err != nil || v.TLS.NextProtos != nil {
		t.Errorf("the configuration has got the protocols %q, %v", v.TLS.NextProtos, err)
	}
}

func trust(server *httptest.Server) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// An address that gives no answer is explained.
func TestNoAnswer(t *testing.T) {
	quiet := func(s *httptest.Server) *httptest.Server {
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(s.Close)
		return s
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	secured := quiet(httptest.NewUnstartedServer(hello))
	secured.StartTLS()
	old := quiet(httptest.NewUnstartedServer(hello))
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11} //nolint:gosec // what is to be found
	old.StartTLS()
	plain := quiet(httptest.NewServer(hello))
	gone := httptest.NewServer(hello)
	gone.Close()
	wait := make(chan struct{})
	slow := quiet(httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-wait })))
	t.Cleanup(func() { close(wait) })
	for address, says := range map[string]string{
		secured.URL:                    "its certificate is not valid",
		old.URL:                        "it speaks no TLS newer than 1.1",
		"http://films.invalid/":        "there is no host films.invalid",
		gone.URL:                       "nobody answers there: connect",
		"https" + plain.URL[4:]:        "it gives no answer",
		"ftp://films.example.com/":     "it gives no answer",
		"http://films example.com/%zz": "invalid",
		slow.URL:                       "it gives no answer in time",
	} {
		limit := time.Minute
		if address == slow.URL {
			limit = 50 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, _, err := visit.Visitor{}.Visit(ctx, visit.Want{URL: address})
		cancel()
		explained, ok := errors.AsType[*visit.Error](err)
		if !ok || !strings.Contains(explained.Text, says) || explained.Hint == "" {
			t.Errorf("%s: %v, want %q", address, err, says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := (visit.Visitor{}).Visit(ctx, visit.Want{URL: slow.URL}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	// An unencrypted answer is a flaw, unless it does not leave the machine.
	if a, flaws, err := (visit.Visitor{}).Visit(t.Context(), visit.Want{URL: plain.URL}); err != nil || a.TLS != "" || len(flaws) != 0 {
		t.Errorf("%+v, %+v, %v", a, flaws, err)
	}
}
