package stack

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"matinee/internal/aws/account"
)

// Apply carries a plan out, tells what happens while it does, and returns what the stack says of itself at the end. A
// new site without a domain takes two rounds, because only the first one shows its address.
func (s *Stack) Apply(ctx context.Context, p *Plan, tell func(Event)) (Outputs, error) {
	outputs, err := s.execute(ctx, p, tell)
	if err != nil || !p.New || p.Parameters[Domain] != "" {
		return outputs, err
	}
	second, err := s.Plan(ctx, p.Parameters)
	if err != nil {
		return outputs, err
	}
	return s.execute(ctx, second, tell)
}

// execute carries out one change set, if there is one.
func (s *Stack) execute(ctx context.Context, p *Plan, tell func(Event)) (Outputs, error) {
	if p.Empty() {
		st, err := s.look(ctx, s.Name)
		return st.outputs, err
	}
	last, err := s.lastEvent(ctx, p.stackID)
	if err != nil {
		return nil, err
	}
	_, err = s.cloud.executeChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: &p.id, StackName: &s.Name,
		ClientRequestToken: aws.String("matinee-" + digest(p.id, p.stackID)), // a plan is carried out once, however often asked
	})
	if err != nil {
		return nil, account.Explain("change the stack "+s.Name, err)
	}
	st, err := s.follow(ctx, p.stackID, last, tell)
	if err == nil && st.failed() {
		err = s.failure(ctx, st)
	}
	return st.outputs, err
}

// follow watches what was just begun, from the event after the one with the id last, to its end.
func (s *Stack) follow(ctx context.Context, id, last string, tell func(Event)) (state, error) {
	// The state of a stack may lag behind, and be the final one of the time before. The stack's own events do not.
	status := ""
	st, err := s.watch(ctx, id, last, func(e Event) {
		if e.Resource == s.Name {
			status = e.Status
		}
		tell(e)
	}, func(st state) bool {
		return !st.gone() && (status == "" || strings.HasSuffix(status, "_IN_PROGRESS"))
	})
	if err != nil || st.gone() {
		return st, err
	}
	return s.look(ctx, id)
}
