package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The exit code tells a script apart whether to mend the site, the machine, or to try again later.
func TestPublishExitCodes(t *testing.T) {
	site, to := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	matinee := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		code := run(t.Context(), env{stdout: &out, stderr: &out, getenv: func(string) string { return "" }}, append([]string{"-C", site}, args...))
		if code != want {
			t.Errorf("matinee %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, want, &out)
		}
		return out.String()
	}
	write(filepath.Join(site, "site.yaml"), "title: Films\nurl: https://films.example.com\n")
	write(filepath.Join(site, "content", "a.md"), "---\ntitle: A\n---\nText.\n")

	matinee(exitProblems, "publish", "--to", to)
	matinee(exitDone, "build")
	matinee(exitDone, "publish", "--to", to)
	matinee(exitUsage, "publish", "--to")
	matinee(exitUsage, "publish", "somewhere")

	const lock = `{"version":1,"site":"https://films.example.com/","lock":{"id":"x","owner":"bob@studio","since":"2026-11-22T10:00:00Z","ttl_seconds":120}}`
	write(filepath.Join(to, ".matinee", "current"), lock)
	if out := matinee(exitBusy, "publish", "--to", to, "--json"); !strings.Contains(out, "bob@studio is publishing, since 2026-11-22 10:00:00 UTC") {
		t.Errorf("got %s", out)
	}
	matinee(exitDone, "publish", "--to", to, "--steal-lock")

	file := filepath.Join(to, "file")
	write(file, "")
	matinee(exitMissing, "publish", "--to", file)
}
