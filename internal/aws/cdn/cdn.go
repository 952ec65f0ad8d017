// Package cdn tells CloudFront what to forget after a publish.
//
// Which paths those are is decided by package bucket; here each request is made once, under the reference that bucket
// gives it, so that CloudFront takes a repeated one for the same, and does not charge for it.
package cdn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http"

	"matinee/internal/aws/account"
	"matinee/internal/bucket"
)

// A Distribution is a CloudFront distribution in front of a bucket. The exported fields are set before its first use,
// which is when it connects.
type Distribution struct {
	ID      string // "E1A2B3C4D5E6F7"
	Account account.Account

	// Sleep pauses between two looks at an invalidation; nil sleeps.
	Sleep func(context.Context, time.Duration) error

	mu         sync.Mutex
	connected  bool
	invalidate operation[cloudfront.CreateInvalidationInput, cloudfront.CreateInvalidationOutput]
	look       operation[cloudfront.GetInvalidationInput, cloudfront.GetInvalidationOutput]
}

type operation[In, Out any] = account.Operation[In, Out, cloudfront.Options]

var _ bucket.Invalidator = (*Distribution)(nil)

// Invalidate implements [bucket.Invalidator].
func (d *Distribution) Invalidate(ctx context.Context, paths []string, reference string) (id string, err error) {
	if err := d.connect(ctx); err != nil {
		return "", err
	}
	out, err := d.invalidate(ctx, &cloudfront.CreateInvalidationInput{
		DistributionId: &d.ID,
		InvalidationBatch: &types.InvalidationBatch{
			CallerReference: &reference,
			Paths:           &types.Paths{Items: paths, Quantity: aws.Int32(int32(len(paths)))}, //nolint:gosec // a few dozen
		},
	}, func(o *cloudfront.Options) { o.Retryer = aws.NopRetryer{} }) // bucket repeats what is worth repeating
	if err != nil {
		return "", d.explain(fmt.Sprintf("invalidate %d paths", len(paths)), err)
	}
	return aws.ToString(out.Invalidation.Id), nil
}

// Wait implements [bucket.Invalidator]. It takes a minute or so.
func (d *Distribution) Wait(ctx context.Context, id string) error {
	if err := d.connect(ctx); err != nil {
		return err
	}
	for {
		out, err := d.look(ctx, &cloudfront.GetInvalidationInput{DistributionId: &d.ID, Id: &id})
		if err != nil {
			return d.explain("wait for an invalidation", err)
		}
		if aws.ToString(out.Invalidation.Status) == "Completed" {
			return nil
		}
		if err := d.pause(ctx); err != nil {
			return err
		}
	}
}

func (d *Distribution) pause(ctx context.Context) error {
	const often = 5 * time.Second
	if d.Sleep != nil {
		return d.Sleep(ctx, often)
	}
	return account.Sleep(ctx, often)
}

// connect makes the client, at the first request that finds credentials.
func (d *Distribution) connect(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.connected {
		return nil
	}
	cfg, err := d.Account.Open(ctx)
	if err != nil {
		return &refusal{err, bucket.ErrRefused}
	}
	client := cloudfront.NewFromConfig(cfg)
	d.invalidate, d.look, d.connected = client.CreateInvalidation, client.GetInvalidation, true
	return nil
}

// A refusal is an explained error, and what follows from it for a publish.
type refusal struct {
	error
	is error // of package bucket
}

func (r *refusal) Unwrap() error        { return r.error }
func (r *refusal) Is(target error) bool { return target == r.is }

// busy are the codes with which CloudFront asks for patience.
var busy = []string{"TooManyInvalidationsInProgress", "Throttling", "ThrottlingException", "TooManyRequestsException", "ServiceUnavailable"}

func (d *Distribution) explain(doing string, err error) error {
	doing += " of the distribution " + d.ID
	api, answered := errors.AsType[smithy.APIError](err)
	response, _ := errors.AsType[*http.ResponseError](err)
	switch {
	case answered && slices.Contains(busy, api.ErrorCode()):
		return &refusal{account.Explain(doing, err), bucket.ErrSlowDown}
	case !answered || response != nil && response.HTTPStatusCode() >= 500: // a hiccup
		return account.Explain(doing, err)
	case api.ErrorCode() == "NoSuchDistribution":
		err = &account.Error{
			Text: doing + ": there is no such distribution in this account",
			Hint: "check publish.static.distribution and publish.stream.distribution in site.yaml, and the profile",
		}
		return &refusal{err, bucket.ErrRefused}
	}
	return &refusal{account.Explain(doing, err), bucket.ErrRefused}
}
