package post_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"matinee/internal/diag"
	"matinee/internal/post"
	"matinee/internal/testenv"
)

// everything lets all posts through, on a fixed day.
var everything = post.Options{Drafts: true, Future: true, Expired: true, Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}

// The archives under testdata/load hold a content folder and what loading it gives: posts (want), problems, warnings.
func TestLoad(t *testing.T) {
	archives, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			site, want := fstest.MapFS{}, map[string]string{}
			for _, f := range archive.Files {
				if strings.HasPrefix(f.Name, "content/") {
					site[f.Name] = &fstest.MapFile{Data: f.Data}
				} else {
					want[f.Name] = string(f.Data)
				}
			}
			posts, warnings, err := post.Load(site, "content", everything)
			got := map[string]string{"problems": told(err), "warnings": toldAll(warnings)}
			for _, p := range posts {
				got["want"] += show(p)
			}
			for _, section := range []string{"want", "problems", "warnings"} {
				if section == "want" && want["problems"] != "" && want["want"] == "" {
					continue // an archive about problems alone
				}
				if got[section] != want[section] {
					t.Errorf("%s:\n%s\nwant:\n%s", section, got[section], want[section])
				}
			}
		})
	}
}

// told is the problems of an error as the archives write them.
func told(err error) string {
	problems, rest := diag.Problems(err)
	for _, err := range rest {
		problems = append(problems, diag.At("", 0, "not a problem: %v", err))
	}
	return toldAll(problems)
}

func toldAll(problems []*diag.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintln(&b, p)
		if p.Hint != "" {
			fmt.Fprintf(&b, "\thint: %s\n", p.Hint)
		}
	}
	return b.String()
}

// show is a post on a line, without what is zero.
func show(p *post.Post) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q slug=%s", p.File, p.Title, p.Slug)
	add(&b, "section", p.Section)
	add(&b, "url", p.URL)
	flag(&b, "bundle", p.Bundle)
	flag(&b, "draft", p.Draft)
	flag(&b, "unlisted", p.Unlisted)
	for _, d := range []struct {
		name string
		t    time.Time
	}{{"date", p.Date}, {"lastmod", p.Lastmod}, {"publish", p.PublishDate}, {"expiry", p.ExpiryDate}} {
		if !d.t.IsZero() {
			add(&b, d.name, d.t.Format(time.RFC3339))
		}
	}
	quoted(&b, "description", p.Description)
	quoted(&b, "summary", p.Summary)
	if len(p.Tags) > 0 {
		fmt.Fprintf(&b, " tags=%q", p.Tags)
	}
	quoted(&b, "series", p.Series)
	if len(p.Aliases) > 0 {
		fmt.Fprintf(&b, " aliases=%q", p.Aliases)
	}
	quoted(&b, "author", p.Author)
	quoted(&b, "image", p.Image)
	if p.Weight != 0 {
		fmt.Fprintf(&b, " weight=%d", p.Weight)
	}
	quoted(&b, "comments", p.Comments)
	if p.Params != nil {
		params, _ := json.Marshal(p.Params)
		fmt.Fprintf(&b, " params=%s", params)
	}
	fmt.Fprintf(&b, " line=%d body=%q\n", p.BodyLine, p.Body)
	for _, c := range p.Videos {
		showClip(&b, c)
	}
	return b.String()
}

func showClip(b *strings.Builder, c post.Clip) {
	fmt.Fprintf(b, "\tclip %q line=%d", c.Src, c.Line)
	if len(c.Renditions) > 0 {
		fmt.Fprintf(b, " renditions=%q", c.Renditions)
	}
	quoted(b, "title", c.Title)
	quoted(b, "poster", c.Poster)
	quoted(b, "chapters", c.ChaptersFile)
	for _, t := range c.Captions {
		fmt.Fprintf(b, " caption=%v", t)
	}
	for _, ch := range c.Chapters {
		fmt.Fprintf(b, " chapter={%v %s}", ch.At, ch.Title)
	}
	if c.Start != 0 {
		fmt.Fprintf(b, " start=%v", c.Start)
	}
	flag(b, "loop", c.Loop)
	flag(b, "muted", c.Muted)
	add(b, "aspect", c.Aspect)
	b.WriteByte('\n')
}

func add(b *strings.Builder, name, value string) {
	if value != "" {
		fmt.Fprintf(b, " %s=%s", name, value)
	}
}

func quoted(b *strings.Builder, name, value string) {
	if value != "" {
		fmt.Fprintf(b, " %s=%q", name, value)
	}
}

func flag(b *strings.Builder, name string, set bool) {
	if set {
		b.WriteString(" " + name)
	}
}

// one loads a site of one post.
func one(data string) ([]*post.Post, []*diag.Problem, error) {
	return post.Load(fstest.MapFS{"content/a.md": &fstest.MapFile{Data: []byte(data)}}, "content", everything)
}

func TestBytes(t *testing.T) {
	for name, test := range map[string]struct{ data, want, problem string }{
		"byte order mark":       {"\uFEFF---\ntitle: A\n---\nText", "Text", ""},
		"crlf":                  {"---\r\ntitle: A\r\n---\r\nText\r\n", "Text\n", ""},
		"cr":                    {"---\rtitle: A\r---\rText\r", "Text\n", ""},
		"not UTF-8":             {"---\ntitle: A\n---\n\nCaf\xe9", "", "content/a.md:5: not UTF-8: byte 0xe9 at offset 21\n\thint: save the file as UTF-8 (in most editors: Save with encoding)\n"},
		"UTF-16":                {"\xff\xfe-\x00-\x00", "", "content/a.md:1: UTF-16, not UTF-8\n\thint: save the file as UTF-8 (in most editors: Save with encoding)\n"},
		"crlf and a problem":    {"---\r\ntitle: A\r\ntitel: B\r\n---\r\n", "", "content/a.md:3: unknown key \"titel\" (did you mean \"title\"?)\n"},
		"tab":                   {"---\ntitle: A\nparams:\n\tkey: 1\n---\n", "", "content/a.md:4: tab used for indentation; YAML wants spaces\n"},
		"larger than 10 MB":     {strings.Repeat("x", 10<<20+1), "", "content/a.md: larger than 10 MB\n\thint: posts are texts; is this a clip with the wrong name?\n"},
		"large front matter":    {"---\n" + strings.Repeat("# x\n", 1<<18+1) + "---\n", "", "content/a.md:2: larger than 1 MB: too large for settings\n\thint: long texts belong below the front matter\n"},
		"a text of 10 MB":       {strings.Repeat("x", 10<<20), strings.Repeat("x", 10<<20), ""},
		"no line end":           {"---\ntitle: A\n---", "", ""},
		"unicode line ends":     {"---\ntitle: \"A\u2028B\"\nweight: x\n---\n", "", "content/a.md:3: weight: want a whole number, got \"x\"\n"},
		"loudness":              {"---\nvideo:\n  src: a.mp4\n  audio: {loudness: 16}\n---\n", "", "content/a.md:4: video.audio.loudness: want a loudness between -70 and -5 LUFS, such as -16, got 16\n"},
		"a quote never closed":  {"---\ntitle: \"A\ndate: 2026-11-22\n---\n", "", "content/a.md:2: a quote is opened here and never closed\n"},
		"toml with a bad value": {"+++\ntitle = A walk\n+++\n", "", "content/a.md:2: not TOML: unexpected character U+0041 'A' at start of value\n\thint: TOML wants texts in quotes: title = \"A walk\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			posts, _, err := one(test.data)
			if told(err) != test.problem {
				t.Fatalf("got problems %s, want %s", told(err), test.problem)
			}
			if err == nil && string(posts[0].Body) != test.want {
				t.Errorf("got text %.80q, want %.80q", posts[0].Body, test.want)
			}
		})
	}
}

func TestWantedPosts(t *testing.T) {
	site := fstest.MapFS{}
	for name, matter := range map[string]string{
		"plain":            "title: x",
		"draft":            "draft: true",
		"future":           "date: 2026-12-01 00:01",
		"now":              "date: 2026-12-01",
		"scheduled":        "{date: 2026-11-01, publishDate: 2026-12-02}",
		"written-ahead":    "{date: 2027-01-01, publishDate: 2026-11-30}",
		"expired":          "expiryDate: 2026-12-01",
		"expires-later":    "expiryDate: 2026-12-01 00:01",
		"expired-draft":    "{draft: true, expiryDate: 2026-11-01}",
		"elsewhere-future": "date: 2026-12-01 00:30 -0100",
		"elsewhere-past":   "date: 2026-12-01 00:30 +0100",
	} {
		site["content/"+name+".md"] = &fstest.MapFile{Data: []byte("---\n" + matter + "\n---\n")}
	}
	now := everything.Now
	for name, test := range map[string]struct {
		options post.Options
		want    string
	}{
		"published": {post.Options{Now: now}, "elsewhere-past expires-later now plain written-ahead"},
		"drafts":    {post.Options{Now: now, Drafts: true}, "draft elsewhere-past expires-later now plain written-ahead"},
		"future":    {post.Options{Now: now, Future: true}, "elsewhere-future elsewhere-past expires-later future now plain scheduled written-ahead"},
		"expired":   {post.Options{Now: now, Expired: true}, "elsewhere-past expired expires-later now plain written-ahead"},
		"west":      {post.Options{Now: now, Location: time.FixedZone("west", -3600)}, "elsewhere-past expired expires-later plain written-ahead"},
	} {
		posts, _, err := post.Load(site, "content", test.options)
		var got []string
		for _, p := range posts {
			got = append(got, strings.TrimSuffix(filepath.Base(p.File), ".md"))
		}
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, test.want)
		}
	}
}

// What is called like a post but is none.
func TestOddFiles(t *testing.T) {
	site := fstest.MapFS{"content/pipe.md": {Mode: fs.ModeNamedPipe}, "content/locked.md": {Data: []byte("x")}}
	_, _, err := post.Load(unreadable{site}, "content", everything)
	if want := "content/locked.md: cannot be read: permission denied\ncontent/pipe.md: not a file\n"; told(err) != want {
		t.Errorf("got %s, want %s", told(err), want)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "content"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "content", "caf\xe9.md"), nil, 0o644); err != nil {
		testenv.Missing(t, "there are no file names but in Unicode: %v", err)
	}
	_, _, err = post.Load(os.DirFS(dir), "content", everything)
	if want := "content/caf\uFFFD.md: the file's name is not UTF-8\n\thint: rename it\n"; told(err) != want {
		t.Errorf("got %s, want %s", told(err), want)
	}
}

// unreadable files are those called locked.md.
type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, "locked.md") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

func TestNoContent(t *testing.T) {
	_, _, err := post.Load(fstest.MapFS{}, "content", everything)
	if want := "content: no such folder\n\thint: posts live there; \"matinee new post TITLE\" makes the first\n"; told(err) != want {
		t.Errorf("got %s, want %s", told(err), want)
	}
	posts, warnings, err := post.Load(fstest.MapFS{"content": {Mode: fs.ModeDir}}, "content", everything)
	if len(posts)+len(warnings) > 0 || err != nil {
		t.Errorf("got %v, %v, %v of an empty folder", posts, warnings, err)
	}
}

// Symbolic links stay inside the site because it is read through an os.Root.
func TestLinks(t *testing.T) {
	outside, inside := t.TempDir(), t.TempDir()
	write := func(name, data string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(inside, "content", name)); err != nil {
			testenv.Missing(t, "there are no symbolic links: %v", err)
		}
	}
	write(filepath.Join(outside, "secret.md"), "secret")
	write(filepath.Join(inside, "content", "real.md"), "---\ntitle: Real\n---\n")
	write(filepath.Join(inside, "texts", "other.md"), "---\ntitle: Other\n---\n")
	link(filepath.Join(outside, "secret.md"), "a-out.md")
	link("../../"+filepath.Base(outside)+"/secret.md", "b-up.md")
	link("nowhere.md", "c-dangling.md")
	link("d-loop.md", "d-loop.md")
	link("../texts/other.md", "e-inside.md")
	link("../texts", "f-folder")
	link("../texts", "g-folder.md")
	link(outside, "h-out")
	link(filepath.Join(outside, "film.mp4"), "i-film.mp4")
	link("pid@host", ".#real.md")

	root, err := os.OpenRoot(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close() //nolint:errcheck // read only
	posts, warnings, err := post.Load(root.FS(), "content", everything)
	var got string
	for _, p := range posts {
		got += p.File + " " + p.Title + "\n"
	}
	if want := "content/e-inside.md Other\ncontent/real.md Real\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	problems := told(err)
	for _, want := range []string{
		"content/a-out.md: a symbolic link that leads out of the site\n\thint: put the file itself here\n",
		"content/b-up.md: a symbolic link that leads out of the site\n",
		"content/c-dangling.md: a symbolic link that leads nowhere\n",
		"content/d-loop.md: cannot be read: ",
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("no %q in %s", want, problems)
		}
	}
	if n := strings.Count(problems, "content/"); n != 4 {
		t.Errorf("got %d problems, want 4: %s", n, problems)
	}
	if want := "content/f-folder: a symbolic link to a folder, which is not followed\n\thint: move the folder here\n" +
		"content/g-folder.md: a symbolic link to a folder, which is not followed\n\thint: move the folder here\n"; toldAll(warnings) != want {
		t.Errorf("got %s, want %s", toldAll(warnings), want)
	}
}

func TestDigestIsOfTheFile(t *testing.T) {
	a, _, _ := one("---\ntitle: x\n---\nText\n")
	b, _, _ := one("---\ntitle: x\n---\nText\r\n")
	if a[0].Digest == b[0].Digest || string(a[0].Body) != string(b[0].Body) {
		t.Error("the digest is not of the file as it was read")
	}
}

func TestLinesOfKeys(t *testing.T) {
	for _, doc := range []string{"---\n\ntitle: x\n# y\nurl: /z/\n---\n", "\n{\n\"title\": \"x\",\n\n\"url\": \"z\"}\n", "+++\n\ntitle='x'\n\nurl='z'\n+++\n"} {
		posts, _, err := one(doc)
		if err != nil || posts[0].Lines["title"] != 3 || posts[0].Lines["url"] != 5 || len(posts[0].Lines) != 2 {
			t.Errorf("%q: got %v, %v", doc, posts, err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	const count = 1000
	site := fstest.MapFS{}
	for i := range count {
		site[fmt.Sprintf("content/post-%d.md", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "---\ntitle: Post number %d\ndate: 2026-11-22 10:00\ndescription: What it is about, in a sentence\ntags: [one, two, three]\nvideo: {src: walk.mp4, start: 1:30}\n---\n%s", i, strings.Repeat("Some words of text.\n", 100))}
	}
	for b.Loop() {
		if posts, _, err := post.Load(site, "content", everything); err != nil || len(posts) != count {
			b.Fatal(len(posts), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/count, "µs/post")
}
