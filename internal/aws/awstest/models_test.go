package awstest_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"matinee/internal/aws/account"
	"matinee/internal/aws/awstest"
	"matinee/internal/aws/cdn"
	"matinee/internal/aws/stack"
)

// Every kind of request that is made to CloudFormation, CloudFront and STS is one that their models allow. Other tests
// make them in more circumstances, and hold them against the models too where these are installed.
func TestRequestsAreWhatAWSTakes(t *testing.T) {
	c := awstest.Start(t)
	c.Models = awstest.NeedModels(t)
	c.Waits, c.Looks = 1, 1
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, us := t.Context(), account.Account{Region: "us-east-1"}
	noSleep := func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	quiet := func(stack.Event) {}

	s, err := stack.Open(ctx, "films", us)
	must(err)
	s.Sleep = noSleep
	plan, err := s.Plan(ctx, stack.Parameters{stack.Redirects: `{"/old/":"/new/"}`, stack.MediaConvert: "yes"})
	must(err)
	must(s.Discard(ctx, plan))
	plan, err = s.Plan(ctx, stack.Parameters{stack.Domain: "films.example.com", stack.HostedZone: "Z1", stack.PriceClass: "PriceClass_All"})
	must(err)
	_, err = s.Apply(ctx, plan, quiet)
	must(err)
	_, err = s.Outputs(ctx)
	must(err)
	c.Buckets["films-static"], c.Buckets["films-stream"] = []string{"index.html"}, nil
	must(s.Destroy(ctx, quiet))

	d := cdn.Distribution{ID: "E1A2B3C4D5E6F7", Account: us, Sleep: noSleep}
	id, err := d.Invalidate(ctx, []string{"/a-walk/", "/tags/*", "/f%C3%BCr/"}, "matinee-7-abc")
	must(err)
	must(d.Wait(ctx, id))

	_, err = us.Who(ctx)
	must(err)
	_, err = cdn.Retired(ctx, us)
	must(err)

	want := []string{
		"cloudformation CreateChangeSet", "cloudformation DeleteChangeSet", "cloudformation DeleteStack", "cloudformation DescribeChangeSet",
		"cloudformation DescribeStackEvents", "cloudformation DescribeStackResources", "cloudformation DescribeStacks",
		"cloudformation ExecuteChangeSet", "cloudfront CreateInvalidation", "cloudfront GetInvalidation",
		"cloudfront ListStreamingDistributions", "sts GetCallerIdentity",
	}
	if got := slices.Sorted(maps.Keys(c.Seen)); !slices.Equal(got, want) {
		t.Errorf("requests were made for\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The check finds what it is there to find.
func TestModelsFindMistakes(t *testing.T) {
	models := awstest.NeedModels(t)
	const space = ` xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"`
	const path = "/2020-05-31/distribution/E1/invalidation"
	const form = "Version=2010-05-15&Action=CreateChangeSet&StackName=films&ChangeSetName=m1"
	for _, test := range []struct{ service, method, path, body, says string }{
		{"cloudformation", "POST", "/", form, ""},
		{"cloudformation", "POST", "/", form + "&Tags.member.1.Key=a&Tags.member.1.Value=b", ""},
		{"cloudformation", "POST", "/", form + "&Capabilities.member.1=CAPABILITY_IAM&IncludeNestedStacks=true", ""},
		{"cloudformation", "POST", "/", form + "&Colour=red", "CreateChangeSet has no member Colour"},
		{"cloudformation", "POST", "/", form + "&Tags.member.1.Key=a", "Tags[0].Value is missing"},
		{"cloudformation", "POST", "/", form + "&Tags.member.2.Key=a&Tags.member.2.Value=b", "Tags has no item 1 of 1"},
		{"cloudformation", "POST", "/", form + "&Tags.1.Key=a&Tags.1.Value=b", "holds a 1, and not a member"},
		{"cloudformation", "POST", "/", form + "&Tags.member.1.Key=a&Tags.member.1.Value=b&Tags.member.1.Hue=c", "has no member Hue"},
		{"cloudformation", "POST", "/", form + "&Capabilities.member.1=ALL", "not one of CAPABILITY_IAM"},
		{"cloudformation", "POST", "/", form + "&ChangeSetType=REPLACE", "not one of CREATE, UPDATE, IMPORT"},
		{"cloudformation", "POST", "/", form + "&IncludeNestedStacks=yes", "neither true nor false"},
		{"cloudformation", "POST", "/", form + "&StackName=other", "StackName has 2 values"},
		{"cloudformation", "POST", "/", "Version=2010-05-15&Action=CreateChangeSet&StackName=films", "ChangeSetName is missing"},
		{"cloudformation", "POST", "/", strings.Replace(form, "m1", "1", 1), `not like`},
		{"cloudformation", "POST", "/", strings.Replace(form, "m1", "m"+strings.Repeat("1", 200), 1), "outside of its limits"},
		{"cloudformation", "POST", "/", strings.Replace(form, "2010", "2011", 1), "the version is"},
		{"cloudformation", "POST", "/", "Version=2010-05-15&Action=MakeStack", `no operation "MakeStack"`},
		{"sts", "POST", "/", "Version=2011-06-15&Action=GetCallerIdentity", ""},
		{"sts", "POST", "/", "Version=2011-06-15&Action=GetCallerIdentity&User=ada", "has no member User"},
		{"cloudfront", "POST", path, "<InvalidationBatch" + space + "><Paths><Quantity>1</Quantity><Items><Path>/</Path></Items></Paths><CallerReference>r</CallerReference></InvalidationBatch>", ""},
		{"cloudfront", "POST", path, "<InvalidationBatch" + space + "><Paths><Quantity>2</Quantity><Items><Path>/</Path></Items></Paths><CallerReference>r</CallerReference></InvalidationBatch>", `1 items, and the quantity "2"`},
		{"cloudfront", "POST", path, "<InvalidationBatch" + space + "><Paths><Quantity>1</Quantity><Items><Item>/</Item></Items></Paths><CallerReference>r</CallerReference></InvalidationBatch>", "holds a Item, and not a Path"},
		{"cloudfront", "POST", path, "<InvalidationBatch" + space + "><Paths><Quantity>one</Quantity></Paths><CallerReference>r</CallerReference></InvalidationBatch>", "is no integer"},
		{"cloudfront", "POST", path, "<InvalidationBatch" + space + "><CallerReference>r</CallerReference></InvalidationBatch>", "Paths is missing"},
		{"cloudfront", "POST", path, "<Invalidation" + space + "/>", "the document is a Invalidation"},
		{"cloudfront", "POST", path, "<InvalidationBatch/>", `of "", and not`},
		{"cloudfront", "POST", path, "", "InvalidationBatch is missing"},
		{"cloudfront", "POST", path, "<InvalidationBatch", "cannot be read"},
		{"cloudfront", "GET", path + "/I1", "", ""},
		{"cloudfront", "GET", path + "/I1", "<a/>", "it takes no document"},
		{"cloudfront", "GET", path + "?MaxItems=7", "", ""},
		{"cloudfront", "GET", path + "?Most=7", "", "does not know the parameter Most"},
		{"cloudfront", "PUT", path, "", "there is no operation PUT"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{}}`, ""},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{"inputs":[{"fileInput":"s3://films/a.mov","audioSelectors":{"A":{"tracks":[1]}}}]}}`, ""},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r"}`, "Settings is missing"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"Role":"r","settings":{}}`, "has no member Role"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{"inputs":{}}}`, "Settings.Inputs is no list"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{"inputs":[{"fileInput":"films/a.mov"}]}}`, "not like"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{"inputs":[{"audioSelectors":{"A":{"tracks":[1.5]}}}]}}`, "is no integer"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{"inputs":[{"audioSelectors":{"A":{"tracks":[0]}}}]}}`, "outside of its limits"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{"inputs":[{"inputScanType":"ODD"}]}}`, "not one of AUTO, PSF"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{"inputs":[{"programNumber":"1"}]}}`, "is no integer"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":null,"settings":{}}`, "is no string"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", `{"role":"r","settings":{}} x`, "cannot be read"},
		{"mediaconvert", "POST", "/2017-08-29/jobs", "", "the document is missing"},
		{"mediaconvert", "GET", "/2017-08-29/jobs/1795392000-abc", "", ""},
		{"mediaconvert", "GET", "/2017-08-29/search?maxResults=21", "", "outside of its limits"},
		{"mediaconvert", "GET", "/2017-08-29/search?colour=red", "", "does not know the parameter colour"},
		{"s3", "GET", "/films", "", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), test.method, test.path, http.NoBody)
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/"+test.service+"/aws4_request, SignedHeaders=host, Signature=0")
		_, problems := models.Check(r, []byte(test.body))
		got := strings.Join(problems, "\n")
		if test.says == "" && got != "" || !strings.Contains(got, test.says) {
			t.Errorf("%s %s %s: %q, want %q", test.method, test.path, test.body, got, test.says)
		}
	}
	unsigned := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	if _, problems := models.Check(unsigned, nil); len(problems) != 1 {
		t.Errorf("an unsigned request: %q", problems)
	}
}
