package theme

import (
	"html/template"
	"strconv"
)

// functions are what templates may call besides html/template's own and the methods of their dot.
var functions = template.FuncMap{"plural": plural}

// plural writes a number and the word that goes with it: plural 1 "film" "films" is "1 film".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
