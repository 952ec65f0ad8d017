package preview

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// ContentSecurityPolicy is the policy of every page: its own files and those of the streaming distribution, and
// nothing else. Pages have no inline script or style, ever. streamURL is the address of the streaming distribution,
// "" when clips come from the site itself; elsewhere are addresses whose hosts have further streams that pages play.
// Who may frame a page is not restricted here: that is what embeds are for.
func ContentSecurityPolicy(streamURL string, elsewhere ...string) string {
	stream := origin(streamURL)
	media := stream
	for _, address := range elsewhere {
		if o := origin(address); !strings.Contains(media+" ", o+" ") {
			media += o
		}
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self' data:" + stream,
		"font-src 'self'",
		"media-src 'self' blob:" + media, // hls.js plays from blob: URLs, and demuxes in a worker made from one
		"worker-src 'self' blob:",
		"connect-src 'self'" + media,
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'self'",
	}, "; ")
}

// origin is the origin of an address with a space before it; "" of what has none.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(u.Host, " ;,'*") {
		return ""
	}
	return " " + u.Scheme + "://" + u.Host
}

// pictureSecurityPolicy lets an SVG that is opened by itself be a picture: styled, but without scripts.
const pictureSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

// Headers are the response headers of a file of the built site, for preview and publishing alike. name is the file's
// slash-separated path in the site ("a-walk/index.html"); the other addresses are those of ContentSecurityPolicy.
func Headers(name, streamURL string, elsewhere ...string) http.Header {
	h := make(http.Header)
	h.Set("Content-Type", ContentType(name))
	h.Set("Cache-Control", CacheControl(name))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	switch path.Ext(name) {
	case ".html":
		h.Set("Content-Security-Policy", ContentSecurityPolicy(streamURL, elsewhere...))
	case ".svg":
		h.Set("Content-Security-Policy", pictureSecurityPolicy)
	}
	return h
}

// digest is a part of a name that changes with the content: "assets/style.75bab390.css", "assets/player-3f9a2c1b/skin.css",
// "stream/walk-3f9a2c1b7d/720p.mp4". A date is none, however much it looks like one: "assets/IMG-20261122.jpg".
var digest = regexp.MustCompile(`^(assets/(.+\.[0-9a-f]{8}(\.[^./]+)?$|player-[0-9a-f]{8}/)|(posters|stream)/([^/]*-)?[0-9a-f]{10,}/)`)

// CacheControl is "for ever" where a file's name changes with its content, and "ask first" elsewhere: also for files
// that authors put into the same folders.
func CacheControl(name string) string {
	if digest.MatchString(name) {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// ContentType is the media type of a file by its name. It knows every type a site of ours is made of and does not ask
// the system, so that it is the same on all machines.
func ContentType(name string) string {
	switch path.Base(name) {
	case "rss.xml", "feed.xml":
		return "application/rss+xml; charset=utf-8"
	case "atom.xml":
		return "application/atom+xml; charset=utf-8"
	}
	ext := strings.ToLower(path.Ext(name))
	if ext == "" { // LICENSE, CNAME …
		return "text/plain; charset=utf-8"
	}
	if t, ok := contentTypes[ext]; ok {
		return t
	}
	return "application/octet-stream"
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8", // RFC 9239
	".mjs":  "text/javascript; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
	".md":   "text/markdown; charset=utf-8",
	".xml":  "application/xml; charset=utf-8",
	".json": "application/json", // UTF-8 by definition, RFC 8259 section 8.1
	".map":  "application/json",
	".wasm": "application/wasm",
	".pdf":  "application/pdf",
	".zip":  "application/zip",

	".webmanifest": "application/manifest+json",

	".m3u8": "application/vnd.apple.mpegurl", // RFC 8216 section 10
	".mp4":  "video/mp4",
	".m4v":  "video/mp4",
	".m4s":  "video/mp4",
	".mov":  "video/quicktime",
	".webm": "video/webm",
	".ts":   "video/mp2t",
	".m4a":  "audio/mp4",
	".mp3":  "audio/mpeg",
	".ogg":  "audio/ogg",
	".opus": "audio/ogg",
	".wav":  "audio/wav",
	".vtt":  "text/vtt; charset=utf-8",
	".srt":  "application/x-subrip; charset=utf-8",

	".svg":  "image/svg+xml",
	".avif": "image/avif",
	".webp": "image/webp",
	".jpg":  "image/jpeg",
	".jpeg": "image/jpeg",
	".png":  "image/png",
	".gif":  "image/gif",
	".ico":  "image/x-icon",

	".woff2": "font/woff2",
	".woff":  "font/woff",
	".ttf":   "font/ttf",
	".otf":   "font/otf",
}

// isText reports whether files of a media type are worth compressing.
func isText(mediaType string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	switch mediaType {
	case "image/svg+xml", "application/vnd.apple.mpegurl", "application/x-subrip", "application/wasm":
		return true
	}
	return strings.HasPrefix(mediaType, "text/") || strings.HasSuffix(mediaType, "json") || strings.HasSuffix(mediaType, "xml")
}
