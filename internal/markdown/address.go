package markdown

import (
	"html"
	"path"
	"strings"
)

// clipExtensions are those of the files that a player plays.
var clipExtensions = map[string]bool{
	".mp4": true, ".m4v": true, ".mov": true, ".webm": true, ".mkv": true, ".avi": true, ".mpg": true, ".mpeg": true,
	".ts": true, ".mts": true, ".flv": true, ".wmv": true, ".ogv": true, ".3gp": true, ".m3u8": true,
	".mp3": true, ".m4a": true, ".aac": true, ".ogg": true, ".opus": true, ".wav": true, ".flac": true,
}

// isClip tells whether the target of a picture is a clip: a "stream:" key, or a name with the extension of a clip. A
// query or fragment does not count, unless it is what holds the extension: "take#2.mp4" is a file's name.
func isClip(target string) bool {
	if scheme(target) == "stream" {
		return true
	}
	name, _, _ := strings.Cut(target, "#")
	name, _, _ = strings.Cut(name, "?")
	extension := path.Ext(name)
	if extension == "" {
		extension = path.Ext(target)
	}
	return clipExtensions[strings.ToLower(extension)]
}

// asBrowser is an address as a browser reads it: without control characters and spaces at its ends and without tabs
// and line ends anywhere (URL Standard §4.4).
func asBrowser(address string) string {
	address = strings.TrimFunc(address, func(r rune) bool { return r <= ' ' })
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, address)
}

// scheme is the lower-case scheme of an address, or "" when it is relative.
func scheme(address string) string {
	address = asBrowser(address)
	for i := range len(address) {
		switch c := address[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return strings.ToLower(address[:i])
		default:
			return ""
		}
	}
	return ""
}

// runsCode tells whether following an address would run code in the page, or leads nowhere on the web.
func runsCode(address string) bool {
	switch scheme(address) {
	case "javascript", "vbscript", "data", "blob", "filesystem":
		return true
	}
	return false
}

// isExternal tells whether an address names its server.
func isExternal(address string) bool {
	s := scheme(address)
	return s != "" && s != "stream" || strings.HasPrefix(asBrowser(address), "//")
}

// attributeURL is an address as the value of a double-quoted attribute. Characters that the URL Standard (§4.3)
// allows nowhere are percent-encoded; percent escapes and letters of all scripts stay as they are.
func attributeURL(address string) string {
	address = asBrowser(address)
	host := 0 // brackets are allowed in the host: https://[::1]/
	if _, rest, ok := strings.Cut(address, "//"); ok {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		host = len(address) - len(rest) + end
	}
	var b strings.Builder
	for i := range len(address) {
		c := address[i]
		switch {
		case c <= ' ', c == 0x7f, strings.IndexByte("\"<>\\^`{|}", c) >= 0,
			c == '%' && !isEscape(address[i:]), (c == '[' || c == ']') && i >= host:
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		default:
			b.WriteByte(c)
		}
	}
	return html.EscapeString(b.String())
}

// isEscape tells whether s starts with a percent escape.
func isEscape(s string) bool {
	isHex := func(c byte) bool {
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
	}
	return len(s) > 2 && isHex(s[1]) && isHex(s[2])
}
