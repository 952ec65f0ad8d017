package refs_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"matinee/internal/bucket/refs"
)

// needs are the keys that a file needs.
func needs(t *testing.T, key, content string) (keys []string) {
	t.Helper()
	found, err := refs.Resolver{Site: "https://x.example/films/", Stream: "https://cdn.example"}.Needs(key, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for _, need := range found {
		if need.Stream {
			need.Key = "stream's " + need.Key
		}
		keys = append(keys, need.Key)
	}
	return keys
}

func TestPage(t *testing.T) {
	const page = `<!doctype html><link rel="stylesheet" href=../assets/a.css><link rel=canonical href=https://x.example/films/c/>
<link rel="shortcut icon" href="/films/i.svg"><script src="e.js"></script>
<a href="elsewhere/">a link</a><a href="x.mp4" download>another</a><iframe src="other/"></iframe>
<video poster="p 1.jpg"><source src="https://cdn.example/a.mp4"><source src='m.m3u8'><track src=c.vtt></video>
<img srcset="a.webp 320w, b.webp 640w" src="data:image/png;base64,AAAA" alt='<img src="no">'><img src=https://y.example/d.png>
<!-- <img src="comment"> --><script>"<img src='no'>"</script>`
	got := needs(t, "p/index.html", page)
	want := []string{"assets/a.css", "i.svg", "p/e.js", "p/p 1.jpg", "stream's a.mp4", "p/m.m3u8", "p/c.vtt", "p/a.webp", "p/b.webp"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestPlaylist(t *testing.T) {
	const list = "#EXTM3U\n#EXT-X-MAP:URI=\"720p.mp4\",BYTERANGE=\"1@0\"\n# URI=\"comment\"\n#EXTINF:2,\n720p.mp4\n\r\n" +
		"#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio-de.m3u8\"\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\n240p.m3u8\r\n"
	got := needs(t, "stream/a/master.m3u8", list)
	want := []string{"stream/a/720p.mp4", "stream/a/720p.mp4", "stream/a/audio-de.m3u8", "stream/a/240p.m3u8"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	endless := strings.Repeat("x", 2<<20)
	if _, err := (refs.Resolver{}).Needs("a.m3u8", strings.NewReader(endless)); err == nil {
		t.Error("a playlist of one endless line is read")
	}
}

// Files that are neither need nothing, whatever they say.
func TestOthers(t *testing.T) {
	for _, key := range []string{"feed.xml", "a/download", "a.html.txt"} {
		if got := needs(t, key, "<img src=a.png>\na.mp4\n"); got != nil {
			t.Errorf("%s needs %q", key, got)
		}
	}
}

func TestResolve(t *testing.T) {
	r := refs.Resolver{Site: "https://x.example/films/", Stream: "https://cdn.example"}
	for _, c := range []struct {
		from, ref, key string
		stream, ok     bool
	}{
		{"a-walk/index.html", "../assets/a.css", "assets/a.css", false, true},
		{"a-walk/index.html", "", "a-walk/index.html", false, true},
		{"a-walk/index.html", "../tags/", "tags/index.html", false, true},
		{"a-walk/index.html", "..", "index.html", false, true},
		{"404.html", "/films/a%20b.css?x#y", "a b.css", false, true},
		{"404.html", "/elsewhere.css", "", false, false},
		{"index.html", "../out.css", "", false, false},
		{"a/index.html", "https://x.example/films/b.css", "b.css", false, true},
		{"a/index.html", "//cdn.example/stream/b.mp4", "stream/b.mp4", true, true},
		{"a/index.html", "https://y.example/b.css", "", false, false},
		{"a/index.html", "data:image/png;base64,AAAA", "", false, false},
		{"a/index.html", "mailto:x@y", "", false, false},
		{"a ü:b/index.html", "c:d.css", "", false, false},
		{"a ü:b/index.html", "./c:d.css", "a ü:b/c:d.css", false, true},
		{"a/index.html", "%zz", "", false, false},
	} {
		key, stream, ok := r.Resolve(c.from, c.ref)
		if ok != c.ok || ok && (key != c.key || stream != c.stream) {
			t.Errorf("%q in %q leads to %q, %v, %v, want %q, %v, %v", c.ref, c.from, key, stream, ok, c.key, c.stream, c.ok)
		}
	}
	if key, _, ok := (refs.Resolver{}).Resolve("a/b.m3u8", "c.mp4"); !ok || key != "a/c.mp4" {
		t.Errorf("without addresses: %q, %v", key, ok)
	}
}

// FuzzResolve holds that what is found in a stranger's page stays in the site, whatever it is.
func FuzzResolve(f *testing.F) {
	f.Add("a/index", `<img src="../../../x" srcset="a 1x,,b">`)
	f.Add("x", "<video poster=//site.invalid/%2e%2e/..>")
	f.Fuzz(func(t *testing.T, from, page string) {
		for _, ext := range []string{".html", ".m3u8"} {
			found, _ := refs.Resolver{}.Needs(from+ext, strings.NewReader(page)) // what is too broken refers to nothing
			for _, need := range found {
				if !fs.ValidPath(need.Key) || need.Key == "." {
					t.Errorf("%q needs %q", from+ext, need.Key)
				}
			}
		}
	})
}
