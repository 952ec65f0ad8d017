package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"matinee/internal/aws/s3/s3test"
	"matinee/internal/bucket/refs"
	"matinee/internal/preview"
	"matinee/internal/testenv"
)

// s3Commands are commands of scripts about publishing to buckets.
var s3Commands = map[string]func(*testscript.TestScript, bool, []string){
	"s3":       startS3,
	"answer":   startAnswer,
	"nosecret": noSecret,
}

// startS3 is "s3 BUCKET…": it starts a server with these buckets, whose address is $S3.
func startS3(ts *testscript.TestScript, _ bool, buckets []string) {
	ctx := context.Background()
	server, err := s3test.Start(ctx, s3test.Versity, ts.MkAbs("../s3"))
	ts.Check(err)
	ts.Defer(func() { ts.Check(server.Close()) })
	for _, b := range buckets {
		ts.Check(server.CreateBucket(ctx, b, true))
	}
	useS3(ts, server.URL)
}

// startAnswer is "answer STATUS CODE [MESSAGE]": it starts a server that gives everybody this answer. Its address is
// $S3.
func startAnswer(ts *testscript.TestScript, _ bool, args []string) {
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<Error><Code>" + args[1] + "</Code><Message>" + strings.Join(args[2:], " ") + "</Message></Error>"))
	}))
	ts.Defer(server.Close)
	useS3(ts, server.URL)
}

func useS3(ts *testscript.TestScript, address string) {
	ts.Setenv("S3", address)
	for name, value := range s3test.Credentials() {
		ts.Setenv(name, value)
	}
}

// noSecret is "nosecret": neither the last command's output nor any file says a key.
func noSecret(ts *testscript.TestScript, _ bool, _ []string) {
	check := func(name, text string) {
		for _, secret := range []string{s3test.AccessKey, s3test.SecretKey} {
			if strings.Contains(text, secret) {
				ts.Fatalf("%s says %s", name, secret)
			}
		}
	}
	check("stdout", ts.ReadFile("stdout"))
	check("stderr", ts.ReadFile("stderr"))
	files := 0
	for _, dir := range []string{ts.MkAbs("."), ts.MkAbs("../s3/objects")} {
		ts.Check(filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil //nolint:nilerr // not every script has a server
			}
			data, err := os.ReadFile(name)
			check(name, string(data))
			files++
			return err
		}))
	}
	if files == 0 {
		ts.Fatalf("no files were looked at")
	}
}

// startServer starts a server with the bucket films and a proxy before it, for tests of the whole program.
func startServer(t *testing.T) (*s3test.Server, *s3test.Proxy) {
	t.Helper()
	server, err := s3test.Start(t.Context(), s3test.Versity, t.TempDir())
	if errors.Is(err, exec.ErrNotFound) {
		testenv.Missing(t, "versitygw is not installed (make setup does it)")
	}
	if err == nil {
		err = server.CreateBucket(t.Context(), "films", true)
	}
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := s3test.NewProxy(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		proxy.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, value := range s3test.Credentials() {
		t.Setenv(name, value)
	}
	return server, proxy
}

// writeSite writes a small site and builds it. Of another version, all its files are others.
func writeSite(t *testing.T, dir, endpoint string, version int) {
	t.Helper()
	write(t, filepath.Join(dir, "site.yaml"), fmt.Sprintf(
		"title: Films %d\nurl: https://films.example.com\naccent: \"#%06x\"\npublish: {static: {bucket: films}, endpoint: %q}\n", version, version, endpoint))
	for i := range 12 {
		write(t, filepath.Join(dir, "content", fmt.Sprintf("post%d.md", i)), fmt.Sprintf(
			"---\ntitle: Post %d\ndate: 2026-01-%02d\n---\n![A picture](pic%d-%d.png) of version %d.\n", i, i+1, i, version, version))
		write(t, filepath.Join(dir, "content", fmt.Sprintf("pic%d-%d.png", i, version)), fmt.Sprint("picture ", i, version))
	}
	matinee(t, "build", "--source", dir, "--quiet")
}

// contents reads the bucket.
func contents(t *testing.T, server *s3test.Server) map[string]string {
	t.Helper()
	objects, err := server.Objects(t.Context(), "films")
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// wantComplete follows every reference of every page and playlist in a bucket.
func wantComplete(t *testing.T, objects map[string]string) {
	t.Helper()
	followed := 0
	for key, text := range objects {
		for _, need := range needs(t, key, text) {
			followed++
			if _, ok := objects[need]; !ok {
				t.Errorf("%s needs %s, which is not there", key, need)
			}
		}
	}
	if followed == 0 {
		t.Error("no references were found")
	}
}

func needs(t *testing.T, key, text string) (keys []string) {
	t.Helper()
	found, err := refs.Resolver{Site: "https://films.example.com/"}.Needs(key, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, need := range found {
		keys = append(keys, need.Key)
	}
	return keys
}

// wantPublished checks that a bucket holds the built site of a folder.
func wantPublished(t *testing.T, objects map[string]string, public string) {
	t.Helper()
	for name, sum := range readTree(public) {
		if text, ok := objects[name]; !ok || sha256.Sum256([]byte(text)) != sum {
			t.Errorf("%s is not as it was built", name)
		}
	}
}

// program is the program itself, in a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), "matinee", args...)
}

// TestKill kills the program with its n-th write, for n over the whole range: the bucket is complete at that moment,
// and the next publish makes it the site.
func TestKill(t *testing.T) {
	server, proxy := startServer(t)
	site := t.TempDir()
	for version := range 2 { // the second is what will be done again and again
		writeSite(t, site, proxy.URL(), version)
		proxy.Forget()
		matinee(t, "publish", "--source", site, "--quiet")
	}
	writes := 0
	for _, q := range proxy.Log() {
		if q.Write() {
			writes++
		}
	}
	if writes < 30 {
		t.Fatalf("only %d writes", writes)
	}
	version, killed := 1, 0
	for n := 1; n <= writes; n += 1 + writes/12 {
		version++
		writeSite(t, site, proxy.URL(), version)
		cmd := program(t, "publish", "--source", site, "--quiet")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		seen := 0
		proxy.Spoil(func(q s3test.Request) s3test.Fault {
			if q.Write() {
				seen++
			}
			if seen < n {
				return s3test.Fault{}
			}
			_ = cmd.Process.Kill() // it may be dead already
			return s3test.Fault{Half: seen%3 == 0, Reset: seen%3 == 1}
		})
		err := cmd.Wait()
		proxy.Spoil(nil)
		if err == nil {
			t.Fatalf("write %d of %d: it survived", n, writes)
		}
		killed++
		wantComplete(t, contents(t, server))
		matinee(t, "publish", "--source", site, "--quiet", "--steal-lock")
		objects := contents(t, server)
		wantPublished(t, objects, filepath.Join(site, "public"))
		wantComplete(t, objects)
		if t.Failed() {
			t.Fatalf("killed at write %d of %d", n, writes)
		}
	}
	t.Logf("killed %d times over %d writes", killed, writes)
}

// TestTwoPrograms publishes from two folders at once: one gets through, the other says who is in the way.
func TestTwoPrograms(t *testing.T) {
	server, proxy := startServer(t)
	proxy.Spoil(func(s3test.Request) s3test.Fault { return s3test.Fault{Delay: 50 * time.Millisecond} })
	sites := []string{t.TempDir(), t.TempDir()}
	cmds := make([]*exec.Cmd, len(sites))
	said := make([]bytes.Buffer, len(sites))
	for i, site := range sites {
		writeSite(t, site, proxy.URL(), i+1)
		cmds[i] = program(t, "publish", "--source", site, "--quiet")
		cmds[i].Stderr = &said[i]
	}
	for _, cmd := range cmds {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	codes := map[int]int{}
	for i, cmd := range cmds {
		_ = cmd.Wait() // its exit code says it all
		code := cmd.ProcessState.ExitCode()
		codes[code]++
		if code == exitDone {
			wantPublished(t, contents(t, server), filepath.Join(sites[i], "public"))
		}
	}
	if codes[exitDone] != 1 || codes[exitBusy] != 1 {
		t.Errorf("exit codes %v, want one %d and one %d\n%s%s", codes, exitDone, exitBusy, &said[0], &said[1])
	}
}

// TestBrowserBucket publishes two films to a bucket, one of several renditions and one with captions and chapters, and
// plays them from there.
func TestBrowserBucket(t *testing.T) {
	tools := browserTools(t)
	server, proxy := startServer(t)
	site := t.TempDir()
	for _, name := range []string{"ripples", "spiral"} {
		files, err := filepath.Glob("../../content/" + name + "*[^d]") // all but its post
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(site, "content", filepath.Base(file)), string(data))
		}
	}
	write(t, filepath.Join(site, "content/spiral.md"), "---\ntitle: Spiral\ndate: 2026-01-01\nvideo: spiral.mp4\n---\n")
	write(t, filepath.Join(site, "content/ripples.md"),
		"---\ntitle: Ripples\ndate: 2026-01-01\nvideo: {src: ripples-720.mp4, renditions: [ripples-480.mp4, ripples-240.mp4]}\n---\n")
	write(t, filepath.Join(site, "site.yaml"), "title: Films\nstreaming: {encoder: copy}\npublish: {static: {bucket: films}, endpoint: "+proxy.URL()+"}\n")
	matinee(t, "build", "--source", site, "--quiet")
	matinee(t, "publish", "--source", site, "--quiet")
	origin := httptest.NewServer(s3test.Origin{
		Client: server.Client(), Bucket: "films", Headers: func(key string) http.Header { return preview.Headers(key, "") },
	})
	defer origin.Close()
	tools.run(t, []string{"MATINEE_URL=" + origin.URL + "/", "MATINEE_PUBLIC=" + filepath.Join(site, "public")}, "plays")
}
