package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"matinee/internal/aws/account"
)

// Buckets returns the names of the stack's buckets. They are asked for as resources, since a stack that failed has no
// outputs.
func (s *Stack) Buckets(ctx context.Context) ([]string, error) {
	out, err := s.cloud.describeResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &s.Name})
	if err != nil {
		return nil, account.Explain("read the resources of "+s.Name, err)
	}
	var buckets []string
	for _, r := range out.StackResources {
		// These resources are called as the outputs that name them.
		ours := slices.Contains([]string{StaticBucket, StreamBucket}, aws.ToString(r.LogicalResourceId))
		if ours && aws.ToString(r.PhysicalResourceId) != "" && r.ResourceStatus != "DELETE_COMPLETE" {
			buckets = append(buckets, *r.PhysicalResourceId)
		}
	}
	slices.Sort(buckets)
	return buckets, nil
}

// Destroy removes everything in the stack's buckets, old versions included, and then the stack, and waits for it to be
// gone. Killed at any moment, it goes on when called again. That there is no such stack is an error.
func (s *Stack) Destroy(ctx context.Context, tell func(Event)) error {
	st, err := s.settled(ctx, tell)
	if err != nil {
		return err
	}
	if !st.exists() {
		return s.noStack()
	}
	buckets, err := s.Buckets(ctx)
	if err != nil {
		return err
	}
	for _, b := range buckets {
		if err := s.empty(ctx, b, tell); err != nil {
			return err
		}
	}
	last, err := s.lastEvent(ctx, st.id)
	if err != nil {
		return err
	}
	_, err = s.cloud.deleteStack(ctx, &cloudformation.DeleteStackInput{
		StackName: &st.id, ClientRequestToken: aws.String("matinee-" + digest(st.id, last)),
	})
	if err != nil {
		return account.Explain("delete the stack "+s.Name, err)
	}
	st, err = s.follow(ctx, st.id, last, tell)
	if err == nil && st.exists() {
		err = s.failure(ctx, st)
	}
	return err
}

// empty removes all versions of all objects of a bucket.
func (s *Stack) empty(ctx context.Context, bucket string, tell func(Event)) error {
	removed := 0
	pages := s3.NewListObjectVersionsPaginator(s.store, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "NoSuchBucket" {
			return nil // an earlier attempt came this far
		}
		if err != nil {
			return account.Explain("list the bucket "+bucket, err)
		}
		var batch []types.ObjectIdentifier
		for _, v := range page.Versions {
			batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			batch = append(batch, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if err := s.remove(ctx, bucket, batch); err != nil {
			return err
		}
		removed += len(batch)
	}
	tell(Event{Time: s.now(), Resource: bucket, Status: fmt.Sprintf("EMPTIED (%d objects and versions)", removed)})
	return nil
}

// remove deletes one page of a listing, which is what fits into one request.
func (s *Stack) remove(ctx context.Context, bucket string, batch []types.ObjectIdentifier) error {
	if len(batch) == 0 {
		return nil
	}
	out, err := s.store.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &bucket, Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return account.Explain("empty the bucket "+bucket, err)
	}
	if len(out.Errors) > 0 {
		e := out.Errors[0]
		return account.Explain(fmt.Sprintf("empty the bucket %s: %s and %d more", bucket, aws.ToString(e.Key), len(out.Errors)-1),
			&smithy.GenericAPIError{Code: aws.ToString(e.Code), Message: aws.ToString(e.Message)})
	}
	return nil
}
