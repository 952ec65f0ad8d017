package dir_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"matinee/internal/bucket"
	"matinee/internal/bucket/dir"
	"matinee/internal/bucket/storetest"
)

func open(t *testing.T, name string) *dir.Store {
	t.Helper()
	s, err := dir.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func body(t *testing.T, text string) bucket.Body {
	t.Helper()
	b, err := bucket.ReadBody(strings.NewReader(text), 0, int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) bucket.Store { return open(t, filepath.Join(t.TempDir(), "site")) },
		"Versions", "Multipart", "MultipartResume", "MultipartIfAbsent") // a folder keeps none, and takes files whole
}

func TestKeysStayInside(t *testing.T) {
	outside := t.TempDir()
	name := filepath.Join(t.TempDir(), "site")
	s := open(t, name)
	if runtime.GOOS != "windows" {
		if err := os.Symlink(outside, filepath.Join(name, "link")); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"../x", "link/x", "a/../../x"} {
		if _, err := s.Put(t.Context(), key, body(t, "x"), bucket.PutOptions{}); err == nil {
			t.Errorf("Put %q was let out", key)
		}
		if _, err := s.Get(t.Context(), "../"+filepath.Base(outside)); err == nil {
			t.Errorf("Get %q was let out", key)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("written outside: %v", left)
	}
}

func TestNothingTemporaryStays(t *testing.T) {
	name := filepath.Join(t.TempDir(), "site")
	s := open(t, name)
	if _, err := s.Put(t.Context(), "a/b.html", body(t, "page"), bucket.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "a/b.html", body(t, "other"), bucket.PutOptions{IfAbsent: true}); err == nil {
		t.Error("the condition was ignored")
	}
	if _, err := s.Put(t.Context(), "a/b.html/c", body(t, "x"), bucket.PutOptions{}); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v, want what to do", err)
	}
	tmp := filepath.Join(name, ".matinee", "tmp")
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}

	for file, age := range map[string]time.Duration{"old": 48 * time.Hour, "new": time.Hour} {
		if err := os.WriteFile(filepath.Join(tmp, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(tmp, file), then, then); err != nil {
			t.Fatal(err)
		}
	}
	open(t, name)
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 1 || left[0].Name() != "new" {
		t.Errorf("left: %v, %v; want what may be in use", left, err)
	}
	if info, err := os.Stat(filepath.Dir(tmp)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the state can be read by others: %v, %v", info.Mode(), err)
	}
}
