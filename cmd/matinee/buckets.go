package main

import (
	"cmp"
	"context"
	"net/url"

	"matinee/internal/aws/account"
	"matinee/internal/aws/cdn"
	"matinee/internal/aws/s3"
	"matinee/internal/aws/stack"
	"matinee/internal/bucket"
	"matinee/internal/config"
	"matinee/internal/diag"
)

// openBuckets opens the buckets that site.yaml names, or those of the stack it names. Clips go into the one for streams
// when pages look for them at an address of its own, and else beside the pages.
func openBuckets(ctx context.Context, cfg config.Config) (*bucket.Publisher, error) {
	c := cfg.Publish
	if c.Static.Bucket == "" && c.Stack != "" {
		if err := readStack(ctx, &c); err != nil {
			return nil, err
		}
	}
	if c.Static.Bucket == "" {
		return nil, diag.At("site.yaml", 0, "there is no bucket to publish to").
			WithHint(`run "matinee provision" to make one, or name yours: publish.static.bucket; --to DIR publishes to a folder`)
	}
	p := &bucket.Publisher{Site: openBucket(c, c.Static)}
	if cfg.Streaming.URL != "" && c.Stream.Bucket != "" && c.Stream.Bucket != c.Static.Bucket {
		p.Stream = openBucket(c, c.Stream)
	}
	return p, nil
}

// readStack takes buckets and distributions from the stack, where they are not given.
func readStack(ctx context.Context, c *config.Publish) error {
	s, err := stack.Open(ctx, c.Stack, account.Account{Region: c.Region, Profile: c.Profile})
	if err != nil {
		return err
	}
	outputs, err := s.Outputs(ctx)
	if err != nil {
		return err
	}
	c.Static = config.Bucket{Bucket: outputs["StaticBucket"], Distribution: cmp.Or(c.Static.Distribution, outputs["SiteDistribution"])}
	if c.Stream.Bucket == "" {
		c.Stream = config.Bucket{Bucket: outputs["StreamBucket"], Distribution: cmp.Or(c.Stream.Distribution, outputs["StreamDistribution"])}
	}
	return nil
}

func openBucket(c config.Publish, b config.Bucket) bucket.Place {
	name := "s3://" + b.Bucket
	if address, err := url.Parse(c.Endpoint); err == nil && address.Host != "" {
		name += " at " + address.Host
	}
	place := bucket.Place{
		Name:  name,
		Store: &s3.Store{Bucket: b.Bucket, Region: c.Region, Profile: c.Profile, Endpoint: c.Endpoint},
	}
	if b.Distribution != "" {
		place.CDN = &cdn.Distribution{ID: b.Distribution, Account: account.Account{Region: c.Region, Profile: c.Profile}}
	}
	return place
}
