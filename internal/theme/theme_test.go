package theme

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/net/html"

	"matinee/internal/diag"
	"matinee/themes"
)

// page is a small stand-in for the dot of a real site.
type page struct {
	Title  string
	Post   *article
	Config template.JS
}

type article struct{ Title string }

func (*page) Asset(name string) (string, error) { return "", errors.New("no asset " + name) }

// folder makes a layer of "name: content" pairs.
func folder(dir string, files ...string) Layer {
	fsys := fstest.MapFS{}
	if dir != "" {
		fsys["theme_api"] = &fstest.MapFile{Data: []byte("1\n")}
	}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return Layer{Dir: dir, FS: fsys}
}

// small is a whole theme; the other layers of a test lie on it.
func small(more ...string) Layer {
	return folder("themes/default", append([]string{
		"layouts/base.html", `<!doctype html><html lang="en"><title>{{.Title}}</title>{{block "head" .}}{{end}}<body>{{template "main" .}}</body></html>`,
		"layouts/post.html", `<h1>{{.Title}}</h1> {{template "mark" .}}`,
		"layouts/home.html", `<h1>home</h1>`,
		"layouts/partials/mark.html", `<b>default mark</b>`,
		"assets/style.css", "body { color: red }",
	}, more...)...)
}

func load(t *testing.T, layers ...Layer) *Theme {
	t.Helper()
	th, err := Load(layers, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return th
}

func render(t *testing.T, th *Theme, layout string, data any) string {
	t.Helper()
	var b strings.Builder
	if err := th.Execute(&b, layout, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wantProblem fails unless err consists of exactly one Problem, at a place and with a text and hint that match.
func wantProblem(t *testing.T, err error, place, text, hint string) {
	t.Helper()
	problems, rest := diag.Problems(err)
	if len(problems) != 1 || len(rest) != 0 {
		t.Fatalf("got %v, want one problem at %s", err, place)
	}
	p := problems[0]
	if !strings.HasPrefix(p.Error(), place+": ") || !strings.Contains(p.Text, text) || !strings.Contains(p.Hint, hint) {
		t.Errorf("got %q with hint %q\nwant %s: …%s… with hint …%s…", p.Error(), p.Hint, place, text, hint)
	}
}

func TestLaterLayersReplaceFilesOfTheSameName(t *testing.T) {
	th := load(t, small(),
		folder("themes/plain", "layouts/partials/mark.html", "<i>plain mark</i>", "layouts/home.html", "<h1>plain home</h1>"),
		folder("", "layouts/partials/mark.html", "<u>own mark</u>", "assets/style.css", "body{color:blue}", "content/a.md", "not ours"),
	)
	if got := render(t, th, "post", &page{Title: "A"}); !strings.Contains(got, "<u>own mark</u>") {
		t.Errorf("the site's own partial is not used: %s", got)
	}
	if got := render(t, th, "home", &page{}); !strings.Contains(got, "plain home") {
		t.Errorf("the theme's layout is not used: %s", got)
	}
	if len(th.Assets()) != 2 || string(th.Assets()[1].Data) != "body{color:blue}" {
		t.Errorf("assets are %+v, want accent.css and the site's own style.css", th.Assets())
	}
}

func TestALayoutMayDefineBlocksAndItsOwnFrame(t *testing.T) {
	th := load(t, small(), folder("",
		"layouts/home.html", `{{define "head"}}<meta name="kind" content="home">{{end}}<p>inside</p>`,
		"layouts/post.html", `{{define "base"}}<!doctype html><title>bare</title><p>{{template "main" .}}</p>{{end}}alone`,
	))
	if got := render(t, th, "home", &page{}); !strings.Contains(got, `<meta name="kind" content="home">`) {
		t.Errorf("the block head of the layout is missing: %s", got)
	}
	if got := render(t, th, "post", &page{}); got != "<!doctype html><title>bare</title><p>alone</p>" {
		t.Errorf("the layout's own frame is not used: %s", got)
	}
}

func TestValuesAreEscaped(t *testing.T) {
	th := load(t, small("layouts/post.html",
		`<a href="{{.Title}}" title="{{.Title}}">{{.Title}}</a><script type="application/json">{{.Config}}</script>`))
	config, err := json.Marshal(map[string]string{"title": `</script><b>"bold"</b>`})
	if err != nil {
		t.Fatal(err)
	}
	got := render(t, th, "post", &page{Title: `javascript:alert('"><b>')`, Config: template.JS(config)})
	doc, err := html.Parse(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	for node := range doc.Descendants() {
		if node.Data == "b" || node.Data == "a" && node.Attr[0].Val != "#ZgotmplZ" {
			t.Errorf("a title became markup: %s", got)
		}
	}
	_, rest, _ := strings.Cut(got, `<script type="application/json">`)
	inside, _, _ := strings.Cut(rest, "</script>")
	var back map[string]string
	if err := json.Unmarshal([]byte(inside), &back); err != nil || back["title"] != `</script><b>"bold"</b>` {
		t.Errorf("the JSON of the page is %s: %v", inside, err)
	}
}

func TestPagesAreMinifiedWithoutLoss(t *testing.T) {
	th := load(t, small("layouts/post.html", "<ul>\n\n  <li class=\"a\">one</li>\n  <li>two</li>\n</ul>\n<pre>a\n  b</pre>\n<!-- note -->"))
	const want = `<!doctype html><html lang="en"><title>T</title><body><ul><li class="a">one</li><li>two</li></ul><pre>a
  b</pre></body></html>`
	if got := render(t, th, "post", &page{Title: "T"}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTemplateFaultsNameFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ template, place, text, hint string }{
		"syntax":           {"<p>\n{{if}}\n</p>", "layouts/post.html:2", "missing value for if", ""},
		"never closed":     {"<p>\n{{if .Title}}\n", "layouts/post.html:3", "unexpected EOF", ""},
		"unknown function": {"\n\n{{shout .Title}}", "layouts/post.html:3", `function "shout" not defined`, ""},
		"unknown partial":  {"\n{{template \"marc\" .}}", "layouts/post.html:2", `no such template "marc"`, ""},
		"unsafe place":     {"\n<a href=\"{{if .Title}}x\">{{end}}", "layouts/post.html:2", "branches end in different contexts", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load([]Layer{small(), folder("", "layouts/post.html", c.template)}, Options{})
			wantProblem(t, err, c.place, c.text, c.hint)
		})
	}
}

func TestRunningFaultsNameFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ template, place, text, hint string }{
		"misspelt field":  {"\n{{.Titel}}", "layouts/post.html:2", ".Titel: page has no field or method Titel", "did you mean Title?"},
		"deep field":      {"{{with .Post}}\n{{.Ttle}}{{end}}", "layouts/post.html:2", ".Ttle: article has no field or method Ttle", "did you mean Title?"},
		"far from all":    {"{{.Zebra}}", "layouts/post.html:1", "page has no field or method Zebra", "docs/themes.md"},
		"failing method":  {"\n\n{{.Asset \"a.css\"}}", "layouts/post.html:3", "no asset a.css", ""},
		"wrong arguments": {"{{plural 1}}", "layouts/post.html:1", "wrong number of args for plural", ""},
	} {
		t.Run(name, func(t *testing.T) {
			th := load(t, small(), folder("", "layouts/post.html", c.template))
			var b strings.Builder
			err := th.Execute(&b, "post", &page{Post: &article{}})
			wantProblem(t, err, c.place, c.text, c.hint)
			if b.Len() > 0 {
				t.Errorf("half a page was written: %s", b.String())
			}
		})
	}
	t.Run("nothing there", func(t *testing.T) {
		th := load(t, small(), folder("", "layouts/partials/mark.html", "\n{{.Post.Title}}"))
		wantProblem(t, th.Execute(new(strings.Builder), "post", &page{}), "layouts/partials/mark.html:2", "there is no article on this page", "{{with")
	})
}

// broken has a method that finds a fault in a file of the author's.
type broken struct{ Title string }

func (broken) Content() (string, error) {
	return "", errors.Join(diag.At("content/a.md", 4, "no such clip"), diag.At("content/a.md", 2, "no such picture"))
}

func TestProblemsOfTheDotPassThrough(t *testing.T) {
	th := load(t, small("layouts/post.html", "{{.Content}}"))
	problems, rest := diag.Problems(th.Execute(new(strings.Builder), "post", broken{}))
	if len(problems) != 2 || len(rest) != 0 || problems[1].Error() != "content/a.md:4: no such clip" {
		t.Errorf("got %v and %v", problems, rest)
	}
}

func TestFaultsOfFilesAreReportedTogether(t *testing.T) {
	_, err := Load([]Layer{
		small(),
		folder("", "layouts/psot.html", "", "assets/style.css", "a{background:url(bak.svg)}", "assets/back.svg", "<svg/>", "layouts/home.html", "{{"),
	}, Options{})
	problems, rest := diag.Problems(err)
	var got []string
	for _, p := range problems {
		got = append(got, p.Error()+" | "+p.Hint)
	}
	want := []string{
		"assets/style.css:1: there is no assets/bak.svg | did you mean back.svg?",
		"layouts/home.html:1: unclosed action | ",
		"layouts/psot.html: no page uses a layout of this name | did you mean post.html?",
	}
	if len(rest) != 0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s\nand %v", strings.Join(got, "\n"), strings.Join(want, "\n"), rest)
	}
}

func TestThemesStateTheInterfaceTheyNeed(t *testing.T) {
	old := folder("themes/plain")
	old.FS.(fstest.MapFS)["theme_api"].Data = []byte("7")
	_, err := Load([]Layer{small(), old}, Options{})
	wantProblem(t, err, "themes/plain/theme_api:1", `needs template interface "7"`, "version")

	silent := folder("themes/plain")
	delete(silent.FS.(fstest.MapFS), "theme_api")
	_, err = Load([]Layer{small(), silent}, Options{})
	wantProblem(t, err, "themes/plain/theme_api", "does not say", "create themes/plain/theme_api")
}

func TestFingerprintsFollowContent(t *testing.T) {
	addresses := func(css string) (string, string) {
		th := load(t, small("assets/style.css", css))
		p, err := th.AssetPath("style.css")
		if err != nil {
			t.Fatal(err)
		}
		return p, th.Digest()
	}
	a, digestA := addresses("body{color:red}")
	b, digestB := addresses("body{color:red}")
	c, digestC := addresses("body{color:tan}")
	if a != b || digestA != digestB {
		t.Errorf("the same content has the paths %s and %s, digests %s and %s", a, b, digestA, digestB)
	}
	if a == c || digestA == digestC {
		t.Errorf("other content has the path %s and the digest %s too", c, digestC)
	}
	if !regexp.MustCompile(`^assets/style\.[0-9a-f]{8}\.css$`).MatchString(a) {
		t.Errorf("path is %s", a)
	}
}

func TestAssetPathSuggests(t *testing.T) {
	_, err := load(t, small()).AssetPath("styl.css")
	if err == nil || !strings.Contains(err.Error(), "did you mean style.css?") {
		t.Errorf("got %v", err)
	}
}

func TestStyleSheetsReferToFingerprintedFiles(t *testing.T) {
	th := load(t, small(
		"assets/style.css", `@import "css/type.css"; @import url(css/print.css) print; /* url(none.svg) */ a{background:url(icons/a%20b.svg)} b{background:url("data:image/svg+xml,<svg/>")}`,
		"assets/css/type.css", `@font-face{font-family:"X";src:url('../fonts/x.woff2')} u{background:url(../icons/a%20b.svg#dot)}`,
		"assets/css/print.css", `p{color:#000}`,
		"assets/fonts/x.woff2", "font", "assets/icons/a b.svg", "<svg/>",
	))
	font, err := th.AssetPath("fonts/x.woff2")
	if err != nil {
		t.Fatal(err)
	}
	icon, err := th.AssetPath("icons/a b.svg")
	if err != nil {
		t.Fatal(err)
	}
	icon = strings.ReplaceAll(strings.TrimPrefix(icon, "assets/"), " ", "%20")
	var css string
	for _, a := range th.Assets() {
		if a.Name == "style.css" {
			css = string(a.Data)
		}
		if strings.HasPrefix(a.Name, "css/") {
			t.Errorf("%s is published although style.css contains it", a.Name)
		}
	}
	for _, want := range []string{strings.TrimPrefix(font, "assets/"), icon + ")", icon + "#dot", "@media print{p{color:#000}}", "data:image/svg+xml"} {
		if !strings.Contains(css, want) {
			t.Errorf("the style sheet lacks %s: %s", want, css)
		}
	}
}

func TestStyleSheetsThatImportThemselvesAreRefused(t *testing.T) {
	_, err := Load([]Layer{small("assets/a.css", `@import "b.css";`, "assets/b.css", `@import "a.css";`)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "imports itself") {
		t.Errorf("got %v", err)
	}
}

func TestScriptsAreCheckedAndMinified(t *testing.T) {
	th := load(t, small("assets/a.js", "const  long = 1 ;\nconsole.log( long )", "assets/b.min.js", "as  it  is"))
	want := map[string]string{"a.js": "const long=1;console.log(long)", "b.min.js": "as  it  is"}
	for _, a := range th.Assets() {
		if text, ok := want[a.Name]; ok && string(a.Data) != text {
			t.Errorf("%s is %q, want %q", a.Name, a.Data, text)
		}
	}
	_, err := Load([]Layer{small(), folder("", "assets/site.js", "let a = 1\nlet = =")}, Options{})
	wantProblem(t, err, "assets/site.js:2", "unexpected", "")
}

func TestPlayerFilesShareAFolder(t *testing.T) {
	with := load(t, small("player/dist/flowplayer.min.js", "x", "player/dist/icons/a.woff2", "y", "player/dist/README.md", "how"))
	dir, files := with.Player()
	if !regexp.MustCompile(`^assets/player-[0-9a-f]{8}/$`).MatchString(dir) || len(files) != 2 ||
		files[0].Path != dir+"flowplayer.min.js" || files[1].Path != dir+"icons/a.woff2" {
		t.Errorf("got %s with %+v", dir, files)
	}
	if dir, files := load(t, small("player/dist/README.md", "how")).Player(); dir != "" || files != nil {
		t.Errorf("a theme without a player has %s with %+v", dir, files)
	}
}

func TestAccentIsReadableEverywhere(t *testing.T) {
	for r := 0; r < 256; r += 51 {
		for g := 0; g < 256; g += 51 {
			for b := 0; b < 256; b += 51 {
				accent := colour{uint8(r), uint8(g), uint8(b)}
				css, err := accentCSS(accent.String())
				if err != nil {
					t.Fatal(err)
				}
				found := regexp.MustCompile(`#[0-9a-f]{6}`).FindAllString(string(css), -1)
				if len(found) != 4 || found[0] != accent.String() {
					t.Fatalf("style sheet of %v is %s", accent, css)
				}
				for _, pair := range [][2]string{{found[1], found[0]}, {found[2], paper.String()}, {found[3], screen.String()}} {
					x, _ := parseColour(pair[0])
					y, _ := parseColour(pair[1])
					if ratio := contrast(x, y); ratio < textContrast {
						t.Errorf("accent %v: %v on %v has a contrast of %.2f", accent, x, y, ratio)
					}
				}
			}
		}
	}
}

func TestAccentMustBeAColour(t *testing.T) {
	for _, bad := range []string{"red", "#12", "#12345g", "#1234567", "c2410c", "#fff}body{display:none"} {
		_, err := Load([]Layer{small()}, Options{Accent: bad})
		wantProblem(t, err, "site.yaml", "is not a colour", "#c2410c")
	}
	if _, err := Load([]Layer{small()}, Options{Accent: "#fA0"}); err != nil {
		t.Error(err)
	}
}

func TestDefaultThemeLoads(t *testing.T) {
	load(t, Layer{Dir: "themes/default", FS: themes.Default})
}

func TestDefaultThemeHasNothingInline(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script(?:[^>]*)>`)
	err := fs.WalkDir(themes.Default, "layouts", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(themes.Default, name)
		for _, found := range inline.FindAllString(string(text), -1) {
			if !strings.Contains(found, " src=") && !strings.Contains(found, `type="application/json"`) {
				t.Errorf("%s has %s", name, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Before a visitor reaches for a player, a page costs one style sheet and what is below.
func TestDefaultThemeIsLight(t *testing.T) {
	const budget = 8 << 10 // bytes of gzip
	weight := map[string]int{}
	for _, a := range load(t, Layer{Dir: "themes/default", FS: themes.Default}).Assets() {
		if ext := path.Ext(a.Name); ext != ".css" && ext != ".js" {
			continue
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(a.Data); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, %d as gzip", a.Path, len(a.Data), b.Len())
		weight[a.Name] = b.Len()
	}
	delete(weight, "seek.js") // is fetched with the player
	player, list := weight["embed.js"]+weight["embed.css"], weight["cards.js"]
	if player == 0 || list == 0 {
		t.Fatalf("assets are %v", weight)
	}
	sum := max(player, list) // no page has both
	for name, n := range weight {
		if !slices.Contains([]string{"embed.js", "embed.css", "cards.js"}, name) {
			sum += n
		}
	}
	if sum > budget {
		t.Errorf("style sheets and scripts are %d bytes of gzip, want at most %d", sum, budget)
	}
}

func TestDefaultThemeIsReadable(t *testing.T) {
	style, code := palette(t, "assets/style.css"), palette(t, "assets/code.css")
	if len(style) != 5 || len(code) == 0 {
		t.Fatalf("found the colours %v in style.css and %v in code.css", style, code)
	}
	for mode, limit := range []colour{paper, screen} {
		grounds := []colour{style["--paper"][mode], style["--wash"][mode]}
		for _, ground := range grounds {
			if (ground.luminance() > limit.luminance()) != (mode == 0) {
				t.Errorf("text in the accent colour may be hard to read on %v", ground)
			}
			for name, pair := range merged(style, code) {
				if name == "--paper" || name == "--wash" || name == "--line" {
					continue
				}
				if ratio := contrast(pair[mode], ground); ratio < textContrast {
					t.Errorf("%s: %v on %v has a contrast of %.2f", name, pair[mode], ground, ratio)
				}
			}
		}
	}
}

// palette finds the colours of a style sheet, light and dark, by the property or else the place they stand at.
func palette(t *testing.T, file string) map[string][2]colour {
	t.Helper()
	css, err := fs.ReadFile(themes.Default, file)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][2]colour)
	for i, m := range regexp.MustCompile(`([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`).FindAllSubmatch(css, -1) {
		name := string(m[1])
		if !strings.HasPrefix(name, "--") {
			name = fmt.Sprintf("%s, colour %d", file, i+1)
		}
		light, _ := parseColour(string(m[2]))
		dark, _ := parseColour(string(m[3]))
		found[name] = [2]colour{light, dark}
	}
	return found
}

func merged(a, b map[string][2]colour) map[string][2]colour {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
