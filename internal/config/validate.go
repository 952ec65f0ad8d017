package config

import (
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"matinee/internal/diag"
	"matinee/internal/schema"
)

// A validator checks what field tags cannot say.
type validator struct {
	file     string
	lines    schema.Lines
	problems []error // of *diag.Problem
}

// wrong reports a key's value; got is what it is.
func (v *validator) wrong(key, want, got string) *diag.Problem {
	p := diag.At(v.file, v.lines.Of(key), "%s: want %s, got %q", key, want, got)
	v.problems = append(v.problems, p)
	return p
}

func (v *validator) config(c *Config) {
	c.URL = v.address("url", c.URL)
	c.Author.URL = v.address("author.url", c.Author.URL)
	c.Streaming.URL = v.address("streaming.url", c.Streaming.URL)
	c.Publish.Endpoint = v.address("publish.endpoint", c.Publish.Endpoint)
	c.Permalink = v.permalink(c.Permalink)
	v.language(c.Language)
	v.theme(c.Theme)
	v.menu(c.Menu)
	v.streaming(c.Streaming)
}

// address checks a full address and returns it without slashes at its end.
func (v *validator) address(key, s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		p := v.wrong(key, "a full address such as https://films.example.com", s)
		if !strings.Contains(s, "//") && strings.Contains(s, ".") {
			p.WithHint("put https:// in front")
		}
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		v.wrong(key, `an address without "?" and "#"`, s)
	case u.User != nil:
		v.wrong(key, "an address without a user name", s)
	}
	return strings.TrimRight(s, "/")
}

var placeholders = []string{":slug", ":section", ":year", ":month", ":day"}

var placeholder = regexp.MustCompile(`:\w*`)

// permalink checks the pattern of addresses and returns it with the slash at its end.
func (v *validator) permalink(s string) string {
	const key = "permalink"
	switch {
	case !strings.HasPrefix(s, "/"):
		v.wrong(key, "a path that begins with /, such as /:slug/", s)
		return s
	case strings.ContainsAny(s, "\\?#%\"<>|* ") || !fs.ValidPath(strings.Trim(s, "/")):
		v.wrong(key, "a plain path such as /:year/:slug/", s)
		return s
	}
	for _, p := range placeholder.FindAllString(s, -1) {
		if !slices.Contains(placeholders, p) {
			v.placeholder(p)
		}
	}
	if !slices.Contains(placeholder.FindAllString(s, -1), ":slug") {
		v.wrong(key, "a path with :slug in it, or all posts would have one address", s)
	}
	return strings.TrimRight(s, "/") + "/"
}

func (v *validator) placeholder(p string) {
	meant := ""
	if s := schema.Suggest(p, placeholders); s != "" {
		meant = " (did you mean " + s + "?)"
	}
	v.problems = append(v.problems, diag.At(v.file, v.lines.Of("permalink"), "permalink: unknown placeholder %s%s", p, meant).
		WithHint("the placeholders are %s", strings.Join(placeholders, ", ")))
}

func (v *validator) language(s string) {
	tag, err := language.Parse(s)
	switch {
	case err != nil || s == "":
		v.wrong("language", "a language tag such as en or pt-BR", s)
	case strings.Contains(s, "_"):
		v.wrong("language", "a language tag with hyphens: "+tag.String(), s)
	}
}

func (v *validator) theme(s string) {
	if !fs.ValidPath(s) || strings.ContainsAny(s, `/\`) || strings.HasPrefix(s, ".") {
		v.wrong("theme", "default or the name of a folder under themes/", s)
	}
}

func (v *validator) menu(items []MenuItem) {
	for _, item := range items {
		u, err := url.Parse(item.URL)
		if item.URL == "" {
			continue // missing, which is reported already
		}
		if err != nil || (u.Scheme == "" && !strings.HasPrefix(item.URL, "/")) || !slices.Contains([]string{"", "http", "https", "mailto"}, u.Scheme) {
			v.wrong("menu.url", "a path that begins with /, or a full address", item.URL)
		}
	}
}

func (v *validator) streaming(s Streaming) {
	for i, height := range s.Ladder.Rungs {
		if height > 4320 || height%2 != 0 || slices.Contains(s.Ladder.Rungs[:i], height) {
			p := diag.At(v.file, v.lines.Of("streaming.ladder"), "streaming.ladder: want different even heights up to 4320, got %d", height)
			v.problems = append(v.problems, p)
		}
	}
	if s.Delivery == "rtmp" && s.RTMP == "" {
		p := diag.At(v.file, v.lines.Of("streaming.delivery"), "streaming.rtmp is missing: delivery is rtmp").
			WithHint("add rtmp: rtmp://media.example.com/cfx/st under streaming")
		v.problems = append(v.problems, p)
	}
}
