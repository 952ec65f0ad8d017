// Package refs finds what pages and playlists cannot be shown without: styles, scripts, pictures, clips, captions,
// playlists and the files these name. Links that a reader may follow are not among them: they may lead anywhere.
package refs

import (
	"bufio"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"
)

// maxLine is the longest line of a playlist that is read.
const maxLine = 1 << 20

// A Resolver knows the addresses of a site. Its zero value is a site at the root of a host.
type Resolver struct {
	Site   string // address of the site's root, "https://films.example.com/"; "" when unknown
	Stream string // address of the streaming distribution's root; "" when clips come from the site
}

// A Need is a file of the site that another one cannot be shown without.
type Need struct {
	Key    string // "assets/style.75bab390.css"
	Stream bool   // it was named by the stream's address
}

// Needs returns what the file key needs of the site, as its content says. Only pages and playlists need anything; of other
// files the content is not read.
func (r Resolver) Needs(key string, content io.Reader) ([]Need, error) {
	read := inPage
	switch path.Ext(key) {
	case ".m3u8":
		read = inPlaylist
	case ".html":
	default:
		return nil, nil
	}
	written, err := read(content)
	var needs []Need
	for _, ref := range written {
		if to, stream, ok := r.Resolve(key, ref); ok {
			needs = append(needs, Need{to, stream})
		}
	}
	return needs, err
}

// Resolve returns the key of the file that ref, written in the file from ("a-walk/index.html"), leads to, and whether
// it is below the stream's address. ok is false when it leads out of the site.
func (r Resolver) Resolve(from, ref string) (key string, stream, ok bool) {
	site := root(r.Site)
	target, err := url.Parse(ref)
	if err != nil {
		return "", false, false
	}
	page := site.ResolveReference(&url.URL{Path: "./" + from})
	target = page.ResolveReference(target)
	if r.Stream != "" {
		if key, ok := under(root(r.Stream), target); ok {
			return key, true, true
		}
	}
	key, ok = under(site, target)
	return key, false, ok
}

// root is the address of a root; a made-up host when there is none.
func root(address string) *url.URL {
	u, err := url.Parse(strings.TrimRight(address, "/") + "/")
	if err != nil || address == "" {
		return &url.URL{Scheme: "https", Host: "site.invalid", Path: "/"}
	}
	return u
}

// under returns the key of a target below a root.
func under(root, target *url.URL) (key string, ok bool) {
	if target.Scheme != root.Scheme || target.Host != root.Host {
		return "", false
	}
	key, ok = strings.CutPrefix(target.Path, root.Path)
	if !ok {
		return "", false
	}
	if key == "" || strings.HasSuffix(key, "/") {
		key += "index.html"
	}
	key = path.Clean(key)
	return key, fs.ValidPath(key) && key != "."
}

// inPage returns the references of a page as they are written, in their order.
func inPage(r io.Reader) ([]string, error) {
	var found []string
	tokens := html.NewTokenizer(r)
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if err := tokens.Err(); err != io.EOF { //nolint:errorlint // the tokenizer returns io.EOF itself
				return nil, err
			}
			return found, nil
		case html.StartTagToken, html.SelfClosingTagToken:
			found = append(found, needed(tokens.Token())...)
		}
	}
}

// needed returns the references of a tag that are fetched with the page or when it plays.
func needed(tag html.Token) []string {
	attributes := map[string]string{}
	for _, a := range tag.Attr {
		attributes[a.Key] = strings.TrimSpace(a.Val)
	}
	var found []string
	add := func(names ...string) {
		for _, name := range names {
			if attributes[name] != "" {
				found = append(found, attributes[name])
			}
		}
	}
	switch tag.Data {
	case "img", "source", "video", "audio", "track", "script", "embed", "input":
		add("src", "poster")
		for candidate := range strings.SplitSeq(attributes["srcset"], ",") {
			if address, _, _ := strings.Cut(strings.TrimSpace(candidate), " "); address != "" {
				found = append(found, address)
			}
		}
	case "object":
		add("data")
	case "link":
		for rel := range strings.FieldsSeq(strings.ToLower(attributes["rel"])) {
			switch rel {
			case "stylesheet", "icon", "apple-touch-icon", "preload", "modulepreload", "manifest":
				add("href")
			}
		}
	}
	return found
}

// inPlaylist returns the references of an HLS playlist (RFC 8216): its lines that are no tags, and URI attributes.
func inPlaylist(r io.Reader) ([]string, error) {
	var found []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "":
		case !strings.HasPrefix(line, "#"):
			found = append(found, line)
		case strings.HasPrefix(line, "#EXT"):
			_, rest, ok := strings.Cut(line, `URI="`)
			if uri, _, closed := strings.Cut(rest, `"`); ok && closed && uri != "" {
				found = append(found, uri)
			}
		}
	}
	return found, lines.Err()
}
