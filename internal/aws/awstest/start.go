package awstest

import (
	"net/http/httptest"
	"testing"
)

// Start makes an empty account for a test, and points the SDK to it. Its requests are held against their models where
// these are installed; where they are not, a test of this package says so.
func Start(t testing.TB) *Cloud {
	t.Helper()
	c := New(t.Errorf)
	c.Models, _ = FindModels()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	for name, value := range Environment(server.URL) {
		t.Setenv(name, value)
	}
	return c
}
