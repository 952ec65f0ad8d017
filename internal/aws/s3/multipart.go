package s3

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"matinee/internal/bucket"
)

// BeginUpload implements [bucket.Multipart].
func (s *Store) BeginUpload(ctx context.Context, key string, headers bucket.Headers) (bucket.Upload, error) {
	o := operation{verb: "begin to upload", action: "s3:PutObject", key: key}
	out, err := call(ctx, s, o, (*sdk.Client).CreateMultipartUpload, &sdk.CreateMultipartUploadInput{
		Bucket: &s.Bucket, Key: &key,
		ContentType: optional(headers.ContentType), CacheControl: optional(headers.CacheControl),
	})
	if err != nil {
		return bucket.Upload{}, err
	}
	return bucket.Upload{Key: key, ID: aws.ToString(out.UploadId)}, nil
}

// PutPart implements [bucket.Multipart].
func (s *Store) PutPart(ctx context.Context, upload bucket.Upload, number int, body bucket.Body) (bucket.Part, error) {
	o := operation{verb: "upload", action: "s3:PutObject", key: upload.Key}
	out, err := call(ctx, s, o, (*sdk.Client).UploadPart, &sdk.UploadPartInput{
		Bucket: &s.Bucket, Key: &upload.Key, UploadId: &upload.ID, PartNumber: aws.Int32(int32(number)), //nolint:gosec // at most 10,000
		Body: reader(body), ContentMD5: contentMD5(body),
	}, signed(body))
	if err != nil {
		return bucket.Part{}, err
	}
	return bucket.Part{Number: number, Size: body.Size(), ETag: bare(out.ETag), Opaque: opaque(out.ServerSideEncryption)}, nil
}

// FinishUpload implements [bucket.Multipart].
func (s *Store) FinishUpload(ctx context.Context, upload bucket.Upload, parts []bucket.Part, ifAbsent bool) (bucket.Stored, error) {
	o := operation{verb: "finish uploading", action: "s3:PutObject", key: upload.Key}
	completed := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		completed[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: quoted(p.ETag)} //nolint:gosec // at most 10,000
	}
	in := &sdk.CompleteMultipartUploadInput{
		Bucket: &s.Bucket, Key: &upload.Key, UploadId: &upload.ID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: completed},
	}
	if ifAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	out, err := call(ctx, s, o, (*sdk.Client).CompleteMultipartUpload, in)
	if ifAbsent && errors.Is(err, errUnconditional) { // as with Put
		return s.FinishUpload(ctx, upload, parts, false)
	}
	if err != nil {
		return bucket.Stored{}, err
	}
	return bucket.Stored{
		ETag: bare(out.ETag), Version: version(out.VersionId), Opaque: opaque(out.ServerSideEncryption),
	}, nil
}

// AbortUpload implements [bucket.Multipart].
func (s *Store) AbortUpload(ctx context.Context, upload bucket.Upload) error {
	o := operation{verb: "abandon the upload of", action: "s3:AbortMultipartUpload", key: upload.Key}
	_, err := call(ctx, s, o, (*sdk.Client).AbortMultipartUpload, &sdk.AbortMultipartUploadInput{
		Bucket: &s.Bucket, Key: &upload.Key, UploadId: &upload.ID,
	})
	if errors.Is(err, bucket.ErrNotFound) {
		return nil
	}
	return err
}

// Uploads implements [bucket.Multipart].
func (s *Store) Uploads(ctx context.Context) ([]bucket.Upload, error) {
	o := operation{verb: "list the unfinished uploads of", action: "s3:ListBucketMultipartUploads"}
	var found []types.MultipartUpload
	in := &sdk.ListMultipartUploadsInput{Bucket: &s.Bucket}
	for more := true; more; {
		out, err := call(ctx, s, o, (*sdk.Client).ListMultipartUploads, in)
		if err != nil {
			return nil, err
		}
		found = append(found, out.Uploads...)
		more = aws.ToBool(out.IsTruncated) && isFurther(in.KeyMarker, out.NextKeyMarker, in.UploadIdMarker, out.NextUploadIdMarker)
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
	slices.SortStableFunc(found, func(a, b types.MultipartUpload) int {
		return aws.ToTime(a.Initiated).Compare(aws.ToTime(b.Initiated))
	})
	uploads := make([]bucket.Upload, len(found))
	for i, u := range found {
		uploads[i] = bucket.Upload{Key: aws.ToString(u.Key), ID: aws.ToString(u.UploadId)}
	}
	return uploads, nil
}

// Parts implements [bucket.Multipart].
func (s *Store) Parts(ctx context.Context, upload bucket.Upload) ([]bucket.Part, error) {
	o := operation{verb: "list the parts of", action: "s3:ListMultipartUploadParts", key: upload.Key}
	var parts []bucket.Part
	in := &sdk.ListPartsInput{Bucket: &s.Bucket, Key: &upload.Key, UploadId: &upload.ID}
	for more := true; more; {
		out, err := call(ctx, s, o, (*sdk.Client).ListParts, in)
		if err != nil {
			return nil, err
		}
		for _, p := range out.Parts {
			parts = append(parts, bucket.Part{Number: int(aws.ToInt32(p.PartNumber)), Size: aws.ToInt64(p.Size), ETag: bare(p.ETag)})
		}
		more = aws.ToBool(out.IsTruncated) && isFurther(in.PartNumberMarker, out.NextPartNumberMarker)
		in.PartNumberMarker = out.NextPartNumberMarker
	}
	return parts, nil
}

// isFurther reports whether the next page of a list, by pairs of markers, is another one than the last. What a server
// has and does not list is sent again.
func isFurther(markers ...*string) bool {
	for i := 0; i < len(markers); i += 2 {
		if aws.ToString(markers[i]) != aws.ToString(markers[i+1]) {
			return true
		}
	}
	return false
}
