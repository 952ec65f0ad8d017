package config

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
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

func (v *validator) report(p *diag.Problem) {
	v.problems = append(v.problems, p)
}

// at makes a problem with the value at a path ("menu.0.url").
func (v *validator) at(path, format string, args ...any) *diag.Problem {
	key := index.ReplaceAllString(path, "")
	return diag.At(v.file, v.lines.Of(path), "%s: %s", key, fmt.Sprintf(format, args...))
}

// index is the place of an item in a list, which a blogger does not count.
var index = regexp.MustCompile(`\.\d+`)

// want makes a problem with a value that is not what its key takes.
func (v *validator) want(path, want, got string) *diag.Problem {
	return v.at(path, "want %s, got %q", want, got)
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
	v.ladder(c.Streaming.Ladder)
	c.Streaming.RTMP = v.rtmp(c.Streaming)
	v.command(c.Captions.Command)
}

// address checks a full address and returns it without slashes at its end, and as feeds and sitemaps must have it: in
// ASCII (RFC 3986 section 2, RFC 5891).
func (v *validator) address(key, s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		p := v.want(key, "a full address such as https://films.example.com", s)
		if !strings.Contains(s, "//") && strings.Contains(s, ".") {
			p.Hint = "put https:// in front"
		}
		v.report(p)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		v.report(v.want(key, `an address without "?" and "#"`, s))
	case u.User != nil:
		v.report(v.want(key, "an address without a user name", s))
	case key == "url" && strings.ContainsAny(u.Path, " {}"):
		v.report(v.want(key, "an address without spaces and braces", s))
	case !isASCII(s):
		host, err := asciiHost(u.Host)
		if err != nil {
			v.report(v.want(key, "an address whose host can exist", s))
			break
		}
		u.Host = host
		s = u.String()
	}
	return strings.TrimRight(s, "/")
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// asciiHost is a host, and the port behind it, as it is looked up: "xn--exmple-cua.com" of "exämple.com".
func asciiHost(host string) (string, error) {
	if isASCII(host) {
		return host, nil
	}
	name, port, hasPort := strings.Cut(host, ":") // a name beyond ASCII is no IPv6 address
	name, err := idna.Lookup.ToASCII(name)
	if hasPort {
		name += ":" + port
	}
	return name, err
}

var placeholders = []string{":slug", ":section", ":year", ":month", ":day"}

var placeholder = regexp.MustCompile(`:\w*`)

// permalink checks the pattern of addresses and returns it with the slash at its end.
func (v *validator) permalink(s string) string {
	const key = "permalink"
	switch {
	case !strings.HasPrefix(s, "/"):
		v.report(v.want(key, "a path that begins with /, such as /:slug/", s))
		return s
	case strings.ContainsAny(s, "\\?#%\"<>|* ") || !fs.ValidPath(strings.Trim(s, "/")):
		v.report(v.want(key, "a plain path such as /:year/:slug/", s))
		return s
	case strings.Contains(path.Base(s), "."):
		v.report(v.want(key, "a folder such as /:slug/", s).WithHint("pages are folders' index.html"))
		return s
	}
	hasSlug := false
	for _, p := range placeholder.FindAllString(s, -1) {
		meant := p
		if !slices.Contains(placeholders, p) {
			meant = v.unknownPlaceholder(p)
		}
		hasSlug = hasSlug || meant == ":slug"
	}
	if !hasSlug {
		v.report(v.want(key, "a path with :slug in it, or posts would share an address", s))
	}
	return strings.TrimRight(s, "/") + "/"
}

// unknownPlaceholder reports a placeholder and returns the one that was meant, where that can be guessed.
func (v *validator) unknownPlaceholder(p string) string {
	meant := schema.Suggest(p, placeholders)
	guess := ""
	if meant != "" {
		guess = " (did you mean " + meant + "?)"
	}
	v.report(v.at("permalink", "unknown placeholder %s%s", p, guess).WithHint("the placeholders are %s", strings.Join(placeholders, ", ")))
	return meant
}

func (v *validator) language(s string) {
	tag, err := language.Parse(s)
	switch {
	case err != nil || s == "":
		v.report(v.want("language", "a language tag such as en or pt-BR", s))
	case strings.Contains(s, "_"):
		v.report(v.want("language", "a language tag with hyphens: "+tag.String(), s))
	}
}

func (v *validator) theme(s string) {
	if !fs.ValidPath(s) || strings.ContainsAny(s, `/\`) || strings.HasPrefix(s, ".") {
		v.report(v.want("theme", "default or the name of a folder under themes/", s))
	}
}

func (v *validator) menu(items []MenuItem) {
	for i, item := range items {
		u, err := url.Parse(item.URL)
		switch {
		case item.URL == "": // missing, which the decoder reported
		case err != nil,
			u.Scheme == "" && (!strings.HasPrefix(item.URL, "/") || u.Host != ""),
			!slices.Contains([]string{"", "http", "https", "mailto"}, u.Scheme):
			v.report(v.want(fmt.Sprintf("menu.%d.url", i), "a path that begins with /, or a full address", item.URL))
		}
	}
}

// command checks a command that makes captions.
func (v *validator) command(command []string) {
	const key = "captions.command"
	const example = `for example ["whisper-cli", "-f", "{audio}", "-ovtt", "-of", "{output}"]`
	arguments := strings.Join(command, " ")
	switch {
	case len(command) == 0:
	case command[0] == "" || strings.Contains(command[0], "{"):
		v.report(v.want(key, "a program first", command[0]).WithHint(example))
	case !strings.Contains(arguments, "{input}") && !strings.Contains(arguments, "{audio}"):
		v.report(v.at(key, "no argument holds {input} or {audio}, so the program would not know the clip").WithHint(example))
	case !strings.Contains(arguments, "{output}"):
		v.report(v.at(key, "no argument holds {output}, so the program would not know where to write").WithHint(example))
	}
}

func (v *validator) ladder(l Ladder) {
	v.heights("streaming.ladder", l.Rungs)
	if d := l.Detail; d != nil {
		v.heights("streaming.ladder.heights", d.Rungs)
		if d.Codecs != nil && !slices.Contains(d.Codecs, "h264") {
			v.report(v.at("streaming.ladder.codecs", "without h264 not every browser has something to play").WithHint("write [h264, av1]"))
		}
	}
}

func (v *validator) heights(path string, heights []int) {
	for i, height := range heights {
		rung := fmt.Sprintf("%s.%d", path, i)
		switch {
		case height == 0: // not a number, which the decoder reported
		case height > 4320 || height%2 != 0:
			v.report(v.at(rung, "want even heights up to 4320, got %d", height))
		case slices.Contains(heights[:i], height):
			v.report(v.at(rung, "%d is there twice", height))
		}
	}
}

// application is the path of an RTMP address. Programs take its first two names for the application and what follows for
// the clip, so a third name would not be found by them; and nobody decodes what is percent-encoded.
var application = regexp.MustCompile(`^(/[\w~-][\w.~-]*){1,2}/?$`)

// rtmp checks the address of the RTMP server and returns it without a slash at its end.
func (v *validator) rtmp(s Streaming) string {
	const key = "streaming.rtmp"
	if s.RTMP == "" {
		if s.Delivery == "rtmp" {
			v.report(v.at("streaming.delivery", "rtmp needs to know the server").
				WithHint("add a line such as rtmp: rtmp://media.example.com/cfx/st under streaming"))
		}
		return ""
	}
	u, err := url.Parse(s.RTMP)
	switch {
	case err != nil || (u.Scheme != "rtmp" && u.Scheme != "rtmps") || u.Hostname() == "":
		v.report(v.want(key, "an address such as rtmp://media.example.com/cfx/st", s.RTMP))
	case u.User != nil:
		v.report(v.at(key, "the name and password in it would stand in every page").
			WithHint("have the server let everyone play, and name it without them"))
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s.RTMP, "#"):
		v.report(v.want(key, `an address without "?" and "#"`, s.RTMP))
	case !application.MatchString(u.EscapedPath()):
		v.report(v.want(key, "an application of one or two plain names, such as /vod or /cfx/st", u.Path).
			WithHint("players take the first two names for the application and the rest for the clip"))
	}
	return strings.TrimRight(s.RTMP, "/")
}
