package output_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"matinee/internal/diag"
	"matinee/internal/output"
	"matinee/internal/testenv"
)

// A folder in a temporary place, with the manifest beside it.
func newFolder(t testing.TB) output.Folder {
	dir := t.TempDir()
	return output.Folder{Dir: filepath.Join(dir, "public"), Manifest: filepath.Join(dir, ".matinee", "manifest.json")}
}

// text is a page whose key changes with its content.
func text(path, content string) output.File {
	return output.File{Path: path, Class: "page", Key: digest(content), Write: func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// clip is a finished file of a cache.
func clip(t testing.TB, path, content string) output.File {
	source := filepath.Join(t.TempDir(), "clip.mp4")
	put(t, source, content)
	return output.File{Path: path, Class: "clip", Source: source, Size: int64(len(content)), SHA256: digest(content)}
}

func put(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

func mustSync(t testing.TB, f output.Folder, files ...output.File) output.Result {
	t.Helper()
	r, err := f.Sync(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tree is every file below dir with its content, and every empty folder.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(dir, name)
		if d.IsDir() {
			if entries, _ := os.ReadDir(name); len(entries) == 0 {
				found[filepath.ToSlash(relative)+"/"] = ""
			}
			return nil
		}
		data, err := os.ReadFile(name)
		found[filepath.ToSlash(relative)] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

func wantTree(t testing.TB, f output.Folder, want map[string]string) {
	t.Helper()
	got := tree(t, f.Dir)
	if maps.Equal(got, want) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if content, ok := want[name]; !ok || content != got[name] {
			t.Errorf("%s is there with %.60q", name, got[name])
		}
	}
	for name, content := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing, want it with %.60q", name, content)
		}
	}
	t.FailNow()
}

// wantOnly checks what a finished build leaves beside the manifest.
func wantOnly(t testing.TB, f output.Folder) {
	t.Helper()
	got := slices.Sorted(maps.Keys(tree(t, filepath.Dir(f.Manifest))))
	if want := []string{"manifest.json", "manifest.json.lock"}; !slices.Equal(got, want) {
		t.Errorf("beside the manifest there are %q, want %q", got, want)
	}
}

func wantProblem(t testing.TB, err error, want string) {
	t.Helper()
	problems, rest := diag.Problems(err)
	if len(rest) > 0 || len(problems) == 0 {
		t.Fatalf("error is %v, want findings", err)
	}
	for _, p := range problems {
		if regexp.MustCompile(want).MatchString(p.Error()) {
			return
		}
	}
	t.Errorf("findings are %q, none matches %q", err, want)
}

func TestSecondBuildTouchesNothing(t *testing.T) {
	f := newFolder(t)
	files := []output.File{clip(t, "stream/a/720p.mp4", "moov mdat"), text("a/index.html", "<p>a"), text("index.html", "<p>home")}
	first := mustSync(t, f, files...)
	if first.Written.Files != 2 || first.Linked != (output.Tally{Files: 1, Bytes: 9}) || first.Written.Bytes != 11 {
		t.Errorf("the first build says %+v", first)
	}
	wantTree(t, f, map[string]string{"stream/a/720p.mp4": "moov mdat", "a/index.html": "<p>a", "index.html": "<p>home"})
	wantOnly(t, f)

	for i := range files {
		if files[i].Write != nil {
			files[i].Write = func(io.Writer) error { panic("rendered although the key is the same") }
		}
	}
	second := mustSync(t, f.WithBefore(func(op, name string) error {
		t.Errorf("the second build does %s %s", op, name)
		return nil
	}), files...)
	if want := (output.Result{Unchanged: output.Tally{Files: 3, Bytes: 20}}); second.Unchanged != want.Unchanged ||
		second.Read != 0 || second.Rendered != 0 || second.Written.Files+second.Linked.Files+second.Removed.Files != 0 {
		t.Errorf("the second build says %+v, want %+v", second, want)
	}
}

func TestSameBytesAreNotWrittenAgain(t *testing.T) {
	f := newFolder(t)
	page, feed := text("a.html", "same"), text("feed.xml", "feed")
	feed.Key = ""
	mustSync(t, f, page, feed)
	page.Key = "another"
	r := mustSync(t, f, page, feed)
	if r.Rendered != 2 || r.Unchanged.Files != 2 || r.Read != 0 {
		t.Errorf("got %+v, want two pages rendered, compared with the manifest and left alone", r)
	}
	if entries, _ := output.ReadManifest(f.Manifest); entries[0].Key != "another" {
		t.Errorf("the manifest has the key %q, want the new one", entries[0].Key)
	}
	if r := mustSync(t, f, page, feed); r.Rendered != 1 {
		t.Errorf("got %+v, want the file without a key rendered alone", r)
	}
}

func TestEditedAndDeletedFilesAreRestored(t *testing.T) {
	f := newFolder(t)
	files := []output.File{text("a.html", "aaaa"), text("b.html", "bbbb"), clip(t, "c.mp4", "cccc"), text("d.html", "dddd")}
	mustSync(t, f, files...)
	put(t, filepath.Join(f.Dir, "a.html"), "by hand")
	for _, name := range []string{"b.html", "c.mp4"} {
		if err := os.Remove(filepath.Join(f.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(f.Dir, "d.html"), later, later); err != nil {
		t.Fatal(err)
	}
	r := mustSync(t, f, files...)
	wantTree(t, f, map[string]string{"a.html": "aaaa", "b.html": "bbbb", "c.mp4": "cccc", "d.html": "dddd"})
	if r.Written.Files != 2 || r.Linked.Files != 1 || r.Unchanged.Files != 1 {
		t.Errorf("got %+v, want two written, one linked, and the touched one left", r)
	}
	if r := mustSync(t, f, files...); r.Rendered != 0 {
		t.Errorf("got %+v, want the new time of the touched file remembered", r)
	}
}

func TestOutdatedFilesAreRemovedAndOthersStay(t *testing.T) {
	f := newFolder(t)
	mustSync(t, f, text("index.html", "home"), text("old/deep/index.html", "old"), text("old/edited.html", "theirs"),
		text("tags/x/index.html", "x"), text("copied.html", "copied"))
	put(t, filepath.Join(f.Dir, "CNAME"), "films.example.com")
	put(t, filepath.Join(f.Dir, "old", "edited.html"), "edited by hand")
	later := time.Now().Add(time.Hour) // as after copying the folder
	if err := os.Chtimes(filepath.Join(f.Dir, "copied.html"), later, later); err != nil {
		t.Fatal(err)
	}
	r := mustSync(t, f, text("index.html", "home"))
	wantTree(t, f, map[string]string{"index.html": "home", "CNAME": "films.example.com", "old/edited.html": "edited by hand"})
	if r.Removed.Files != 3 || !slices.Equal(r.Kept, []string{"old/edited.html"}) {
		t.Errorf("got %+v, want three removed and the edited one kept", r)
	}
	if r := mustSync(t, f, text("index.html", "home")); len(r.Kept) != 0 {
		t.Errorf("got %+v, want a kept file to be someone else's from then on", r)
	}
}

func TestLinkedFoldersSurvive(t *testing.T) {
	f := newFolder(t)
	elsewhere := t.TempDir()
	if err := os.MkdirAll(f.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, filepath.Join(f.Dir, "stream")); err != nil {
		testenv.Missing(t, "there are no symbolic links: %v", err)
	}
	mustSync(t, f, clip(t, "stream/a/720p.mp4", "clip"), text("index.html", "home"))
	mustSync(t, f, text("index.html", "home"))
	if fi, err := os.Lstat(filepath.Join(f.Dir, "stream")); err != nil || fi.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone (%v)", err)
	}
	if left := tree(t, elsewhere); len(left) != 1 {
		t.Errorf("the folder it leads to has %v, want nothing", left)
	}
}

func TestErrorsLeaveTheFolderAlone(t *testing.T) {
	f := newFolder(t)
	broken := func(path string) output.File {
		return output.File{Path: path, Write: func(w io.Writer) error {
			_, _ = io.WriteString(w, "half a")
			return diag.At("content/"+path+".md", 3, "no such clip")
		}}
	}
	_, err := f.Sync(t.Context(), []output.File{text("index.html", "home"), broken("b"), broken("a")})
	if problems, _ := diag.Problems(err); len(problems) != 2 || err.Error() != "content/b.md:3: no such clip\ncontent/a.md:3: no such clip" {
		t.Errorf("error is %v, want both findings in the order of the list", err)
	}
	if _, err := os.Stat(f.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made although nothing could be written: %v", err)
	}
	mustSync(t, f, text("index.html", "home"), text("old.html", "old"))
	before := tree(t, filepath.Dir(f.Dir))
	if _, err = f.Sync(t.Context(), []output.File{text("index.html", "new"), text("new.html", "new"), broken("a")}); err == nil {
		t.Fatal("no error")
	}
	if after := tree(t, filepath.Dir(f.Dir)); !maps.Equal(before, after) {
		t.Errorf("a failing build changed %v into %v", before, after)
	}
}

func TestFilesOfOthersAreNotOverwritten(t *testing.T) {
	f := newFolder(t)
	put(t, filepath.Join(f.Dir, "about.html"), "my own page")
	put(t, filepath.Join(f.Dir, "same.html"), "same")
	put(t, filepath.Join(f.Dir, "file"), "not a folder")
	put(t, filepath.Join(f.Dir, "folder.html", "note.txt"), "inside")
	before := tree(t, f.Dir)
	_, err := f.Sync(t.Context(), []output.File{
		text("about.html", "generated"), text("same.html", "same"),
		text("file/index.html", "page"), text("folder.html", "page"),
	})
	wantProblem(t, err, `public/about\.html: .* not written by an earlier build`)
	wantProblem(t, err, `public/file: `)
	wantProblem(t, err, `public/folder\.html/note\.txt: `)
	if problems, _ := diag.Problems(err); len(problems) != 3 {
		t.Errorf("got %d findings, want 3: %v", len(problems), err)
	}
	wantTree(t, f, before)

	mustSync(t, f, text("same.html", "same"))
	r := mustSync(t, f, text("same.html", "changed"))
	if r.Written.Files != 1 {
		t.Errorf("got %+v, want the identical file adopted and then ours", r)
	}
}

func TestLostManifestIsExplainedOnce(t *testing.T) {
	f := newFolder(t)
	pages := func(content string) (files []output.File) {
		for i := range 40 {
			files = append(files, text(fmt.Sprintf("%02d.html", i), content))
		}
		return files
	}
	mustSync(t, f, pages("old")...)
	if err := os.RemoveAll(filepath.Dir(f.Manifest)); err != nil {
		t.Fatal(err)
	}
	if r := mustSync(t, f, pages("old")...); r.Unchanged.Files != 40 {
		t.Errorf("got %+v, want an unchanged site found to be the same", r)
	}
	if err := os.RemoveAll(filepath.Dir(f.Manifest)); err != nil {
		t.Fatal(err)
	}
	_, err := f.Sync(t.Context(), pages("new"))
	problems, _ := diag.Problems(err)
	if len(problems) != 11 || !strings.Contains(problems[10].Text, "29 more") || !strings.Contains(problems[10].Hint, "delete the folder") {
		t.Errorf("got %d findings: %v", len(problems), err)
	}
}

func TestDamagedManifest(t *testing.T) {
	for name, content := range map[string]string{
		"torn":     `{"version": 1, "files": [`,
		"future":   `{"version": 99, "files": []}`,
		"escaping": `{"version": 1, "files": [{"path": "../../home/you/film.mov", "size": 3}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			put(t, f.Manifest, content)
			_, err := f.Sync(t.Context(), []output.File{text("a.html", "a")})
			wantProblem(t, err, `manifest of the last build cannot be read`)
			wantTree(t, f, map[string]string{})
		})
	}
}

func TestFilesAndFoldersChangePlaces(t *testing.T) {
	f := newFolder(t)
	a := []output.File{text("a", "file"), text("b/x/index.html", "deep"), text("About/index.html", "upper"), text("keep", "k")}
	b := []output.File{text("a/index.html", "folder"), text("b", "file"), text("about/index.html", "upper"), text("keep", "k")}
	wantA := map[string]string{"a": "file", "b/x/index.html": "deep", "About/index.html": "upper", "keep": "k"}
	wantB := map[string]string{"a/index.html": "folder", "b": "file", "about/index.html": "upper", "keep": "k"}
	mustSync(t, f, a...)
	wantTree(t, f, wantA)
	r := mustSync(t, f, b...)
	wantTree(t, f, wantB)
	if r.Removed.Files != 3 || r.Written.Files != 3 {
		t.Errorf("got %+v", r)
	}
	mustSync(t, f, a...)
	wantTree(t, f, wantA)
	wantOnly(t, f)
}

func TestEditedFileIsNotRemovedToMakeRoom(t *testing.T) {
	f := newFolder(t)
	mustSync(t, f, text("a", "file"), text("b", "b"))
	put(t, filepath.Join(f.Dir, "a"), "edited by hand")
	_, err := f.Sync(t.Context(), []output.File{text("a/index.html", "page")})
	wantProblem(t, err, "public/a: ")
	wantTree(t, f, map[string]string{"a": "edited by hand", "b": "b"})
}

func TestNamesNoFolderCanHave(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "../a", "a/../../b", "/etc/passwd", "a//b", "a/", "./a", `a\b`, "a\x00b", "a\nb", "\xff", strings.Repeat("x", 256),
	} {
		f := newFolder(t)
		_, err := f.Sync(t.Context(), []output.File{text(name, "x")})
		wantProblem(t, err, "cannot have a file")
		wantTree(t, f, map[string]string{})
	}
	for _, name := range []string{"con.html", "a/AUX", "nul", "COM1.txt", "lpt9", "com¹", "a:b", "what?", "end.", "end ", `<a>`} {
		if output.ValidOnWindows(name[strings.LastIndex(name, "/")+1:]) {
			t.Errorf("%q passes as a Windows name", name)
		}
	}
	for _, name := range []string{"console", "COM", "com10", "lpt", "index.html", "ünïcode", "a b", ".well-known"} {
		if !output.ValidOnWindows(name) {
			t.Errorf("%q does not pass as a Windows name", name)
		}
	}
}

func TestNamesThatCannotBeTogether(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"a.html", "a.html", `two pages or files .* "a.html"`},
		{"About/index.html", "about/index.html", `same file on systems`},
		{"caf\u00e9.html", "cafe\u0301.html", `same file on systems`},
		{"straße", "STRASSE", ""},
		{"a", "a/index.html", `both a file and the folder`},
		{"A", "a/b/index.html", `both a file and the folder`},
		{"a", "ab/index.html", ""},
	} {
		_, err := newFolder(t).Sync(t.Context(), []output.File{text(c.a, "1"), text(c.b, "2")})
		if c.want == "" {
			if err != nil {
				t.Errorf("%q and %q: %v", c.a, c.b, err)
			}
			continue
		}
		wantProblem(t, err, c.want)
	}
}

func TestClipsAreLinkedOrCopied(t *testing.T) {
	f := newFolder(t)
	film := clip(t, "stream/a/720p.mp4", "film")
	mustSync(t, f, film)
	a, _ := os.Stat(film.Source)
	b, err := os.Stat(filepath.Join(f.Dir, "stream", "a", "720p.mp4"))
	if err != nil || !os.SameFile(a, b) {
		t.Errorf("the clip is not a hard link (%v)", err)
	}

	noLinks := newFolder(t).WithBefore(func(op, _ string) error {
		if op == "link" {
			return errors.ErrUnsupported
		}
		return nil
	})
	if r := mustSync(t, noLinks, film); r.Written.Files != 1 || r.Linked.Files != 0 {
		t.Errorf("got %+v, want one copy", r)
	}
	wantTree(t, noLinks, map[string]string{"stream/a/720p.mp4": "film"})

	film.Size++
	var failure *output.WriteError
	if _, err := f.Sync(t.Context(), []output.File{{Path: "x", Source: film.Source, Size: film.Size, SHA256: "00"}}); !errors.As(err, &failure) {
		t.Errorf("a source of another size gives %v", err)
	}
}

func TestFolderOnAnotherFileSystem(t *testing.T) {
	testenv.Unix(t)
	across := func(op, name string) error {
		if op == "rename" && !strings.HasSuffix(name, "manifest.json") && !strings.HasSuffix(name, ".journal") {
			return syscall.EXDEV
		}
		return nil
	}
	f := newFolder(t).WithBefore(func(op, name string) error {
		if op == "rename" && strings.Contains(name, "public") {
			if _, err := os.Stat(name); err != nil {
				if entries, _ := filepath.Glob(filepath.Join(filepath.Dir(name), ".matinee-*")); len(entries) == 0 {
					return across(op, name)
				}
			}
		}
		return nil
	})
	film := clip(t, "stream/a/720p.mp4", "film")
	r := mustSync(t, f, film, text("index.html", "home"))
	wantTree(t, f, map[string]string{"stream/a/720p.mp4": "film", "index.html": "home"})
	if r.Linked.Files != 0 || r.Written.Files != 2 {
		t.Errorf("got %+v, want two copies", r)
	}
	wantOnly(t, f)
}

func TestLargeFilesAreStagedOnDisk(t *testing.T) {
	f := newFolder(t)
	line := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	large := output.File{Path: "large", Write: func(w io.Writer) error {
		for range 100 {
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	}}
	mustSync(t, f, large)
	if fi, err := os.Stat(filepath.Join(f.Dir, "large")); err != nil || fi.Size() != 100*int64(len(line)) {
		t.Errorf("got %v, %v", fi, err)
	}
	if r := mustSync(t, f, large); r.Unchanged.Files != 1 {
		t.Errorf("got %+v, want it found unchanged", r)
	}
	wantOnly(t, f)
}

func TestDiskFullIsAWriteError(t *testing.T) {
	f := newFolder(t).WithBefore(func(op, _ string) error {
		if op == "write" {
			return &fs.PathError{Op: "write", Path: "/tmp/x", Err: syscall.ENOSPC}
		}
		return nil
	})
	_, err := f.Sync(t.Context(), []output.File{text("a/index.html", "home")})
	var failure *output.WriteError
	if !errors.As(err, &failure) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error is %v", err)
	}
	if want := "write " + filepath.Join(f.Dir, "a", "index.html") + ": " + syscall.ENOSPC.Error(); err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
	wantTree(t, f, map[string]string{})
}

func TestTwoBuildsDoNotInterleave(t *testing.T) {
	f := newFolder(t)
	var second error
	mustSync(t, f, output.File{Path: "a.html", Write: func(w io.Writer) error {
		_, second = f.Sync(t.Context(), []output.File{text("b.html", "b")})
		_, err := io.WriteString(w, "a")
		return err
	}})
	if !errors.Is(second, output.ErrBusy) {
		t.Errorf("the second build says %v, want ErrBusy", second)
	}
	wantTree(t, f, map[string]string{"a.html": "a"})
	mustSync(t, f, text("b.html", "b"))
}

func TestInterruptLeavesTheFolderAlone(t *testing.T) {
	f := newFolder(t)
	mustSync(t, f, text("a.html", "old"))
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	_, err := f.Sync(ctx, []output.File{text("a.html", "new"), {Path: "b.html", Write: func(io.Writer) error {
		cancel(interrupted)
		return nil
	}}})
	if !errors.Is(err, interrupted) {
		t.Errorf("error is %v", err)
	}
	wantTree(t, f, map[string]string{"a.html": "old"})
	wantOnly(t, f)
}

func TestManifestDependsOnTheSiteAlone(t *testing.T) {
	var manifests []string
	for _, reverse := range []bool{false, true} {
		f := newFolder(t)
		files := []output.File{text("b&c.html", "b"), clip(t, "a/film.mp4", "film"), text("a.html", "a")}
		if reverse {
			slices.Reverse(files)
		}
		mustSync(t, f, files...)
		data, err := os.ReadFile(f.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		manifests = append(manifests, regexp.MustCompile(`"mtime_ns":\d+`).ReplaceAllString(string(data), `"mtime_ns":0`))
	}
	if manifests[0] != manifests[1] {
		t.Errorf("two builds of one site wrote\n%s\nand\n%s", manifests[0], manifests[1])
	}
	want := fmt.Sprintf(`{
"version": 1,
"files": [
{"path":"a.html","class":"page","size":1,"sha256":"%[1]s","key":"%[1]s","mtime_ns":0},
{"path":"a/film.mp4","class":"clip","size":4,"sha256":"%[2]s","mtime_ns":0},
{"path":"b&c.html","class":"page","size":1,"sha256":"%[3]s","key":"%[3]s","mtime_ns":0}
]
}
`, digest("a"), digest("film"), digest("b"))
	if manifests[0] != want {
		t.Errorf("the manifest is\n%s\nwant\n%s", manifests[0], want)
	}
}

// crash counts operations and fails from the nth on: all of them, as if the process were gone, or that one alone.
type crash struct {
	mu    sync.Mutex
	left  int
	alone bool
	hit   bool
}

var errCrash = errors.New("crash")

func (c *crash) before(string, string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left--
	if c.left == 0 || c.left < 0 && !c.alone {
		c.hit = true
		return errCrash
	}
	return nil
}

// Whatever operation a build dies at, what others have in the folder stays, and the next build makes it right, even
// when that one dies too.
func TestABuildThatDiesIsCompletedByTheNext(t *testing.T) {
	for _, alone := range []bool{false, true} {
		for n := 1; ; n++ {
			if died := dieAt(t, n, alone); !died {
				if n < 20 {
					t.Errorf("the build has %d operations, too few to be true", n)
				}
				break
			}
		}
	}
}

func dieAt(t *testing.T, n int, alone bool) (died bool) {
	t.Helper()
	f := newFolder(t)
	film, other := clip(t, "stream/a/720p.mp4", "film"), clip(t, "stream/b/720p.mp4", "other film")
	old := []output.File{film, text("a", "file"), text("b/index.html", "b"), text("c/index.html", "c"), text("index.html", "old")}
	changed := []output.File{other, text("a/index.html", "folder"), text("b", "file"), text("c/index.html", "c, changed"), text("d/index.html", "d"), text("index.html", "new")}
	back := []output.File{film, text("a/index.html", "folder again"), text("d/index.html", "another d"), text("index.html", "newest")}
	mustSync(t, f, old...)
	put(t, filepath.Join(f.Dir, "c", "note.txt"), "mine")

	c := &crash{left: n, alone: alone}
	_, err := f.WithBefore(c.before).Sync(t.Context(), changed)
	if !c.hit {
		if err != nil {
			t.Fatal(err)
		}
		return false
	}
	if note := tree(t, f.Dir)["c/note.txt"]; note != "mine" {
		t.Fatalf("death at operation %d: the author's own file is %q", n, note)
	}
	c2 := &crash{left: max(1, n/2), alone: alone}
	_, _ = f.WithBefore(c2.before).Sync(t.Context(), back)

	mustSync(t, f, back...)
	wantTree(t, f, map[string]string{
		"stream/a/720p.mp4": "film", "a/index.html": "folder again", "d/index.html": "another d", "index.html": "newest", "c/note.txt": "mine",
	})
	wantOnly(t, f)
	if data, err := os.ReadFile(film.Source); err != nil || string(data) != "film" {
		t.Fatalf("the cache has %q, %v", data, err)
	}
	return true
}

func BenchmarkUnchanged(b *testing.B) {
	f := newFolder(b)
	var files []output.File
	for i := range 20_000 {
		files = append(files, text(fmt.Sprintf("post-%d/index.html", i), fmt.Sprint(i)))
	}
	mustSync(b, f, files...)
	for b.Loop() {
		mustSync(b, f, files...)
	}
}
