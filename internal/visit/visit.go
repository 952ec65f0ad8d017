// Package visit looks at a published site as a visitor's browser does: it asks for an address, and says what of the
// answer keeps a site from working well.
//
// What an answer should be is known by whoever asks; see [Want]. Nothing is followed, kept or decoded: the answer that
// is judged is the one the address gives. A visit changes nothing, reads no more than a few kilobytes, and ends with its
// context.
package visit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Want is an address, and what its answer should be like.
type Want struct {
	URL    string
	Header http.Header // headers that it should have: Content-Type, Cache-Control, security headers; one that is missing may be anything

	// Size is the number of bytes of a file that players read in pieces; 0 for one that is read as a whole.
	Size int64

	// Origin is another site whose scripts must be able to read the answer: "https://films.example.com". "" when the
	// address is the site's own.
	Origin string
}

// An Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Proto  string // "HTTP/2.0"
	TLS    string // "TLS 1.3"; "" where there was none
}

// A Flaw is something about an answer that should be otherwise.
type Flaw struct {
	Text    string
	Hint    string // what to do about it; "" where that is not known
	IsFatal bool   // visitors do not get to see the site, or films do not play
}

// piece is how many bytes are asked for of a file that is read in pieces.
const piece = 1024

// A Visitor asks. The zero Visitor is ready to use.
type Visitor struct {
	TLS *tls.Config // nil for the system's certificates
}

// Visit asks for an address and returns the answer with its flaws, the worst first. The error is about an address that gives no answer,
// in words for the site's author: an [*Error], or the end of the context.
func (v Visitor) Visit(ctx context.Context, w Want) (Answer, []Flaw, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL, http.NoBody)
	if err != nil {
		return Answer{}, nil, &Error{Text: err.Error(), Hint: "check the address in site.yaml"}
	}
	if w.Size > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=0-%d", min(piece, w.Size)-1))
	}
	if w.Origin != "" {
		request.Header.Set("Origin", w.Origin)
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, DisableKeepAlives: true, DisableCompression: true,
		TLSClientConfig: v.TLS.Clone(), TLSHandshakeTimeout: 10 * time.Second,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return Answer{}, nil, explain(ctx, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	got, err := io.Copy(io.Discard, io.LimitReader(response.Body, 2*piece))
	if err != nil {
		return Answer{}, nil, explain(ctx, err)
	}
	a := Answer{Status: response.StatusCode, Header: response.Header, Proto: response.Proto}
	if response.TLS != nil {
		a.TLS = tls.VersionName(response.TLS.Version)
	}
	return a, judge(w, a, got), nil
}

// judge lists the flaws of an answer.
func judge(w Want, a Answer, got int64) []Flaw {
	j := judgement{want: w, answer: a}
	if !j.status(got) {
		return j.flaws // what is said along with an error is nothing to go by
	}
	j.contentType()
	j.sharing()
	j.connection()
	j.caching()
	j.security()
	return j.flaws
}

type judgement struct {
	want   Want
	answer Answer
	flaws  []Flaw
}

func (j *judgement) fatal(hint, format string, args ...any) {
	j.flaws = append(j.flaws, Flaw{fmt.Sprintf(format, args...), hint, true})
}

func (j *judgement) flaw(hint, format string, args ...any) {
	j.flaws = append(j.flaws, Flaw{Text: fmt.Sprintf(format, args...), Hint: hint})
}

// status tells whether the answer is the one that was asked for.
func (j *judgement) status(got int64) bool {
	a := j.answer
	text := strings.TrimSpace(fmt.Sprint(a.Status, " ", http.StatusText(a.Status)))
	switch {
	case a.Status >= 300 && a.Status < 400:
		j.fatal("use the address that it leads to in site.yaml, or take the redirect away", "it leads on to %s (%s)", a.Header.Get("Location"), text)
	case a.Status == http.StatusNotFound:
		j.fatal("run matinee publish, and look at what the address's host really serves", "there is nothing (%s)", text)
	case a.Status == http.StatusForbidden:
		j.fatal("the distribution may not read the bucket, or something in front of it keeps visitors out", "it is closed (%s)", text)
	case a.Status < 200 || a.Status >= 300:
		j.fatal("look at the host's own logs", "it answers %s", text)
	case j.want.Size > 0:
		return j.piece(got)
	default:
		return true
	}
	return false
}

// piece tells whether a piece of a file came, as players ask for it: RFC 9110 section 14.
func (j *judgement) piece(got int64) bool {
	const hint = "films can neither be streamed nor sought without byte ranges: switch them on, or use another host"
	asked := min(piece, j.want.Size)
	said := j.answer.Header.Get("Content-Range")
	switch {
	case j.answer.Status != http.StatusPartialContent:
		j.fatal(hint, "it answers with the whole file when a piece is asked for")
	case said != fmt.Sprintf("bytes 0-%d/%d", asked-1, j.want.Size):
		j.fatal("publish again, and have caches forget it", "the piece is %q, of a file that should have %d bytes", said, j.want.Size)
	case got != asked:
		j.fatal(hint, "the piece has %d bytes instead of %d", got, asked)
	case j.answer.Header.Get("Content-Encoding") != "":
		j.fatal("do not compress films: pieces of a compressed file are not pieces of the film", "it is compressed (%s)", j.answer.Header.Get("Content-Encoding"))
	default:
		return true
	}
	return false
}

func (j *judgement) contentType() {
	want, got := j.want.Header.Get("Content-Type"), j.answer.Header.Get("Content-Type")
	if want == got || want == "" {
		return
	}
	wantType, _, _ := mime.ParseMediaType(want)
	gotType, parameters, _ := mime.ParseMediaType(got)
	const hint = "publish again; a host of your own must be told the types (docs/hosting.md)"
	switch {
	case wantType != gotType:
		j.fatal(hint, "its type is %q instead of %q", got, want)
	case strings.Contains(want, "charset=utf-8") && !strings.EqualFold(parameters["charset"], "utf-8"):
		j.flaw(hint, "its type is %q, which does not say that it is UTF-8", got)
	}
}

// sharing checks that scripts of the site may read what is on another host: https://fetch.spec.whatwg.org/#cors-protocol
func (j *judgement) sharing() {
	if j.want.Origin == "" {
		return
	}
	const hint = "run matinee provision; a host of your own must send Access-Control-Allow-Origin (docs/hosting.md)"
	switch allowed := j.answer.Header.Get("Access-Control-Allow-Origin"); allowed {
	case j.want.Origin, "*":
	case "":
		j.fatal(hint, "pages of %s may not read it: it allows no other site (CORS)", j.want.Origin)
	default:
		j.fatal(hint, "pages of %s may not read it: it allows %s (CORS)", j.want.Origin, allowed)
	}
}

func (j *judgement) connection() {
	if j.answer.TLS == "" {
		if address, err := url.Parse(j.want.URL); err != nil || !isLocal(address.Hostname()) {
			j.flaw("have the host answer over https, and use that address in site.yaml", "it comes unencrypted")
		}
		return
	}
	if age(j.answer.Header.Get("Strict-Transport-Security"), "max-age") <= 0 {
		j.flaw("have the host send Strict-Transport-Security: max-age=31536000", "browsers are not told to use https alone (HSTS)")
	}
}

// isLocal tells whether a host is this machine, where there is nobody to listen in.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// caching compares how long an answer may be kept with how long it should be: for good, or not at all without asking.
func (j *judgement) caching() {
	want, said := j.want.Header.Get("Cache-Control"), j.answer.Header.Get("Cache-Control")
	const month = 30 * 24 * 60 * 60
	isForever, seconds := age(want, "max-age") >= month, age(said, "max-age")
	switch {
	case want == "":
	case isForever && seconds < month:
		j.flaw("publish again; a host of your own should send Cache-Control: public, max-age=31536000, immutable",
			"browsers ask for it again and again, though it never changes (Cache-Control: %s)", said)
	case !isForever && seconds > 60 && !strings.Contains(said, "no-cache"):
		j.flaw("publish again; a host of your own should send Cache-Control: no-cache", "visitors see changes only after %d seconds (Cache-Control: %s)", seconds, said)
	}
}

// age reads a number of seconds of a header, 0 where there is none.
func age(header, name string) int {
	for directive := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		if value, ok := strings.CutPrefix(strings.ToLower(directive), name+"="); ok {
			seconds, _ := strconv.Atoi(strings.Trim(value, `"`))
			return seconds
		}
	}
	return 0
}

// security compares the headers that protect visitors with those that the site is made for.
func (j *judgement) security() {
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
		want, got := j.want.Header.Get(name), j.answer.Header.Get(name)
		const hint = "run matinee provision; a host of your own should send what docs/hosting.md says"
		switch {
		case want == "" || want == got:
		case got == "":
			j.flaw(hint, "it has no %s", name)
		case name == "Content-Security-Policy" && !covers(got, want):
			j.flaw(hint, "its %s is another than the one the site is made for: %s", name, got)
		case name != "Content-Security-Policy" && !strings.EqualFold(want, got):
			j.flaw(hint, "its %s is %q instead of %q", name, got, want)
		}
	}
}

// covers tells whether a policy allows what another does, and of everything else no more than some hosts and what the
// other has no word about: those may be somebody's wish.
func covers(policy, wanted string) bool {
	have, want := directives(policy), directives(wanted)
	for name, sources := range want {
		for _, s := range sources {
			if !slices.Contains(have[name], s) {
				return false
			}
		}
		for _, s := range have[name] {
			if !slices.Contains(sources, s) && !strings.HasPrefix(s, "https://") {
				return false
			}
		}
	}
	return true
}

// directives takes a content security policy apart: https://www.w3.org/TR/CSP3/#framework-policy
func directives(policy string) map[string][]string {
	all := map[string][]string{}
	for d := range strings.SplitSeq(policy, ";") {
		if words := strings.Fields(d); len(words) > 0 {
			all[words[0]] = words[1:]
		}
	}
	return all
}

// An Error is an address that gives no answer.
type Error struct {
	Text string
	Hint string
	err  error
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns what the network said.
func (e *Error) Unwrap() error { return e.err }

// explain says in words why there is no answer.
func explain(ctx context.Context, err error) error {
	e := &Error{Text: "it gives no answer: " + err.Error(), Hint: "check the address in site.yaml, and this machine's connection", err: err}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Text = "it gives no answer in time"
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &name):
		e.Text = "there is no host " + name.Name
		e.Hint = "check url and streaming.url in site.yaml, and the DNS records (matinee provision names those that are missing)"
	case errors.As(err, &certificate):
		e.Text = "its certificate is not valid: " + certificate.Err.Error()
		e.Hint = "the certificate must name the host and be issued by an authority that browsers know"
	case strings.Contains(err.Error(), "protocol version"):
		e.Text, e.Hint = "it speaks no TLS newer than 1.1, which browsers refuse", "have the host offer TLS 1.2 and 1.3"
	case errors.As(err, &op) && op.Op == "dial":
		e.Text = "nobody answers there: " + op.Err.Error()
	}
	return e
}
