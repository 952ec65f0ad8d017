package s3test

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Proxy stands between a store and its server, writes down every request, and spoils those it is told to.
type Proxy struct {
	server  *httptest.Server
	forward *httputil.ReverseProxy

	mu    sync.Mutex
	fault func(Request) Fault
	log   []Request
	clock int
}

// A Request is one that came by.
type Request struct {
	Number int    // from 1 on, in the order of arrival
	Action string // "PutObject", as Amazon calls it
	Bucket string
	Key    string // or prefix, when objects are listed
	Bytes  int64  // of its body

	// Began and Ended are moments of a clock that goes on with every event: a request with a Began after the Ended of
	// another was sent when the server had carried that out. Ended is 0 until the server has answered.
	Began, Ended int

	Status int // of the answer; 0 when there was none
}

// Write tells whether the request was made to change something.
func (r Request) Write() bool {
	return !strings.HasPrefix(r.Action, "Get") && !strings.HasPrefix(r.Action, "List") && !strings.HasPrefix(r.Action, "Head")
}

// A Fault is what goes wrong with a request. Its fields are in the order in which they come to bear; the zero value lets
// the request pass.
type Fault struct {
	Delay  time.Duration
	Status int    // the answer, without asking the server
	Code   string // that goes with Status: "SlowDown"
	Text   string // that goes with Code
	Reset  bool   // the connection breaks before the server hears of it
	Half   bool   // the connection breaks when half of the body has arrived
	Lost   bool   // the connection breaks after the server has done it
	ETag   string // in place of the one in the server's answer
}

// Faults that stores meet.
var (
	SlowDown = Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown"}
	Expired  = Fault{Status: http.StatusBadRequest, Code: "ExpiredToken"}
	Denied   = Fault{Status: http.StatusForbidden, Code: "AccessDenied"}
)

// NewProxy starts a proxy before the server at an address. Close stops it.
func NewProxy(server string) (*Proxy, error) {
	target, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	p := &Proxy{}
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
			r.Out.Host = r.In.Host // which the signature covers
		},
		Transport:    &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewServer(p)
	return p, nil
}

// URL is where the proxy listens.
func (p *Proxy) URL() string { return p.server.URL }

// Close stops the proxy, in the middle of whatever passes.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// Spoil lets fault decide what goes wrong with each request from now on; nil lets all of them pass. It is called by one
// goroutine at a time.
func (p *Proxy) Spoil(fault func(Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = fault
}

// Log is what has passed, in the order of arrival.
func (p *Proxy) Log() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// Forget empties the log.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = nil
}

// ServeHTTP passes a request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, fault := p.arrived(r)
	time.Sleep(fault.Delay)
	answer := httptest.NewRecorder()
	switch {
	case fault.Status != 0:
		answer.Header().Set("Content-Type", "application/xml")
		answer.WriteHeader(fault.Status)
		fmt.Fprintf(answer, "<Error><Code>%s</Code><Message>%s</Message></Error>", fault.Code, cmp.Or(fault.Text, "as the test wishes"))
	case fault.Reset:
		panic(http.ErrAbortHandler)
	case fault.Half:
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), broken{}))
		fallthrough
	case fault.Lost, fault.ETag != "", request.Write():
		p.forward.ServeHTTP(answer, r)
	default:
		p.forward.ServeHTTP(w, r) // what is read may be long
		p.answered(request, http.StatusOK)
		return
	}
	p.answered(request, answer.Code)
	if fault.Lost {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), answer.Header())
	if fault.ETag != "" {
		w.Header().Set("ETag", fault.ETag)
	}
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w) // to a client that may be gone
}

// broken is the rest of a body whose sender is gone.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// arrived writes a request down and decides what goes wrong with it.
func (p *Proxy) arrived(r *http.Request) (Request, Fault) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock++
	request := Request{
		Number: len(p.log) + 1, Action: action(r, key), Bucket: bucket, Key: cmp.Or(key, r.URL.Query().Get("prefix")),
		Bytes: r.ContentLength, Began: p.clock,
	}
	p.log = append(p.log, request)
	if p.fault == nil {
		return request, Fault{}
	}
	return request, p.fault(request)
}

// answered writes down that the server has done what a request asks, or has not, before anybody hears of it.
func (p *Proxy) answered(request Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock++
	for i := range p.log {
		if p.log[i].Began == request.Began {
			p.log[i].Ended, p.log[i].Status = p.clock, status
		}
	}
}

// action is the name of a request in Amazon's manual.
func action(r *http.Request, key string) string {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodGet && query.Has("list-type"):
		return "ListObjectsV2"
	case r.Method == http.MethodGet && query.Has("uploads"):
		return "ListMultipartUploads"
	case r.Method == http.MethodGet && query.Has("uploadId"):
		return "ListParts"
	case r.Method == http.MethodGet:
		return "GetObject"
	case r.Method == http.MethodHead:
		return "HeadObject"
	case r.Method == http.MethodPut && query.Has("partNumber") && r.Header.Get("X-Amz-Copy-Source") != "":
		return "UploadPartCopy"
	case r.Method == http.MethodPut && query.Has("partNumber"):
		return "UploadPart"
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	case r.Method == http.MethodPut && key != "":
		return "PutObject"
	case r.Method == http.MethodPost && query.Has("delete"):
		return "DeleteObjects"
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "CreateMultipartUpload"
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return "CompleteMultipartUpload"
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		return "AbortMultipartUpload"
	}
	return r.Method
}
