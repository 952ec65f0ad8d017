// Package preview answers HTTP requests with a built site, as the real servers will: the same addresses, the same
// media types, the same headers, byte ranges for clips, the site's own 404 page. What works in the preview works when
// published; publishing takes its headers from [Headers].
//
// It serves what it is given and nothing around it: paths go to an fs.FS unless they are clean, so the caller decides
// with the file system (os.Root's, say) whether symbolic links may lead elsewhere. It lists no folders and takes no
// request but GET and HEAD.
package preview

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// A Handler serves a built site. Addresses are those of the site from its root on; to serve it below a prefix, wrap
// it with http.StripPrefix.
type Handler struct {
	Files     fs.FS    // the built site
	StreamURL string   // address of the streaming distribution, for the content security policy; "" for the same origin
	Elsewhere []string // origins of further streams that pages play, likewise
}

// ServeHTTP implements http.Handler.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this site can only be read", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case name == "" || strings.HasSuffix(name, "/"):
		name += "index.html"
	case path.Base(name) == "index.html" && h.isFile(name):
		redirect(w, r, "./")
		return
	case h.isFile(name + "/index.html"):
		redirect(w, r, "./"+(&url.URL{Path: path.Base(name)}).EscapedPath()+"/")
		return
	}
	file, info, err := h.open(name)
	if err != nil {
		h.notFound(w, r)
		return
	}
	defer file.Close() //nolint:errcheck // only read
	maps.Copy(w.Header(), Headers(name, h.StreamURL, h.Elsewhere...))
	if tag := entityTag(info); tag != "" {
		w.Header().Set("ETag", `"`+tag+`"`)
	}
	serve(w, r, file, info)
}

// redirect sends the browser to an address relative to the one it asked for, which holds under every prefix. It is
// temporary: browsers remember permanent ones for as long as they live, and the next site on this port is another.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

func (h Handler) isFile(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	info, err := fs.Stat(h.Files, name)
	return err == nil && !info.IsDir()
}

// open opens a file, as opposed to a folder.
func (h Handler) open(name string) (fs.File, fs.FileInfo, error) {
	file, err := h.Files.Open(name) // refuses paths that are not clean: fs.ValidPath
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", name)
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// notFound answers with the site's 404 page where it has one.
func (h Handler) notFound(w http.ResponseWriter, r *http.Request) {
	const name = "404.html"
	page, err := fs.ReadFile(h.Files, name)
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	maps.Copy(w.Header(), Headers(name, h.StreamURL, h.Elsewhere...))
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(http.StatusNotFound)
	if r.Method == http.MethodGet {
		_, _ = w.Write(page) // nobody is left to tell when the browser has gone
	}
}

// entityTag names this content of a file. Time and size do for a folder whose files are replaced whole; the content
// is not read, because clips are large. A file system without times has no tags.
func entityTag(info fs.FileInfo) string {
	if info.ModTime().IsZero() {
		return ""
	}
	return fmt.Sprintf("%x-%x", info.ModTime().UnixNano(), info.Size())
}

// serve answers with a file, all of it or the ranges asked for (RFC 9110 sections 13 and 14), compressed where that
// is worth it. A request for a range always gets bytes of the file itself.
func serve(w http.ResponseWriter, r *http.Request, file fs.File, info fs.FileInfo) {
	compressible := isText(w.Header().Get("Content-Type"))
	if compressible {
		w.Header().Set("Vary", "Accept-Encoding")
	}
	content, ok := file.(io.ReadSeeker)
	if !ok || compressible && info.Size() >= worthCompressing && r.Header.Get("Range") == "" && acceptsGzip(r) {
		data, err := io.ReadAll(file)
		if err != nil {
			clear(w.Header())
			http.Error(w, "the file cannot be read: "+err.Error(), http.StatusInternalServerError)
			return
		}
		if ok {
			data = compress(data)
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("ETag", strings.TrimSuffix(w.Header().Get("ETag"), `"`)+`-gz"`) // other bytes, other tag
		}
		content = bytes.NewReader(data)
	}
	http.ServeContent(w, r, "", info.ModTime(), content)
}

// worthCompressing is what fits one packet anyway.
const worthCompressing = 1400

func compress(data []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is a valid one
	_, _ = z.Write(data)                            // a bytes.Buffer never fails
	_ = z.Close()
	return b.Bytes()
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3) as far as it concerns gzip.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, parameter, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, weight, weighted := strings.Cut(parameter, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		return !weighted || err == nil && q > 0
	}
	return false
}
