package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"matinee/internal/testenv"
)

// TestRTMPServer has nginx serve a built site over RTMP and opens the addresses of its pages, as VLC and mpv do.
func TestRTMPServer(t *testing.T) {
	server := findRTMP(t)
	ffprobe := testenv.Program(t, "ffprobe")
	site := t.TempDir()
	if err := os.CopyFS(filepath.Join(site, "content"), os.DirFS("../../content")); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(site, "public")
	for _, application := range []string{"cfx/st", "vod"} {
		t.Run(application, func(t *testing.T) {
			address := server.start(t, public, application)
			write(t, filepath.Join(site, "site.yaml"), "title: Films\nstreaming: {encoder: copy, delivery: rtmp, rtmp: '"+address+"'}\n")
			matinee(t, "build", "--source", site, "--quiet")
			films := rtmpLinks(t, public, address)
			if len(films) < 3 {
				t.Fatalf("the pages name %d films of the RTMP server: %v", len(films), films)
			}
			for link, file := range films {
				got, want := probe(t, ffprobe, link), probe(t, ffprobe, filepath.Join(public, filepath.FromSlash(file)))
				if !got.sameStreams(want) || math.Abs(got.seconds-want.seconds) > .1 {
					t.Errorf("%s: %+v over RTMP, %+v from the disk", file, got, want)
				}
			}
		})
	}
}

// TestRTMPFrames shows that RTMP delivers every frame of a hybrid MP4: nginx finds its way past the fragments in it.
func TestRTMPFrames(t *testing.T) {
	server := findRTMP(t)
	ffprobe := testenv.Program(t, "ffprobe")
	site := t.TempDir()
	write(t, filepath.Join(site, "content", "a.md"), "---\ntitle: A\nvideo: silk.mp4\n---\n")
	film, err := os.ReadFile("../../content/silk.mp4")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(site, "content", "silk.mp4"), string(film))
	public := filepath.Join(site, "public")
	address := server.start(t, public, "cfx/st")
	write(t, filepath.Join(site, "site.yaml"), "title: Films\nstreaming: {encoder: copy, delivery: rtmp, rtmp: '"+address+"'}\n")
	matinee(t, "build", "--source", site, "--quiet")
	for link, file := range rtmpLinks(t, public, address) {
		got, want := frames(t, ffprobe, link), frames(t, ffprobe, filepath.Join(public, filepath.FromSlash(file)))
		if len(want) < 100 || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %d frames over RTMP, %d in the file, or they differ", file, len(got), len(want))
		}
	}
}

// An rtmpServer is nginx with its RTMP module.
type rtmpServer struct{ program, module string }

// findRTMP finds the server where Debian and Fedora put it.
func findRTMP(t *testing.T) rtmpServer {
	t.Helper()
	s := rtmpServer{}
	for _, program := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(program); err == nil {
			s.program = path
			break
		}
	}
	for _, module := range []string{"/usr/lib/nginx/modules/ngx_rtmp_module.so", "/usr/lib64/nginx/modules/ngx_rtmp_module.so"} {
		if _, err := os.Stat(module); err == nil {
			s.module = module
		}
	}
	if s.program == "" || s.module == "" {
		testenv.Missing(t, "nginx with its RTMP module is not installed (in Debian: apt-get install nginx libnginx-mod-rtmp)")
	}
	return s
}

// start serves a folder with the configuration of docs/rtmp.md and returns the address of the application.
func (s rtmpServer) start(t *testing.T, folder, application string) string {
	t.Helper()
	dir := t.TempDir()
	address := freeAddress(t)
	doc, err := os.ReadFile("../../docs/rtmp.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```nginx\n")
	shown, _, _ := strings.Cut(rest, "```")
	block := strings.NewReplacer(
		"rtmp {\n", "rtmp {\n    access_log off;\n", // its log is root's
		"1935", address, "cfx/st", application, "/srv/rtmp/films", folder,
	).Replace(shown)
	if !strings.Contains(block, "listen "+address) || !strings.Contains(block, "play "+folder) {
		t.Fatalf("docs/rtmp.md shows no server that listens and plays:\n%s", shown)
	}
	config := filepath.Join(dir, "nginx.conf")
	write(t, config, fmt.Sprintf(`load_module %s;
daemon off;
master_process off;
pid %s/pid;
error_log %[2]s/error.log;
events {}
%s`, s.module, dir, block))
	cmd := exec.Command(s.program, "-p", dir, "-c", config, "-e", filepath.Join(dir, "error.log")) //nolint:noctx // ended below, by its id
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() //nolint:errcheck // killed, in the end
	}()
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		<-ended
	})
	for range 100 {
		if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
			conn.Close() //nolint:errcheck // nothing was sent
			return "rtmp://" + address + "/" + application
		}
		select {
		case <-ended:
			t.Fatalf("nginx ended: %v\n%s", cmd.ProcessState, out.String())
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("nginx does not listen on %s", address)
	return ""
}

// freeAddress is a port of this machine that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing was sent
	return l.Addr().String()
}

var rtmpLink = regexp.MustCompile(`<a href="?(rtmps?:[^">]+)`)

// rtmpLinks are the addresses below a server that the pages of a folder name, and the file of the site each stands for.
func rtmpLinks(t *testing.T, public, server string) map[string]string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(public, "*", "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range rtmpLink.FindAllStringSubmatch(string(text), -1) {
			link := html.UnescapeString(found[1])
			file, ok := strings.CutPrefix(link, server+"/mp4:")
			if !ok {
				t.Errorf("%s names %s", page, link)
			}
			files[link] = file
		}
	}
	return files
}

// A probed is what ffprobe says of a film.
type probed struct {
	streams []string // sorted by kind: "audio aac 48000 0x0", "video h264 0 1280x720"
	seconds float64
}

func (p probed) sameStreams(q probed) bool {
	return len(p.streams) > 0 && strings.Join(p.streams, ",") == strings.Join(q.streams, ",")
}

func probe(t *testing.T, ffprobe, address string) probed {
	t.Helper()
	var said struct {
		Streams []struct {
			Kind   string `json:"codec_type"`
			Codec  string `json:"codec_name"`
			Rate   string `json:"sample_rate"`
			Width  int    `json:"width"`
			Height int    `json:"height"`
		} `json:"streams"`
		Format struct {
			Duration float64 `json:"duration,string"`
		} `json:"format"`
	}
	out := runProbe(t, ffprobe, "-show_streams", "-show_format", "-of", "json", address)
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("ffprobe %s: %v", address, err)
	}
	p := probed{seconds: said.Format.Duration}
	for _, kind := range []string{"audio", "video"} {
		for _, s := range said.Streams {
			if s.Kind == kind {
				p.streams = append(p.streams, fmt.Sprintf("%s %s %s %dx%d", s.Kind, s.Codec, s.Rate, s.Width, s.Height))
			}
		}
	}
	return p
}

// frames are the digests of the frames of a film's picture, in the order in which they are decoded.
func frames(t *testing.T, ffprobe, address string) []string {
	t.Helper()
	out := runProbe(t, ffprobe, "-select_streams", "v", "-show_packets", "-show_data_hash", "md5", "-show_entries", "packet=data_hash", "-of", "csv=p=0", address)
	return strings.Fields(string(out))
}

func runProbe(t *testing.T, ffprobe string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), ffprobe, append([]string{"-v", "error"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe %s: %v\n%s", args[len(args)-1], err, stderr.String())
	}
	return out
}
