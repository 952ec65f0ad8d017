package site_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"matinee/internal/markdown"
	"matinee/internal/post"
	"matinee/internal/site"
	"matinee/internal/video"
)

// rtmpTheme shows what a player says of the RTMP server.
type rtmpTheme struct{ plainTheme }

func (rtmpTheme) Partial(w io.Writer, _ string, dot any) error {
	r := dot.(site.Player).RTMP
	if r == nil {
		_, err := io.WriteString(w, "no RTMP")
		return err
	}
	_, err := fmt.Fprintln(w, r.Server, r.Name, r.Address, r.Flash)
	return err
}

// A clip's name on an RTMP server says what kind of file it is, and in full only where programs have to find it.
func TestRTMPNames(t *testing.T) {
	const server, h264 = "rtmp://media.example.com/cfx/st", "avc1.64001f,mp4a.40.2"
	for _, test := range []struct {
		rtmp               site.RTMP
		file, codecs, want string
	}{
		{site.RTMP{}, "stream/a-1/720p.mp4", h264, "no RTMP"},
		{site.RTMP{Server: server}, "stream/a-1/720p.mp4", h264, server + " mp4:stream/a-1/720p " + server + "/mp4:stream/a-1/720p.mp4 \n"},
		{site.RTMP{Server: server}, "stream/a-1/audio.mp4", "mp4a.40.2", server + " mp4:stream/a-1/audio " + server + "/mp4:stream/a-1/audio.mp4 \n"},
		{site.RTMP{Server: server}, "stream/a-1/720p.mp4", "av01.0.05M.08,mp4a.40.2", "no RTMP"},
		{site.RTMP{Server: server}, "stream/a-1/720p.mp4", "avc1.64001f,opus", "no RTMP"},
		{site.RTMP{Server: server}, "stream/a-1/720p.flv", h264, server + " stream/a-1/720p " + server + "/stream/a-1/720p.flv \n"},
		{
			site.RTMP{Server: server, Player: "assets/flash-1/flowplayer.swf", Plugin: "flowplayer.rtmp.swf"},
			"stream/a-1/720p.mp4", h264,
			`{"swf":"../assets/flash-1/flowplayer.swf","config":{"clip":{"provider":"rtmp","autoPlay":false},` +
				`"plugins":{"rtmp":{"url":"flowplayer.rtmp.swf","netConnectionUrl":"` + server + `"}}}}`,
		},
	} {
		fsys := files("content/a.md", "---\ntitle: A\n---\n![x](film.mp4)", "content/film.mp4", "mp4")
		posts, _, err := post.Load(fsys, "content", post.Options{})
		if err != nil {
			t.Fatal(err)
		}
		entries, _, err := site.Gather(fsys, posts, &markdown.Renderer{})
		if err != nil {
			t.Fatal(err)
		}
		entries[0].Videos = []*video.Video{{Name: "a-1", Renditions: []video.Rendition{{Path: test.file, Codecs: test.codecs}}}}
		withServer := info
		withServer.RTMP = test.rtmp
		s, err := site.New(withServer, entries, rtmpTheme{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Pages() {
			var b strings.Builder
			if err := p.Render(&b); err != nil {
				t.Fatal(err)
			}
			if p.Path == "a/index.html" && !strings.Contains(b.String(), test.want) {
				t.Errorf("%s of %+v: got %s, want %s", test.file, test.rtmp, b.String(), test.want)
			}
		}
	}
}
