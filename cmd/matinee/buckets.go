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
		if _, err := readStack(ctx, &c); err != nil {
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

// readStack asks the stack what it is made of, and takes from it the buckets that are not given.
func readStack(ctx context.Context, c *config.Publish) (stack.Outputs, error) {
	s, err := stack.Open(ctx, c.Stack, accountOf(*c))
	if err != nil {
		return nil, err
	}
	outputs, err := s.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	fill := func(b *config.Bucket, name, distribution string) {
		if b.Bucket == "" {
			b.Bucket, b.Distribution = name, cmp.Or(b.Distribution, distribution)
		}
	}
	fill(&c.Static, outputs[stack.StaticBucket], outputs[stack.SiteDistribution])
	fill(&c.Stream, outputs[stack.StreamBucket], outputs[stack.StreamDistribution])
	return outputs, nil
}

// accountOf is the account that a site is published to.
func accountOf(c config.Publish) account.Account {
	return account.Account{Region: c.Region, Profile: c.Profile}
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
		place.CDN = &cdn.Distribution{ID: b.Distribution, Account: accountOf(c)}
	}
	return place
}
