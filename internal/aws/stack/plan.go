package stack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// A Plan is what would happen to a stack: a change set of CloudFormation, which exists until it is applied or discarded.
type Plan struct {
	Stack      string     `json:"stack"`
	Region     string     `json:"region"`
	New        bool       `json:"new"` // there is no such stack yet
	Parameters Parameters `json:"parameters"`
	Changes    []Change   `json:"changes"`

	id      string // of the change set, "" where there is nothing to do
	stackID string
	shell   bool // the change set brought the stack into being
}

// A Change is what would happen to one resource.
type Change struct {
	Action     string   `json:"action"`                // "Add", "Modify", "Remove", "Replace"
	Resource   string   `json:"resource"`              // its name in the template
	Type       string   `json:"type"`                  // "AWS::S3::Bucket"
	Properties []string `json:"properties,omitempty"`  // those that change
	PhysicalID string   `json:"physical_id,omitempty"` // what it is called now
}

// Empty tells whether there is nothing to do.
func (p *Plan) Empty() bool { return p.id == "" }

// String is the plan for a person: parameters and changes, one on a line.
func (p *Plan) String() string {
	var b strings.Builder
	kind := "stack"
	if p.New {
		kind = "new stack"
	}
	fmt.Fprintf(&b, "%s %s in %s\n", kind, p.Stack, p.Region)
	b.WriteString(p.Parameters.String())
	counts := map[string]int{}
	for _, c := range p.Changes {
		counts[c.Action]++
		line := fmt.Sprintf("  %s %-20s %s", signs[c.Action], c.Resource, c.Type)
		if len(c.Properties) > 0 {
			line += " (" + strings.Join(c.Properties, ", ") + ")"
		}
		b.WriteString(line + "\n")
	}
	switch {
	case p.Empty():
		b.WriteString("nothing to change\n")
	case len(p.Changes) == 0:
		b.WriteString("only tags and outputs change\n")
	default:
		fmt.Fprintf(&b, "%d to add, %d to change, %d to replace, %d to remove\n", counts["Add"], counts["Modify"], counts["Replace"], counts["Remove"])
	}
	if p.New && p.Parameters[Domain] == "" {
		b.WriteString("then StreamHeaders and StreamBucket are told the site's address, which AWS chooses\n")
	}
	return b.String()
}

var signs = map[string]string{"Add": "+", "Modify": "~", "Replace": "±", "Remove": "-"}

// Plan finds out what it takes to give the stack these parameters and this template. Nothing changes yet. The stack must
// be settled.
func (s *Stack) Plan(ctx context.Context, parameters Parameters) (*Plan, error) {
	st, err := s.settled(ctx, func(Event) {})
	if err != nil {
		return nil, err
	}
	if err := s.changeable(ctx, st); err != nil {
		return nil, err
	}
	all := parameters.over(st.parameters)
	if !st.exists() {
		all = parameters.over(nil)
	}
	if target := st.outputs[SiteTarget]; target != "" && all[Domain] == "" {
		all[siteOrigin] = "https://" + target
	}
	if err := all.Check(s.Region); err != nil {
		return nil, err
	}
	p := &Plan{Stack: s.Name, Region: s.Region, New: !st.exists(), Parameters: all, Changes: []Change{}}
	p.shell = p.New && (st.gone() || st.ours)
	if err := s.createChangeSet(ctx, p, st); err != nil || p.Empty() {
		return p, err
	}
	return p, s.describeChangeSet(ctx, p)
}

func (s *Stack) createChangeSet(ctx context.Context, p *Plan, st state) error {
	in := &cloudformation.CreateChangeSetInput{
		StackName:     &s.Name,
		ChangeSetName: aws.String("matinee-" + digest(Template, fmt.Sprint(p.Parameters), st.id)),
		ChangeSetType: types.ChangeSetTypeUpdate,
		Description:   aws.String("matinee provision"),
		TemplateBody:  &Template,
		Capabilities:  []types.Capability{types.CapabilityCapabilityIam},
		Tags:          []types.Tag{{Key: aws.String(siteTag), Value: &s.Name}},
	}
	if p.New {
		in.ChangeSetType = types.ChangeSetTypeCreate
	}
	// The token makes a repeated request the same request, and the time another run another.
	in.ClientToken = aws.String(*in.ChangeSetName + "-" + digest(s.now().UTC().Format(time.RFC3339Nano)))
	for _, name := range parameterNames {
		if value, ok := p.Parameters[name]; ok {
			in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)})
		}
	}
	out, err := s.cloud.createChangeSet(ctx, in)
	if _, exists := errors.AsType[*types.AlreadyExistsException](err); exists { // left by a run that was killed; it says the same, since its name is made of what it says
		p.id = *in.ChangeSetName
		return nil
	}
	if err != nil && saysUnchanged(err.Error()) {
		return nil
	}
	if err != nil {
		return account.Explain("plan the stack "+s.Name, err)
	}
	p.id, p.stackID = aws.ToString(out.Id), aws.ToString(out.StackId)
	return nil
}

// saysUnchanged tells whether CloudFormation says that there is nothing to do, which it has only words for.
func saysUnchanged(text string) bool {
	return strings.Contains(text, "didn't contain changes") || strings.Contains(text, "No updates are to be performed")
}

// digest is a short name for texts.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return hex.EncodeToString(sum[:6])
}

// describeChangeSet waits until CloudFormation knows the changes, and reads them into the plan.
func (s *Stack) describeChangeSet(ctx context.Context, p *Plan) error {
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: &p.id, StackName: &s.Name}
	for looks := 0; ; looks++ {
		out, err := s.cloud.describeChangeSet(ctx, in)
		if err != nil {
			return account.Explain("read the plan of "+s.Name, err)
		}
		p.stackID = cmp.Or(p.stackID, aws.ToString(out.StackId))
		switch out.Status {
		case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
			if err := s.pause(ctx, looks); err != nil {
				return err
			}
			continue
		case types.ChangeSetStatusCreateComplete:
		default:
			return s.failedChangeSet(ctx, p, aws.ToString(out.StatusReason))
		}
		for _, c := range out.Changes {
			if c.ResourceChange != nil {
				p.Changes = append(p.Changes, changeOf(c.ResourceChange))
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return nil
		}
	}
}

// failedChangeSet tidies up after a change set that came to nothing: an error, unless there was nothing to change.
func (s *Stack) failedChangeSet(ctx context.Context, p *Plan, why string) error {
	err := s.Discard(ctx, p)
	p.id = ""
	if saysUnchanged(why) {
		return err
	}
	text, hint := explainReason(why)
	return &account.Error{Text: fmt.Sprintf("AWS does not take the plan for %s: %s", s.Name, text), Hint: hint}
}

func changeOf(c *types.ResourceChange) Change {
	change := Change{
		Action: string(c.Action), Resource: aws.ToString(c.LogicalResourceId), Type: aws.ToString(c.ResourceType),
		PhysicalID: aws.ToString(c.PhysicalResourceId),
	}
	if c.Replacement == types.ReplacementTrue {
		change.Action = "Replace"
	}
	for _, d := range c.Details {
		if d.Target == nil {
			continue
		}
		if name := cmp.Or(aws.ToString(d.Target.Name), string(d.Target.Attribute)); !slices.Contains(change.Properties, name) {
			change.Properties = append(change.Properties, name)
		}
	}
	slices.Sort(change.Properties)
	return change
}

// Discard forgets a plan that is not applied, and leaves everything as it was before.
func (s *Stack) Discard(ctx context.Context, p *Plan) error {
	if p.Empty() {
		return nil
	}
	_, err := s.cloud.deleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &p.id, StackName: &s.Name})
	if err == nil && p.shell { // a change set for a new stack makes an empty one
		_, err = s.cloud.deleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &p.stackID})
	}
	return account.Explain("discard the plan of "+s.Name, err)
}
