package post

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"matinee/internal/diag"
)

// Options say which posts are wanted.
type Options struct {
	Drafts   bool           // also drafts
	Future   bool           // also posts that are to appear later than Now
	Expired  bool           // also posts that were to disappear by Now
	Now      time.Time      // zero means the time of the call
	Location *time.Location // of dates that name no zone; nil means UTC
}

// maxFile is the size in bytes of a post that is still read.
const maxFile = 10 << 20

// Load reads every post below the folder dir ("content") and returns those that are wanted, ordered by file. The error
// is an errors.Join of [diag.Problem]: everything wrong with any of the files, wanted or not. Posts with nothing wrong
// are returned beside it. Warnings are about files that were left out, and about posts that are not what they seem.
func Load(fsys fs.FS, dir string, o Options) (posts []*Post, warnings []*diag.Problem, err error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	f := finder{fsys: fsys, dir: dir}
	f.walk()
	results := make([]parser, len(f.files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range f.files {
		group.Go(func() error {
			results[i].file(fsys, dir, file, o.Location)
			return nil
		})
	}
	_ = group.Wait() // the problems are in the results
	problems := f.problems
	warnings = f.warnings
	for _, r := range results {
		problem := r.err()
		problems = append(problems, problem)
		warnings = append(warnings, r.warnings...)
		if problem == nil && r.post != nil && o.wants(r.post) {
			posts = append(posts, r.post)
		}
	}
	problems = append(problems, clashes(posts)...)
	diag.Sort(warnings)
	return posts, warnings, errors.Join(problems...)
}

func (o Options) wants(p *Post) bool {
	switch {
	case p.Draft && !o.Drafts:
		return false
	case p.appears().After(o.Now) && !o.Future:
		return false
	case !p.ExpiryDate.IsZero() && !p.ExpiryDate.After(o.Now) && !o.Expired:
		return false
	}
	return true
}

// about makes a problem with a file as a whole.
func about(file, format string, args ...any) *diag.Problem {
	return diag.At(file, 0, format, args...)
}

// A finder finds the files that are posts.
type finder struct {
	fsys     fs.FS
	dir      string
	files    []string
	problems []error // of *diag.Problem
	warnings []*diag.Problem
}

func (f *finder) report(p *diag.Problem) {
	f.problems = append(f.problems, p)
}

func (f *finder) warn(p *diag.Problem) {
	f.warnings = append(f.warnings, p)
}

func (f *finder) walk() {
	_ = fs.WalkDir(f.fsys, f.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			f.unreadable(name, err)
			return fs.SkipDir
		}
		return f.visit(name, e)
	})
}

func (f *finder) visit(name string, e fs.DirEntry) error {
	base := path.Base(name)
	switch {
	case name == f.dir:
	case strings.HasPrefix(base, "."):
		if e.IsDir() {
			return fs.SkipDir
		}
	case e.IsDir():
		if IsPost(base) {
			f.report(about(name, "a folder named like a post").WithHint("rename it; a post with files of its own is %s/index.md", strings.TrimSuffix(base, path.Ext(base))))
			return fs.SkipDir
		}
	case e.Type()&fs.ModeSymlink != 0:
		f.link(name, IsPost(base))
	case !IsPost(base):
	case !utf8.ValidString(name):
		f.report(about(strings.ToValidUTF8(name, "\uFFFD"), "the file's name is not UTF-8").WithHint("rename it"))
	case !e.Type().IsRegular():
		f.report(about(name, "not a file"))
	case name == f.dir+"/index.md":
		f.warn(about(name, "not published: the site's first page is made of its posts"))
	case base == "_index.md":
		f.warn(about(name, "not published: lists of posts are made by Matinee"))
	default:
		f.files = append(f.files, name)
	}
	return nil
}

// link looks at a symbolic link. One to a file inside the site is as good as the file.
func (f *finder) link(name string, post bool) {
	info, err := fs.Stat(f.fsys, name)
	switch {
	case err == nil && info.IsDir():
		f.warn(about(name, "a symbolic link to a folder, which is not followed").WithHint("move the folder here"))
	case !post: // a clip or a picture, which is for others to judge
	case err != nil:
		f.report(unreadable(name, err))
	case !info.Mode().IsRegular():
		f.report(about(name, "not a file"))
	default:
		f.files = append(f.files, name)
	}
}

// IsPost tells posts from everything else by their name or path.
func IsPost(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".md" || ext == ".markdown"
}

func (f *finder) unreadable(name string, err error) {
	if name == f.dir && errors.Is(err, fs.ErrNotExist) {
		f.report(about(name, "no such folder").WithHint(`posts live there; "matinee new post TITLE" makes the first`))
		return
	}
	f.report(unreadable(name, err))
}

// unreadable says why a file cannot be read.
func unreadable(name string, err error) *diag.Problem {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	switch {
	case strings.Contains(err.Error(), "escapes"): // os.Root's error has no name
		return about(name, "a symbolic link that leads out of the site").WithHint("put the file itself here")
	case errors.Is(err, fs.ErrNotExist):
		return about(name, "a symbolic link that leads nowhere")
	}
	return about(name, "cannot be read: %v", err)
}

// file reads and parses one file.
func (p *parser) file(fsys fs.FS, dir, name string, loc *time.Location) {
	data, err := readFile(fsys, name)
	if err != nil {
		problem, ok := errors.AsType[*diag.Problem](err)
		if !ok {
			problem = unreadable(name, err)
		}
		p.problems = append(p.problems, problem)
		return
	}
	p.parse(dir, name, data, loc)
}

// readFile reads a file of at most maxFile bytes.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	var data bytes.Buffer
	if info, err := f.Stat(); err == nil { // thousands of files are read in one piece each
		data.Grow(int(min(max(info.Size(), 0), maxFile)) + bytes.MinRead)
	}
	n, err := data.ReadFrom(io.LimitReader(f, maxFile+1))
	if err == nil && n > maxFile {
		return nil, about(name, "larger than 10 MB").WithHint("posts are texts; is this a clip with the wrong name?")
	}
	return data.Bytes(), err
}

// reserved are the folders that the generator fills.
var reserved = []string{"assets", "embed", "page", "posters", "stream", "tags"}

// clashes reports posts that want the same address, or one that is the generator's own, as far as that can be told
// without knowing the permalink.
func clashes(posts []*Post) []error {
	var problems []error
	first := make(map[string]*Post, len(posts))
	for _, p := range posts {
		key, shown := "slug", p.Slug
		place := path.Join(p.Section, p.Date.Format(time.DateOnly), p.Slug) // equal under every permalink
		if p.URL != "" {
			key, shown, place = "url", p.URL, p.URL
		}
		top, _, _ := strings.Cut(strings.ToLower(shown), "/")
		if slices.Contains(reserved, top) {
			problems = append(problems, diag.At(p.File, p.Lines[key], "%s %q is taken: the folder %s/ is the generator's own", key, shown, top).
				WithHint("give the post another slug or url"))
		}
		place = key + ":" + strings.ToLower(place) // some file systems do not tell "A" from "a"
		if other := first[place]; other != nil {
			problems = append(problems, diag.At(p.File, p.Lines[key], "%s %q is also that of %s", key, shown, other.File).
				WithHint("give one of them another slug or url"))
			continue
		}
		first[place] = p
	}
	return problems
}
