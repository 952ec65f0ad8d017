package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"matinee/internal/aws/account"
	"matinee/internal/aws/cdn"
	"matinee/internal/aws/s3"
	"matinee/internal/aws/stack"
	"matinee/internal/bucket"
)

// cloudFacts are found out when the first check asks for them, each with a time limit of its own.
type cloudFacts struct {
	identity func() (account.Identity, error)
	stack    func() (stack.Standing, error)
	place    func() (*bucket.Publisher, error)
	buckets  func() ([]bucketFacts, error)
	health   func() (*bucket.Health, error)
}

// bucketFacts are what is known of a bucket that answers, or why it does not.
type bucketFacts struct {
	place    bucket.Place
	err      error
	versions string // in words; "" where a bucket has none to speak of
}

// A skip is why something was not checked.
type skip string

func (s skip) Error() string { return string(s) }

// Reasons for not checking things.
const (
	noConfig   = skip("site.yaml cannot be read")
	noTarget   = skip("site.yaml names no stack, bucket or folder to publish to")
	notInAWS   = skip("the site is not published to AWS")
	noStack    = skip("site.yaml names no stack")
	noLogin    = skip("there are no credentials that work")
	noStanding = skip("the stack cannot be read")
	noBucket   = skip("a bucket cannot be read")
	nothingYet = skip("nothing is published yet; run matinee publish")
)

func (c *checkup) newCloudFacts(ctx context.Context) cloudFacts {
	return cloudFacts{
		identity: once(ctx, answerLimit, c.target, c.findIdentity),
		stack:    once(ctx, answerLimit, c.login, c.findStack),
		place:    once(ctx, answerLimit, c.reachable, c.findPlace),
		buckets:  once(ctx, answerLimit, c.opened, c.findBuckets),
		health:   once(ctx, listingLimit, c.readable, c.findHealth),
	}
}

// once finds something out when it is asked for, and not again. Its time begins when after returns, which waits for other
// facts or says why this one cannot be found out: who waits for a slow answer is not slow.
func once[T any](ctx context.Context, limit time.Duration, after func() error, find func(context.Context) (T, error)) func() (T, error) {
	return sync.OnceValues(func() (none T, err error) {
		if err := after(); err != nil {
			return none, err
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return find(ctx)
	})
}

// target says why there is nothing to publish to, if there is not.
func (c *checkup) target() error {
	p := c.cfg.Publish
	switch {
	case c.configErr != nil:
		return noConfig
	case p.Target == "dir" && p.Dir == "", p.Target != "dir" && p.Stack == "" && p.Static.Bucket == "":
		return noTarget
	}
	return nil
}

func (c *checkup) findIdentity(ctx context.Context) (account.Identity, error) {
	switch {
	case c.cfg.Publish.Target == "dir":
		return account.Identity{}, notInAWS
	case c.cfg.Publish.Endpoint != "":
		return accountOf(c.cfg.Publish).Found(ctx)
	}
	return accountOf(c.cfg.Publish).Who(ctx)
}

// login is nil when there are credentials to use.
func (c *checkup) login() error {
	_, err := c.cloud.identity()
	if err != nil && !isSkip(err) {
		return noLogin // which is said once, by the check of the credentials
	}
	return err
}

func isSkip(err error) bool {
	_, ok := errors.AsType[skip](err)
	return ok
}

// failedOrSkipped is the finding for an error, or for a reason not to check.
func failedOrSkipped(check string, err error) []finding {
	if isSkip(err) {
		return []finding{{Check: check, Outcome: skipped, Text: err.Error()}}
	}
	return []finding{failed(check, err)}
}

func (c *checkup) checkCredentials(context.Context) []finding {
	who, err := c.cloud.identity()
	if err != nil {
		return failedOrSkipped("credentials", err)
	}
	f := finding{Check: "credentials", Outcome: fine, Text: "from " + who.Source}
	if who.ARN != "" {
		f.Text = who.ARN + ", " + f.Text
	}
	if !who.Expires.IsZero() {
		f.Text += ", until " + who.Expires.Local().Format("2006-01-02 15:04")
		const soon = 10 * time.Minute
		if time.Until(who.Expires) < soon {
			f.Outcome, f.Hint = warning, "log in again before you publish: a publish takes a while"
		}
	}
	return []finding{f}
}

func (c *checkup) findStack(ctx context.Context) (stack.Standing, error) {
	switch {
	case c.cfg.Publish.Endpoint != "":
		return stack.Standing{}, notInAWS
	case c.cfg.Publish.Stack == "":
		return stack.Standing{}, noStack
	}
	s, err := stack.Open(ctx, c.cfg.Publish.Stack, accountOf(c.cfg.Publish))
	if err != nil {
		return stack.Standing{}, err
	}
	return s.Stand(ctx)
}

func (c *checkup) checkStack(context.Context) []finding {
	now, err := c.cloud.stack()
	if err != nil {
		return failedOrSkipped("stack", err)
	}
	name := fmt.Sprintf("%s in %s", c.cfg.Publish.Stack, c.cfg.Publish.Region)
	f := finding{Check: "stack", Outcome: fine, Text: name + ": " + strings.ToLower(strings.ReplaceAll(now.Status, "_", " "))}
	switch {
	case now.Failure != nil:
		f = failed("stack", now.Failure)
		if now.Outputs[stack.StaticBucket] != "" { // it is as it was before
			f.Outcome = warning
		}
	case now.Busy:
		f.Outcome, f.Hint = warning, "wait for it, or watch it with matinee provision"
	}
	findings := []finding{f}
	if drift := c.stackDrift(now.Outputs); len(drift) > 0 {
		findings = append(findings, finding{
			"stack", problem, "site.yaml is not what the stack was made for", drift,
			"run matinee provision, which writes site.yaml; --domain gives the site a host name of its own", exitProblems,
		})
	}
	return findings
}

// stackDrift lists the settings that differ from what the stack says of itself. Headers name the addresses that it has.
func (c *checkup) stackDrift(outputs stack.Outputs) []string {
	var drift []string
	for _, s := range []setting{
		{"url", c.cfg.URL, outputs[stack.SiteURL]},
		{"streaming.url", c.cfg.Streaming.URL, outputs[stack.StreamURL]},
		{"publish.static.bucket", c.cfg.Publish.Static.Bucket, outputs[stack.StaticBucket]},
		{"publish.static.distribution", c.cfg.Publish.Static.Distribution, outputs[stack.SiteDistribution]},
		{"publish.stream.bucket", c.cfg.Publish.Stream.Bucket, outputs[stack.StreamBucket]},
		{"publish.stream.distribution", c.cfg.Publish.Stream.Distribution, outputs[stack.StreamDistribution]},
	} {
		isOptional := strings.HasPrefix(s.Key, "publish.") && s.Was == ""
		if s.Is != "" && !isOptional && strings.TrimRight(s.Was, "/") != strings.TrimRight(s.Is, "/") {
			drift = append(drift, fmt.Sprintf("%s is %q, and %q in the stack", s.Key, s.Was, s.Is))
		}
	}
	return drift
}

// reachable is nil when what is published to can be opened.
func (c *checkup) reachable() error {
	if err := c.target(); err != nil {
		return err
	}
	if c.cfg.Publish.Target == "dir" {
		return c.findFolder()
	}
	if err := c.login(); err != nil {
		return err
	}
	if _, err := c.cloud.stack(); err != nil && c.cfg.Publish.Static.Bucket == "" {
		return noStanding
	}
	return nil
}

// findPlace opens what is published to, without making it.
func (c *checkup) findPlace(ctx context.Context) (*bucket.Publisher, error) {
	p, done, err := openDestination(ctx, c.cfg, publishFlags{buildFlags: c.flags})
	if err != nil {
		return nil, err
	}
	c.done, p.ID = done, siteURL(c.cfg, c.flags)
	return p, nil
}

// findFolder makes sure that something was published to a folder: opening one would make it.
func (c *checkup) findFolder() error {
	folder := c.cfg.Publish.Dir
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(c.flags.source, folder)
	}
	_, err := os.Stat(filepath.Join(folder, bucket.StatePrefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nothingYet
	}
	return err
}

// opened is nil when there are buckets to look at.
func (c *checkup) opened() error {
	_, err := c.cloud.place()
	return err
}

func (c *checkup) findBuckets(ctx context.Context) ([]bucketFacts, error) {
	p, err := c.cloud.place()
	if err != nil {
		return nil, err
	}
	facts := []bucketFacts{{place: p.Site}}
	if p.Stream.Store != nil {
		facts = append(facts, bucketFacts{place: p.Stream})
	}
	for i := range facts {
		facts[i].look(ctx)
	}
	return facts, nil
}

// look asks a bucket for the least it can give, once: a publish would try again and again.
func (b *bucketFacts) look(ctx context.Context) {
	if _, _, b.err = b.place.Store.List(ctx, bucket.StatePrefix, ""); b.err != nil {
		return
	}
	store, ok := b.place.Store.(*s3.Store)
	if !ok {
		return
	}
	switch kept, err := store.Versions(ctx); {
	case err != nil:
		b.versions = "whether it keeps earlier versions may not be asked"
	case kept:
		b.versions = "earlier versions are kept"
	default:
		b.versions = "no versions"
	}
}

func (c *checkup) checkBuckets(context.Context) []finding {
	facts, err := c.cloud.buckets()
	if err != nil {
		return failedOrSkipped("bucket", err)
	}
	var findings []finding
	for _, b := range facts {
		if b.err != nil {
			findings = append(findings, failed("bucket", b.err))
			continue
		}
		text := b.place.Name + ": it can be read"
		if b.versions != "" {
			text += ", " + b.versions
		}
		findings = append(findings, finding{Check: "bucket", Outcome: fine, Text: text})
	}
	if h, err := c.cloud.health(); err == nil && c.cfg.Publish.Target != "dir" {
		findings[0].conditional(h.Conditional)
	}
	return findings
}

// conditional adds what the first publish found out about a bucket that holds the lock.
func (f *finding) conditional(works string) {
	switch works {
	case "yes":
		f.Text += ", conditional writes work"
	case "no":
		f.Outcome = warning
		f.Text += ", and takes no conditional writes: two who publish at once are not kept apart"
		f.Hint = "publish from one machine at a time"
	default:
		f.Text += "; conditional writes are tried at the first publish"
	}
}

// readable is nil when all buckets can be read.
func (c *checkup) readable() error {
	facts, err := c.cloud.buckets()
	if err != nil && !isSkip(err) {
		return noBucket // which is said once, by the check of the buckets
	}
	if slices.ContainsFunc(facts, func(b bucketFacts) bool { return b.err != nil }) {
		return noBucket
	}
	return err
}

func (c *checkup) findHealth(ctx context.Context) (*bucket.Health, error) {
	p, err := c.cloud.place()
	if err != nil {
		return nil, err
	}
	var local []bucket.Object
	if built, err := c.built(); err == nil && len(built) > 0 {
		remote, err := readRemote(c.flags)
		if err != nil {
			return nil, err
		}
		local = append(publishedObjects(built, p), remoteObjects(remote, p, c.cfg.Streaming.URL)...)
	}
	return p.Examine(ctx, local)
}

// checkPublished compares what is there with the records, and those with what is built.
func (c *checkup) checkPublished(context.Context) []finding {
	h, err := c.cloud.health()
	if err != nil {
		return failedOrSkipped("published", err)
	}
	if url := siteURL(c.cfg, c.flags); h.Site != "" && h.Site != url || h.Site == "" && url != "" && h.Generation.Number > 0 {
		return []finding{{
			"published", problem, "another site is published there, " + cmp.Or(h.Site, "one without an address"), nil,
			"publish somewhere else, or set url in site.yaml; publish --yes would replace that site", exitProblems,
		}}
	}
	findings := []finding{present(h)}
	switch {
	case h.Busy != nil:
		findings = append(findings, finding{Check: "published", Outcome: warning, Text: h.Busy.Error(), Hint: "wait for the end"})
	case h.Forgetting > 0:
		findings = append(findings, finding{
			Check: "published", Outcome: warning, Hint: "run matinee publish, which tells it",
			Text: "CloudFront was not told yet to forget " + count(h.Forgetting, "address", "addresses") + ": visitors may see earlier pages",
		})
	}
	if h.Generation.Number == 0 {
		return findings
	}
	if built, err := c.built(); err != nil || len(built) == 0 {
		return findings
	}
	return append(findings, changes(h))
}

// present tells whether what is published is still there.
func present(h *bucket.Health) finding {
	g := h.Generation
	f := finding{Check: "published", Outcome: fine}
	if g.Number == 0 {
		f.Outcome, f.Text, f.Hint = warning, "nothing is published yet", "run matinee publish"
		return f
	}
	f.Text = fmt.Sprintf("generation %d of %s, by %s: %s", g.Number, g.Time.Local().Format("2006-01-02 15:04"), g.By, count(len(h.Manifest.Objects), "file", "files"))
	for _, ref := range some(keys(h.Missing)) {
		f.Details = append(f.Details, "missing: "+ref)
	}
	for _, ref := range some(keys(h.Altered)) {
		f.Details = append(f.Details, "changed by others: "+ref)
	}
	switch {
	case len(f.Details) == 0 && h.Interrupted && h.Busy == nil:
		f.Outcome, f.Text, f.Hint = warning, f.Text+", and a later publish was interrupted", "run matinee publish, which carries on"
	case len(f.Details) == 0:
		f.Text += ", all as they were published"
	case h.Interrupted:
		f.Outcome, f.Text, f.Hint = warning, f.Text+", some of them replaced by a publish that has not ended", "run matinee publish, which carries on"
	default:
		f.Outcome, f.code = problem, exitMissing
		f.Text += fmt.Sprintf(", %d of them missing and %d changed by others", len(h.Missing), len(h.Altered))
		f.Hint = "run matinee publish --verify, which looks at everything and mends it"
	}
	if h.Foreign > 0 {
		f.Details = append(f.Details, "besides, "+count(h.Foreign, "file", "files")+" of somebody else")
	}
	return f
}

func keys(refs []bucket.Ref) []string {
	names := make([]string, len(refs))
	for i, r := range refs {
		names[i] = r.Key
	}
	return names
}

// changes tells what is built and not published.
func changes(h *bucket.Health) finding {
	if len(h.Unpublished)+h.Dropped == 0 {
		return finding{Check: "published", Outcome: fine, Text: "what is built is what is published"}
	}
	var details []string
	for i := range h.Unpublished {
		details = append(details, string(h.Unpublished[i].Reason)+": "+h.Unpublished[i].Key)
	}
	return finding{
		Check: "published", Outcome: warning, Details: some(details), Hint: "run matinee publish",
		Text: fmt.Sprintf("not published yet: %s new or changed, %d no longer part of the site", count(len(h.Unpublished), "file", "files"), h.Dropped),
	}
}

// checkRTMP looks for what accounts of the Flash days still hold.
func (c *checkup) checkRTMP(ctx context.Context) []finding {
	err := c.login()
	if err == nil && c.cfg.Publish.Endpoint != "" {
		err = notInAWS
	}
	if err != nil {
		return failedOrSkipped("rtmp", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	old, err := cdn.Retired(ctx, accountOf(c.cfg.Publish))
	if account.IsDenied(err) {
		return failedOrSkipped("rtmp", skip("these credentials may not list RTMP distributions (cloudfront:ListStreamingDistributions)"))
	}
	if err != nil {
		return failedOrSkipped("rtmp", err)
	}
	if len(old) == 0 {
		return []finding{{Check: "rtmp", Outcome: fine, Text: "the account has no RTMP distributions, which AWS ended on 2020-12-31"}}
	}
	var details []string
	for _, d := range old {
		details = append(details, strings.TrimSpace(d.ID+" "+d.Domain+" "+strings.Join(d.Aliases, ", ")))
	}
	return []finding{{
		Check: "rtmp", Outcome: warning, Details: details,
		Text: count(len(old), "RTMP distribution is", "RTMP distributions are") + " left in the account; AWS ended these on 2020-12-31, and they answer nobody",
		Hint: "matinee provision makes what replaces them, a distribution that streams HLS over HTTPS; delete the old ones in the CloudFront console",
	}}
}
