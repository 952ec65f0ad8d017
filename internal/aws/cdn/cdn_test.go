package cdn_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"matinee/internal/aws/account"
	"matinee/internal/aws/awstest"
	"matinee/internal/aws/cdn"
	"matinee/internal/bucket"
)

func newDistribution(t *testing.T) (*awstest.Cloud, *cdn.Distribution) {
	c := awstest.Start(t)
	return c, &cdn.Distribution{
		ID: "E1", Account: account.Account{Region: "eu-west-1"},
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

func TestInvalidate(t *testing.T) {
	c, d := newDistribution(t)
	c.Waits = 4
	paths := []string{"/a-walk/", "/a-walk/index.html", "/tags/*", "/f%C3%BCr/"}
	for range 2 { // as after a run that was killed
		id, err := d.Invalidate(t.Context(), paths, "matinee-7-abc")
		if id != "I1" || err != nil {
			t.Fatal(id, err)
		}
	}
	if err := d.Wait(t.Context(), "I1"); err != nil || c.Waits != 0 {
		t.Errorf("%v with %d looks left", err, c.Waits)
	}
	if got := c.Invalidations["matinee-7-abc"]; got.Distribution != "E1" || !slices.Equal(got.Paths, paths) {
		t.Errorf("invalidated: %+v", c.Invalidations)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Wait(ctx, "I1"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting after the end: %v", err)
	}
}

// What is worth another try is told from what is not, and both from what to do.
func TestRefused(t *testing.T) {
	for code, test := range map[string]struct {
		status int
		is     error
		says   string
	}{
		"TooManyInvalidationsInProgress": {400, bucket.ErrSlowDown, "invalidate 1 paths of the distribution E1"},
		"Throttling":                     {400, bucket.ErrSlowDown, "fewer requests"},
		"AccessDenied":                   {403, bucket.ErrRefused, "may not cloudfront:CreateInvalidation"},
		"ExpiredToken":                   {403, bucket.ErrRefused, "session has expired"},
		"NoSuchDistribution":             {404, bucket.ErrRefused, "there is no such distribution in this account"},
		"ServiceUnavailable":             {503, bucket.ErrSlowDown, "trouble of its own"},
		"InternalError":                  {500, nil, "trouble of its own"},
	} {
		t.Run(code, func(t *testing.T) {
			c, d := newDistribution(t)
			c.Refuse["CreateInvalidation"] = awstest.Refusal{
				Code: code, Status: test.status,
				Message: "User: arn:aws:iam::1:user/ada is not authorized to perform: cloudfront:CreateInvalidation on x",
			}
			_, err := d.Invalidate(t.Context(), []string{"/"}, "r")
			_, explained := errors.AsType[*account.Error](err)
			if !explained || !strings.Contains(fmt.Sprint(err), test.says) || strings.Contains(fmt.Sprint(err), awstest.Token) {
				t.Errorf("%v", err)
			}
			for _, kind := range []error{bucket.ErrSlowDown, bucket.ErrRefused} {
				if errors.Is(err, kind) != errors.Is(test.is, kind) {
					t.Errorf("%v: is %v: %v", err, kind, !errors.Is(err, kind))
				}
			}
		})
	}
	_, d := newDistribution(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	if _, err := d.Invalidate(t.Context(), []string{"/"}, "r"); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("without credentials: %v", err)
	}
}

func TestRetired(t *testing.T) {
	c, d := newDistribution(t)
	if found, err := cdn.Retired(t.Context(), d.Account); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	c.Retired = []awstest.Retired{
		{ID: "E9", Domain: "s111.cloudfront.net", Alias: "rtmp.example.com"}, {ID: "E8", Domain: "s222.cloudfront.net", Alias: "old.example.com"},
	}
	found, err := cdn.Retired(t.Context(), d.Account)
	if err != nil || len(found) != 2 || found[0].ID != "E9" || found[1].Domain != "s222.cloudfront.net" || found[1].Aliases[0] != "old.example.com" {
		t.Errorf("%+v, %v", found, err)
	}
	c.Refuse["ListStreamingDistributions"] = awstest.Refusal{Code: "AccessDenied", Status: 403}
	if _, err := cdn.Retired(t.Context(), d.Account); err == nil || err.Error() != "list RTMP distributions: access denied" {
		t.Errorf("%v", err)
	}
}
