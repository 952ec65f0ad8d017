package refs_test

import (
	"slices"
	"strings"
	"testing"

	"matinee/internal/bucket/refs"
)

func TestHTML(t *testing.T) {
	const page = `<!doctype html><link rel="stylesheet" href=../assets/a.css><link rel=canonical href=https://x/>
<link rel="shortcut icon" href="/i.svg"><script src="e.js"></script>
<a href="elsewhere/">a link</a><a href="x.mp4" download>another</a><iframe src="other/"></iframe>
<video poster="p 1.jpg"><source src="a.mp4"><source src='m.m3u8'><track src=c.vtt></video>
<img srcset="a.webp 320w, b.webp 640w" src="data:image/png;base64,AAAA" alt='<img src="no">'>
<!-- <img src="comment"> --><script>"<img src='no'>"</script>`
	got, err := refs.HTML(strings.NewReader(page))
	want := []string{"../assets/a.css", "/i.svg", "e.js", "p 1.jpg", "a.mp4", "m.m3u8", "c.vtt", "data:image/png;base64,AAAA", "a.webp", "b.webp"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}

func TestPlaylist(t *testing.T) {
	const list = "#EXTM3U\n#EXT-X-MAP:URI=\"720p.mp4\",BYTERANGE=\"1@0\"\n# URI=\"comment\"\n#EXTINF:2,\n720p.mp4\n\r\n" +
		"#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio-de.m3u8\"\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\n240p.m3u8\r\n"
	got, err := refs.Playlist(strings.NewReader(list))
	if want := []string{"720p.mp4", "720p.mp4", "audio-de.m3u8", "240p.m3u8"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestNeeds(t *testing.T) {
	r := refs.Resolver{Site: "https://x.example/films/", Stream: "https://cdn.example"}
	for key, c := range map[string]struct {
		content string
		want    []refs.Need
	}{
		"a/index.html": {
			`<link rel=stylesheet href=../assets/a.css><img src=https://y.example/b.png><source src=https://cdn.example/stream/a/720p.mp4>`,
			[]refs.Need{{"assets/a.css", false}, {"stream/a/720p.mp4", true}},
		},
		"stream/a/720p.m3u8": {"#EXTM3U\n720p.mp4\n", []refs.Need{{"stream/a/720p.mp4", false}}},
		"feed.xml":           {"<img src=a.png>\na.mp4", nil},
	} {
		got, err := r.Needs(key, strings.NewReader(c.content))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s needs %v, %v, want %v", key, got, err, c.want)
		}
	}
	broken := strings.Repeat("x", 2<<20)
	if _, err := r.Needs("a.m3u8", strings.NewReader(broken)); err == nil {
		t.Error("a playlist of one endless line is read")
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
	f.Add("a/index.html", `<img src="../../../x" srcset="a 1x,,b">`)
	f.Add("x", "<video poster=//site.invalid/%2e%2e/..>")
	f.Fuzz(func(t *testing.T, from, page string) {
		found, err := refs.HTML(strings.NewReader(page))
		if err != nil {
			return // too broken to refer to anything
		}
		more, _ := refs.Playlist(strings.NewReader(page))
		for _, ref := range append(found, more...) {
			key, _, ok := refs.Resolver{}.Resolve(from, ref)
			if ok && (key == "" || strings.HasPrefix(key, "/") || key == ".." || strings.HasPrefix(key, "../")) {
				t.Errorf("%q in %q leads to %q", ref, from, key)
			}
		}
	})
}
