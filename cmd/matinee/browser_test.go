package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"matinee/internal/testenv"
)

// browserTests is the folder of the tests that node runs; lib/site.mjs there says what they are told.
const browserTests = "testdata/browser"

// TestBrowser builds the repository's own site, serves it as "matinee serve" does and lets a browser look at it. Each
// test of testdata/browser is a subtest. MATINEE_SHOTS names a folder for screenshots.
func TestBrowser(t *testing.T) {
	tools := browserTools(t)
	site := t.TempDir()
	copyDemo(t, site)
	public := filepath.Join(site, "public")
	address := serveSite(t, site)
	tools.run(t, []string{
		"MATINEE_URL=" + address,
		"MATINEE_PUBLIC=" + public,
	}, "access", "address", "fallback", "keyboard", "links", "page", "plays", "settings", "valid")
}

// TestBrowserWords shows that what is said can be read and followed, that captions are shown once although both the page
// and the stream offer them, and that a stream of another host plays.
func TestBrowserWords(t *testing.T) {
	tools := browserTools(t)
	site := t.TempDir()
	write(t, filepath.Join(site, "site.yaml"), "title: Words\nstreaming: {encoder: copy}\n")
	for to, from := range map[string]string{
		"ladder.mp4": "ripples-720.mp4", "ladder-240.mp4": "ripples-240.mp4", "ladder.en.vtt": "spiral.en.vtt",
		"voices.mp4": "chord.mp4", "voices.de.vtt": "chord.de.vtt",
		"talk.mp4": "spiral.mp4", "talk.en.vtt": "spiral.en.vtt", "talk.chapters.vtt": "spiral.chapters.vtt",
		"elsewhere.jpg": "chord.jpg", "elsewhere.en.vtt": "chord.en.vtt",
	} {
		data, err := os.ReadFile(filepath.Join("../../content", from))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(site, "content", to), string(data))
	}
	write(t, filepath.Join(site, "content", "ladder.md"), "---\nvideo: {src: ladder.mp4, renditions: [ladder-240.mp4]}\n---\n")
	write(t, filepath.Join(site, "content", "voices.md"), "---\nvideo: voices.mp4\n---\n")
	write(t, filepath.Join(site, "content", "talk.md"), "---\ntitle: A talk\nvideo: talk.mp4\n---\nText.\n")
	long := "WEBVTT\n" // more than fits the panel
	for i := range 100 {
		long += fmt.Sprintf("\n00:%06.3f --> 00:%06.3f\n<v %s>Line %d is said, and it is neither short nor long.\n",
			float64(i)*0.2, float64(i)*0.2+0.19, []string{"Ada", "Charles"}[i/7%2], i)
	}
	write(t, filepath.Join(site, "content", "voices.en.vtt"), long)
	matinee(t, "build", "--source", site, "--quiet")

	// Another host has what was built, under a master of its own that nothing is known of.
	streams, err := filepath.Glob(filepath.Join(site, "public", "stream", "voices-*"))
	if err != nil || len(streams) != 1 {
		t.Fatalf("streams: %v %v", streams, err)
	}
	host := t.TempDir()
	if err := os.CopyFS(filepath.Join(host, "talks"), os.DirFS(streams[0])); err != nil {
		t.Fatal(err)
	}
	files := http.FileServer(http.Dir(host))
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "Range")
		w.Header().Set("Access-Control-Expose-Headers", "Content-Length, Content-Range")
		if r.Method != http.MethodOptions {
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(elsewhere.Close)
	write(t, filepath.Join(site, "content", "elsewhere.md"), "---\nvideo: "+elsewhere.URL+"/talks/master.m3u8\n---\n")

	tools.run(t, []string{
		"MATINEE_URL=" + serveSite(t, site),
		"MATINEE_PUBLIC=" + filepath.Join(site, "public"),
		"MATINEE_ELSEWHERE=" + elsewhere.URL,
	}, "words")
}

// TestBrowserClips shows that a browser plays what the packager makes of odd clips, read as a plain MP4 and as HLS, and
// asks for the plain MP4 no more often than for one ffmpeg laid out for progressive playing.
func TestBrowserClips(t *testing.T) {
	tools := browserTools(t)
	testenv.Program(t, "ffmpeg")
	site := t.TempDir()
	write(t, filepath.Join(site, "site.yaml"), "title: Odd clips\nstreaming: {encoder: copy}\n")
	var clips []oddClip
	for _, c := range oddClips {
		source := filepath.Join(site, "content", c.Name+".mp4")
		write(t, filepath.Join(site, "content", c.Name+".md"), fmt.Sprintf("---\ntitle: %s\ndate: 2026-01-01\nvideo: %s.mp4\n---\n", c.Name, c.Name))
		encode(t, append(strings.Fields(c.Args), source)...)
		c.Plain = filepath.Join(site, c.Name+"-faststart.mp4")
		encode(t, "-i", source, "-map", "0:v?", "-map", "0:a:0?", "-c", "copy", "-movflags", "+faststart", c.Plain)
		clips = append(clips, c)
	}
	matinee(t, "build", "--source", site, "--quiet")
	for i, c := range clips {
		made, err := filepath.Glob(filepath.Join(site, "public", "stream", c.Name+"-*", "master.m3u8"))
		if err != nil || len(made) != 1 {
			t.Fatalf("%s: master playlists: %v %v", c.Name, made, err)
		}
		clips[i].Folder = filepath.Dir(made[0])
	}
	list, err := json.Marshal(clips)
	if err != nil {
		t.Fatal(err)
	}
	player, err := filepath.Abs("../../themes/default/player/dist")
	if err != nil {
		t.Fatal(err)
	}
	tools.run(t, []string{"MATINEE_CLIPS=" + string(list), "MATINEE_PLAYER=" + player}, "clips")
}

// An oddClip is a clip unlike what an ordinary encoder writes.
type oddClip struct {
	Name string `json:"name"`
	Args string `json:"-"` // ffmpeg's, but for the output

	Picture bool   `json:"picture"`
	Upright bool   `json:"upright"` // higher than wide
	Sound   bool   `json:"sound"`
	Full    bool   `json:"full"`   // has an audio group, which needs the full hls.js
	Plain   string `json:"plain"`  // the same streams, laid out by ffmpeg
	Folder  string `json:"folder"` // of the packaged clip
}

const (
	picture = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=8 "
	sound   = "-f lavfi -i sine=frequency=440:duration=8:sample_rate=48000 "
	h264    = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -sc_threshold 0 "
	aac     = " -c:a aac -b:a 64k "
)

var oddClips = []oddClip{
	{Name: "b-frames", Picture: true, Sound: true, Args: picture + sound + h264 + "-bf 3 -x264-params bframes=3:b-pyramid=normal" + aac},
	{Name: "variable-rate", Picture: true, Sound: true, Args: picture + sound + h264 + "-vf select='not(mod(n\\,3))+lt(mod(n\\,50)\\,20)' -fps_mode vfr" + aac},
	{Name: "late-sound", Picture: true, Sound: true, Args: picture + "-itsoffset 0.7 " + sound + h264 + aac},
	{Name: "late-picture", Picture: true, Sound: true, Args: "-itsoffset 0.5 " + picture + sound + h264 + aac},
	{Name: "silent", Picture: true, Args: picture + h264},
	{Name: "sound-only", Sound: true, Args: sound + aac},
	{Name: "fragmented", Picture: true, Sound: true, Args: picture + sound + h264 + aac + "-movflags +frag_keyframe+empty_moov"},
	{Name: "one-frame", Picture: true, Args: picture + h264 + "-frames:v 1"},
	{Name: "upright", Picture: true, Upright: true, Sound: true, Args: "-f lavfi -i testsrc2=size=360x640:rate=25:duration=8 " + sound + h264 + aac},
	{Name: "two-languages", Picture: true, Sound: true, Full: true, Args: picture + sound + sound + "-map 0 -map 1 -map 2" + h264 + aac +
		"-metadata:s:a:0 language=eng -metadata:s:a:1 language=deu"},
	{Name: "sound-outlasts", Picture: true, Sound: true, Args: picture + "-f lavfi -i sine=frequency=440:duration=12:sample_rate=48000 " + h264 + aac},
}

// tools are the programs the browser tests need.
type tools struct{ node, chromium string }

func browserTools(t *testing.T) tools {
	t.Helper()
	testenv.Long(t)
	chromium := os.Getenv("CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); chromium == "" && err == nil {
			chromium = path
		}
	}
	if chromium == "" {
		testenv.Missing(t, "Chromium is not installed: install it, or set CHROMIUM to the program")
	}
	if _, err := os.Stat(filepath.Join(browserTests, "node_modules", "playwright-core")); err != nil {
		testenv.Missing(t, "the packages of the browser tests are not installed: run npm ci in cmd/matinee/"+browserTests)
	}
	if _, err := os.Stat("../../themes/default/player/dist/flowplayer.min.js"); err != nil {
		testenv.Missing(t, "the player's files are not there: run make player")
	}
	return tools{node: testenv.Program(t, "node"), chromium: chromium}
}

// run lets node run the named test files and makes a subtest of each of their tests.
func (b tools) run(t *testing.T, environment []string, files ...string) {
	t.Helper()
	args := []string{"--test", "--test-concurrency=2", "--test-reporter=./reporter.mjs"}
	for _, f := range files {
		args = append(args, f+".test.mjs")
	}
	cmd := exec.CommandContext(t.Context(), b.node, args...)
	cmd.Dir = browserTests
	cmd.Env = append(append(os.Environ(), "CHROMIUM="+b.chromium), environment...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var result nodeResult
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			t.Logf("%s", lines.Text())
			continue
		}
		seen++
		t.Run(strings.TrimSuffix(filepath.Base(result.File), ".test.mjs")+"/"+result.Name, result.report)
	}
	if err := cmd.Wait(); err != nil && !t.Failed() {
		t.Errorf("node: %v\n%s", err, stderr.String())
	}
	if seen == 0 {
		t.Errorf("node ran no test\n%s", stderr.String())
	}
}

// A nodeResult is a line of reporter.mjs.
type nodeResult struct {
	File, Name, Skip, Error string
	OK                      bool
	MS                      int
}

func (r nodeResult) report(t *testing.T) {
	switch {
	case r.Skip != "":
		testenv.Missing(t, "%s", r.Skip)
	case !r.OK:
		t.Errorf("%s", r.Error)
	default:
		t.Logf("%d ms", r.MS)
	}
}

// serveSite runs "matinee serve" on a site until the test ends and returns the address it prints.
func serveSite(t *testing.T, source string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	var stderr bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, env{stdout: w, stderr: &stderr, getenv: os.Getenv}, []string{"serve", "--source", source, "--port", "0"})
		w.Close() //nolint:errcheck // an io.Pipe
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("serve does not stop when it is told to")
		}
	})
	printed := regexp.MustCompile(`http://\S+/`)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if address := printed.FindString(lines.Text()); address != "" {
			go io.Copy(io.Discard, r) //nolint:errcheck // what it prints later matters to nobody
			return address
		}
	}
	t.Fatalf("serve printed no address; exit code %d\n%s", <-done, stderr.String())
	return ""
}

func matinee(t *testing.T, args ...string) (said string) {
	t.Helper()
	var stderr bytes.Buffer
	if code := run(t.Context(), env{stdout: io.Discard, stderr: &stderr, getenv: os.Getenv}, args); code != 0 {
		t.Fatalf("matinee %s: exit code %d\n%s", strings.Join(args, " "), code, stderr.String())
	}
	return stderr.String()
}

func encode(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyDemo copies the repository's own site, so that its cache and its output are the test's.
func copyDemo(t *testing.T, to string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(to, "content"), os.DirFS("../../content")); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../../site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(to, "site.yaml"), string(config))
}
