package stack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"matinee/internal/aws/account"
)

// An Event is something that happened to a resource of the stack.
type Event struct {
	Time     time.Time
	Resource string // its name in the template; the stack's for the stack itself
	Status   string // "CREATE_IN_PROGRESS"
	Reason   string // in AWS's words, mostly of failures; "" where none is given
}

// String is the event in one line: "12:00:01  SiteDistribution: create in progress".
func (e Event) String() string {
	line := fmt.Sprintf("%s  %s: %s", e.Time.Format(time.TimeOnly), e.Resource, strings.ToLower(strings.ReplaceAll(e.Status, "_", " ")))
	if e.Reason != "" {
		line += ": " + e.Reason
	}
	return line
}

// events calls visit with the stack's events, the latest first, until it returns false.
func (s *Stack) events(ctx context.Context, id string, visit func(types.StackEvent) bool) error {
	in := &cloudformation.DescribeStackEventsInput{StackName: &id}
	for more := true; more; more = aws.ToString(in.NextToken) != "" {
		page, err := s.cloud.describeEvents(ctx, in)
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return account.Explain("read the events of "+s.Name, err)
		}
		for _, e := range page.StackEvents {
			if !visit(e) {
				return nil
			}
		}
		in.NextToken = page.NextToken
	}
	return nil
}

// lastEvent returns the id of the stack's latest event, "" where there is none.
func (s *Stack) lastEvent(ctx context.Context, id string) (string, error) {
	last := ""
	err := s.events(ctx, id, func(e types.StackEvent) bool {
		last = aws.ToString(e.EventId)
		return false
	})
	return last, err
}

// watch tells the stack's events after the one with the id last, until its state is no longer to be waited for.
func (s *Stack) watch(ctx context.Context, id, last string, tell func(Event), wait func(state) bool) (state, error) {
	for looks := 0; ; looks++ {
		st, err := s.look(ctx, id) // before the events, so that those that led to the state are among them
		if err != nil {
			return st, s.lostSight(err)
		}
		var news []types.StackEvent
		err = s.events(ctx, id, func(e types.StackEvent) bool {
			if aws.ToString(e.EventId) == last {
				return false
			}
			news = append(news, e)
			return true
		})
		if err != nil {
			return st, s.lostSight(err)
		}
		for _, e := range slices.Backward(news) {
			last = aws.ToString(e.EventId)
			tell(Event{
				Time: aws.ToTime(e.Timestamp), Resource: aws.ToString(e.LogicalResourceId),
				Status: string(e.ResourceStatus), Reason: readable(aws.ToString(e.ResourceStatusReason)),
			})
		}
		if len(news) > 0 {
			looks = 0
		}
		if !wait(st) {
			return st, nil
		}
		if err := s.pause(ctx, looks); err != nil {
			return st, err
		}
	}
}

// lostSight adds to an error of watching that what is watched goes on.
func (s *Stack) lostSight(err error) error {
	e, ok := errors.AsType[*account.Error](err)
	if !ok {
		return err
	}
	return &account.Error{
		Text: e.Text + " (CloudFormation goes on by itself)",
		Hint: "run the same command again to see how it ends",
	}
}
