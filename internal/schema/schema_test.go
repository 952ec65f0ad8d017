package schema_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"matinee/internal/diag"
	"matinee/internal/schema"
)

// A film has a field of every sort.
type film struct {
	Title    string         `key:"title" required:"true" example:"A walk" like:"name" doc:"What it is called."`
	Made     time.Time      `key:"made" doc:"When."`
	Length   time.Duration  `key:"length" doc:"How long."`
	Copies   int            `key:"copies" min:"1" doc:"How many."`
	Score    float64        `key:"score" min:"0" doc:"How good."`
	Public   bool           `key:"public" doc:"For all to see."`
	Format   string         `key:"format" enum:"wide,square,tall" doc:"Its shape."`
	Colour   string         `key:"colour" pattern:"#[0-9a-f]{6}" want:"a colour such as \"#c2410c\"" doc:"Its colour."`
	Tags     []string       `key:"tags" doc:"Words."`
	Maker    person         `key:"maker" doc:"By whom."`
	Cast     []person       `key:"cast" doc:"With whom."`
	Chapters chapters       `key:"chapters" doc:"Its parts."`
	Backup   *person        `key:"backup" doc:"Who else."`
	Params   map[string]any `key:"params" doc:"Anything."`
	Either   either         `key:"either" doc:"One or the other."`
	Private  string         // no key: not the document's business
	Line     schema.Line
}

type person struct {
	Name string `key:"name" required:"true" doc:"The name."`
	Age  int    `key:"age" doc:"The age."`
	Line schema.Line
}

type either struct {
	schema.OneOf
	Flag   bool     `doc:"A flag."`
	Number int      `doc:"A number."`
	Words  []string `doc:"Words."`
}

type chapters struct {
	schema.OneOf
	Line schema.Line
	File string   `want:"a file" doc:"A file."`
	List []person `doc:"Them all."`
	One  *person  `doc:"Just one."`
}

// decode reads a document that stands from line 2 on, as front matter does.
func decode(syntax schema.Syntax, doc string) (film, schema.Lines, []string) {
	var f film
	lines, err := schema.Decode(schema.Source{File: "a.md", Line: 2, Syntax: syntax, Data: []byte(doc)}, &f)
	problems, rest := diag.Problems(err)
	var said []string
	for _, p := range problems {
		text := strings.TrimPrefix(p.Error(), "a.md:")
		if p.Hint != "" {
			text += " | " + p.Hint
		}
		said = append(said, text)
	}
	for _, err := range rest {
		said = append(said, "not a problem: "+err.Error())
	}
	return f, lines, said
}

// The same film in three syntaxes is the same film.
func TestThreeSyntaxesOneFilm(t *testing.T) {
	want := film{
		Title: "A walk", Made: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Length: 90 * time.Second, Copies: 3, Score: 4.5,
		Public: true, Format: "wide", Colour: "#c2410c", Tags: []string{"lake", "2026"}, Maker: person{Name: "Ada", Age: 36},
		Cast: []person{{Name: "Bo"}, {Name: "Cy", Age: 7}}, Chapters: chapters{List: []person{{Name: "One"}}}, Backup: &person{Name: "Di"},
		Params: map[string]any{"deep": map[string]any{"list": []any{1, 2.5, "x", true}}},
	}
	docs := map[schema.Syntax]string{
		schema.YAML: `
title: A walk
made: 2026-11-22 10:00
length: 1:30
copies: 3
score: 4.5
public: true
format: wide
colour: "#c2410c"
tags: [lake, 2026]
maker: {name: Ada, age: 36}
cast:
  - name: Bo
  - {name: Cy, age: 7}
chapters:
  - name: One
backup: {name: Di}
params: {deep: {list: [1, 2.5, x, true]}}
`,
		schema.TOML: `
title = "A walk"
made = 2026-11-22T10:00:00Z
length = "1:30"
copies = 3
score = 4.5
public = true
format = 'wide'
colour = """#c2410c"""
tags = ["lake", # the first
  "2026"]
maker.name = "Ada"
maker.age = 36
chapters = [{name = "One"}]
backup = {name = "Di"}
[[cast]]
name = "Bo"
[[cast]]
name = "Cy"
age = 7
[params.deep]
list = [1, 2.5, "x", true]
`,
		schema.JSON: `{"title": "A walk", "made": "2026-11-22 10:00", "length": 90, "copies": 3, "score": 4.5,
"public": true, "format": "wide", "colour": "#c2410c", "tags": ["lake", 2026], "maker": {"name": "Ada", "age": 36},
"cast": [{"name": "Bo"}, {"name": "Cy", "age": 7}], "chapters": [{"name": "One"}], "backup": {"name": "Di"},
"params": {"deep": {"list": [1, 2.5, "x", true]}}}`,
	}
	for syntax, doc := range docs {
		got, _, problems := decode(syntax, doc)
		if len(problems) > 0 {
			t.Errorf("syntax %d: %q", syntax, problems)
			continue
		}
		if got.Line == 0 || got.Maker.Line == 0 || got.Cast[1].Line == 0 || got.Chapters.Line == 0 {
			t.Errorf("syntax %d: a line is missing in %+v", syntax, got)
		}
		dropLines(&got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("syntax %d:\n got %+v\nwant %+v", syntax, got, want)
		}
	}
}

func dropLines(f *film) {
	f.Line, f.Maker.Line, f.Chapters.Line = 0, 0, 0
	for _, people := range [][]person{f.Cast, f.Chapters.List} {
		for i := range people {
			people[i].Line = 0
		}
	}
	if f.Backup != nil {
		f.Backup.Line = 0
	}
}

func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		syntax schema.Syntax
		doc    string
		want   []string
	}{
		"nothing wrong": {schema.YAML, "title: x", nil},
		"empty":         {schema.YAML, "", []string{"2: title is missing | add a line such as title: A walk"}},
		"only comments": {schema.YAML, "# nothing\n", []string{"2: title is missing | add a line such as title: A walk"}},
		"required without a value": {schema.YAML, "copies: 1\ntitle:\n", []string{
			"3: title is missing | add a line such as title: A walk",
		}},
		"a misspelt key is not missing as well": {schema.YAML, "titel: x", []string{`2: unknown key "titel" (did you mean "title"?)`}},
		"case":                                  {schema.YAML, "title: x\nCopies: 2", []string{`3: unknown key "Copies" (did you mean "copies"?)`}},
		"another program's key":                 {schema.YAML, "Name: x", []string{`2: unknown key "Name" (did you mean "title"?)`}},
		"a key like none": {schema.YAML, "title: x\nlayout: post", []string{
			`3: unknown key "layout" | keys of your own belong under params`,
		}},
		"nested": {schema.YAML, "title: x\nmaker:\n  nam: x\n  born: 1815\n", []string{
			`4: unknown key "nam" in maker (did you mean "name"?)`,
			`5: unknown key "born" in maker | the keys here are name, age`,
		}},
		"all at once": {schema.YAML, "copies: twelve\nscore: good\npublic: yes\nlength: long\nmade: today\nformat: wid\ncolour: red\ntags: lake\nmaker: Ada\nchapters: {}\n", []string{
			`2: copies: want a whole number of at least 1, got "twelve"`,
			"2: title is missing | add a line such as title: A walk",
			`3: score: want a number of at least 0, got "good"`,
			`4: public: want true or false, got "yes" (did you mean true?)`,
			`5: length: want a time such as 1:30, 90 or 1m30s, got "long"`,
			`6: made: want a date such as 2026-11-22 or 2026-11-22 10:00, got "today"`,
			`7: format: want wide, square or tall, got "wid" (did you mean "wide"?)`,
			`8: colour: want a colour such as "#c2410c", got "red"`,
			`9: tags: want a list such as [one, two], got "lake"`,
			`10: maker: want keys of its own (name: …), got "Ada"`,
			`11: chapters.name is missing | add a line such as name: …`,
		}},
		"too small":               {schema.YAML, "title: x\ncopies: 0\nscore: -1", []string{"3: copies: want a whole number of at least 1, got 0", "4: score: want a number of at least 0, got -1"}},
		"not whole":               {schema.YAML, "title: x\ncopies: 1.5", []string{"3: copies: want a whole number of at least 1, got 1.5"}},
		"no such day":             {schema.YAML, "title: x\nmade: 2026-02-30", []string{`3: made: there is no 2026-02-30`}},
		"negative time":           {schema.YAML, "title: x\nlength: -5", []string{"3: length: want a time such as 1:30, 90 or 1m30s, got -5"}},
		"a list where text goes":  {schema.YAML, "title: [x]", []string{"2: title: want text, got a list"}},
		"keys where text goes":    {schema.YAML, "title: {x: y}", []string{"2: title: want text, got keys of its own"}},
		"nothing in a list":       {schema.YAML, "title: x\ntags:\n- a\n-\n", []string{"5: tags: want text, got nothing"}},
		"boolean":                 {schema.YAML, "title: x\npublic: off", []string{`3: public: want true or false, got "off" (did you mean false?)`}},
		"a long value":            {schema.YAML, "title: x\ncolour: " + strings.Repeat("ä", 99), []string{`3: colour: want a colour such as "#c2410c", got "` + strings.Repeat("ä", 59) + `…"`}},
		"params":                  {schema.YAML, "title: x\nparams: y", []string{`3: params: want keys of its own, got "y"`}},
		"pointer":                 {schema.YAML, "title: x\nbackup: y", []string{`3: backup: want keys of its own (name: …), got "y"`}},
		"list of keys":            {schema.YAML, "title: x\ncast: y", []string{`3: cast: want a list, got "y"`}},
		"wrong union":             {schema.YAML, "title: x\neither: text", []string{`3: either: want true or false, a whole number or a list such as [one, two], got "text"`}},
		"key that is an alias":    {schema.YAML, "title: &a x\n*a : y", []string{`3: unknown key "x" | keys of your own belong under params`}},
		"wrong in a list":         {schema.YAML, "title: x\ncast:\n- {name: Bo}\n- Cy\n", []string{`5: cast: want keys of its own (name: …), got "Cy"`}},
		"none of a union":         {schema.YAML, "title: x\nchapters: [a]", []string{`3: chapters: want keys of its own (name: …), got "a"`}},
		"a list is not a pair":    {schema.YAML, "- title: x", []string{`2: want lines of "key: value", got a list`}},
		"text is not a pair":      {schema.YAML, "title", []string{`2: want lines of "key: value", got "title"`}},
		"duplicate key":           {schema.YAML, "title: x\ncopies: 1\ntitle: y", []string{`4: key "title" is already given on line 2`}},
		"duplicate key deep down": {schema.YAML, "title: x\nparams: {a: {b: 1, b: 2}}", []string{`3: key "b" is already given on line 3`}},
		"key that is no word":     {schema.YAML, "title: x\n[a, b]: y", []string{"3: a key must be a word, not a list or keys of its own"}},
		"merge key":               {schema.YAML, "title: x\n<<: {a: b}", []string{`3: merge keys ("<<") are not read; write the keys out`}},
		"foreign tag":             {schema.YAML, "title: !secret x", []string{`2: the YAML tag "!secret" is not read; leave it out`, "2: title is missing | add a line such as title: A walk"}},
		"two documents":           {schema.YAML, "title: x\n---\ntitle: y", []string{"3: a second YAML document starts here; there can be only one"}},
		"tab":                     {schema.YAML, "title: x\nmaker:\n\tname: y\n", []string{"4: tab used for indentation; YAML wants spaces"}},
		"tab after spaces":        {schema.YAML, "title: x\nmaker:\n  name: y\n \tage: 1\n", []string{"5: tab used for indentation; YAML wants spaces"}},
		"colon in a text": {schema.YAML, "copies: 1\ntitle: A walk: part one\n", []string{
			`3: a ":" that YAML does not expect here | put the text in quotes: title: "A walk: part one"`,
		}},
		"at sign":          {schema.YAML, "copies: 1\ntitle: @home\n", []string{`3: the text here starts with a character YAML keeps for itself | put the text in quotes: title: "@home"`}},
		"percent":          {schema.YAML, "title: %x\n", []string{`2: the text here starts with a character YAML keeps for itself | put the text in quotes: title: "%x"`}},
		"asterisk":         {schema.YAML, "title: *x*\n", []string{`2: the text here starts with "*" or "&", which YAML keeps for itself | put the text in quotes: title: "*x*"`}},
		"alias of nothing": {schema.YAML, "title: *x\n", []string{`2: the text here starts with "*", which YAML keeps for itself | put the text in quotes: title: "*x"`}},
		"two asterisks":    {schema.YAML, "title: **x\n", []string{`2: the text here starts with "*" or "&", which YAML keeps for itself | put the text in quotes: title: "**x"`}},
		"unclosed quote":   {schema.YAML, "copies: 1\ntitle: \"x\nscore: 1\npublic: true\n", []string{"3: a quote is opened here and never closed"}},
		"quote too early":  {schema.YAML, "copies: 1\ntitle: \"x\" y\nscore: 1\n", []string{`3: want "key: value" | look for a stray quote, or a line indented differently from its neighbours`}},
		"unclosed list":    {schema.YAML, "tags: [a, b\ntitle: x\n", []string{`2: a list is opened with "[" here and not closed`}},
		"unclosed keys":    {schema.YAML, "title: x\nmaker: {name: y\n", []string{`3: keys are opened with "{" here and not closed`}},
		"odd indentation":  {schema.YAML, "title: x\nmaker:\n  name: y\n age: 1\n", []string{`5: want "key: value" | look for a stray quote, or a line indented differently from its neighbours`}},
		"no colon":         {schema.YAML, "title: x\ncopies 1\nscore: 2\n", []string{`3: want "key: value"`}},
		"backslash":        {schema.YAML, `title: "C:\walks"`, []string{`2: a "\" that YAML does not know, in double quotes | use single quotes, or write "\\"`}},
		"control":          {schema.YAML, "title: x\ncolour: \x01\n", []string{"3: a control character, which YAML does not allow"}},
		"unicode newlines": {schema.YAML, "title: \"a\u2028b\u0085c\"\ncopies: x\n", []string{`3: copies: want a whole number of at least 1, got "x"`}},

		"toml unknown key":    {schema.TOML, "title = 'x'\n[maker]\nname = 'y'\nborn = 1", []string{`5: unknown key "born" in maker | the keys here are name, age`}},
		"toml duplicate":      {schema.TOML, "title = 'x'\ntitle = 'y'", []string{"3: not TOML: key title is already defined"}},
		"toml without quotes": {schema.TOML, "copies = 1\ntitle = A walk", []string{`3: not TOML: unexpected character U+0041 'A' at start of value | TOML wants texts in quotes: title = "A walk"`}},
		"toml wrong type":     {schema.TOML, "title = 'x'\ncast = [\n {name = 'Bo'},\n {name = []},\n]", []string{"5: cast.name: want text, got a list"}},
		"toml wrong boolean":  {schema.TOML, "title = 'x'\ncopies = true", []string{"3: copies: want a whole number of at least 1, got true"}},

		"json unknown key":    {schema.JSON, "{\n\"title\": \"x\",\n\"Format\": \"wide\"}", []string{`4: unknown key "Format" (did you mean "format"?)`}},
		"json duplicate":      {schema.JSON, "{\"title\": \"x\",\n\"title\": \"y\"}", []string{`3: key "title" is already given on line 2`}},
		"json trailing comma": {schema.JSON, "{\n\"title\": \"x\",\n}", []string{"4: not JSON: invalid character '}' looking for beginning of object key string | keys stand in double quotes, and no comma follows the last value"}},
		"json missing comma":  {schema.JSON, "{\n\"title\": \"x\"\n\"copies\": 1}", []string{`4: not JSON: invalid character '"' after object key:value pair | is there a comma missing on the line above?`}},
		"json cut short":      {schema.JSON, "{\n\"title\": \"x\"", []string{"3: not JSON: unexpected end of JSON input"}},
		"json of nothing":     {schema.JSON, "", []string{"2: not JSON: unexpected end of JSON input"}},
		"json list":           {schema.JSON, "[]", []string{`2: want lines of "key: value", got a list`}},
		"json wrong number":   {schema.JSON, "{\"title\": \"x\",\n\"copies\": 1e3}", []string{"3: copies: want a whole number of at least 1, got 1e3"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, got := decode(test.syntax, test.doc)
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s\n got %s\nwant %s", test.doc, strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
			}
		})
	}
}

// What would fill memory or the stack ends with a message instead.
func TestTooMuch(t *testing.T) {
	laughs := "title: x\nparams:\n  a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
	for i := 1; i < 10; i++ {
		a := string(rune('0' + i - 1))
		laughs += "  a" + string(rune('0'+i)) + ": &a" + string(rune('0'+i)) + " [" + strings.TrimSuffix(strings.Repeat("*a"+a+", ", 10), ", ") + "]\n"
	}
	tenMegabytes := "title: x\nparams:\n  a: &a x\n" + strings.Repeat("  b: *a\n", 10<<20/8)
	deep := strings.Repeat("[", 500) + strings.Repeat("]", 500)
	for name, test := range map[string]struct {
		syntax schema.Syntax
		doc    string
		want   string
	}{
		"billion laughs":        {schema.YAML, laughs, "aliases multiply to more than 131072 values"},
		"10 MB of aliases":      {schema.YAML, tenMegabytes, "larger than 1 MB"},
		"an alias in itself":    {schema.YAML, "title: x\nparams: &a {b: *a}", "nested more than 64 levels deep"},
		"deep YAML":             {schema.YAML, "title: x\nparams: {a: " + deep + "}", "nested more than 64 levels deep"},
		"deep TOML":             {schema.TOML, "title = 'x'\nparams = {a = " + deep + "}", "nested more than 64 levels deep"},
		"deep JSON":             {schema.JSON, `{"title": "x", "params": {"a": ` + deep + "}}", "nested more than 64 levels deep"},
		"deeper than JSON goes": {schema.JSON, `{"title": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}", "not JSON: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, problems := decode(test.syntax, test.doc)
			if len(problems) != 1 || !strings.Contains(problems[0], test.want) {
				t.Errorf("got %.200q, want one problem with %q", problems, test.want)
			}
		})
	}
}

// A long document with a mistake is not parsed again and again for the sake of a line number.
func TestLongBrokenDocument(t *testing.T) {
	doc := "title: x\nparams: \"y\" z\nlist:\n" + strings.Repeat("  - a: some words to fill the line\n", 20000)
	if _, _, problems := decode(schema.YAML, doc); len(problems) != 1 || !strings.HasPrefix(problems[0], "3: ") {
		t.Errorf("got %q, want one problem on line 3", problems)
	}
}

func TestManyKeys(t *testing.T) {
	for syntax, form := range map[schema.Syntax][3]string{
		schema.YAML: {"title: x\nparams:\n", "  k%d: 1\n", "  k7: 2\n"},
		schema.JSON: {"{\"title\": \"x\", \"params\": {\n", "\"k%d\": 1,\n", "\"k7\": 2}}\n"},
	} {
		const keys = 60000
		var doc strings.Builder
		doc.WriteString(form[0])
		for i := range keys {
			fmt.Fprintf(&doc, form[1], i)
		}
		f, _, problems := decode(syntax, doc.String()+form[2])
		if len(f.Params) != keys || len(problems) != 1 || !strings.Contains(problems[0], `key "k7" is already given on line`) {
			t.Errorf("got %d keys, %.200q", len(f.Params), problems)
		}
	}
}

func TestDatesAndDurations(t *testing.T) {
	berlin := time.FixedZone("Berlin", 3600)
	for written, want := range map[string]string{
		"2026-11-22":                      "2026-11-22T00:00:00+01:00",
		"2026-1-2":                        "2026-01-02T00:00:00+01:00",
		"2026-11-22 10:00":                "2026-11-22T10:00:00+01:00",
		"2026-11-22 10:00:05":             "2026-11-22T10:00:05+01:00",
		"2026-11-22T10:00":                "2026-11-22T10:00:00+01:00",
		"2026-11-22T10:00:05.25":          "2026-11-22T10:00:05+01:00",
		"2026-11-22T10:00:05Z":            "2026-11-22T10:00:05Z",
		"2026-11-22T10:00:05-07:00":       "2026-11-22T10:00:05-07:00",
		"2026-11-22 10:00:05 +0530":       "2026-11-22T10:00:05+05:30",
		"2026-11-22 10:00:05 +05:30":      "2026-11-22T10:00:05+05:30",
		"2026-11-22 10:00 -0800":          "2026-11-22T10:00:00-08:00",
		"2026-11-22 10:00:05 UTC":         "2026-11-22T10:00:05Z",
		"2026-11-22 10:00:05Z":            "2026-11-22T10:00:05Z",
		"\"2026-11-22 10:00:00 +0100\"":   "2026-11-22T10:00:00+01:00",
		"22.11.2026":                      "",
		"2026":                            "",
		"2026-11-22 25:00":                "",
		"November 22, 2026":               "",
		"2026-11-22 10:00:00 Central":     "",
		"\"2026-11-22T10:00:00+01:00 x\"": "",
	} {
		var v struct {
			At time.Time `key:"at" doc:"When."`
		}
		_, err := schema.Decode(schema.Source{Data: []byte("at: " + written), Location: berlin}, &v)
		got := v.At.Format(time.RFC3339)
		if (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%s: got %s, %v, want %s", written, got, err, want)
		}
	}
	for written, want := range map[string]time.Duration{
		"90": 90 * time.Second, "1:30": 90 * time.Second, "1:02:03": 3723 * time.Second, "0:07.5": 7500 * time.Millisecond,
		"1.25": 1250 * time.Millisecond, "1m30s": 90 * time.Second, "2h": 2 * time.Hour, "0": 0, "\t5\n": 5 * time.Second,
		"-1": -1, "": -1, ":": -1, "1:60": -1, "1:2:3:4": -1, "1.5:30": -1, "1e3": -1, "-1m": -1, "99999999999": -1, "soon": -1, "0x10": -1, "NaN": -1,
	} {
		got, err := schema.ParseDuration(written)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: got %v, %v, want %v", written, got, err, want)
		}
	}
}

// Texts take what is unmistakable, as it is written.
func TestTextsTakeScalars(t *testing.T) {
	for doc, want := range map[string]string{
		"title: 007": "007", "title: 1.50": "1.50", "title: true": "true", "title: 2026-11-22": "2026-11-22", "title: no": "no",
		"title: |\n  two\n  lines\n": "two\nlines", "title: &a x": "x", "title: '  x '": "x", "title: !!str 12": "12", `title: ""`: "",
	} {
		f, _, problems := decode(schema.YAML, doc)
		if f.Title != want || len(problems) > 0 {
			t.Errorf("%q: got %q, %q, want %q", doc, f.Title, problems, want)
		}
	}
}

// A whole number with a leading zero is not octal, and numbers too large for the field are not cut.
func TestNumbers(t *testing.T) {
	for doc, want := range map[string]int{"copies: 012": 12, "copies: 1_000": 1000, "copies: 0x10": 16, "copies: +5": 5, "copies: 99999999999999999999": -1} {
		f, _, problems := decode(schema.YAML, "title: x\n"+doc)
		if (len(problems) > 0) != (want < 0) || want > 0 && f.Copies != want {
			t.Errorf("%s: got %d, %q, want %d", doc, f.Copies, problems, want)
		}
	}
}

func TestBounds(t *testing.T) {
	type sound struct {
		Loudness float64 `key:"loudness" min:"-70" max:"-5" want:"a loudness such as -16" doc:"How loud."`
		Channels int     `key:"channels" min:"1" max:"8" doc:"How many."`
		Delay    int     `key:"delay" max:"100" doc:"How late."`
	}
	for text, want := range map[string]string{
		"loudness: -70\nchannels: 8\ndelay: 100": "",
		"loudness: -4.9":                         "loudness: want a loudness such as -16, got -4.9",
		"loudness: -70.1":                        "loudness: want a loudness such as -16, got -70.1",
		"loudness: loud":                         `loudness: want a loudness such as -16, got "loud"`,
		"channels: 9":                            "channels: want a whole number from 1 to 8, got 9",
		"delay: 101":                             "delay: want a whole number of at most 100, got 101",
	} {
		said := ""
		if _, err := schema.Decode(schema.Source{Data: []byte(text)}, new(sound)); err != nil {
			said = err.Error()
		}
		if said != want {
			t.Errorf("%q: %s, want %s", text, said, want)
		}
	}
}

func TestFreeValues(t *testing.T) {
	f, _, problems := decode(schema.YAML, "title: x\nparams:\n  when: 2026-11-22\n  nothing:\n  huge: 99999999999999999999\n  inf: .inf\n  list: [1, a]\n  text: '1'\n")
	want := map[string]any{
		"when": time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), "nothing": nil, "huge": 1e20, "inf": ".inf", "list": []any{1, "a"}, "text": "1",
	}
	if len(problems) > 0 || !reflect.DeepEqual(f.Params, want) {
		t.Errorf("got %#v, %q, want %#v", f.Params, problems, want)
	}
}

// Keys that are missing or empty leave what stands in the struct.
func TestDefaultsStay(t *testing.T) {
	f := film{Copies: 5, Format: "tall", Chapters: chapters{File: "a.vtt"}}
	_, err := schema.Decode(schema.Source{Data: []byte("title: x\ncopies:\ncolour: ''\nchapters: [{name: One}]")}, &f)
	if err != nil || f.Copies != 5 || f.Format != "tall" || f.Chapters.File != "" {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestLines(t *testing.T) {
	_, lines, _ := decode(schema.YAML, "title: x\nmaker:\n  name: y\ncast:\n  - name: Bo\n  - name: Cy\n    age: 1\n")
	for path, want := range map[string]int{"title": 2, "maker.name": 4, "maker.age": 3, "cast.1": 7, "cast.1.age": 8, "cast.9": 5, "score": 0, "": 0} {
		if got := lines.Of(path); got != want {
			t.Errorf("%q is on line %d, want %d", path, got, want)
		}
	}
	if got, want := lines.Keys(), map[string]int{"title": 2, "maker": 3, "cast": 5}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if (schema.Lines{}).Of("title") != 0 || (schema.Lines{}).Keys() != nil {
		t.Error("no document has lines")
	}
}

func TestText(t *testing.T) {
	for name, test := range map[string]struct{ data, want, problem string }{
		"plain":             {"a\nb", "a\nb", ""},
		"byte order mark":   {"\uFEFFa", "a", ""},
		"crlf":              {"a\r\nb\r\n", "a\nb\n", ""},
		"cr":                {"a\rb", "a\nb", ""},
		"latin 1":           {"title: x\r\nmaker: Ren\xe9\n", "", "f:2: not UTF-8: byte 0xe9 at offset 20"},
		"utf-16":            {"\xff\xfea\x00", "", "f:1: UTF-16, not UTF-8"},
		"utf-16 big endian": {"\xfe\xff\x00a", "", "f:1: UTF-16, not UTF-8"},
		"cut in a letter":   {"\n\n\xc3", "", "f:3: not UTF-8: byte 0xc3 at offset 2"},
	} {
		got, problem := schema.Text("f", []byte(test.data))
		said := ""
		if problem != nil {
			said = problem.Error()
		}
		if string(got) != test.want || said != test.problem {
			t.Errorf("%s: got %q, %q, want %q, %q", name, got, said, test.want, test.problem)
		}
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"title", "tags", "date", "description", "url"}
	for got, want := range map[string]string{
		"titel": "title", "tag": "tags", "Date": "date", "desciption": "description", "uri": "url", "layout": "", "": "", "x": "", "ulr": "",
	} {
		if s := schema.Suggest(got, known); s != want {
			t.Errorf("%q: got %q, want %q", got, s, want)
		}
	}
}
