package stack_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"matinee/internal/aws/account"
	"matinee/internal/aws/awstest"
	"matinee/internal/aws/stack"
	"matinee/internal/diag"
)

// open opens the stack films on the fake, with a clock that does not tick and sleeps that take no time.
func open(t *testing.T) *stack.Stack {
	t.Helper()
	s, err := stack.Open(t.Context(), "films", account.Account{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	s.Sleep = func(ctx context.Context, d time.Duration) error {
		if d > 5*time.Second {
			t.Errorf("sleeps for %v", d)
		}
		return ctx.Err()
	}
	s.Now = func() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }
	return s
}

func quiet(stack.Event) {}

// provision makes the stack films.
func provision(t *testing.T, s *stack.Stack, p stack.Parameters) (stack.Outputs, []stack.Event) {
	t.Helper()
	plan, err := s.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var events []stack.Event
	outputs, err := s.Apply(t.Context(), plan, func(e stack.Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	return outputs, events
}

// refused checks that an error is one for users: with these words, with a hint, and without secrets.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	var text string
	if e, ok := errors.AsType[*account.Error](err); ok {
		text = e.Text + "\n" + e.Hint
	} else if p, ok := errors.AsType[*diag.Problem](err); ok {
		text = p.Text + "\n" + p.Hint
	} else {
		t.Fatalf("%v is no explained error", err)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q", text, w)
		}
	}
	for _, s := range []string{awstest.Secret, awstest.Token, "Credential=", "Signature="} {
		if strings.Contains(text, s) {
			t.Errorf("%q shows a secret", text)
		}
	}
}

func count(c *awstest.Cloud, action string) int {
	n := 0
	for _, r := range c.Requests {
		if r.Get("Action") == action {
			n++
		}
	}
	return n
}

// A new site is made in two rounds, since only the first shows its address.
func TestNewSite(t *testing.T) {
	c := awstest.Start(t)
	c.Looks = 3
	s := open(t)
	found, err := s.Settle(t.Context(), quiet)
	if found || err != nil {
		t.Fatal(found, err)
	}
	plan, err := s.Plan(t.Context(), stack.Parameters{stack.PriceClass: "PriceClass_All"})
	if err != nil {
		t.Fatal(err)
	}
	if !plan.New || plan.Empty() || len(plan.Changes) != len(awstest.Resources) || plan.Changes[2].Resource != "SiteDistribution" {
		t.Errorf("the plan is %+v", plan)
	}
	for _, line := range []string{"new stack films in us-east-1", "  PriceClass     = PriceClass_All", "  + StaticBucket         AWS::Some::Thing", "3 to add, 0 to change"} {
		if !strings.Contains(plan.String(), line) {
			t.Errorf("the plan does not say %q:\n%s", line, plan)
		}
	}
	var events []string
	outputs, err := s.Apply(t.Context(), plan, func(e stack.Event) { events = append(events, e.Resource+" "+e.Status) })
	if err != nil {
		t.Fatal(err)
	}
	if outputs["SiteURL"] != "https://d111.cloudfront.net" || outputs["StaticBucket"] != "films-static" {
		t.Errorf("the outputs are %v", outputs)
	}
	want := []string{
		"films CREATE_IN_PROGRESS", "StaticBucket CREATE_IN_PROGRESS", "StaticBucket CREATE_COMPLETE", "StreamBucket CREATE_IN_PROGRESS",
		"StreamBucket CREATE_COMPLETE", "SiteDistribution CREATE_IN_PROGRESS", "SiteDistribution CREATE_COMPLETE", "films CREATE_COMPLETE",
	}
	for _, e := range slices.Clone(want) {
		want = append(want, strings.Replace(e, "CREATE", "UPDATE", 1))
	}
	if !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if got := c.Stack.Parameters["SiteOrigin"]; got != "https://d111.cloudfront.net" {
		t.Errorf("the clips are told that the site is at %q", got)
	}
	if c.Stack.Tags["matinee:site"] != "films" {
		t.Errorf("the stack's tags are %v", c.Stack.Tags)
	}
}

// A site with a domain takes one round.
func TestNewSiteWithDomain(t *testing.T) {
	c := awstest.Start(t)
	outputs, _ := provision(t, open(t), stack.Parameters{stack.Domain: "films.example.com", stack.HostedZone: "Z1"})
	if outputs["SiteURL"] != "https://films.example.com" || count(c, "ExecuteChangeSet") != 1 {
		t.Errorf("%v after %d rounds", outputs, count(c, "ExecuteChangeSet"))
	}
}

// What is not given keeps its value; the same once more changes nothing, and leaves nothing behind.
func TestChange(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	provision(t, s, stack.Parameters{stack.PriceClass: "PriceClass_All"})
	plan, err := s.Plan(t.Context(), stack.Parameters{stack.MediaConvert: "yes"})
	if err != nil {
		t.Fatal(err)
	}
	if plan.New || plan.Changes[0].Action != "Modify" || !slices.Equal(plan.Changes[0].Properties, []string{"Tags"}) {
		t.Errorf("the plan is %+v", plan)
	}
	if _, err := s.Apply(t.Context(), plan, quiet); err != nil {
		t.Fatal(err)
	}
	if p := c.Stack.Parameters; p["PriceClass"] != "PriceClass_All" || p["MediaConvert"] != "yes" || p["SiteOrigin"] == "" {
		t.Errorf("the parameters are %v", p)
	}

	c.NoChanges = true
	plan, err = s.Plan(t.Context(), nil)
	if err != nil || !plan.Empty() || !strings.Contains(plan.String(), "nothing to change") {
		t.Errorf("%v, %v", plan, err)
	}
	if len(c.Sets) != 0 {
		t.Error("an empty change set was left behind")
	}
	executed := count(c, "ExecuteChangeSet")
	outputs, err := s.Apply(t.Context(), plan, quiet)
	if err != nil || outputs["StreamURL"] != "https://d222.cloudfront.net" || count(c, "ExecuteChangeSet") != executed {
		t.Errorf("applying nothing: %v, %v", outputs, err)
	}
}

// A plan that is not applied leaves nothing: no change set, and no empty stack around it.
func TestDiscard(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	plan, err := s.Plan(t.Context(), nil)
	if err == nil {
		err = s.Discard(t.Context(), plan)
	}
	if err != nil || len(c.Sets) != 0 || !c.Stack.Deleted {
		t.Errorf("%v; %d change sets, stack %+v", err, len(c.Sets), c.Stack)
	}
	provision(t, s, nil)
	plan, err = s.Plan(t.Context(), stack.Parameters{stack.MediaConvert: "yes"})
	if err == nil {
		err = s.Discard(t.Context(), plan)
	}
	if err != nil || len(c.Sets) != 0 || c.Stack.Deleted {
		t.Errorf("%v; %d change sets, stack %+v", err, len(c.Sets), c.Stack)
	}
}

// A run that was killed after making a change set is continued, by the same name with another token.
func TestPlanAgain(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	provision(t, s, nil)
	p := stack.Parameters{stack.PriceClass: "PriceClass_200"}
	first, err := s.Plan(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC) }
	second, err := s.Plan(t.Context(), p)
	if err != nil || first.String() != second.String() {
		t.Fatalf("%v then %v (%v)", first, second, err)
	}
	if _, err := s.Apply(t.Context(), second, quiet); err != nil || c.Stack.Parameters["PriceClass"] != "PriceClass_200" {
		t.Errorf("%v, %v", c.Stack.Parameters, err)
	}
	var names, tokens []string
	for _, r := range c.Requests[len(c.Requests)-40:] {
		if r.Get("Action") == "CreateChangeSet" && r.Get("Parameters.member.1.ParameterValue") != "" {
			names, tokens = append(names, r.Get("ChangeSetName")), append(tokens, r.Get("ClientToken"))
		}
	}
	if n := len(names); n >= 2 && (names[n-1] != names[n-2] || tokens[n-1] == tokens[n-2]) {
		t.Errorf("change sets %q with the tokens %q", names, tokens)
	}
}

// A run that was killed, or lost its connection, is waited for by the next.
func TestSettle(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	plan, err := s.Plan(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Apply(ctx, plan, func(stack.Event) { cancel() })
	if !errors.Is(err, context.Canceled) || c.Stack.Status != "CREATE_IN_PROGRESS" {
		t.Fatalf("%v while the stack is %s", err, c.Stack.Status)
	}
	events := 0
	found, err := s.Settle(t.Context(), func(stack.Event) { events++ })
	if !found || err != nil || events == 0 || c.Stack.Status != "CREATE_COMPLETE" {
		t.Errorf("%v, %v after %d events: %s", found, err, events, c.Stack.Status)
	}
	// The second round that the killed run did not come to is in the next plan.
	provision(t, s, nil)
	if c.Stack.Parameters["SiteOrigin"] == "" {
		t.Error("the clips were never told where the site is")
	}
}

func TestLostConnection(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	plan, err := s.Plan(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Apply(t.Context(), plan, func(stack.Event) {
		c.Lock()
		defer c.Unlock()
		c.Refuse["DescribeStacks"] = awstest.Refusal{Code: "ExpiredToken", Message: "The security token included in the request is expired", Status: 403}
	})
	refused(t, err, "read the stack films", "the AWS session has expired", "CloudFormation goes on by itself", "run the same command again")
}

// The first resource that failed says why; what follows from it is left out.
func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		words  []string
	}{
		"unverified account": {
			`Resource handler returned message: "Access denied for operation 'AWS::CloudFront::Distribution: Your account must be verified before you can add new CloudFront resources." (RequestToken: 1-2, HandlerErrorCode: AccessDenied)`,
			[]string{"StreamBucket: Access denied for operation", "ask AWS Support"},
		},
		"permission": {
			"User: arn:aws:iam::123456789012:user/ada is not authorized to perform: s3:CreateBucket on resource: arn:aws:s3:::x because no identity-based policy allows the s3:CreateBucket action",
			[]string{"arn:aws:iam::123456789012:user/ada may not s3:CreateBucket", "have the permission s3:CreateBucket added"},
		},
		"domain of another": {
			`Resource handler returned message: "Invalid request provided: One or more of the CNAMEs you provided are already associated with a different resource. (Service: CloudFront, Status Code: 409, Request ID: 77) (SDK Attempt Count: 1)" (RequestToken: 1-2, HandlerErrorCode: AlreadyExists)`,
			[]string{"StreamBucket: One or more of the CNAMEs you provided are already associated with a different resource", "choose another --domain"},
		},
		"name taken": {
			"films-us-east-1 already exists",
			[]string{"StreamBucket: films-us-east-1 already exists", "choose another --stack"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := awstest.Start(t)
			c.Fail["StreamBucket"] = test.reason
			s := open(t)
			plan, err := s.Plan(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Apply(t.Context(), plan, quiet)
			words := slices.Concat(test.words, []string{"the stack films could not be made, and what had been made was removed again", "matinee provision --destroy"})
			refused(t, err, words...)
			if strings.Contains(err.Error(), "RequestToken") || strings.Contains(err.Error(), "Request ID") {
				t.Errorf("%v is not for users", err)
			}
			// The next run says the same, and makes no plan.
			_, err = s.Plan(t.Context(), nil)
			refused(t, err, words...)
		})
	}
}

// Every state that no plan leads out of has its own next step.
func TestStuck(t *testing.T) {
	for status, words := range map[string][]string{
		"ROLLBACK_COMPLETE":      {"could not be made", "--destroy"},
		"ROLLBACK_FAILED":        {"not all that had been made could be removed", "--destroy"},
		"UPDATE_ROLLBACK_FAILED": {"not be put back as it was", "continue-update-rollback --stack-name films --region us-east-1"},
		"UPDATE_FAILED":          {"was left half way", "rollback-stack --stack-name films"},
		"DELETE_FAILED":          {"could not be removed as a whole", "--destroy again"},
	} {
		c := awstest.Start(t)
		s := open(t)
		provision(t, s, nil)
		c.Stack.Status = status
		_, err := s.Plan(t.Context(), nil)
		refused(t, err, append(words, "the stack films")...)
	}
}

// A change that fails leaves the site as it was; that is said, and the next change is possible.
func TestFailedChange(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	provision(t, s, nil)
	c.Fail["SiteDistribution"], c.Rollback = "InvalidViewerCertificate", "UPDATE_ROLLBACK_COMPLETE"
	plan, err := s.Plan(t.Context(), stack.Parameters{stack.Domain: "films.example.com", stack.Certificate: "arn:aws:acm:us-east-1:123456789012:certificate/1"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Apply(t.Context(), plan, quiet)
	refused(t, err, "could not be changed, and is as it was before", "SiteDistribution", "the certificate must be issued")
	delete(c.Fail, "SiteDistribution")
	c.NoChanges = true // what is left is what was wanted all along
	provision(t, s, nil)
	c.NoChanges = false
	provision(t, s, nil)
}

// A stack that is not ours is left alone.
func TestSomebodyElsesStack(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	provision(t, s, nil)
	c.Stack.Tags = map[string]string{"team": "payroll"}
	requests := len(c.Requests)
	_, err := s.Plan(t.Context(), nil)
	refused(t, err, "there is a stack films in us-east-1 already, and it is none of Matinee's", "--stack")
	refused(t, s.Destroy(t.Context(), quiet), "it is none of Matinee's")
	for _, r := range c.Requests[requests:] {
		if r.Get("Action") != "DescribeStacks" {
			t.Errorf("%s of somebody else's stack", r.Get("Action"))
		}
	}
}

// Parameters are checked before AWS is asked.
func TestParameters(t *testing.T) {
	for name, test := range map[string]struct {
		p      stack.Parameters
		region string
		words  []string
	}{
		"no certificate":       {stack.Parameters{stack.Domain: "films.example.com"}, "us-east-1", []string{"films.example.com needs a certificate", "--zone"}},
		"clips alone":          {stack.Parameters{stack.StreamDomain: "clips.example.com"}, "us-east-1", []string{"takes a domain for the site"}},
		"certificate far away": {stack.Parameters{stack.Domain: "films.example.com", stack.HostedZone: "Z1"}, "eu-west-1", []string{"must be in us-east-1", "--certificate"}},
		"too many redirects":   {stack.Parameters{stack.Redirects: strings.Repeat("x", 5000)}, "us-east-1", []string{"longer than 4096 bytes"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, test.p.Check(test.region), test.words...) })
	}
	for _, p := range []stack.Parameters{
		nil,
		{stack.Domain: "films.example.com", stack.HostedZone: "Z1"},
		{stack.Domain: "films.example.com", stack.StreamDomain: "clips.example.com", stack.Certificate: "arn"},
	} {
		if err := p.Check("us-east-1"); err != nil {
			t.Errorf("%v: %v", p, err)
		}
	}
	refused(t, stack.CheckName("my films"), "cannot be the name of a stack")
	refused(t, stack.CheckName(strings.Repeat("a", 33)), "up to 32 letters")
	awstest.Start(t)
	if _, err := open(t).Plan(t.Context(), stack.Parameters{stack.Domain: "films.example.com"}); err == nil {
		t.Error("a domain without a certificate was planned")
	}
}

// What AWS refuses is said in words, without anything secret.
func TestRefusals(t *testing.T) {
	for code, test := range map[string]struct {
		message string
		words   []string
	}{
		"AccessDenied":                 {"User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: cloudformation:DescribeStacks on resource: y", []string{"may not cloudformation:DescribeStacks", "docs/aws.md"}},
		"ExpiredToken":                 {"The security token included in the request is expired", []string{"session has expired", "aws sso login"}},
		"InvalidClientTokenId":         {"The security token included in the request is invalid", []string{"does not know these credentials"}},
		"SignatureDoesNotMatch":        {"The Canonical String for this request should have been 'POST x-amz-security-token:" + awstest.Token + "' Signature=abc", []string{"does not accept the signature", "secret access key"}},
		"RequestTimeTooSkewed":         {"x", []string{"clock"}},
		"OptInRequired":                {"x", []string{"not signed up"}},
		"Throttling":                   {"Rate exceeded", []string{"fewer requests"}},
		"LimitExceededException":       {"Stack limit reached.", []string{"AWS says LimitExceededException: Stack limit reached"}},
		"AuthorizationHeaderMalformed": {"x", []string{"another region", "--region"}},
	} {
		t.Run(code, func(t *testing.T) {
			c := awstest.Start(t)
			c.Refuse["DescribeStacks"] = awstest.Refusal{Code: code, Message: test.message, Status: 403}
			_, err := open(t).Plan(t.Context(), nil)
			refused(t, err, append(test.words, "read the stack films")...)
		})
	}
}

// Without credentials, or a network, that is what is said.
func TestNoWayIn(t *testing.T) {
	awstest.Start(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	_, err := stack.Open(t.Context(), "films", account.Account{Region: "us-east-1"})
	refused(t, err, "there are no AWS credentials", "aws configure")
	_, err = stack.Open(t.Context(), "films", account.Account{Region: "us-east-1", Profile: "cinema"})
	refused(t, err, `there is no AWS profile "cinema"`, "list-profiles")

	awstest.Start(t)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	_, err = open(t).Plan(t.Context(), nil)
	refused(t, err, "AWS cannot be reached")
}

// Destroying empties the two buckets, with all versions and markers, before the stack goes.
func TestDestroy(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	refused(t, s.Destroy(t.Context(), quiet), "there is no stack films in us-east-1")
	provision(t, s, nil)
	c.Buckets = map[string][]string{
		"films-static": {"a.html", "b.html", "gone.html", "z.html"}, "films-stream": {}, "payroll": {"secrets.csv"},
	}
	var events []string
	err := s.Destroy(t.Context(), func(e stack.Event) { events = append(events, e.Resource+" "+e.Status) })
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Buckets["films-static"]) != 0 || len(c.Buckets["payroll"]) != 1 || !c.Stack.Deleted {
		t.Errorf("left: %v, stack %+v", c.Buckets, c.Stack)
	}
	if events[0] != "films-static EMPTIED (4 objects and versions)" || events[len(events)-1] != "films DELETE_COMPLETE" {
		t.Errorf("events: %q", events)
	}
}

// A destruction that fails is explained, and goes on when repeated.
func TestDestroyAgain(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	provision(t, s, nil)
	c.Buckets = map[string][]string{"films-static": {"a.html", "locked.html"}}
	refused(t, s.Destroy(t.Context(), quiet), "empty the bucket films-static: locked.html", "access denied")
	if c.Stack.Status == "DELETE_IN_PROGRESS" || count(c, "DeleteStack") != 0 {
		t.Error("the stack was deleted around a bucket that is not empty")
	}
	c.Buckets = nil // somebody deleted them by hand
	c.Fail["StreamBucket"] = "The bucket you tried to delete is not empty (Service: S3, Status Code: 409)"
	refused(t, s.Destroy(t.Context(), quiet), "could not be removed as a whole", "StreamBucket", "--destroy again")
	c.Fail = nil
	if err := s.Destroy(t.Context(), quiet); err != nil || !c.Stack.Deleted {
		t.Errorf("%v, %+v", err, c.Stack)
	}
}

// How a stack stands is told at once, whatever its state.
func TestStand(t *testing.T) {
	c := awstest.Start(t)
	s := open(t)
	_, err := s.Stand(t.Context())
	refused(t, err, "there is no stack films in us-east-1", "matinee provision makes the stack")
	provision(t, s, stack.Parameters{})
	now, err := s.Stand(t.Context())
	if err != nil || now.Status != "UPDATE_COMPLETE" || now.Busy || now.Failure != nil || now.Outputs["StaticBucket"] != "films-static" {
		t.Errorf("%+v, %v", now, err)
	}
	c.Lock()
	c.Stack.Status = "UPDATE_IN_PROGRESS"
	c.Unlock()
	if now, err := s.Stand(t.Context()); err != nil || !now.Busy {
		t.Errorf("%+v, %v", now, err)
	}
	c.Lock()
	c.Stack.Status = "UPDATE_ROLLBACK_FAILED"
	c.Unlock()
	now, err = s.Stand(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused(t, now.Failure, "could not be changed, and not be put back as it was", "continue-update-rollback")
}
