// Package s3 keeps a [bucket.Store] in Amazon S3, or in another service that speaks its language: R2, B2, MinIO, Wasabi.
//
// It carries requests there and answers back, one each (copies of more than 5 GB aside), and leaves every decision to package bucket: it does not retry,
// does not choose what is sent in parts, and keeps no state but its connections. What it does know is how those
// services differ, and what their errors mean to somebody who publishes films: see [Error].
//
// # Integrity
//
// Every body goes out with two digests that are known before its first byte is: its SHA-256, which the signature of the
// request covers, and its MD5, which every service of this kind has checked since 2006 and gives back as ETag. So a
// body is read once, streams from the disk, and a service that got something else refuses it. The checksums that the SDK
// would add of its own accord are off: other services answer them with "not implemented", and they would cost a second
// pass over the file for nothing. (S3 computes and keeps a CRC-64/NVME of each object by itself when none is sent.)
package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	stack "github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"matinee/internal/bucket"
)

// A Store is a bucket of S3. The exported fields are set before its first use, which is when it connects.
type Store struct {
	Bucket   string
	Region   string // the bucket's; "" for what the environment or the profile says, and us-east-1 after that
	Profile  string // of the AWS configuration files; "" for the SDK's usual chain: environment, files, SSO, the machine's role
	Endpoint string // "https://…" of another service than Amazon's
	Words    Words  // of hints

	mu     sync.Mutex
	client *sdk.Client
}

var (
	_ bucket.Store     = (*Store)(nil)
	_ bucket.Multipart = (*Store)(nil)
	_ bucket.Versioned = (*Store)(nil)
)

// Get implements [bucket.Store].
func (s *Store) Get(ctx context.Context, key string) (*bucket.Content, error) {
	o := operation{verb: "read", action: "s3:GetObject", key: key}
	out, err := call(ctx, s, o, (*sdk.Client).GetObject, &sdk.GetObjectInput{Bucket: &s.Bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	return &bucket.Content{
		ReadCloser: out.Body,
		ETag:       bare(out.ETag),
		Headers:    bucket.Headers{ContentType: aws.ToString(out.ContentType), CacheControl: aws.ToString(out.CacheControl)},
		Age:        age(out),
	}, nil
}

// age is the time between two moments that the store's clock named.
func age(out *sdk.GetObjectOutput) time.Duration {
	response, ok := middleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	if !ok || out.LastModified == nil {
		return 0
	}
	now, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, now.Sub(*out.LastModified))
}

// Put implements [bucket.Store].
func (s *Store) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	stored, err := s.put(ctx, key, body, options)
	if errors.Is(err, errUnconditional) && (options.IfAbsent || options.IfMatch != "") {
		// A store that refuses conditions is treated as one that has never heard of them: package bucket finds that
		// out by trying, and says what follows from it.
		options.IfAbsent, options.IfMatch = false, ""
		return s.put(ctx, key, body, options)
	}
	return stored, err
}

func (s *Store) put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	o := operation{verb: "put", action: "s3:PutObject", key: key}
	in := &sdk.PutObjectInput{
		Bucket: &s.Bucket, Key: &key,
		Body: reader(body), ContentMD5: contentMD5(body),
		ContentType: optional(options.Headers.ContentType), CacheControl: optional(options.Headers.CacheControl),
	}
	if options.IfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	if options.IfMatch != "" {
		in.IfMatch = quoted(options.IfMatch)
	}
	out, err := call(ctx, s, o, (*sdk.Client).PutObject, in, signed(body))
	if err != nil {
		if in.IfMatch != nil && errors.Is(err, bucket.ErrNotFound) { // how S3 says that what is not there has no ETag
			err = s.problem(o, precondition, answer{})
		}
		return bucket.Stored{}, err
	}
	return bucket.Stored{
		ETag: bare(out.ETag), Version: version(out.VersionId), Opaque: opaque(out.ServerSideEncryption),
	}, nil
}

// Delete implements [bucket.Store].
func (s *Store) Delete(ctx context.Context, keys []string) ([]bucket.KeyError, error) {
	o := operation{verb: "delete", action: "s3:DeleteObject", key: keys[0]}
	if len(keys) > 1 {
		o.key = fmt.Sprintf("%s and %d more", keys[0], len(keys)-1)
	}
	objects := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		objects[i].Key = &keys[i]
	}
	out, err := call(ctx, s, o, (*sdk.Client).DeleteObjects, &sdk.DeleteObjectsInput{
		Bucket: &s.Bucket, Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	}, withMD5)
	if err != nil {
		return nil, err
	}
	var failed []bucket.KeyError
	for _, e := range out.Errors {
		o.key = aws.ToString(e.Key)
		err := s.refusal(o, answer{code: aws.ToString(e.Code), message: aws.ToString(e.Message)})
		if !errors.Is(err, bucket.ErrNotFound) {
			failed = append(failed, bucket.KeyError{Key: o.key, Err: err})
		}
	}
	return failed, nil
}

// List implements [bucket.Store].
func (s *Store) List(ctx context.Context, prefix, after string) ([]bucket.Listed, bool, error) {
	o := operation{verb: "list", action: "s3:ListBucket"}
	out, err := call(ctx, s, o, (*sdk.Client).ListObjectsV2, &sdk.ListObjectsV2Input{
		Bucket: &s.Bucket, Prefix: optional(prefix), StartAfter: optional(after),
	})
	if err != nil {
		return nil, false, err
	}
	page := make([]bucket.Listed, len(out.Contents))
	for i, c := range out.Contents {
		page[i] = bucket.Listed{Key: aws.ToString(c.Key), Size: aws.ToInt64(c.Size), ETag: bare(c.ETag)}
	}
	return page, aws.ToBool(out.IsTruncated), nil
}

// Versions tells whether the bucket keeps earlier contents of its objects.
func (s *Store) Versions(ctx context.Context) (bool, error) {
	o := operation{verb: "ask for the versions of", action: "s3:GetBucketVersioning"}
	out, err := call(ctx, s, o, (*sdk.Client).GetBucketVersioning, &sdk.GetBucketVersioningInput{Bucket: &s.Bucket})
	if err != nil {
		return false, err
	}
	return out.Status == types.BucketVersioningStatusEnabled, nil
}

// call connects where that has not been done, makes one request, and says errors in our words.
func call[In, Out any](
	ctx context.Context, s *Store, o operation,
	method func(*sdk.Client, context.Context, *In, ...func(*sdk.Options)) (*Out, error), in *In, options ...func(*sdk.Options),
) (*Out, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return nil, s.explain(ctx, o, err)
	}
	out, err := method(client, ctx, in, options...)
	if err != nil {
		return nil, s.explain(ctx, o, err)
	}
	return out, nil
}

// reader is the content of a body from its start. It has a position of its own: when a service answers before it has
// everything, net/http may go on reading for a moment after the answer, while the same body is already sent again.
func reader(b bucket.Body) io.Reader { return io.NewSectionReader(b, 0, b.Size()) }

// signed lets the signature of a request cover the body by the digest we have, which spares the SDK reading it.
func signed(b bucket.Body) func(*sdk.Options) {
	digest := stack.InitializeMiddlewareFunc("BodyDigest", func(
		ctx context.Context, in stack.InitializeInput, next stack.InitializeHandler,
	) (stack.InitializeOutput, stack.Metadata, error) {
		return next.HandleInitialize(v4.SetPayloadHash(ctx, hex.EncodeToString(b.SHA256[:])), in)
	})
	return sdk.WithAPIOptions(func(s *stack.Stack) error { return s.Initialize.Add(digest, stack.Before) })
}

// withMD5 lets a request whose body the SDK writes carry the one digest that every service understands, in place of the
// CRC-32 that the SDK has been sending since 2025.
func withMD5(o *sdk.Options) {
	sdk.WithAPIOptions(func(s *stack.Stack) error {
		if _, err := s.Initialize.Remove("AWSChecksum:SetupInputContext"); err != nil {
			return err
		}
		return smithyhttp.AddContentChecksumMiddleware(s)
	})(o)
}

func contentMD5(b bucket.Body) *string {
	return aws.String(base64.StdEncoding.EncodeToString(b.MD5[:]))
}

// opaque tells whether an object's ETag is no MD5, as S3 documents for encryption with keys of KMS.
func opaque(encryption types.ServerSideEncryption) bool {
	return encryption == types.ServerSideEncryptionAwsKms || encryption == types.ServerSideEncryptionAwsKmsDsse
}

func bare(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// version is the name of a content that the bucket keeps; "". A bucket whose versioning is suspended, and some services
// that have none, call every content "null", and replace it by the next one all the same.
func version(id *string) string {
	if name := aws.ToString(id); name != "null" {
		return name
	}
	return ""
}

func quoted(etag string) *string { return aws.String(`"` + etag + `"`) }

// optional is a value that is left out of the request when it is empty.
func optional(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}
