// Package theme turns templates and assets into pages.
//
// A theme is a folder:
//
//	theme_api         the version of the template interface the theme was written for: "1"
//	layouts/          base.html, the frame of every page, and one file a kind of page: post.html, home.html …
//	layouts/partials/ pieces the others include by name: partials/card.html is {{template "card" .}}
//	assets/           style sheets, scripts, pictures and fonts
//	player/dist/      the player's files, copied as they are
//
// Themes are laid over one another, file by file: the built-in one, then the one the site chose, then the layouts/ and
// assets/ folders beside site.yaml. A later layer's file takes the place of the file of the same name, whole. There is
// no lookup order beyond that, and a layout of a name no page uses is an error rather than a file that does nothing.
//
// The rules for templates are three. The text of layouts/post.html is the template "main" of post pages. Every page
// starts at base.html, which includes "main". A layout may also define what base.html declares with block, or "base"
// itself, for its pages only.
//
// Everything that can be wrong with a theme and does not depend on a page is found by [Load]: syntax, unknown
// templates and functions, values printed where HTML cannot hold them safely, references between assets. The rest
// is found by [Theme.Execute]. Both report a [diag.Problem] with the file and line the author knows.
//
// The package knows nothing of posts and videos: what the dot of a template is belongs to package site.
package theme

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/tdewolff/minify/v2"

	"matinee/internal/diag"
)

// API is the version of the template interface: the dot of the templates, their functions, and the rules above.
// A theme states the version it was written for in its file theme_api.
const API = "1"

// A Layer is a folder with layouts/ and assets/.
type Layer struct {
	Dir string // its path as the author knows it, for messages; "" for the site's own folder, which needs no theme_api
	FS  fs.FS
}

// Options are what the site's configuration says about its looks.
type Options struct {
	Accent string // colour "#rrggbb" or "#rgb"; empty for DefaultAccent
}

// A Theme is a set of layouts and assets, ready for use by several goroutines.
type Theme struct {
	pages      map[string]*template.Template // by layout: "post"
	partials   *template.Template
	assets     []Asset
	paths      map[string]string // of assets, by name
	playerDir  string
	player     []Asset
	digest     string
	reaches    bool
	pageWriter *minify.M
}

// A source is a file of a layer.
type source struct {
	file string // as the author knows it: "themes/plain/layouts/post.html"
	data []byte
}

// Load reads a theme. The first layer is the built-in theme, whose layouts are all there can be; each later layer wins
// over those before it. The error joins everything that is wrong, as [diag.Problem] values.
func Load(layers []Layer, opts Options) (*Theme, error) {
	if err := checkAPI(layers); err != nil {
		return nil, err
	}
	layouts, err := collect(layers, "layouts")
	if err != nil {
		return nil, err
	}
	assets, err := collect(layers, "assets")
	if err != nil {
		return nil, err
	}
	player, err := collect(layers, "player/dist")
	if err != nil {
		return nil, err
	}
	delete(player, "README.md") // says how to fill the folder

	accent, err := accentCSS(opts.Accent)
	if err != nil {
		return nil, err
	}
	if _, overridden := assets[accentFile]; !overridden {
		assets[accentFile] = source{file: accentFile, data: accent}
	}

	builtIn, err := collect(layers[:1], "layouts")
	if err != nil {
		return nil, err
	}
	t := &Theme{pageWriter: pageMinifier(), reaches: reaches(layouts, builtIn)}
	t.loadPlayer(player)
	t.digest = hex.EncodeToString(digest(layouts, assets, player))
	return t, errors.Join(
		strayLayouts(layers, layouts),
		t.parse(layouts),
		t.loadAssets(assets),
	)
}

// Digest is a hexadecimal digest of all files of the theme: pages made with the same one look the same.
func (t *Theme) Digest() string { return t.digest }

// Reaches tells whether any page may show any post or tag of the site, as layouts that are not built in can. Of the
// built-in ones it is known which pages show which.
func (t *Theme) Reaches() bool { return t.reaches }

// reaches looks for the only names that lead from one page to all others.
func reaches(layouts, builtIn map[string]source) bool {
	for name, l := range layouts {
		if bytes.Equal(l.data, builtIn[name].data) {
			continue
		}
		if bytes.Contains(l.data, []byte("Posts")) || bytes.Contains(l.data, []byte("Tags")) {
			return true
		}
	}
	return false
}

// checkAPI refuses themes written for another version of the template interface.
func checkAPI(layers []Layer) error {
	var problems []error
	for _, layer := range layers {
		if layer.Dir == "" {
			continue
		}
		file := path.Join(layer.Dir, "theme_api")
		data, err := fs.ReadFile(layer.FS, "theme_api")
		switch version := strings.TrimSpace(string(data)); {
		case errors.Is(err, fs.ErrNotExist):
			problems = append(problems, diag.At(file, 0, "the theme does not say which template interface it was written for").
				WithHint("create %s with the single line %q", file, API))
		case err != nil:
			problems = append(problems, fmt.Errorf("read %s: %w", file, err))
		case version != API:
			problems = append(problems, diag.At(file, 1, "the theme needs template interface %q, and this matinee has %q", version, API).
				WithHint("use a version of the theme, or of matinee, that fits the other"))
		}
	}
	return errors.Join(problems...)
}

// collect reads the files below dir, by their path below it; those of later layers replace those of earlier ones.
// Hidden files and what editors leave behind are no part of a theme.
func collect(layers []Layer, dir string) (map[string]source, error) {
	files := make(map[string]source)
	for _, layer := range layers {
		err := fs.WalkDir(layer.FS, dir, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case name == dir && errors.Is(err, fs.ErrNotExist):
				return fs.SkipAll
			case err != nil:
				return err
			case strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
				return fs.SkipDir
			case entry.IsDir(), strings.HasPrefix(entry.Name(), "."), strings.HasSuffix(entry.Name(), "~"):
				return nil
			}
			data, err := fs.ReadFile(layer.FS, name)
			files[strings.TrimPrefix(name, dir+"/")] = source{file: path.Join(layer.Dir, name), data: data}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the theme: %w", err)
		}
	}
	return files, nil
}

// digest is the digest of names and contents.
func digest(folders ...map[string]source) []byte {
	h := sha256.New()
	for _, files := range folders {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(h, "%q %d\n", name, len(files[name].data))
			h.Write(files[name].data)
		}
	}
	return h.Sum(nil)
}

// fingerprint is the part of a file name that changes with its content.
func fingerprint(sum []byte) string { return hex.EncodeToString(sum[:4]) }
