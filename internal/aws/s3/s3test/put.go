package s3test

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Put puts an object into a bucket, as somebody else than the program would.
func (s *Server) Put(ctx context.Context, bucket, key string, data []byte) error {
	_, err := s.Client().PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data)})
	return err
}
