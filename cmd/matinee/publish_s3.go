package main

import (
	"net/url"

	"matinee/internal/aws/s3"
	"matinee/internal/bucket"
	"matinee/internal/config"
	"matinee/internal/diag"
)

// openBuckets opens the buckets that site.yaml names. Clips go into the one for streams when pages look for them at an
// address of its own, and else beside the pages.
func openBuckets(cfg config.Config) (*bucket.Publisher, error) {
	c := cfg.Publish
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

func openBucket(c config.Publish, b config.Bucket) bucket.Place {
	name := "s3://" + b.Bucket
	if address, err := url.Parse(c.Endpoint); err == nil && address.Host != "" {
		name += " at " + address.Host
	}
	return bucket.Place{
		Name:  name,
		Store: &s3.Store{Bucket: b.Bucket, Region: c.Region, Profile: c.Profile, Endpoint: c.Endpoint},
	}
}
