package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"matinee/internal/aws/awstest"
	"matinee/internal/aws/s3/s3test"
	"matinee/internal/preview"
)

// TestDoctorScript runs the scripts about matinee doctor, each with an AWS account of its own.
func TestDoctorScript(t *testing.T) {
	var host visitedHost
	runCloudScripts(t, "testdata/script/doctor", map[string]func(*testscript.TestScript, bool, []string){
		"origins": host.start, "spoil": host.spoil, "expiring": writeExpiring,
	})
}

// A visitedHost shows two buckets to visitors as their distributions would, over TLS. Only one script has it.
type visitedHost struct {
	mu      sync.Mutex
	spoilt  map[string]string // headers that are other than they should be
	noRange bool
}

// start is "origins PAGES CLIPS": it shows two buckets at $PAGES and $CLIPS, in a way that the program trusts.
func (h *visitedHost) start(ts *testscript.TestScript, _ bool, buckets []string) {
	servers := make([]*httptest.Server, len(buckets))
	address := func(i int) string { return servers[i].URL }
	client := (&s3test.Server{URL: ts.Getenv("S3")}).Client()
	for i, name := range buckets {
		origin := s3test.Origin{Client: client, Bucket: name, Headers: func(key string) http.Header {
			header := preview.Headers(key, address(1))
			header.Set("Strict-Transport-Security", "max-age=31536000")
			if i == 1 {
				header.Set("Access-Control-Allow-Origin", address(0))
			}
			return header
		}}
		servers[i] = httptest.NewTLSServer(h.between(origin))
		ts.Defer(servers[i].Close)
	}
	ts.Setenv("PAGES", address(0))
	ts.Setenv("CLIPS", address(1))
	ts.Setenv("SSL_CERT_FILE", ts.MkAbs("certificate.pem"))
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: servers[0].Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("certificate.pem"), certificate, 0o666))
}

// between spoils what it is told to.
func (h *visitedHost) between(origin http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		spoilt, noRange := maps.Clone(h.spoilt), h.noRange
		h.mu.Unlock()
		if noRange {
			r.Header.Del("Range")
		}
		answer := httptest.NewRecorder()
		origin.ServeHTTP(answer, r)
		maps.Copy(w.Header(), answer.Header())
		for name, value := range spoilt {
			w.Header().Del(name)
			if value != "" {
				w.Header().Set(name, value)
			}
		}
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, answer.Body) // to a visitor that may have seen enough
	}
}

// spoil is the script command that lets visitors get something else than they should, and nothing else than that:
//
//	spoil                   everything as it should be
//	spoil range             whole files, whatever is asked for
//	spoil HEADER [VALUE]    another header, or none
func (h *visitedHost) spoil(ts *testscript.TestScript, _ bool, args []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spoilt, h.noRange = nil, false
	switch {
	case len(args) == 0:
	case args[0] == "range":
		h.noRange = true
	default:
		h.spoilt = map[string]string{args[0]: strings.Join(args[1:], " ")}
	}
}

// writeExpiring is "expiring FILE": it writes credentials that are good for five minutes.
func writeExpiring(ts *testscript.TestScript, _ bool, args []string) {
	text := fmt.Sprintf(`{"Version":1,"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":%q,"SessionToken":%q,"Expiration":%q}`,
		awstest.Secret, awstest.Token, time.Now().Add(5*time.Minute).UTC().Format(time.RFC3339))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// Each answer has its time, also where one waits for another.
func TestDoctorWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context) (string, error) {
			time.Sleep(50 * time.Second)
			return "found", ctx.Err()
		}
		first := once(t.Context(), time.Minute, func() error { return nil }, slow)
		second := once(t.Context(), time.Minute, func() error { _, err := first(); return err }, slow)
		if got, err := second(); got != "found" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		third := once(t.Context(), time.Minute, func() error { return noLogin }, slow)
		if got, err := third(); got != "" || !errors.Is(err, noLogin) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// What a finding looks like, also one whose text came from far away.
func TestDoctorPrints(t *testing.T) {
	var out strings.Builder
	p := printer{w: &out}
	report := &doctorReport{}
	for _, f := range []finding{
		{Check: "a", Outcome: fine, Text: "good"},
		{Check: "b", Outcome: warning, Text: "so\x1b[31m so", Details: []string{"one", "two"}, Hint: "mend it"},
		{Check: "c", Outcome: problem, Text: "bad"},
		{Check: "d", Outcome: skipped, Text: "why"},
	} {
		report.add(f)
		p.finding(f)
	}
	fmt.Fprintln(&out, report)
	const want = "✓ a           good\n! b           so\uFFFD[31m so\n              one\n              two\n              hint: mend it\n" +
		"✗ c           bad\n– d           why\n1 problem, 1 warning (1 not checked)\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
