package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/schema"
	"matinee/internal/testenv"
)

// full has every key.
const full = `title: Films
description: Small films, made at home
url: https://films.example.com/blog/
language: pt-BR
author: {name: Your Name, email: you@example.com, url: https://example.com}
theme: night
accent: "#c2410c"
permalink: /:year/:month/:day/:section/:slug
per_page: 24
menu: [{title: Films, url: /}, {title: Mail, url: "mailto:you@example.com"}, {title: Else, url: "https://example.org"}]
markdown: {html: true}
streaming:
  url: https://d111.cloudfront.net
  delivery: rtmp
  encoder: mediaconvert
  ladder: [1080, 720, 480, 240]
  rtmp: rtmp://media.example.com/cfx/st
audio: {loudness: -16}
captions: {command: [whisper-cli, "-f", "{audio}", "-of", "{output}"], transcript: false}
player: {autoplay: true, loop: true, edition: native, token: abc, flash: swf}
publish:
  target: dir
  dir: /srv/films
  stack: films
  static: {bucket: films-site, distribution: E123}
  stream: {bucket: films-stream, distribution: E456}
  region: eu-central-1
  profile: me
  endpoint: https://s3.example.com
`

func TestEveryKey(t *testing.T) {
	got, err := config.Parse("site.yaml", []byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if line := got.Lines.Of("streaming.rtmp"); line != 17 {
		t.Errorf("streaming.rtmp stands on line %d, want 17", line)
	}
	got.Lines = schema.Lines{}
	want := config.Config{
		Title: "Films", Description: "Small films, made at home", URL: "https://films.example.com/blog", Language: "pt-BR",
		Author: config.Author{Name: "Your Name", Email: "you@example.com", URL: "https://example.com"},
		Theme:  "night", Accent: "#c2410c", Permalink: "/:year/:month/:day/:section/:slug/", PerPage: 24,
		Menu:      []config.MenuItem{{"Films", "/"}, {"Mail", "mailto:you@example.com"}, {"Else", "https://example.org"}},
		Markdown:  config.Markdown{HTML: true},
		Streaming: config.Streaming{URL: "https://d111.cloudfront.net", Delivery: "rtmp", Encoder: "mediaconvert", Ladder: config.Ladder{Rungs: []int{1080, 720, 480, 240}}, RTMP: "rtmp://media.example.com/cfx/st"},
		Audio:     config.Audio{Loudness: -16},
		Captions:  config.Captions{Command: []string{"whisper-cli", "-f", "{audio}", "-of", "{output}"}},
		Player:    config.Player{Autoplay: true, Loop: true, Edition: "native", Token: "abc", Flash: "swf"},
		Publish: config.Publish{
			Target: "dir", Dir: "/srv/films", Stack: "films", Static: config.Bucket{Bucket: "films-site", Distribution: "E123"},
			Stream: config.Bucket{Bucket: "films-stream", Distribution: "E456"}, Region: "eu-central-1", Profile: "me", Endpoint: "https://s3.example.com",
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// A site needs a title; the rest has defaults, which are valid and are those of the JSON Schema.
func TestDefaults(t *testing.T) {
	got, err := config.Parse("site.yaml", []byte("title: Films\n"))
	got.Lines = schema.Lines{}
	want := config.Default()
	want.Title = "Films"
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	empty, err := config.Parse("site.yaml", []byte("title: Films\nurl: ''\naccent: ''\nmenu:\nplayer:\npublish: {profile: '', endpoint: '', stack: '', static: {bucket: ''}}\nstreaming: {url: '', ladder: auto}\n"))
	empty.Lines = schema.Lines{}
	if err != nil || !reflect.DeepEqual(empty, want) {
		t.Errorf("got %+v, %v of empty keys, want %+v", empty, err, want)
	}
}

// Feeds and sitemaps hold addresses in ASCII alone.
func TestAddressBeyondASCII(t *testing.T) {
	for written, want := range map[string]string{
		"https://exämple.com/":         "https://xn--exmple-cua.com",
		"https://exämple.com:8443/ü/":  "https://xn--exmple-cua.com:8443/%C3%BC",
		"https://example.com/fílms":    "https://example.com/f%C3%ADlms",
		"https://example.com/f%C3%ADl": "https://example.com/f%C3%ADl",
	} {
		c, err := config.Parse("site.yaml", []byte("title: x\nurl: "+written))
		if err != nil || c.URL != want {
			t.Errorf("%s is %s, %v, want %s", written, c.URL, err, want)
		}
	}
}

func TestProblems(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"empty": {"", []string{"1: title is missing | add a line such as title: Films"}},
		"all at once": {"titel: x\nper_pages: 3\nurl: films.example.com\npermalink: :slug\nstreaming:\n  encoder: ffmpg\n", []string{
			`1: unknown key "titel" (did you mean "title"?)`,
			`2: unknown key "per_pages" (did you mean "per_page"?)`,
			`3: url: want a full address such as https://films.example.com, got "films.example.com" | put https:// in front`,
			`4: permalink: want a path that begins with /, such as /:slug/, got ":slug"`,
			`6: streaming.encoder: want auto, ffmpeg, copy or mediaconvert, got "ffmpg" (did you mean "ffmpeg"?)`,
		}},
		"Hugo's names": {"title: x\nbaseURL: https://example.com\npaginate: 3\n", []string{
			`2: unknown key "baseURL" (did you mean "url"?)`,
			`3: unknown key "paginate" (did you mean "per_page"?)`,
		}},
		"not http":              {"title: x\nurl: ftp://example.com", []string{`2: url: want a full address such as https://films.example.com, got "ftp://example.com"`}},
		"no host":               {"title: x\nurl: 'https:///x'", []string{`2: url: want a full address such as https://films.example.com, got "https:///x"`}},
		"query":                 {"title: x\nurl: https://example.com/?a=b", []string{`2: url: want an address without "?" and "#", got "https://example.com/?a=b"`}},
		"fragment":              {"title: x\nurl: 'https://example.com/#'", []string{`2: url: want an address without "?" and "#", got "https://example.com/#"`}},
		"space":                 {"title: x\nurl: https://example.com/my films", []string{`2: url: want an address without spaces and braces, got "https://example.com/my films"`}},
		"escaped space":         {"title: x\nurl: https://example.com/my%20films", []string{`2: url: want an address without spaces and braces, got "https://example.com/my%20films"`}},
		"impossible host":       {"title: x\nurl: https://-ä.com", []string{`2: url: want an address whose host can exist, got "https://-ä.com"`}},
		"user":                  {"title: x\nurl: https://me:pw@example.com", []string{`2: url: want an address without a user name, got "https://me:pw@example.com"`}},
		"other addresses":       {"title: x\nauthor: {url: x}\nstreaming: {url: y}\npublish:\n  endpoint: z\n", []string{`2: author.url: want a full address such as https://films.example.com, got "x"`, `3: streaming.url: want a full address such as https://films.example.com, got "y"`, `5: publish.endpoint: want a full address such as https://films.example.com, got "z"`}},
		"e-mail":                {"title: x\nauthor: {email: me}", []string{`2: author.email: want an e-mail address, got "me"`}},
		"author as text":        {"title: x\nauthor: Ada", []string{`2: author: want keys of its own (name: …), got "Ada"`}},
		"colour":                {"title: x\naccent: red", []string{`2: accent: want a colour such as "#c2410c", got "red"`}},
		"colour as a comment":   {"title: x\naccent: #c2410c", nil}, // to YAML the key is empty, and stays as it was
		"language":              {"title: x\nlanguage: english language", []string{`2: language: want a language tag such as en or pt-BR, got "english language"`}},
		"unknown language":      {"title: x\nlanguage: xq", []string{`2: language: want a language tag such as en or pt-BR, got "xq"`}},
		"underscore":            {"title: x\nlanguage: pt_BR", []string{`2: language: want a language tag with hyphens: pt-BR, got "pt_BR"`}},
		"no language":           {"title: x\nlanguage: ''", []string{`2: language: want a language tag such as en or pt-BR, got ""`}},
		"theme outside":         {"title: x\ntheme: ../x", []string{`2: theme: want default or the name of a folder under themes/, got "../x"`}},
		"hidden theme":          {"title: x\ntheme: .git", []string{`2: theme: want default or the name of a folder under themes/, got ".git"`}},
		"placeholder":           {"title: x\npermalink: /:years/:slug/", []string{`2: permalink: unknown placeholder :years (did you mean :year?) | the placeholders are :slug, :section, :year, :month, :day`}},
		"misspelt slug":         {"title: x\npermalink: /:slg/", []string{`2: permalink: unknown placeholder :slg (did you mean :slug?) | the placeholders are :slug, :section, :year, :month, :day`}},
		"no slug":               {"title: x\npermalink: /:year/", []string{`2: permalink: want a path with :slug in it, or posts would share an address, got "/:year/"`}},
		"permalink up":          {"title: x\npermalink: /../:slug/", []string{`2: permalink: want a plain path such as /:year/:slug/, got "/../:slug/"`}},
		"permalink query":       {"title: x\npermalink: '/?p=:slug'", []string{`2: permalink: want a plain path such as /:year/:slug/, got "/?p=:slug"`}},
		"permalink file":        {"title: x\npermalink: /:slug.html", []string{`2: permalink: want a folder such as /:slug/, got "/:slug.html" | pages are folders' index.html`}},
		"captions to nowhere":   {"title: x\ncaptions: {command: [whisper-cli, '{input}']}", []string{`2: captions.command: no argument holds {output}, so the program would not know where to write | for example ["whisper-cli", "-f", "{audio}", "-ovtt", "-of", "{output}"]`}},
		"captions of nothing":   {"title: x\ncaptions: {command: [whisper-cli, '{output}']}", []string{`2: captions.command: no argument holds {input} or {audio}, so the program would not know the clip | for example ["whisper-cli", "-f", "{audio}", "-ovtt", "-of", "{output}"]`}},
		"captions by nobody":    {"title: x\ncaptions: {command: ['{input}', '{output}']}", []string{`2: captions.command: want a program first, got "{input}" | for example ["whisper-cli", "-f", "{audio}", "-ovtt", "-of", "{output}"]`}},
		"per_page":              {"title: x\nper_page: 0", []string{`2: per_page: want a whole number of at least 1, got 0`}},
		"menu":                  {"title: x\nmenu:\n- title: A\n- {title: B, url: b}\n- {title: C, url: 'javascript:alert(1)'}\n", []string{"3: menu.url is missing | add a line such as url: /", `4: menu.url: want a path that begins with /, or a full address, got "b"`, `5: menu.url: want a path that begins with /, or a full address, got "javascript:alert(1)"`}},
		"menu host":             {"title: x\nmenu: [{title: A, url: //example.com}]", []string{`2: menu.url: want a path that begins with /, or a full address, got "//example.com"`}},
		"ladder":                {"title: x\nstreaming:\n  ladder: [721, 480, 480, a, 9000]\n", []string{`3: streaming.ladder: 480 is there twice`, `3: streaming.ladder: want a whole number of at least 16, got "a"`, `3: streaming.ladder: want even heights up to 4320, got 721`, `3: streaming.ladder: want even heights up to 4320, got 9000`}},
		"ladder as a word":      {"title: x\nstreaming: {ladder: all}", []string{`2: streaming.ladder: want auto, got "all"`}},
		"ladder as keys":        {"title: x\nstreaming: {ladder: {a: b}}", []string{`2: unknown key "a" in streaming.ladder | the keys here are codecs, heights`}},
		"ladder of codecs":      {"title: x\nstreaming:\n  ladder: {codecs: [av1, vp9], heights: [721]}", []string{`3: streaming.ladder.codecs: want h264 or av1, got "vp9"`, `3: streaming.ladder.codecs: without h264 not every browser has something to play | write [h264, av1]`, `3: streaming.ladder.heights: want even heights up to 4320, got 721`}},
		"loudness":              {"title: x\naudio: {loudness: 16}", []string{`2: audio.loudness: want a loudness between -70 and -5 LUFS, such as -16, got 16`}},
		"rtmp without a server": {"title: x\nstreaming:\n  delivery: rtmp", []string{"3: streaming.delivery: rtmp needs to know the server | add a line such as rtmp: rtmp://media.example.com/cfx/st under streaming"}},
		"rtmp without a host":   {"title: x\nstreaming: {rtmp: 'rtmp:///cfx/st'}", []string{`2: streaming.rtmp: want an address such as rtmp://media.example.com/cfx/st, got "rtmp:///cfx/st"`}},
		"rtmp with a password":  {"title: x\nstreaming:\n  rtmp: rtmp://me:pw@a/b", []string{"3: streaming.rtmp: the name and password in it would stand in every page | have the server let everyone play, and name it without them"}},
		"rtmp with a query":     {"title: x\nstreaming: {rtmp: 'rtmp://a/b?c=d'}", []string{`2: streaming.rtmp: want an address without "?" and "#", got "rtmp://a/b?c=d"`}},
		"rtmp alone":            {"title: x\nstreaming: {rtmp: 'rtmp://a/'}", []string{`2: streaming.rtmp: want an application of one or two plain names, such as /vod or /cfx/st, got "/" | players take the first two names for the application and the rest for the clip`}},
		"rtmp too deep":         {"title: x\nstreaming: {rtmp: 'rtmp://a/b/c/d'}", []string{`2: streaming.rtmp: want an application of one or two plain names, such as /vod or /cfx/st, got "/b/c/d" | players take the first two names for the application and the rest for the clip`}},
		"rtmp encoded":          {"title: x\nstreaming: {rtmp: 'rtmp://a/b%20c'}", []string{`2: streaming.rtmp: want an application of one or two plain names, such as /vod or /cfx/st, got "/b c" | players take the first two names for the application and the rest for the clip`}},
		"rtmp and a slash":      {"title: x\nstreaming: {delivery: rtmp, rtmp: 'rtmps://a:1936/b/'}", nil},
		"rtmp over http":        {"title: x\nstreaming: {delivery: rtmp, rtmp: 'http://a/b'}", []string{`2: streaming.rtmp: want an address such as rtmp://media.example.com/cfx/st, got "http://a/b"`}},
		"bucket":                {"title: x\npublish:\n  static: {bucket: My Bucket, distribution: 'e 1'}", []string{`3: publish.static.bucket: want a bucket's name: 3 to 63 small letters, digits, dots and hyphens, got "My Bucket"`, `3: publish.static.distribution: want a distribution's id such as E1A2B3C4D5E6F7, got "e 1"`}},
		"not UTF-8":             {"title: Caf\xe9", []string{"1: not UTF-8: byte 0xe9 at offset 10 | save the file as UTF-8 (in most editors: Save with encoding)"}},
		"crlf and a BOM":        {"\uFEFFtitle: x\r\nper_page: y\r\n", []string{`2: per_page: want a whole number of at least 1, got "y"`}},
		"tab":                   {"title: x\nplayer:\n\tloop: true\n", []string{"3: tab used for indentation; YAML wants spaces"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(fstest.MapFS{"site.yaml": &fstest.MapFile{Data: []byte(test.file)}}, "site.yaml")
			if got := told(err); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
			}
		})
	}
}

func told(err error) []string {
	problems, rest := diag.Problems(err)
	var said []string
	for _, p := range problems {
		text := strings.TrimPrefix(p.Error(), "site.yaml:")
		if p.Hint != "" {
			text += " | " + p.Hint
		}
		said = append(said, text)
	}
	for _, err := range rest {
		said = append(said, "not a problem: "+err.Error())
	}
	return said
}

func TestUnreadable(t *testing.T) {
	site := fstest.MapFS{
		"folder/site.yaml/x": &fstest.MapFile{},
		"huge.yaml":          &fstest.MapFile{Data: []byte("title: x\na: &a x\n" + strings.Repeat("b: *a\n", 10<<20/6))},
	}
	if _, err := config.Load(site, "site.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v of a file that is not there", err)
	}
	if _, err := config.Load(site, "folder/site.yaml"); len(told(err)) != 1 || !strings.HasPrefix(err.Error(), "folder/site.yaml: cannot be read: ") {
		t.Errorf("got %v of a folder", err)
	}
	if _, err := config.Load(site, "huge.yaml"); err == nil || err.Error() != "huge.yaml: cannot be read: larger than 1 MB" {
		t.Errorf("got %v of 10 MB of aliases", err)
	}
	dir := t.TempDir()
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, "site.yaml")); err != nil {
		testenv.Missing(t, "there are no symbolic links: %v", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close() //nolint:errcheck // read only
	if _, err := config.Load(root.FS(), "site.yaml"); err == nil || err.Error() != "site.yaml: cannot be read: path escapes from parent" {
		t.Errorf("got %v of a link out of the site", err)
	}
}

// The JSON Schema describes every key and takes what the decoder takes.
func TestSchema(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(config.Schema())))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("site.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("site.json")
	if err != nil {
		t.Fatal(err)
	}
	keys := described(t, "", doc.(map[string]any))
	if len(keys) > 60 {
		t.Errorf("%d keys: site.yaml is to stay small", len(keys))
	}
	for _, text := range []string{full, "title: Films", "title: 12\nurl: ''\nplayer:\n"} {
		document := toJSON(t, text)
		if err := s.Validate(document); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if text != full {
			continue
		}
		for _, key := range keys {
			if !has(document, strings.Split(key, ".")) {
				t.Errorf("key %s is not tried", key)
			}
		}
	}
	for _, text := range []string{"titel: x", "{}", "title: x\nper_page: 0", "title: x\naccent: red", "title: x\nstreaming: {delivery: dash}"} {
		if s.Validate(toJSON(t, text)) == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

// toJSON reads YAML as the value a validator takes.
func toJSON(t *testing.T, text string) any {
	t.Helper()
	var v struct {
		Params map[string]any `key:"params"`
	}
	nested := "params:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
	if _, err := schema.Decode(schema.Source{Data: []byte(nested)}, &v); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(v.Params)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(written)))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// described lists the keys of a schema and reports those without a description.
func described(t *testing.T, path string, s map[string]any) []string {
	t.Helper()
	var keys []string
	properties, _ := s["properties"].(map[string]any)
	for name, value := range properties {
		property := value.(map[string]any)
		if text, _ := property["description"].(string); !strings.HasSuffix(text, ".") {
			t.Errorf("key %s%s is described as %q, not by a sentence", path, name, text)
		}
		if _, nested := property["properties"]; !nested {
			keys = append(keys, path+name)
		}
		keys = append(keys, described(t, path+name+".", property)...)
	}
	return keys
}

func has(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	m, _ := v.(map[string]any)
	inner, ok := m[path[0]]
	return ok && has(inner, path[1:])
}

func ExampleParse() {
	_, err := config.Parse("site.yaml", []byte("title: Films\nper_pages: 3\nlanguage: pt_BR\n"))
	problems, _ := diag.Problems(err)
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// site.yaml:2: unknown key "per_pages" (did you mean "per_page"?)
	// site.yaml:3: language: want a language tag with hyphens: pt-BR, got "pt_BR"
}
