package theme

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/html"

	"matinee/internal/diag"
)

// frame is the layout every page starts at.
const frame = "base"

// parse makes a template set for every kind of page, and one of the partials alone. Sets are separate because each
// has its own "main".
func (t *Theme) parse(layouts map[string]source) error {
	t.pages = make(map[string]*template.Template)
	t.partials = template.New("partials").Funcs(functions)

	var problems []error
	shared := template.New("shared").Funcs(functions)
	for _, name := range slices.Sorted(maps.Keys(layouts)) {
		partial, isPartial := strings.CutPrefix(name, "partials/")
		if partial, isHTML := strings.CutSuffix(partial, ".html"); isHTML && isPartial {
			problems = append(problems, add(t.partials, partial, layouts[name]), add(shared, partial, layouts[name]))
		}
	}
	if base, ok := layouts[frame+".html"]; ok {
		problems = append(problems, add(shared, frame, base))
	}
	for _, name := range slices.Sorted(maps.Keys(layouts)) {
		kind, isHTML := strings.CutSuffix(name, ".html")
		if !isHTML || kind == frame || strings.Contains(name, "/") {
			continue
		}
		page := template.Must(shared.Clone()) // fails only for a template that has been executed
		problems = append(problems, add(page, "main", layouts[name]))
		t.pages[kind] = page
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return t.rehearse()
}

// add parses a file and adds it to set under name, along with the templates it defines. The file's path stays the
// name that messages use.
func add(set *template.Template, name string, src source) error {
	file, err := template.New(src.file).Funcs(functions).Parse(string(src.data))
	if err != nil {
		return problem(err, nil)
	}
	for _, defined := range file.Templates() {
		if defined.Tree == nil {
			continue
		}
		as := defined.Name()
		if as == src.file {
			as = name
		}
		if _, err := set.AddParseTree(as, defined.Tree.Copy()); err != nil {
			return problem(err, nil)
		}
	}
	return nil
}

// rehearse runs every page without data. The first execution of a template set is when html/template decides how
// each value is to be escaped and finds what it cannot make safe; what fails after that does so for want of data.
func (t *Theme) rehearse() error {
	var problems []error
	check := func(set *template.Template, name string) {
		var unsafe *template.Error
		if err := set.ExecuteTemplate(io.Discard, name, nil); errors.As(err, &unsafe) {
			problems = append(problems, problem(err, nil))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(t.pages)) {
		check(t.pages[kind], frame)
	}
	for _, partial := range t.partials.Templates() {
		check(t.partials, partial.Name())
	}
	return errors.Join(problems...)
}

// strayLayouts reports layouts that no kind of page uses. Kinds are those of the first layer, the built-in theme.
func strayLayouts(layers []Layer, layouts map[string]source) error {
	if len(layers) == 0 {
		return nil
	}
	known, err := fs.Glob(layers[0].FS, "layouts/*.html")
	if err != nil {
		return err
	}
	for i := range known {
		known[i] = path.Base(known[i])
	}
	var problems []error
	for name, src := range layouts {
		if strings.Contains(name, "/") || slices.Contains(known, name) || path.Ext(name) != ".html" {
			continue
		}
		stray := diag.At(src.file, 0, "no page uses a layout of this name").
			WithHint("layouts are %s; put pieces they share under layouts/partials/", strings.Join(known, ", "))
		if near := closest(name, known); near != "" {
			stray.Hint = fmt.Sprintf("did you mean %s?", near)
		}
		problems = append(problems, stray)
	}
	return errors.Join(problems...)
}

// Execute renders a page with the layout of a kind ("post", "home", "tag", "tags", "series", "404") and data as its dot, and
// writes it minified. Nothing is written when it fails. An error of a template is a [diag.Problem] at its line; a
// Problem returned by a method the template called is returned as it is.
func (t *Theme) Execute(w io.Writer, layout string, data any) error {
	page, ok := t.pages[layout]
	if !ok {
		return fmt.Errorf("the theme has no layout %q", layout)
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := page.ExecuteTemplate(buf, frame, data); err != nil {
		return problem(err, data)
	}
	return t.pageWriter.Minify("text/html", w, buf)
}

// buffers holds rendered pages on their way to the minifier.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Partial writes a partial by itself, for the places in a text that the site fills in. It is not minified: the page it
// becomes part of is. Its errors are those of Execute.
func (t *Theme) Partial(w io.Writer, name string, data any) error {
	if t.partials.Lookup(name) == nil {
		return fmt.Errorf("the theme has no partial %q", name)
	}
	if err := t.partials.ExecuteTemplate(w, name, data); err != nil {
		return problem(err, data)
	}
	return nil
}

// pageMinifier removes what a browser does not need and HTML's grammar does not ask for. It leaves scripts, styles
// and JSON inside pages alone.
func pageMinifier() *minify.M {
	m := minify.New()
	m.Add("text/html", &html.Minifier{
		KeepDefaultAttrVals: true,
		KeepDocumentTags:    true,
		KeepEndTags:         true,
		KeepQuotes:          true,
	})
	return m
}
