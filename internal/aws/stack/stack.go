// Package stack makes, changes and removes what a site needs in an AWS account, by CloudFormation.
//
// The [Template] says what that is; it is one file, written to be read. What is there already is known by
// CloudFormation alone: there is no file of state to lose, and what the template names and what the stack has cannot
// drift apart unseen. A stack is changed in two steps, so that everybody sees what will happen before it does:
//
//	Settle → Plan (a change set) → the user says yes → Apply (with events as they happen) → Outputs
//
// Every step can be interrupted and repeated: CloudFormation goes on by itself, the next Settle waits for it, and the
// next Plan is about the rest. A stack in a state from which no plan leads on is explained, with the reason that its
// first failing resource gave and the next step.
//
// Only stacks that carry the package's tag are touched, and [Stack.Destroy] empties only their two buckets.
package stack

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"matinee/internal/aws/account"
	"matinee/internal/diag"
)

// A Stack is the CloudFormation stack of one site.
type Stack struct {
	Name   string
	Region string

	// Sleep pauses between two looks at what CloudFormation does; nil sleeps.
	Sleep func(context.Context, time.Duration) error
	// Now is the time; nil is the clock's.
	Now func() time.Time

	cloud operations
	store *s3.Client
}

// operations are those of CloudFormation that are called.
type operations struct {
	createChangeSet   operation[cloudformation.CreateChangeSetInput, cloudformation.CreateChangeSetOutput]
	deleteChangeSet   operation[cloudformation.DeleteChangeSetInput, cloudformation.DeleteChangeSetOutput]
	deleteStack       operation[cloudformation.DeleteStackInput, cloudformation.DeleteStackOutput]
	describeChangeSet operation[cloudformation.DescribeChangeSetInput, cloudformation.DescribeChangeSetOutput]
	describeEvents    operation[cloudformation.DescribeStackEventsInput, cloudformation.DescribeStackEventsOutput]
	describeResources operation[cloudformation.DescribeStackResourcesInput, cloudformation.DescribeStackResourcesOutput]
	describeStacks    operation[cloudformation.DescribeStacksInput, cloudformation.DescribeStacksOutput]
	executeChangeSet  operation[cloudformation.ExecuteChangeSetInput, cloudformation.ExecuteChangeSetOutput]
}

type operation[In, Out any] = account.Operation[In, Out, cloudformation.Options]

// validName is stricter than CloudFormation: the name, with the region, is part of names of at most 64 characters.
var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,31}$`)

// CheckName says what is wrong with a stack's name.
func CheckName(name string) error {
	if validName.MatchString(name) {
		return nil
	}
	return diag.At("", 0, "%q cannot be the name of a stack", name).
		WithHint("use up to 32 letters, digits and hyphens, beginning with a letter")
}

// Open finds the credentials for working on a stack, which need not exist.
func Open(ctx context.Context, name string, a account.Account) (*Stack, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	cfg, err := a.Open(ctx)
	if err != nil {
		return nil, err
	}
	client := cloudformation.NewFromConfig(cfg)
	return &Stack{
		Name: name, Region: cfg.Region, store: s3.NewFromConfig(cfg),
		cloud: operations{
			createChangeSet: client.CreateChangeSet, deleteChangeSet: client.DeleteChangeSet, deleteStack: client.DeleteStack,
			describeChangeSet: client.DescribeChangeSet, describeEvents: client.DescribeStackEvents,
			describeResources: client.DescribeStackResources, describeStacks: client.DescribeStacks,
			executeChangeSet: client.ExecuteChangeSet,
		},
	}, nil
}

// Outputs are what a stack says about what it made.
type Outputs map[string]string

// siteTag marks the stacks and resources that are ours. Its value is the stack's name.
const siteTag = "matinee:site"

// A state is what a stack is at one moment. The zero value is that of a stack that does not exist.
type state struct {
	id         string
	status     types.StackStatus
	parameters Parameters
	outputs    Outputs
	ours       bool
}

// look asks for the state of a stack, by its name or, when it may be deleted meanwhile, by its id.
func (s *Stack) look(ctx context.Context, nameOrID string) (state, error) {
	out, err := s.cloud.describeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
	if isMissing(err) {
		return state{}, nil
	}
	if err != nil {
		return state{}, account.Explain("read the stack "+s.Name, err)
	}
	if len(out.Stacks) == 0 {
		return state{}, nil
	}
	found := out.Stacks[0]
	st := state{id: aws.ToString(found.StackId), status: found.StackStatus, parameters: Parameters{}, outputs: Outputs{}}
	for _, p := range found.Parameters {
		st.parameters[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for _, o := range found.Outputs {
		st.outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	for _, t := range found.Tags {
		st.ours = st.ours || aws.ToString(t.Key) == siteTag
	}
	return st, nil
}

// isMissing tells whether CloudFormation says that there is no such stack, for which it has no code of its own.
func isMissing(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "ValidationError" && strings.Contains(api.ErrorMessage(), "does not exist")
}

// gone tells whether there is nothing left of a stack.
func (st state) gone() bool { return st.id == "" || st.status == types.StackStatusDeleteComplete }

// exists tells whether there is a stack, as opposed to nothing, to one that is gone, and to the shell around a change set
// that nobody has executed.
func (st state) exists() bool {
	return !st.gone() && st.status != types.StackStatusReviewInProgress
}

// busy tells whether CloudFormation is at work on the stack.
func (st state) busy() bool {
	return st.exists() && strings.HasSuffix(string(st.status), "_IN_PROGRESS")
}

// failed tells whether the last thing CloudFormation did with the stack went wrong.
func (st state) failed() bool {
	return strings.Contains(string(st.status), "ROLLBACK") || strings.HasSuffix(string(st.status), "_FAILED")
}

// settled waits until nothing is going on with the stack, which must be ours if it exists.
func (s *Stack) settled(ctx context.Context, tell func(Event)) (state, error) {
	st, err := s.look(ctx, s.Name)
	if err != nil {
		return st, err
	}
	if st.exists() && !st.ours {
		return st, &account.Error{
			Text: fmt.Sprintf("there is a stack %s in %s already, and it is none of Matinee's", s.Name, s.Region),
			Hint: "choose another name with --stack",
		}
	}
	if !st.busy() {
		return st, nil
	}
	last, err := s.lastEvent(ctx, st.id)
	if err != nil {
		return st, err
	}
	return s.watch(ctx, st.id, last, tell, state.busy)
}

// Settle waits until nothing is going on with the stack, and tells whether there is one. Events are told meanwhile.
func (s *Stack) Settle(ctx context.Context, tell func(Event)) (found bool, err error) {
	st, err := s.settled(ctx, tell)
	return st.exists(), err
}

// pause waits between two looks, longer each time.
func (s *Stack) pause(ctx context.Context, looks int) error {
	const first, longest = 250 * time.Millisecond, 5 * time.Second
	d := min(first<<min(looks, 10), longest)
	if s.Sleep != nil {
		return s.Sleep(ctx, d)
	}
	return account.Sleep(ctx, d)
}

func (s *Stack) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Outputs returns what the stack says of itself: where the site is published to.
func (s *Stack) Outputs(ctx context.Context) (Outputs, error) {
	st, err := s.look(ctx, s.Name)
	switch {
	case err != nil:
		return nil, err
	case !st.exists():
		return nil, s.noStack()
	case st.outputs[StaticBucket] == "":
		return nil, &account.Error{
			Text: fmt.Sprintf("the stack %s in %s is not finished", s.Name, s.Region),
			Hint: "run matinee provision, which says how it stands",
		}
	}
	return st.outputs, nil
}

// A Standing is how a stack stands.
type Standing struct {
	Status  string // "UPDATE_COMPLETE"
	Busy    bool   // CloudFormation is at work on it
	Outputs Outputs
	Failure error // why the last thing that was done to it went wrong; nil when it did not
}

// Stand tells how the stack stands, without waiting for anything.
func (s *Stack) Stand(ctx context.Context) (Standing, error) {
	st, err := s.look(ctx, s.Name)
	switch {
	case err != nil:
		return Standing{}, err
	case !st.exists():
		return Standing{}, s.noStack()
	}
	now := Standing{Status: string(st.status), Busy: st.busy(), Outputs: st.outputs}
	if st.failed() && !st.busy() {
		now.Failure = s.failure(ctx, st)
	}
	return now, nil
}

func (s *Stack) noStack() error {
	return &account.Error{
		Text: fmt.Sprintf("there is no stack %s in %s", s.Name, s.Region),
		Hint: "check publish.stack and publish.region in site.yaml; matinee provision makes the stack",
	}
}
