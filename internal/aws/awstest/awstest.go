// Package awstest plays an AWS account for tests: a CloudFormation with one stack called films, a CloudFront that takes
// invalidations, a MediaConvert, an STS that knows one user, and the two operations of S3 that empty a bucket. It speaks their protocols,
// takes its time, and fails where it is told to. Requests are held against AWS's own [Models] where these are installed;
// what is wrong with one is told to [Cloud.Report].
//
// It does not read templates: its stack consists of [Resources], whatever the template says. What is in the real one is
// looked at by cfn-lint and moto.
package awstest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What must never be shown: the credentials of Environment.
const (
	Secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
	Token  = "FwoGZXIvYXdzEXAMPLETOKEN"
)

// Environment is what makes the SDK use a Cloud at an address, and nothing else of this machine.
func Environment(address string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": Secret, "AWS_SESSION_TOKEN": Token,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
		"AWS_MAX_ATTEMPTS": "1", "AWS_PROFILE": "", "AWS_REGION": "",
	}
}

// Resources are those that stacks are made of.
var Resources = []string{"StaticBucket", "StreamBucket", "SiteDistribution"}

// A Cloud is the account, as an http.Handler. Its fields may be changed between requests, under its lock.
type Cloud struct {
	sync.Mutex

	Stack     *Stack                // nil where there is none
	Sets      map[string]*ChangeSet // by name
	Requests  []url.Values          // to CloudFormation
	Looks     int                   // how often a change set is looked at before it is ready
	Fail      map[string]string     // resource → the reason with which it fails
	Rollback  string                // the status in which a failed change ends
	Refuse    map[string]Refusal    // action → what is said instead of an answer
	NoChanges bool                  // change sets have nothing to change
	Buckets   map[string][]string   // name → keys in order, each with one version; "gone" in one makes it a delete marker, "locked" undeletable
	Report    func(format string, args ...any)

	Invalidations map[string]Invalidation // by reference
	Waits         int                     // how often an invalidation is looked at before it is complete
	Retired       []Retired               // RTMP distributions
	Converter     Converter               // MediaConvert

	Models Models         // that requests are held against; none where this is nil
	Seen   map[string]int // operations that were asked for: "cloudformation DescribeStacks"
}

// A Retired is a distribution for RTMP.
type Retired struct {
	ID, Domain, Alias string
}

// An Invalidation is what CloudFront was told to forget.
type Invalidation struct {
	Distribution string
	Paths        []string
}

// A Refusal is an error of the API.
type Refusal struct {
	Code, Message string
	Status        int // of HTTP; 0 for 400
}

// A Stack is the stack films.
type Stack struct {
	ID, Status string
	Tags       map[string]string
	Parameters map[string]string
	Outputs    map[string]string
	Deleted    bool

	events, pending []event // the oldest first
}

type event struct{ resource, status, reason string }

// A ChangeSet is a change set.
type ChangeSet struct {
	kind, status, reason string
	parameters, tags     map[string]string
	looks                int
}

// New returns an empty account.
func New(report func(format string, args ...any)) *Cloud {
	return &Cloud{
		Sets: map[string]*ChangeSet{}, Fail: map[string]string{}, Refuse: map[string]Refusal{}, Buckets: map[string][]string{},
		Invalidations: map[string]Invalidation{}, Rollback: "ROLLBACK_COMPLETE", Report: report, Seen: map[string]int{},
	}
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.Lock()
	defer c.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.Report("%v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.check(r, body)
	if err := r.ParseForm(); err != nil {
		c.Report("%v", err)
	}
	action := r.PostForm.Get("Action")
	switch {
	case strings.HasPrefix(r.URL.Path, "/2017-08-29/"):
		c.serveMediaConvert(w, r, body)
		return
	case strings.HasPrefix(r.URL.Path, "/2020-05-31/streaming-distribution"):
		c.listRetired(w, r.URL.Query().Get("Marker"))
		return
	case strings.HasPrefix(r.URL.Path, "/2020-05-31/distribution/"):
		c.serveCloudFront(w, r)
		return
	case action == "":
		c.serveS3(w, r)
		return
	case action == "GetCallerIdentity":
		c.identify(w)
		return
	}
	c.Requests = append(c.Requests, r.PostForm)
	if e, ok := c.Refuse[action]; ok {
		c.refuseWith(w, e)
		return
	}
	if r.PostForm.Get("Version") != "2010-05-15" || !strings.Contains(r.Header.Get("Authorization"), "/cloudformation/aws4_request") {
		c.Report("%s: not a signed request to CloudFormation: %q", action, r.Header.Get("Authorization"))
	}
	answer := map[string]func(url.Values) (string, *Refusal){
		"DescribeStacks": c.describeStacks, "CreateChangeSet": c.createChangeSet, "DescribeChangeSet": c.describeChangeSet,
		"DeleteChangeSet": c.deleteChangeSet, "ExecuteChangeSet": c.executeChangeSet, "DescribeStackEvents": c.describeEvents,
		"DeleteStack": c.deleteStack, "DescribeStackResources": c.describeResources,
	}[action]
	if answer == nil {
		c.Report("unexpected action %q", action)
		return
	}
	result, problem := answer(r.PostForm)
	if problem != nil {
		c.refuseWith(w, *problem)
		return
	}
	fmt.Fprintf(w, `<%[1]sResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, action, result)
}

// check holds a request against its model.
func (c *Cloud) check(r *http.Request, body []byte) {
	name, problems := c.Models.Check(r, body)
	if c.Models == nil || name == "" {
		return
	}
	c.Seen[name]++
	for _, p := range problems {
		c.Report("a request that AWS would not take: %s", p)
	}
}

// identify says whose credentials are used, as the API reference of 2011-06-15 has it.
func (c *Cloud) identify(w http.ResponseWriter) {
	if e, ok := c.Refuse["GetCallerIdentity"]; ok {
		c.refuseWith(w, e)
		return
	}
	fmt.Fprint(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
		element("Arn", "arn:aws:iam::123456789012:user/ada")+element("UserId", "AIDAEXAMPLE")+element("Account", "123456789012")+
		`</GetCallerIdentityResult></GetCallerIdentityResponse>`)
}

// listRetired lists the RTMP distributions, one on a page. CloudFront ended them on 31 December 2020 and still answers.
func (c *Cloud) listRetired(w http.ResponseWriter, marker string) {
	if e, ok := c.Refuse["ListStreamingDistributions"]; ok {
		c.refuseWith(w, e)
		return
	}
	at, _ := strconv.Atoi(marker)
	text := element("Quantity", "0") + element("IsTruncated", "false")
	if at < len(c.Retired) {
		d, isLast := c.Retired[at], at+1 == len(c.Retired)
		text = element("Quantity", "1") + element("IsTruncated", strconv.FormatBool(!isLast)) + element("NextMarker", strconv.Itoa(at+1)) +
			"<Items><StreamingDistributionSummary>" + element("Id", d.ID) + element("DomainName", d.Domain) +
			"<Aliases><Quantity>1</Quantity><Items>" + element("CNAME", d.Alias) + "</Items></Aliases></StreamingDistributionSummary></Items>"
	}
	fmt.Fprint(w, `<StreamingDistributionList xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">`+text+"</StreamingDistributionList>")
}

func (c *Cloud) refuseWith(w http.ResponseWriter, e Refusal) {
	if e.Status == 0 {
		e.Status = http.StatusBadRequest
	}
	w.WriteHeader(e.Status)
	fmt.Fprintf(w, `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`,
		e.Code, escape(e.Message))
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// element writes <name>text</name>.
func element(name, text string) string { return "<" + name + ">" + escape(text) + "</" + name + ">" }

func missing(name string) *Refusal {
	return &Refusal{Code: "ValidationError", Message: "Stack with id " + name + " does not exist"}
}

// known tells whether the stack that is asked for is there; a deleted one answers to its id alone.
func (c *Cloud) known(form url.Values) bool {
	name := form.Get("StackName")
	if c.Stack == nil {
		return false
	}
	return name == c.Stack.ID || name == "films" && !c.Stack.Deleted
}

// advance lets time pass: with every look at the stack, one more of the pending events happens.
func (c *Cloud) advance() {
	s := c.Stack
	if len(s.pending) == 0 {
		return
	}
	s.events, s.pending = append(s.events, s.pending[0]), s.pending[1:]
	if e := s.events[len(s.events)-1]; e.resource == "films" {
		s.Status = e.status
	}
	if len(s.pending) > 0 {
		return
	}
	s.Deleted = s.Status == "DELETE_COMPLETE"
	if s.Deleted {
		return
	}
	domain := s.Parameters["Domain"]
	s.Outputs = map[string]string{
		"SiteURL": "https://d111.cloudfront.net", "StreamURL": "https://d222.cloudfront.net", "SiteTarget": "d111.cloudfront.net",
		"StaticBucket": "films-static", "StreamBucket": "films-stream", "SiteDistribution": "E1", "StreamDistribution": "E2",
	}
	if s.Parameters["MediaConvert"] == "yes" {
		s.Outputs["MediaConvertRole"] = "arn:aws:iam::123456789012:role/films-MediaConvertRole"
		s.Outputs["MediaConvertQueue"] = "arn:aws:mediaconvert:us-east-1:123456789012:queues/films-us-east-1"
	}
	if domain != "" {
		s.Outputs["SiteURL"] = "https://" + domain
	}
}

func (c *Cloud) describeStacks(form url.Values) (string, *Refusal) {
	if !c.known(form) {
		return "", missing(form.Get("StackName"))
	}
	s := c.Stack
	text := element("StackId", s.ID) + element("StackName", "films") + element("StackStatus", s.Status) + element("CreationTime", "2026-11-22T10:00:00Z") +
		"<Parameters>" + members(s.Parameters, "ParameterKey", "ParameterValue") + "</Parameters>" +
		"<Outputs>" + members(s.Outputs, "OutputKey", "OutputValue") + "</Outputs><Tags>" + members(s.Tags, "Key", "Value") + "</Tags>"
	return "<Stacks><member>" + text + "</member></Stacks>", nil
}

// members writes a list of pairs.
func members(pairs map[string]string, key, value string) string {
	var text strings.Builder
	for k, v := range pairs {
		text.WriteString("<member>" + element(key, k) + element(value, v) + "</member>")
	}
	return text.String()
}

// pairs reads a list of the query protocol: "Tags.member.1.Key".
func pairs(form url.Values, list, key, value string) map[string]string {
	all := map[string]string{}
	for i := 1; form.Has(list + ".member." + strconv.Itoa(i) + "." + key); i++ {
		at := list + ".member." + strconv.Itoa(i) + "."
		all[form.Get(at+key)] = form.Get(at + value)
	}
	return all
}

func (c *Cloud) createChangeSet(form url.Values) (string, *Refusal) {
	name := form.Get("ChangeSetName")
	for _, must := range []string{"ClientToken", "TemplateBody", "Capabilities.member.1"} {
		if form.Get(must) == "" {
			c.Report("CreateChangeSet without %s", must)
		}
	}
	if len(form.Get("ClientToken")) > 128 || len(name) > 128 {
		c.Report("CreateChangeSet: names too long: %q, %q", name, form.Get("ClientToken"))
	}
	if _, exists := c.Sets[name]; exists {
		return "", &Refusal{Code: "AlreadyExistsException", Message: "ChangeSet " + name + " already exists"}
	}
	kind := form.Get("ChangeSetType")
	exists := c.Stack != nil && !c.Stack.Deleted && c.Stack.Status != "REVIEW_IN_PROGRESS"
	if exists != (kind == "UPDATE") {
		return "", &Refusal{Code: "ValidationError", Message: "wrong ChangeSetType " + kind}
	}
	set := &ChangeSet{
		kind: kind, status: "CREATE_COMPLETE", looks: c.Looks,
		parameters: pairs(form, "Parameters", "ParameterKey", "ParameterValue"), tags: pairs(form, "Tags", "Key", "Value"),
	}
	if c.NoChanges {
		set.status, set.reason = "FAILED", "The submitted information didn't contain changes. Submit different information to create a change set."
	}
	c.Sets[name] = set
	if !exists && (c.Stack == nil || c.Stack.Deleted) {
		c.Stack = &Stack{
			ID: "arn:aws:cloudformation:us-east-1:123456789012:stack/films/" + strconv.Itoa(len(c.Requests)), Status: "REVIEW_IN_PROGRESS",
			Tags: set.tags, events: []event{{"films", "REVIEW_IN_PROGRESS", "User Initiated"}},
		}
	}
	return element("Id", name) + element("StackId", c.Stack.ID), nil
}

func (c *Cloud) describeChangeSet(form url.Values) (string, *Refusal) {
	set := c.Sets[form.Get("ChangeSetName")]
	if set == nil {
		return "", &Refusal{Code: "ChangeSetNotFound", Message: "ChangeSet does not exist"}
	}
	if set.looks > 0 {
		set.looks--
		return element("Status", "CREATE_IN_PROGRESS"), nil
	}
	text := element("Status", set.status) + element("StatusReason", set.reason) + element("StackId", c.Stack.ID)
	action, extra := "Add", ""
	if set.kind == "UPDATE" {
		action = "Modify"
		extra = "<Replacement>False</Replacement><Details><member><Target><Attribute>Properties</Attribute><Name>Tags</Name></Target></member></Details>"
	}
	// One change on a page.
	at, _ := strconv.Atoi(form.Get("NextToken"))
	text += "<Changes><member><Type>Resource</Type><ResourceChange>" + element("Action", action) + element("LogicalResourceId", Resources[at]) +
		element("ResourceType", "AWS::Some::Thing") + extra + "</ResourceChange></member></Changes>"
	if at+1 < len(Resources) {
		text += element("NextToken", strconv.Itoa(at+1))
	}
	return text, nil
}

func (c *Cloud) deleteChangeSet(form url.Values) (string, *Refusal) {
	delete(c.Sets, form.Get("ChangeSetName"))
	return "", nil
}

func (c *Cloud) executeChangeSet(form url.Values) (string, *Refusal) {
	set := c.Sets[form.Get("ChangeSetName")]
	if set == nil || set.status != "CREATE_COMPLETE" {
		c.Report("ExecuteChangeSet of %q, which cannot be executed", form.Get("ChangeSetName"))
	}
	if form.Get("ClientRequestToken") == "" {
		c.Report("ExecuteChangeSet without a token")
	}
	c.Sets = map[string]*ChangeSet{}
	c.Stack.Parameters, c.Stack.Tags = set.parameters, set.tags
	c.begin(set.kind)
	return "", nil
}

// begin schedules the events of a change. The status stays the old one until the first of them.
func (c *Cloud) begin(verb string) {
	events := []event{{"films", verb + "_IN_PROGRESS", "User Initiated"}}
	failed := false
	for _, r := range Resources {
		reason, fails := c.Fail[r]
		switch {
		case failed:
			events = append(events, event{r, verb + "_FAILED", "Resource creation cancelled"})
		case fails:
			events = append(events, event{r, verb + "_IN_PROGRESS", ""}, event{r, verb + "_FAILED", reason})
			failed = true
		default:
			events = append(events, event{r, verb + "_IN_PROGRESS", ""}, event{r, verb + "_COMPLETE", ""})
		}
	}
	switch {
	case failed && verb == "DELETE":
		events = append(events, event{"films", "DELETE_FAILED", "The following resource(s) failed to delete"})
	case failed:
		prefix := "UPDATE_"
		if verb == "CREATE" {
			prefix = ""
		}
		events = append(events, event{"films", prefix + "ROLLBACK_IN_PROGRESS", "The following resource(s) failed"}, event{"films", c.Rollback, ""})
	default:
		events = append(events, event{"films", verb + "_COMPLETE", ""})
	}
	c.Stack.pending = events
}

// describeEvents answers with two events on a page, the latest first.
func (c *Cloud) describeEvents(form url.Values) (string, *Refusal) {
	if !c.known(form) {
		return "", missing(form.Get("StackName"))
	}
	if form.Get("NextToken") == "" {
		c.advance()
	}
	s := c.Stack
	from, err := strconv.Atoi(form.Get("NextToken"))
	if err != nil {
		from = len(s.events)
	}
	var text strings.Builder
	for i := from; i > max(0, from-2); i-- {
		e := s.events[i-1]
		physical := e.resource + "-1"
		if e.resource == "films" {
			physical = s.ID
		}
		text.WriteString("<member>" + element("EventId", strconv.Itoa(i)) + element("StackId", s.ID) + element("LogicalResourceId", e.resource) +
			element("PhysicalResourceId", physical) + element("ResourceStatus", e.status) + element("ResourceStatusReason", e.reason) +
			element("Timestamp", time.Date(2026, 11, 22, 10, 0, i, 0, time.UTC).Format(time.RFC3339)) + "</member>")
	}
	next := ""
	if from > 2 {
		next = element("NextToken", strconv.Itoa(from-2))
	}
	return "<StackEvents>" + text.String() + "</StackEvents>" + next, nil
}

func (c *Cloud) deleteStack(form url.Values) (string, *Refusal) {
	if !c.known(form) {
		return "", nil
	}
	if c.Stack.Status == "REVIEW_IN_PROGRESS" {
		c.Stack.Deleted, c.Stack.Status = true, "DELETE_COMPLETE"
		return "", nil
	}
	c.begin("DELETE")
	return "", nil
}

func (c *Cloud) describeResources(url.Values) (string, *Refusal) {
	var text strings.Builder
	for _, r := range []string{"StaticBucket", "StreamBucket", "SiteDistribution", "PublisherPolicy"} {
		id := map[string]string{"StaticBucket": "films-static", "StreamBucket": "films-stream"}[r]
		text.WriteString("<member>" + element("LogicalResourceId", r) + element("PhysicalResourceId", id) + element("ResourceType", "AWS::Some::Thing") +
			element("ResourceStatus", "CREATE_COMPLETE") + element("Timestamp", "2026-11-22T10:00:00Z") + "</member>")
	}
	return "<StackResources>" + text.String() + "</StackResources>", nil
}

// serveCloudFront takes invalidations, as the API reference of 2020-05-31 has them, and says how they come along.
func (c *Cloud) serveCloudFront(w http.ResponseWriter, r *http.Request) {
	distribution, action, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/2020-05-31/distribution/"), "/")
	status := http.StatusOK
	switch {
	case r.Method == http.MethodPost && action == "invalidation":
		if e, ok := c.Refuse["CreateInvalidation"]; ok {
			c.refuseWith(w, e)
			return
		}
		c.invalidate(distribution, r.Body)
		status = http.StatusCreated
	case r.Method == http.MethodGet && action == "invalidation/I1":
	default:
		c.Report("unexpected request %s %s", r.Method, r.URL)
	}
	progress := "Completed"
	if c.Waits > 0 {
		c.Waits--
		progress = "InProgress"
	}
	w.WriteHeader(status)
	fmt.Fprint(w, "<Invalidation>"+element("Id", "I1")+element("Status", progress)+element("CreateTime", "2026-11-22T10:00:00Z")+"</Invalidation>")
}

func (c *Cloud) invalidate(distribution string, request io.Reader) {
	var batch struct {
		XMLName         xml.Name `xml:"InvalidationBatch"`
		CallerReference string
		Paths           struct {
			Quantity int
			Items    []string `xml:"Items>Path"`
		}
	}
	if err := xml.NewDecoder(request).Decode(&batch); err != nil {
		c.Report("%v", err)
	}
	if batch.Paths.Quantity != len(batch.Paths.Items) || batch.CallerReference == "" {
		c.Report("a bad invalidation: %+v", batch)
	}
	before, repeated := c.Invalidations[batch.CallerReference]
	if repeated && !slices.Equal(before.Paths, batch.Paths.Items) {
		c.Report("another invalidation under the same reference: %q after %q", batch.Paths.Items, before.Paths)
	}
	c.Invalidations[batch.CallerReference] = Invalidation{distribution, batch.Paths.Items}
}

// serveS3 lists versions, two on a page, and deletes them.
func (c *Cloud) serveS3(w http.ResponseWriter, r *http.Request) {
	bucket := strings.Trim(r.URL.Path, "/")
	query := r.URL.Query()
	_, ok := c.Buckets[bucket]
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>`)
	case r.Method == http.MethodGet && query.Has("versions"):
		fmt.Fprint(w, c.listVersions(bucket, query.Get("key-marker")))
	case r.Method == http.MethodPost && query.Has("delete"):
		fmt.Fprint(w, c.deleteVersions(bucket, r.Body))
	default:
		c.Report("unexpected request %s %s", r.Method, r.URL)
	}
}

func (c *Cloud) listVersions(bucket, after string) string {
	keys := c.Buckets[bucket]
	from, _ := slices.BinarySearch(keys, after+"\x00")
	page := keys[from:min(from+2, len(keys))]
	var text strings.Builder
	for _, key := range page {
		kind := "Version"
		if strings.Contains(key, "gone") {
			kind = "DeleteMarker"
		}
		text.WriteString("<" + kind + ">" + element("Key", key) + element("VersionId", "v-"+key) + "</" + kind + ">")
	}
	if len(page) > 0 {
		text.WriteString(element("NextKeyMarker", page[len(page)-1]))
	}
	return "<ListVersionsResult>" + element("IsTruncated", strconv.FormatBool(from+2 < len(keys))) + text.String() + "</ListVersionsResult>"
}

func (c *Cloud) deleteVersions(bucket string, request io.Reader) string {
	var body struct {
		Object []struct{ Key, VersionId string }
	}
	if err := xml.NewDecoder(request).Decode(&body); err != nil {
		c.Report("%v", err)
	}
	var failures strings.Builder
	for _, o := range body.Object {
		if o.VersionId != "v-"+o.Key {
			c.Report("deletes %s without its version", o.Key)
		}
		if strings.Contains(o.Key, "locked") {
			failures.WriteString("<Error>" + element("Key", o.Key) + element("Code", "AccessDenied") + element("Message", "no") + "</Error>")
			continue
		}
		c.Buckets[bucket] = slices.DeleteFunc(c.Buckets[bucket], func(k string) bool { return k == o.Key })
	}
	return "<DeleteResult>" + failures.String() + "</DeleteResult>"
}
