package theme

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tdewolff/minify/v2"
	mincss "github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/css"

	"matinee/internal/diag"
)

// An Asset is a file of the built site that never changes: another content has another path.
type Asset struct {
	Name string // within the theme: "style.css"
	Path string // within the site: "assets/style.3f9a2c1b.css"
	Data []byte
}

// Assets lists the theme's style sheets, scripts and other files, in order of Path. Style sheets and scripts are
// minified, imported style sheets are part of those that import them, and references between files lead to their
// fingerprinted paths.
func (t *Theme) Assets() []Asset { return t.assets }

// AssetPath is the path in the site of the asset of a name: "style.css" is "assets/style.3f9a2c1b.css".
func (t *Theme) AssetPath(name string) (string, error) {
	if p, ok := t.paths[name]; ok {
		return p, nil
	}
	names := slices.Sorted(maps.Keys(t.paths))
	if near := closest(name, names); near != "" {
		return "", fmt.Errorf("there is no assets/%s (did you mean %s?)", name, near)
	}
	return "", fmt.Errorf("there is no assets/%s in the theme, nor beside site.yaml", name)
}

// Player lists the player's files and the folder of the site they are in, "assets/player-3f9a2c1b/". The folder is
// "" when the theme was built without a player.
func (t *Theme) Player() (dir string, files []Asset) { return t.playerDir, t.player }

// loadPlayer gives the player's files one folder with a fingerprint: they find each other by name, and are not ours
// to change.
func (t *Theme) loadPlayer(files map[string]source) {
	if len(files) == 0 {
		return
	}
	t.playerDir = "assets/player-" + fingerprint(digest(files)) + "/"
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.player = append(t.player, Asset{Name: name, Path: t.playerDir + name, Data: files[name].data})
	}
}

// loadAssets makes t.assets of the files below assets/.
func (t *Theme) loadAssets(files map[string]source) error {
	p := press{files: files, minify: minify.New(), done: make(map[string]Asset), doing: make(map[string]bool)}
	p.minify.Add("text/css", &mincss.Minifier{})
	p.minify.Add("text/javascript", &js.Minifier{})

	for _, name := range slices.Sorted(maps.Keys(files)) {
		p.asset(name)
	}
	t.paths = make(map[string]string, len(p.done))
	for name, asset := range p.done {
		if !p.imported[name] {
			t.paths[name] = asset.Path
			t.assets = append(t.assets, asset)
		}
	}
	slices.SortFunc(t.assets, func(a, b Asset) int { return strings.Compare(a.Path, b.Path) })
	return errors.Join(p.problems...)
}

// A press turns theme files into assets, each after those it refers to.
type press struct {
	files    map[string]source
	minify   *minify.M
	done     map[string]Asset
	doing    map[string]bool // to find circles
	imported map[string]bool // style sheets that are part of others
	problems []error
}

// asset makes the asset of a file that exists.
func (p *press) asset(name string) Asset {
	if a, ok := p.done[name]; ok {
		return a
	}
	src := p.files[name]
	data := src.data
	switch ext := path.Ext(name); {
	case ext == ".css":
		data = p.minified("text/css", src.file, p.styleSheet(name, path.Dir(name)))
	case ext == ".js" && !strings.HasSuffix(name, ".min.js"):
		data = p.minified("text/javascript", src.file, data)
	}
	ext := path.Ext(name)
	sum := sha256.Sum256(data)
	a := Asset{
		Name: name,
		Path: "assets/" + strings.TrimSuffix(name, ext) + "." + fingerprint(sum[:]) + ext,
		Data: data,
	}
	p.done[name] = a
	return a
}

func (p *press) minified(mediaType, file string, data []byte) []byte {
	small, err := p.minify.Bytes(mediaType, data)
	if syntax := (*parse.Error)(nil); errors.As(err, &syntax) {
		p.problems = append(p.problems, diag.At(file, syntax.Line, "%s", syntax.Message))
		return data
	}
	if err != nil {
		p.problems = append(p.problems, fmt.Errorf("minify %s: %w", file, err))
		return data
	}
	return small
}

// styleSheet is the text of a style sheet with imports of other assets replaced by their text, and with addresses
// of other assets written as seen from the folder dir below assets/, where the text is going to be.
func (p *press) styleSheet(name, dir string) []byte {
	src := p.files[name]
	if p.doing[name] {
		p.problems = append(p.problems, diag.At(src.file, 0, "the style sheet imports itself"))
		return nil
	}
	p.doing[name] = true
	defer delete(p.doing, name)

	var out bytes.Buffer
	line := 1
	importing := false
	lexer := css.NewLexer(parse.NewInputBytes(slices.Clone(src.data)))
	for {
		token, text := lexer.Next()
		if token == css.ErrorToken {
			if err := lexer.Err(); !errors.Is(err, io.EOF) {
				p.problems = append(p.problems, diag.At(src.file, line, "%v", err))
			}
			return out.Bytes()
		}
		at := diag.At(src.file, line, "")
		line += bytes.Count(text, []byte("\n"))
		switch {
		case token == css.AtKeywordToken && strings.EqualFold(string(text), "@import"):
			importing = true
		case importing && (token == css.StringToken || token == css.URLToken):
			importing = false
			p.importStatement(&out, lexer, at, reference(text), name, dir)
		case importing:
		case token == css.URLToken:
			fmt.Fprintf(&out, "url(%q)", p.address(at, reference(text), name, dir))
		case token == css.CommentToken:
			out.WriteByte(' ')
		default:
			out.Write(text)
		}
	}
}

// importStatement writes the style sheet an @import names; the statement has been read up to the name.
func (p *press) importStatement(out *bytes.Buffer, lexer *css.Lexer, at *diag.Problem, ref, from, dir string) {
	var condition bytes.Buffer
	for {
		token, text := lexer.Next()
		if token == css.ErrorToken || token == css.SemicolonToken {
			break
		}
		condition.Write(text)
	}
	target, isAsset := p.target(at, ref, from)
	media := strings.TrimSpace(condition.String())
	if !isAsset {
		fmt.Fprintf(out, "@import %q %s;", ref, media)
		return
	}
	if target == "" {
		return
	}
	if p.imported == nil {
		p.imported = make(map[string]bool)
	}
	p.imported[target] = true
	text := p.styleSheet(target, dir)
	if media != "" {
		fmt.Fprintf(out, "@media %s{%s}", media, text)
		return
	}
	out.Write(text)
}

// address is what a reference of the style sheet from becomes in one that lies in dir.
func (p *press) address(at *diag.Problem, ref, from, dir string) string {
	target, isAsset := p.target(at, ref, from)
	if !isAsset || target == "" {
		return ref
	}
	if p.doing[target] {
		at.Text = fmt.Sprintf("%s refers back to this style sheet", ref)
		p.problems = append(p.problems, at)
		return ref
	}
	_, fragment, _ := strings.Cut(ref, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	relative, err := filepath.Rel(filepath.FromSlash(path.Join("assets", dir)), filepath.FromSlash(p.asset(target).Path))
	if err != nil {
		return ref // both are relative paths below assets/: cannot happen
	}
	return (&url.URL{Path: filepath.ToSlash(relative)}).String() + fragment
}

// target is the name of the asset that a reference of the style sheet from means, "" when there is none, which is
// reported. Addresses of other sites, data and fragments are not assets.
func (p *press) target(at *diag.Problem, ref, from string) (name string, isAsset bool) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Path == "" || strings.HasPrefix(u.Path, "/") {
		return "", false
	}
	name = path.Join(path.Dir(from), u.Path)
	if _, ok := p.files[name]; ok {
		return name, true
	}
	at.Text = fmt.Sprintf("there is no assets/%s", name)
	if near := closest(name, slices.Sorted(maps.Keys(p.files))); near != "" {
		at.Hint = fmt.Sprintf("did you mean %s?", near)
	}
	p.problems = append(p.problems, at)
	return "", true
}

// reference is the address in a CSS token: url(a.svg), url("a.svg") or "a.svg".
func reference(token []byte) string {
	s := string(token)
	if len(s) >= 4 && strings.EqualFold(s[:4], "url(") {
		s = strings.TrimSpace(strings.TrimSuffix(s[4:], ")"))
	}
	return strings.Trim(s, `"'`)
}
