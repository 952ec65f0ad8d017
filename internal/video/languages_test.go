package video

import (
	"flag"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

var update = flag.Bool("update", false, "write languages.txt")

// The names are those that golang.org/x/text knows: go test -run TestLanguageNames -update writes them.
func TestLanguageNames(t *testing.T) {
	var all strings.Builder
	for _, tag := range display.Self.Supported.Tags() {
		all.WriteString(tag.String() + " " + display.Self.Name(tag) + "\n")
	}
	if *update {
		if err := os.WriteFile("languages.txt", []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if languagesText != all.String() {
		t.Error("languages.txt is not what golang.org/x/text knows; write it with -update")
	}
	want := func(tag language.Tag) string {
		name := display.Self.Name(tag)
		if name == "" {
			return tag.String()
		}
		first, size := utf8.DecodeRuneInString(name)
		return string(unicode.ToUpper(first)) + name[size:]
	}
	for _, tag := range display.Supported.Tags() {
		for _, more := range []string{"", "-Latn", "-Cyrl", "-Hant", "-Arab", "-US", "-BR", "-PT", "-TW", "-HK", "-CN", "-DE", "-ME", "-UZ", "-Latn-RS", "-Hant-TW"} {
			tag, err := language.Parse(tag.String() + more)
			if err != nil {
				continue // it has a script or a region already
			}
			if got := selfName(tag); got != want(tag) {
				t.Errorf("%s is called %q, want %q", tag, got, want(tag))
			}
		}
	}
}
