package stack

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"matinee/internal/aws/account"
)

// changeable explains why a stack in this state cannot be changed, if it cannot.
func (s *Stack) changeable(ctx context.Context, st state) error {
	switch st.status {
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed,
		types.StackStatusUpdateRollbackFailed, types.StackStatusUpdateFailed, types.StackStatusDeleteFailed,
		types.StackStatusImportRollbackFailed:
		return s.failure(ctx, st)
	}
	return nil
}

// An outcome is a state in which something went wrong, in words.
type outcome struct{ what, hint string }

const removeIt = "run matinee provision --destroy to remove what is left, then matinee provision again"

var outcomes = map[types.StackStatus]outcome{
	types.StackStatusRollbackComplete:       {"could not be made, and what had been made was removed again", removeIt},
	types.StackStatusRollbackFailed:         {"could not be made, and not all that had been made could be removed again", removeIt},
	types.StackStatusCreateFailed:           {"could not be made", removeIt},
	types.StackStatusUpdateRollbackComplete: {"could not be changed, and is as it was before", "put that right, then run matinee provision again"},
	types.StackStatusUpdateRollbackFailed: {
		"could not be changed, and not be put back as it was",
		"put that right, run aws cloudformation continue-update-rollback --stack-name {stack} --region {region}, then matinee provision again",
	},
	types.StackStatusUpdateFailed: {
		"could not be changed, and was left half way",
		"put that right, run aws cloudformation rollback-stack --stack-name {stack} --region {region}, then matinee provision again",
	},
	types.StackStatusDeleteFailed: {"could not be removed as a whole", "put that right, then run matinee provision --destroy again"},
}

// failure explains a stack that something went wrong with: what, and why, in the words of the resource that failed.
func (s *Stack) failure(ctx context.Context, st state) error {
	o, known := outcomes[st.status]
	if !known {
		o = outcome{"is in the state " + string(st.status), "look at its events in the CloudFormation console"}
	}
	e := &account.Error{
		Text: fmt.Sprintf("the stack %s %s", s.Name, o.what),
		Hint: strings.NewReplacer("{stack}", s.Name, "{region}", s.Region).Replace(o.hint),
	}
	resource, reason, err := s.firstFailure(ctx, st.id)
	if err != nil || reason == "" {
		return e // without the reason, rather than with another error in its place
	}
	text, hint := explainReason(reason)
	e.Text += ": " + resource + ": " + text
	if hint != "" {
		e.Hint = hint + "; " + e.Hint
	}
	return e
}

// firstFailure finds the resource with which the last thing done to the stack began to fail. What fails after it fails
// because of it.
func (s *Stack) firstFailure(ctx context.Context, id string) (resource, reason string, err error) {
	err = s.events(ctx, id, func(e types.StackEvent) bool {
		status, why := string(e.ResourceStatus), aws.ToString(e.ResourceStatusReason)
		if aws.ToString(e.PhysicalResourceId) == id {
			begun := strings.HasSuffix(status, "_IN_PROGRESS") && !strings.Contains(status, "ROLLBACK") && !strings.Contains(status, "CLEANUP")
			return !begun
		}
		if strings.HasSuffix(status, "_FAILED") && why != "" && !strings.Contains(why, "cancelled") {
			resource, reason = aws.ToString(e.LogicalResourceId), why
		}
		return true
	})
	return resource, reason, err
}

// wrapping is what CloudFormation and the services put around what they have to say.
var wrapping = []*regexp.Regexp{
	regexp.MustCompile(`\s*\((RequestToken|Service|SDK Attempt Count|HandlerErrorCode):[^()]*\)`),
	regexp.MustCompile(`^Resource handler returned message: `),
	regexp.MustCompile(`^"|"$`),
	regexp.MustCompile(`^Invalid request provided: `),
}

// readable is a reason without its wrapping.
func readable(reason string) string {
	for _, w := range wrapping {
		reason = strings.TrimSpace(w.ReplaceAllString(strings.TrimSpace(reason), ""))
	}
	return strings.TrimRight(reason, ". ")
}

// A known reason of failure, and what to do about it.
type knownReason struct{ says, hint string }

var knownReasons = []knownReason{
	{"must be verified before you can add", "new accounts may not make distributions at once: ask AWS Support to verify the account for CloudFront, which is free"},
	{"CNAMEs you provided are already associated", "another distribution has that domain: remove it there, or choose another --domain"},
	{"CNAMEAlreadyExists", "another distribution has that domain: remove it there, or choose another --domain"},
	{"InvalidViewerCertificate", "the certificate must be issued, in us-east-1, and name the domains"},
	{"doesn't cover the alternate domain name", "the certificate must name the domains"},
	{"already exists", "something of that name is there already: choose another --stack"},
	{"No hosted zone found", "check the id of the zone: aws route53 list-hosted-zones"},
	{"not permitted in zone", "the domain must lie in the zone: aws route53 list-hosted-zones"},
	{"The bucket you tried to delete is not empty", "something was published meanwhile"},
	{"TooMany", "the account has as many of these as it may: remove one that is not needed, or ask for more in Service Quotas"},
}

// explainReason makes a reason readable and adds what to do about it, where that is known.
func explainReason(reason string) (text, hint string) {
	for _, k := range knownReasons {
		if strings.Contains(reason, k.says) {
			return readable(reason), k.hint
		}
	}
	if strings.Contains(reason, "is not authorized to perform") || strings.Contains(reason, "AccessDenied") {
		return account.AccessDenied(reason)
	}
	return readable(reason), ""
}
