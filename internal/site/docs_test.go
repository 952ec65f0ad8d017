package site_test

import (
	"os"
	"reflect"
	"regexp"
	"testing"

	"matinee/internal/site"
)

// TestThemeDocumentationNamesAllThereIs keeps the page for theme authors complete.
func TestThemeDocumentationNamesAllThereIs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/themes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dot := range []any{
		&site.View{}, &site.Site{}, &site.Post{}, &site.Tag{}, &site.Series{}, &site.Pager{}, &site.MenuItem{}, &site.Author{},
		&site.Player{}, &site.PlayerTrack{}, &site.Picture{}, &site.PictureSource{}, &site.PlayerRTMP{}, &site.ChapterLink{},
	} {
		for _, name := range usable(reflect.TypeOf(dot)) {
			if !regexp.MustCompile("`\\." + name + `\b`).Match(doc) {
				t.Errorf("docs/themes.md does not mention .%s of %T", name, dot)
			}
		}
	}
}

// usable lists what templates are meant to use of a type: its fields, and the methods of the dot itself.
func usable(p reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(p.Elem()) {
		if field.IsExported() {
			names = append(names, field.Name)
		}
	}
	if p == reflect.TypeFor[*site.View]() {
		for method := range p.Methods() {
			names = append(names, method.Name)
		}
	}
	return names
}
