package video

import (
	_ "embed" // languages.txt
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// languageNames are the names of languages in themselves, by the tag of the language ("de"), and where it has another
// name in a region or a script, of these ("pt-PT", "zh-Hant"). They are those of Unicode's CLDR as the package display
// of golang.org/x/text has them, which brings the names of all languages in all others: 2.3 MB.
var languageNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for line := range strings.Lines(languagesText) {
		tag, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		names[tag] = name
	}
	return names
})

//go:embed languages.txt
var languagesText string

// selfName is what speakers of a language call it: "Deutsch". One without a name is called by its tag.
func selfName(tag language.Tag) string {
	base, _, region := tag.Raw()
	script, _ := tag.Script()
	usual, _ := language.Make(base.String()).Script()
	names := languageNames()
	name := names[base.String()+"-"+script.String()]
	if script == usual {
		if name = names[base.String()+"-"+region.String()]; name == "" {
			name = names[base.String()]
		}
	}
	if name == "" {
		return tag.String()
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}
