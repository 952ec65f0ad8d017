package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"

	"matinee/internal/aws/account"
	"matinee/internal/aws/mediaconvert"
	"matinee/internal/aws/s3"
	"matinee/internal/aws/stack"
	"matinee/internal/bucket"
	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/ffmpeg"
	"matinee/internal/preview"
	"matinee/internal/video"
)

// hireConverter lets a studio have its clips encoded by MediaConvert. It makes no request; the first clip that has to be
// encoded does.
func (s *studio) hireConverter(cfg config.Config) error {
	s.camera = video.Stills{}
	if s.cli().Installed() {
		s.camera = video.Stills{Camera: ffmpeg.Camera{CLI: s.cli(), Cache: s.cache}}
	}
	p := cfg.Publish
	s.converter = &mediaconvert.Encoder{
		Place: cmp.Or(p.Stream.Bucket, fmt.Sprintf("the stack %s in %s", p.Stack, p.Region)),
		Open:  func(ctx context.Context) (*mediaconvert.Studio, error) { return openConverter(ctx, cfg) },
	}
	s.encoder = s.converter
	return checkConverter(cfg)
}

// checkConverter says what keeps site.yaml's own settings from going with MediaConvert.
func checkConverter(cfg config.Config) error {
	const provision = `run "matinee provision --mediaconvert", which makes all of it and writes it to site.yaml; or use streaming.encoder: auto`
	var errs []error
	problem := func(hint, format string, args ...any) {
		errs = append(errs, diag.At("site.yaml", 0, format, args...).WithHint("%s", hint))
	}
	p := cfg.Publish
	switch {
	case p.Endpoint != "":
		problem("use streaming.encoder: auto", "streaming.encoder: MediaConvert reads and writes buckets of Amazon S3, and publish.endpoint names another service")
	case p.Stack == "":
		problem(provision, "streaming.encoder: mediaconvert needs a role, a queue and a bucket for streams, and publish.stack names no stack that has them")
	case cfg.Streaming.URL == "" && (p.Stream.Bucket == "" || p.Stream.Bucket != p.Static.Bucket):
		problem(provision, "streaming.encoder: mediaconvert leaves clips in the bucket for streams, and streaming.url does not say where that is on the web")
	}
	if cfg.Streaming.Ladder.Heights() != nil || cfg.Streaming.Ladder.AV1() {
		problem("leave streaming.ladder out, or use streaming.encoder: ffmpeg", "streaming.ladder: MediaConvert chooses sizes by itself, in H.264")
	}
	return errors.Join(errs...)
}

// openConverter finds role, queue and bucket of the stack.
func openConverter(ctx context.Context, cfg config.Config) (*mediaconvert.Studio, error) {
	p := cfg.Publish
	outputs, err := readStack(ctx, &p)
	if err != nil {
		return nil, err
	}
	if outputs[stack.MediaConvertRole] == "" {
		return nil, &account.Error{
			Text: fmt.Sprintf("the stack %s has no role for MediaConvert", p.Stack), Hint: `run "matinee provision --mediaconvert"`,
		}
	}
	store := &s3.Store{
		Bucket: p.Stream.Bucket, Region: p.Region, Profile: p.Profile,
		Words: s3.Words{Again: "build", Endpoint: "AWS_ENDPOINT_URL"},
	}
	return &mediaconvert.Studio{
		Account: accountOf(p), Bucket: store.Bucket, Store: store,
		Role: outputs[stack.MediaConvertRole], Queue: outputs[stack.MediaConvertQueue],
		Headers: streamHeaders,
	}, nil
}

// trackTypes are the types of files of one track (ISO/IEC 23000-19), which only MediaConvert makes.
var trackTypes = map[string]string{".cmfv": "video/mp4", ".cmfa": "audio/mp4"}

// streamHeaders are the headers of a file of a stream that MediaConvert made.
func streamHeaders(name string) bucket.Headers {
	header := preview.Headers(name, "")
	return bucket.Headers{
		ContentType:  cmp.Or(trackTypes[path.Ext(name)], header.Get("Content-Type")),
		CacheControl: header.Get("Cache-Control"),
	}
}

// farewell says which films MediaConvert goes on with when nobody waits for them any more.
func (s *studio) farewell(e env) {
	if s.converter == nil {
		return
	}
	for _, film := range s.converter.Running() {
		fmt.Fprintf(e.stderr, "MediaConvert goes on with %s; the next build picks it up\n", printable(film))
	}
}
