package s3_test

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"matinee/internal/aws/s3"
	"matinee/internal/aws/s3/s3test"
	"matinee/internal/bucket"
	"matinee/internal/bucket/storetest"
	"matinee/internal/testenv"
)

// start starts a server for a test, and gives the test's process its credentials.
func start(t *testing.T, program s3test.Program) *s3test.Server {
	t.Helper()
	server, err := s3test.Start(t.Context(), program, t.TempDir())
	if errors.Is(err, exec.ErrNotFound) {
		testenv.Missing(t, "%s is not installed (make setup does it)", program)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	credentials(t)
	return server
}

// proxy starts a proxy before a server.
func proxy(t *testing.T, server *s3test.Server) *s3test.Proxy {
	t.Helper()
	p, err := s3test.NewProxy(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// opener makes an empty bucket for each test of a suite.
func opener(server *s3test.Server, versions bool) func(*testing.T) bucket.Store {
	n := 0
	return func(t *testing.T) bucket.Store {
		t.Helper()
		n++
		name := fmt.Sprintf("films-%d-%t", n, versions)
		if err := server.CreateBucket(t.Context(), name, versions); err != nil {
			t.Fatal(err)
		}
		return &s3.Store{Bucket: name, Endpoint: server.URL}
	}
}

func TestVersity(t *testing.T) {
	server := start(t, s3test.Versity)
	t.Run("Plain", func(t *testing.T) { storetest.Run(t, opener(server, false), "Versions") })
	t.Run("Versioned", func(t *testing.T) { storetest.Run(t, opener(server, true), "Delete") }) // it keeps versions in the folders of those it forgets
}

func TestVersions(t *testing.T) {
	server := start(t, s3test.Versity)
	for _, versions := range []bool{false, true} {
		store, ok := opener(server, versions)(t).(*s3.Store)
		if !ok {
			t.Fatal("no Store")
		}
		if got, err := store.Versions(t.Context()); err != nil || got != versions {
			t.Errorf("%v: %v, %v", versions, got, err)
		}
	}
	if _, err := (&s3.Store{Bucket: "none", Endpoint: server.URL}).Versions(t.Context()); err == nil || !strings.Contains(err.Error(), "the bucket does not exist") {
		t.Errorf("%v", err)
	}
}

func TestMoto(t *testing.T) {
	server := start(t, s3test.Moto)
	storetest.Run(t, opener(server, true), "Corrupt") // it checks no digest
}

// TestProxyPasses runs the suite once more, with a store that reaches its server through a proxy, to hold that the
// proxy itself is honest: what later tests find would otherwise be its doing.
func TestProxyPasses(t *testing.T) {
	server := start(t, s3test.Versity)
	p := proxy(t, server)
	open := opener(server, false)
	storetest.Run(t, func(t *testing.T) bucket.Store {
		store, ok := open(t).(*s3.Store)
		if !ok {
			t.Fatal("no Store")
		}
		return &s3.Store{Bucket: store.Bucket, Endpoint: p.URL()}
	}, "Versions")
	actions := map[string]int{}
	for _, r := range p.Log() {
		actions[r.Action]++
	}
	t.Log(actions)
	for want := range strings.FieldsSeq("GetObject PutObject CopyObject DeleteObjects ListObjectsV2 CreateMultipartUpload UploadPart CompleteMultipartUpload AbortMultipartUpload ListParts ListMultipartUploads") {
		if actions[want] == 0 {
			t.Errorf("the proxy saw no %s", want)
		}
	}
}
