package stack_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"matinee/internal/aws/account"
	"matinee/internal/aws/awstest"
	"matinee/internal/aws/stack"
	"matinee/internal/testenv"
)

// moto starts moto, which plays AWS as far as it knows it, and points the SDK to it.
func moto(t *testing.T) {
	t.Helper()
	server := testenv.Program(t, "moto_server")
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	cmd := exec.CommandContext(t.Context(), server, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")} // without the settings meant for us
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	for range 600 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/moto-api/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			t.Setenv("AWS_ENDPOINT_URL", address)
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("moto does not start")
}

// The whole life of a site on moto: made, filled, emptied and removed. Of the template, moto makes the policy and the
// buckets, with few of their properties; what it does not know it passes over.
func TestOnMoto(t *testing.T) {
	awstest.Start(t) // for the credentials
	moto(t)
	s := open(t)
	plan, err := s.Plan(t.Context(), stack.Parameters{stack.Redirects: `{"/old/":"/new/"}`})
	if err != nil {
		t.Fatal(err)
	}
	for _, resource := range []string{"+ StaticBucket", "+ StreamBucket", "+ SiteDistribution", "+ StreamDistribution", "+ Addresses", "+ PublisherPolicy"} {
		if !strings.Contains(plan.String(), resource) {
			t.Errorf("the plan does not say %q:\n%s", resource, plan)
		}
	}
	if _, err := s.Apply(t.Context(), plan, quiet); err != nil { // moto has no outputs after change sets
		t.Fatal(err)
	}
	names, err := s.Buckets(t.Context())
	if err != nil || len(names) != 2 {
		t.Fatalf("the buckets are %q (%v)", names, err)
	}
	cfg, err := account.Account{Region: "us-east-1"}.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(cfg)
	for _, name := range names {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: aws.String("index.html"), Body: strings.NewReader("x")})
		if err != nil {
			t.Fatal(err)
		}
		encryption, err := client.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &name})
		if err != nil || len(encryption.ServerSideEncryptionConfiguration.Rules) != 1 {
			t.Errorf("%s is not encrypted: %v", name, err)
		}
	}
	if err := s.Destroy(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	buckets, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(buckets.Buckets) != 0 {
		t.Errorf("left: %v, %v", buckets.Buckets, err)
	}
}
