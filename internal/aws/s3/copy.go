package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"matinee/internal/bucket"
)

// Copy implements [bucket.Store]. An object that is larger than S3 copies with one request is copied in parts, with as
// many requests as it has parts and three more.
func (s *Store) Copy(ctx context.Context, key string, from bucket.Source, headers bucket.Headers) (bucket.Stored, error) {
	out, err := call(ctx, s, copying(key, from), (*sdk.Client).CopyObject, &sdk.CopyObjectInput{
		Bucket: &s.Bucket, Key: &key, CopySource: s.copySource(from),
		MetadataDirective: types.MetadataDirectiveReplace,
		ContentType:       optional(headers.ContentType), CacheControl: optional(headers.CacheControl),
	})
	if errors.Is(err, errTooLarge) {
		return s.copyInParts(ctx, key, from, headers)
	}
	if err != nil {
		return bucket.Stored{}, err
	}
	stored := bucket.Stored{Version: version(out.VersionId), Opaque: opaque(out.ServerSideEncryption)}
	if out.CopyObjectResult != nil {
		stored.ETag = bare(out.CopyObjectResult.ETag)
	}
	return stored, nil
}

// Holds implements [bucket.Versioned].
func (s *Store) Holds(ctx context.Context, from bucket.Source) error {
	o := operation{verb: "look for", action: "s3:GetObjectVersion", key: from.Key}
	_, err := call(ctx, s, o, (*sdk.Client).HeadObject, &sdk.HeadObjectInput{Bucket: &s.Bucket, Key: &from.Key, VersionId: optional(from.Version)})
	return err
}

func copying(key string, from bucket.Source) operation {
	return operation{verb: "copy " + from.Key + " to", action: "s3:GetObject, s3:GetObjectVersion and s3:PutObject", key: key}
}

// copySource is the address of an object in a header, where S3 takes "+" for a space.
func (s *Store) copySource(from bucket.Source) *string {
	segments := strings.Split(from.Key, "/")
	for i, segment := range segments {
		segments[i] = strings.ReplaceAll(url.PathEscape(segment), "+", "%2B")
	}
	source := s.Bucket + "/" + strings.Join(segments, "/")
	if from.Version != "" {
		source += "?versionId=" + url.QueryEscape(from.Version)
	}
	return &source
}

// copyInParts copies an object in the parts in which package bucket would send it, so that its ETag is foretold.
func (s *Store) copyInParts(ctx context.Context, key string, from bucket.Source, headers bucket.Headers) (bucket.Stored, error) {
	head, err := call(ctx, s, copying(key, from), (*sdk.Client).HeadObject, &sdk.HeadObjectInput{
		Bucket: &s.Bucket, Key: &from.Key, VersionId: optional(from.Version),
	})
	if err != nil {
		return bucket.Stored{}, err
	}
	upload, err := s.BeginUpload(ctx, key, headers)
	if err != nil {
		return bucket.Stored{}, err
	}
	parts, err := s.copyParts(ctx, upload, from, head)
	if err == nil {
		return s.FinishUpload(ctx, upload, parts, false)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_ = s.AbortUpload(ctx, upload) // the next publish, or the bucket's lifecycle, does it otherwise
	return bucket.Stored{}, err
}

// copyParts lets the store copy every part, several at once. Should the object change meanwhile, it is an error.
func (s *Store) copyParts(ctx context.Context, upload bucket.Upload, from bucket.Source, head *sdk.HeadObjectOutput) ([]bucket.Part, error) {
	const atOnce = 8
	size := aws.ToInt64(head.ContentLength)
	each := bucket.PartSizeOf(size)
	parts := make([]bucket.Part, (size+each-1)/each)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range parts {
		group.Go(func() error {
			first := int64(i) * each
			last := min(first+each, size) - 1
			out, err := call(ctx, s, copying(upload.Key, from), (*sdk.Client).UploadPartCopy, &sdk.UploadPartCopyInput{
				Bucket: &s.Bucket, Key: &upload.Key, UploadId: &upload.ID, PartNumber: aws.Int32(int32(i + 1)), //nolint:gosec // at most 10,000
				CopySource: s.copySource(from), CopySourceIfMatch: head.ETag,
				CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", first, last)),
			})
			if err != nil {
				return err
			}
			parts[i] = bucket.Part{Number: i + 1, Size: last + 1 - first}
			if out.CopyPartResult != nil {
				parts[i].ETag = bare(out.CopyPartResult.ETag)
			}
			return nil
		})
	}
	return parts, group.Wait()
}
