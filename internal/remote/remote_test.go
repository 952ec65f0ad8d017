package remote_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"matinee/internal/remote"
)

const (
	master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/media.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh.m3u8\n"
	media  = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\none.ts\n#EXT-X-ENDLIST\n"
	live   = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\none.ts\n"
)

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string // by path; "" is 404, "->" redirects
		want  string            // of the error; "" for none
	}{
		"whole":              {map[string]string{"/m.m3u8": master, "/low/media.m3u8": media, "/low/one.ts": "x"}, ""},
		"one encode":         {map[string]string{"/m.m3u8": media, "/one.ts": "x"}, ""},
		"live, encrypted":    {map[string]string{"/m.m3u8": live, "/one.ts": "x"}, ""},
		"moved":              {map[string]string{"/m.m3u8": "-> /a/m.m3u8", "/a/m.m3u8": master, "/a/low/media.m3u8": media, "/a/low/one.ts": "x"}, ""},
		"gone":               {map[string]string{}, "its playlist answers 404 Not Found (http"},
		"a page instead":     {map[string]string{"/m.m3u8": "<!doctype html>"}, "its playlist at http"},
		"broken master":      {map[string]string{"/m.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=x\na\n"}, "master playlist: line 2"},
		"no encode":          {map[string]string{"/m.m3u8": "#EXTM3U\n"}, "master playlist: a master playlist needs a variant"},
		"encode gone":        {map[string]string{"/m.m3u8": master}, "its first encode answers 404"},
		"segment gone":       {map[string]string{"/m.m3u8": media}, "its first segment answers 404"},
		"no segment":         {map[string]string{"/m.m3u8": master, "/low/media.m3u8": "#EXTM3U\n"}, "its media playlist names no segment"},
		"in circles":         {map[string]string{"/m.m3u8": "-> /m.m3u8"}, "its playlist cannot be fetched from 127.0.0.1"},
		"to the disk":        {map[string]string{"/m.m3u8": "-> file:///etc/passwd"}, "its playlist cannot be fetched from 127.0.0.1"},
		"segment on a disk":  {map[string]string{"/m.m3u8": strings.ReplaceAll(media, "one.ts", "file:///etc/passwd")}, "its first segment has the address"},
		"an endless list":    {map[string]string{"/m.m3u8": media + strings.Repeat("#\n", 5<<20)}, "its playlist is larger than 8 MB (http"},
		"an endless segment": {map[string]string{"/m.m3u8": media, "/one.ts": strings.Repeat("x", 10<<20)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				body := c.files[r.URL.Path]
				if to, moved := strings.CutPrefix(body, "-> "); moved {
					w.Header().Set("Location", to)
					w.WriteHeader(http.StatusFound)
				} else if body == "" {
					http.NotFound(w, r)
				} else {
					fmt.Fprint(w, body)
				}
			}))
			defer server.Close()
			err := remote.Probe(t.Context(), server.URL+"/m.m3u8")
			switch {
			case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case requests.Load() > 8:
				t.Errorf("%d requests", requests.Load())
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if err := remote.Probe(t.Context(), server.URL+"/m.m3u8"); err == nil || !strings.Contains(err.Error(), "cannot be fetched from 127.0.0.1") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := remote.Probe(ctx, server.URL+"/m.m3u8"); err == nil {
		t.Error("asked although it was told to stop")
	}
	for _, address := range []string{"file:///etc/a.m3u8", "stream:a.m3u8", "https:///a.m3u8"} {
		if err := remote.Probe(t.Context(), address); err == nil || !strings.Contains(err.Error(), "not on the web") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
