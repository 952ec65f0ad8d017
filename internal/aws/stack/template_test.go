package stack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"matinee/internal/aws/stack"
	"matinee/internal/testenv"
)

// CloudFormation takes templates of up to 51,200 bytes with a request.
func TestTemplateFits(t *testing.T) {
	if n := len(stack.Template); n >= 51200 {
		t.Errorf("the template has %d bytes", n)
	}
}

func TestTemplateLint(t *testing.T) {
	lint := testenv.Program(t, "cfn-lint")
	cmd := exec.CommandContext(t.Context(), lint, "--regions", "us-east-1", "eu-west-1", "--non-zero-exit-code", "informational", "--template", "template.yaml")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// block returns the template's lines from the one that begins with start to the next that is indented as much or less.
func block(t *testing.T, start string) string {
	t.Helper()
	_, rest, ok := strings.Cut(stack.Template, "\n"+start)
	if !ok {
		t.Fatalf("the template has no line that begins with %q", start)
	}
	indent := len(start) - len(strings.TrimLeft(start, " "))
	lines := strings.SplitAfter(rest, "\n")
	for i, line := range lines[1:] {
		if strings.TrimSpace(line) != "" && len(line)-len(strings.TrimLeft(line, " ")) <= indent {
			return start + strings.Join(lines[:i+1], "")
		}
	}
	return start + rest
}

// The parameters of the template are those the package knows: all of them stand in a recipe that names them all.
func TestParametersOfTheTemplate(t *testing.T) {
	parameters := block(t, "Parameters:")
	all := stack.Parameters{
		stack.Domain: "d", stack.StreamDomain: "s", stack.HostedZone: "Z", stack.Certificate: "c", stack.PriceClass: "p",
		stack.Redirects: "{}", stack.Elsewhere: "", stack.MediaConvert: "no", "SiteOrigin": "o",
	}
	recipe, _, _ := strings.Cut(stack.Recipe("films", "us-east-1", all), "AWSTemplateFormatVersion")
	for _, m := range regexp.MustCompile(`(?m)^  (\w+):$`).FindAllStringSubmatch(parameters, -1) {
		if !strings.Contains(recipe, " "+m[1]+"='") {
			t.Errorf("the package does not know the parameter %s", m[1])
		}
		delete(all, m[1])
	}
	if len(all) > 0 {
		t.Errorf("the template does not know the parameters %v", all)
	}
	if quoted := stack.Recipe("films", "us-east-1", stack.Parameters{stack.Redirects: `{"/it's/":"/x/"}`}); !strings.Contains(quoted, `Redirects='{"/it'\''s/":"/x/"}'`) {
		t.Error("the recipe is not what a shell takes")
	}
}

// The outputs that the package names are those of the template, besides the policies, whose ARNs are for people.
func TestOutputsOfTheTemplate(t *testing.T) {
	named := []string{
		stack.SiteURL, stack.StreamURL, stack.SiteTarget, stack.StreamTarget, stack.StaticBucket, stack.StreamBucket,
		stack.SiteDistribution, stack.StreamDistribution, stack.MediaConvertRole, stack.MediaConvertQueue,
		"PublisherPolicy", "EncodingPolicy",
	}
	var outputs []string
	for _, m := range regexp.MustCompile(`(?m)^  (\w+):`).FindAllStringSubmatch(block(t, "Outputs:"), -1) {
		outputs = append(outputs, m[1])
	}
	slices.Sort(named)
	slices.Sort(outputs)
	if !slices.Equal(named, outputs) {
		t.Errorf("the template has the outputs %q, want %q", outputs, named)
	}
}

// What the buckets and distributions must be, whatever else about them changes.
func TestPromises(t *testing.T) {
	const tls = "Sid: TLSOnly\n            Effect: Deny\n            Principal: \"*\"\n            Action: s3:*\n"
	const noState = "Sid: NoState"
	for resource, promises := range map[string][]string{
		"StaticBucket":       {"BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true", "BucketOwnerEnforced", "SSEAlgorithm: AES256", "Status: Enabled", "DaysAfterInitiation: 7", "NoncurrentDays: 30"},
		"StreamBucket":       {"BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true", "BucketOwnerEnforced", "SSEAlgorithm: AES256", "DaysAfterInitiation: 7"},
		"StaticBucketPolicy": {tls, noState, "/.matinee/*", "distribution/${SiteDistribution}", "s3:ListBucket"},
		"StreamBucketPolicy": {tls, noState, "/.matinee/*", "distribution/${StreamDistribution}"},
		"SiteDistribution":   {"http2and3", "IPV6Enabled: true", "TLSv1.2_2021", "OriginAccessControlId", "redirect-to-https", "ResponsePagePath: /404.html", "DefaultRootObject: index.html"},
		"StreamDistribution": {"http2and3", "IPV6Enabled: true", "TLSv1.2_2021", "OriginAccessControlId", "redirect-to-https", "*.m3u8", "*.vtt", "DefaultRootObject: index.html"},
		"StreamHeaders":      {"[Content-Length, Content-Range, Accept-Ranges, ETag]", "AccessControlAllowOrigins", "StrictTransportSecurity"},
		"MediaConvertRole":   {"Service: mediaconvert.amazonaws.com", "aws:SourceAccount", "/.matinee/inbox/*", "/stream/*"},
		"EncodingPolicy":     {"Condition: HasMediaConvert", "Resource: !GetAtt MediaConvertRole.Arn", `"iam:PassedToService": mediaconvert.amazonaws.com`},
		"PageHeaders":        {"StrictTransportSecurity", "Permissions-Policy"},
	} {
		text := block(t, "  "+resource+":")
		for _, p := range promises {
			if !strings.Contains(text, p) {
				t.Errorf("%s no longer says %q", resource, p)
			}
		}
	}
	// Who may list a bucket through a distribution without a root object gets the list for "/".
	if strings.Contains(block(t, "  StreamBucketPolicy:"), "ListBucket") {
		t.Error("visitors could list the clips, those of unlisted posts among them")
	}
	for _, policy := range []string{"PublisherPolicy", "EncodingPolicy", "MediaConvertRole"} {
		if strings.Contains(block(t, "  "+policy+":"), `"*"`) {
			t.Errorf("%s lets its bearer do something to everything", policy)
		}
	}
}

// The function that turns addresses into keys, run on a table of addresses.
func TestAddresses(t *testing.T) {
	node := testenv.Program(t, "node")
	_, code, _ := strings.Cut(block(t, "      FunctionCode: !Sub |"), "\n")
	code = strings.ReplaceAll(code, "${Redirects}", `{"/old/b/":"/b/","/gone.html":"/b/","/f%C3%BCr/":"/for/"}`)
	if strings.Contains(code, "${") {
		t.Fatal("the function has a variable that nobody fills in")
	}
	if len(code) > 10<<10-stack.MaxRedirects {
		t.Errorf("with all redirects that fit, the function would be larger than CloudFront takes: %d bytes without", len(code))
	}
	type answer struct {
		To     string // where a visitor is sent
		Key    string // or what is asked of the bucket
		Status int
	}
	key := func(k string) answer { return answer{Key: k} }
	moved := func(to string) answer { return answer{To: to, Status: 301} }
	hidden := answer{Status: 404}
	table := []struct {
		address string
		want    answer
	}{
		{"/", key("/index.html")},
		{"/a-walk/", key("/a-walk/index.html")},
		{"/a-walk", moved("/a-walk/")},
		{"/a-walk?t=90", moved("/a-walk/?t=90")},
		{"/a-walk?t=90&x&t=1", moved("/a-walk/?t=90&t=1&x")},
		{"/a-walk/?t=90", key("/a-walk/index.html")},
		{"/a-walk/index.html", key("/a-walk/index.html")},
		{"/feed.xml", key("/feed.xml")},
		{"/assets/player-1/NOTICE", key("/assets/player-1/NOTICE")},
		{"/v1.0/", key("/v1.0/index.html")},
		{"/v1.0/about", moved("/v1.0/about/")},
		{"/tags/f%C3%BCr", moved("/tags/f%C3%BCr/")},
		{"/old/b/", moved("/b/")},
		{"/old/b", moved("/b/")},
		{"/old/b?t=5", moved("/b/?t=5")},
		{"/gone.html", moved("/b/")},
		{"/f%C3%BCr", moved("/for/")},
		{"/constructor", moved("/constructor/")},
		{"/__proto__/", key("/__proto__/index.html")},
		{"/.matinee/current", hidden},
		{"/.matinee", hidden},
		{"/.matinee/", hidden},
		{"/%2ematinee/lock", hidden},
		{"/%2Ematine%65/lock", hidden},
		{"//.matinee/lock", hidden},
		{"/%zz", hidden},
		{"/.matineeing/", key("/.matineeing/index.html")},
		{"/a/.matinee/x.txt", key("/a/.matinee/x.txt")},
		{"/.well-known/security.txt", key("/.well-known/security.txt")},
		{"//evil.example", key("/evil.example")},
		{"//evil.example/path", moved("/evil.example/path/")},
		{"/\\evil.example/path", moved("/evil.example/path/")},
		{"/\\/evil.example/path", moved("/evil.example/path/")},
	}
	addresses := make([]string, len(table))
	for i, row := range table {
		addresses[i] = row.address
	}
	input, err := json.Marshal(addresses)
	if err != nil {
		t.Fatal(err)
	}
	// The event is the one CloudFront documents: values of the query as they were sent, several in multiValue.
	code += `
for (const address of JSON.parse(require('fs').readFileSync(0))) {
  const [uri, query] = address.split('?');
  const querystring = {};
  for (const pair of query ? query.split('&') : []) {
    const [name, value = ''] = pair.split('=');
    if (querystring[name]) {
      querystring[name].multiValue = (querystring[name].multiValue || [{ value: querystring[name].value }]).concat({ value });
    } else {
      querystring[name] = { value };
    }
  }
  const got = handler({ version: '1.0', context: { eventType: 'viewer-request' }, request: { method: 'GET', uri, querystring, headers: {}, cookies: {} } });
  console.log(JSON.stringify(got.statusCode ? { Status: got.statusCode, To: got.headers ? got.headers.location.value : '' } : { Key: got.uri }));
}`
	script := filepath.Join(t.TempDir(), "addresses.js")
	if err := os.WriteFile(script, []byte("'use strict';\n"+code), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(table) {
		t.Fatalf("%d answers to %d addresses", len(lines), len(table))
	}
	for i, row := range table {
		var got answer
		if err := json.Unmarshal(lines[i], &got); err != nil {
			t.Fatal(err)
		}
		if got != row.want {
			t.Errorf("%s: %+v, want %+v", row.address, got, row.want)
		}
	}
}
