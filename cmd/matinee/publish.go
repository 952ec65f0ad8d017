package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"matinee/internal/aws/s3"
	"matinee/internal/bucket"
	"matinee/internal/bucket/dir"
	"matinee/internal/bucket/refs"
	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/output"
	"matinee/internal/preview"
)

// publishFlags are the choices of one publish.
type publishFlags struct {
	buildFlags // source, dest, baseURL and quiet

	to         string
	dryRun     bool
	verify     bool
	isRollback bool
	rollback   int
	pruneNow   bool
	maxDelete  int
	wait       bool
	stealLock  bool
	yes        bool
	asJSON     bool
}

// A publishReport is what a publish did or, in a dry run, would do.
type publishReport struct {
	To         string          `json:"to"`
	DryRun     bool            `json:"dry_run"`
	Generation int             `json:"generation"`
	Note       string          `json:"note,omitempty"`
	Sent       bucket.Tally    `json:"sent"`
	Copied     int             `json:"copied"`
	Deleted    int             `json:"deleted"`
	Unchanged  bucket.Tally    `json:"unchanged"`
	Changes    []publishChange `json:"changes"`
	Deletes    []string        `json:"deletes"`
	Staying    []publishStay   `json:"staying"` // out of the site, not deleted yet
	Forgotten  []string        `json:"invalidated"`
	Foreign    int             `json:"foreign"`
	Requests   int             `json:"requests"` // as planned
	Seconds    float64         `json:"seconds"`
	Warnings   []*diag.Problem `json:"warnings"`
	Problems   []*diag.Problem `json:"problems"`
}

type publishChange struct {
	Path   string        `json:"path"`
	Reason bucket.Reason `json:"reason"`
	Size   int64         `json:"size"`
}

type publishStay struct {
	Path  string    `json:"path"`
	Until time.Time `json:"until"`
}

func publishCommand(e env) *cobra.Command {
	var flags publishFlags
	cmd := &cobra.Command{
		Use:   "publish",
		Short: "Publish the built site",
		Long: `Publish makes a folder or a bucket equal to the built site. Only what changed is
sent, files before the pages that need them, and nothing is deleted before a day
has passed. A publish that is interrupted leaves a working site, and the next one
carries on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.source = cmd.Flag("source").Value.String()
			flags.isRollback = cmd.Flag("rollback").Changed
			if flags.maxDelete == 0 && cmd.Flag("max-delete").Changed {
				flags.maxDelete = -1
			}
			out := e.stdout
			if flags.asJSON {
				out = io.Discard
			}
			report, err := publish(cmd.Context(), e, flags, out)
			if flags.asJSON {
				return endJSON(e.stdout, report, &report.Problems, err)
			}
			newReporter(e).warnings(report.Warnings)
			if err == nil && !flags.quiet && !flags.dryRun {
				_, err = fmt.Fprintln(e.stdout, report)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.to, "to", "", "publish to this folder instead of where site.yaml says")
	f.StringVarP(&flags.dest, "dest", "d", "public", "folder of the built site, relative to the site's folder")
	f.BoolVarP(&flags.dryRun, "dry-run", "n", false, "print what would be done, and do nothing")
	f.BoolVar(&flags.verify, "verify", false, "look at what is really there, and mend it")
	f.IntVar(&flags.rollback, "rollback", 0, "publish an earlier generation again; without a number, the one before")
	f.Lookup("rollback").NoOptDefVal = "0"
	f.BoolVar(&flags.pruneNow, "prune-now", false, "delete what is no longer part of the site at once")
	f.IntVar(&flags.maxDelete, "max-delete", 0, "how many objects may be deleted (256, or a tenth of the site)")
	f.BoolVar(&flags.wait, "wait", false, "wait for others who publish, and until caches have forgotten what changed")
	f.BoolVar(&flags.stealLock, "steal-lock", false, "publish although somebody else seems to be at it")
	f.BoolVar(&flags.yes, "yes", false, "replace what others have put there")
	f.BoolVarP(&flags.quiet, "quiet", "q", false, "print errors only")
	f.BoolVar(&flags.asJSON, "json", false, "print the report as JSON")
	return cmd
}

// String is the one line that sums a publish up.
func (r *publishReport) String() string {
	if r.Sent.Objects+r.Copied+r.Deleted == 0 {
		return fmt.Sprintf("published %s: nothing changed, generation %d, %d objects", r.To, r.Generation, r.Unchanged.Objects)
	}
	what := fmt.Sprint("generation ", r.Generation)
	if r.Note != "" {
		what += " (" + r.Note + ")"
	}
	return fmt.Sprintf("published %s: %s, %d sent (%.1f MB), %d copied, %d deleted, %d unchanged, in %.2f s", r.To, what,
		r.Sent.Objects, float64(r.Sent.Bytes)/1e6, r.Copied, r.Deleted, r.Unchanged.Objects, r.Seconds)
}

// publish publishes the built site, and prints the plan of a dry run to out.
func publish(ctx context.Context, e env, flags publishFlags, out io.Writer) (*publishReport, error) {
	if e.getenv("GOGC") == "" { // a publish waits for the network: collecting more often costs little, and saves half of the heap
		defer debug.SetGCPercent(debug.SetGCPercent(15))
	}
	started := time.Now()
	report := &publishReport{
		DryRun: flags.dryRun, Changes: []publishChange{}, Deletes: []string{}, Staying: []publishStay{}, Forgotten: []string{},
		Warnings: []*diag.Problem{}, Problems: []*diag.Problem{},
	}
	cfg, err := readConfig(flags.buildFlags)
	if err != nil {
		return report, err
	}
	public, err := openBuilt(flags)
	if err != nil {
		return report, err
	}
	defer public.Close() //nolint:errcheck // read only
	p, done, err := openDestination(ctx, cfg, flags)
	if err != nil {
		return report, err
	}
	defer done()
	report.To = p.Site.Name
	p.ID, p.Owner = siteURL(cfg, flags.buildFlags), whoami(e)
	p.Cache = filepath.Join(flags.source, ".matinee", "published-"+shortDigest(p.Site.Name)+".json.gz")
	p.Verify, p.StealLock, p.Takeover, p.PruneNow = flags.verify, flags.stealLock, flags.yes, flags.pruneNow
	p.MaxDeletes, p.Wait = flags.maxDelete, flags.wait

	plan, err := makePlan(ctx, p, cfg, flags, public)
	for flags.wait && isBusy(err) {
		if err = p.AwaitLock(ctx); err == nil {
			plan, err = makePlan(ctx, p, cfg, flags, public)
		}
	}
	if plan != nil {
		report.plan(plan)
		if flags.asJSON {
			report.list(plan)
		}
	}
	if err != nil {
		return report, err
	}
	if flags.dryRun {
		if flags.isRollback {
			if err := listGenerations(ctx, p, out); err != nil {
				return report, err
			}
		}
		return report, plan.Write(out)
	}
	bar := newPublishProgress(e, flags.quiet)
	p.Progress = bar.update
	result, err := p.Apply(ctx, plan)
	bar.end()
	report.result(result)
	report.Seconds = time.Since(started).Seconds()
	return report, err
}

// openDestination opens the buckets the site is published to. done lets go of them.
func openDestination(ctx context.Context, cfg config.Config, flags publishFlags) (p *bucket.Publisher, done func(), err error) {
	folder := flags.to
	if folder == "" && cfg.Publish.Target == "dir" {
		if cfg.Publish.Dir == "" {
			return nil, nil, diag.At("site.yaml", 0, "publish.target is dir, and publish.dir is not set").WithHint("name the folder there, or with --to DIR")
		}
		if folder = cfg.Publish.Dir; !filepath.IsAbs(folder) {
			folder = filepath.Join(flags.source, folder)
		}
	}
	if folder == "" {
		p, err := openBuckets(ctx, cfg)
		return p, func() {}, err
	}
	if err := checkFolder(folder, outputFolder(flags.buildFlags).Dir); err != nil {
		return nil, nil, err
	}
	store, err := dir.Open(folder)
	if err != nil {
		return nil, nil, err
	}
	return &bucket.Publisher{Site: bucket.Place{Name: filepath.ToSlash(folder), Store: store}}, func() { _ = store.Close() }, nil
}

// checkFolder keeps a site from being published into the folder it is built in, or the other way round.
func checkFolder(folder, built string) error {
	to, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	from, err := filepath.Abs(built)
	if err != nil {
		return err
	}
	for _, pair := range [][2]string{{to, from}, {from, to}} {
		if rel, err := filepath.Rel(pair[0], pair[1]); err == nil && filepath.IsLocal(rel) {
			return diag.At(filepath.ToSlash(folder), 0, "a site cannot be published into the folder it is built in, nor the other way round").
				WithHint("choose another folder")
		}
	}
	return nil
}

// makePlan finds out what is to be done.
func makePlan(ctx context.Context, p *bucket.Publisher, cfg config.Config, flags publishFlags, public *os.Root) (*bucket.Plan, error) {
	if flags.isRollback {
		return p.PlanRollback(ctx, flags.rollback)
	}
	built, err := output.ReadManifest(outputFolder(flags.buildFlags).Manifest)
	if err != nil {
		return nil, err
	}
	if err := checkBuilt(public, built, flags.dest); err != nil {
		return nil, err
	}
	remote, err := readRemote(flags.buildFlags)
	if err != nil {
		return nil, err
	}
	p.Open = func(key string) (bucket.File, error) { return public.Open(filepath.FromSlash(key)) }
	p.Refs = exceptRemote(referrer(public.FS(), refs.Resolver{Site: p.ID, Stream: cfg.Streaming.URL}, p.Stream.Store != nil), remote)
	return p.Plan(ctx, append(publishedObjects(built, p), remoteObjects(remote, p, cfg.Streaming.URL)...))
}

// openBuilt opens the built site. Going back to an earlier generation needs none.
func openBuilt(flags publishFlags) (*os.Root, error) {
	name := outputFolder(flags.buildFlags).Dir
	if flags.isRollback {
		name = flags.source
	}
	public, err := os.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, diag.At(filepath.ToSlash(flags.dest), 0, "there is no built site").WithHint("run matinee build first")
	}
	if err != nil {
		return nil, fmt.Errorf("open the built site: %w", err)
	}
	return public, nil
}

// checkBuilt makes sure that the files are those that were built: what is published is what build checked.
func checkBuilt(public *os.Root, built []output.Entry, dest string) error {
	if len(built) == 0 {
		return diag.At(filepath.ToSlash(dest), 0, "there is no built site").WithHint("run matinee build first")
	}
	var problems []error
	for i := range built {
		if what := differs(public, &built[i]); what != "" {
			problems = append(problems, diag.At(path.Join(filepath.ToSlash(dest), built[i].Path), 0, "%s", what).
				WithHint("run matinee build, and publish again"))
		}
	}
	const shown = 10
	if len(problems) > shown {
		more := diag.At("", 0, "and %d more files are not as they were built", len(problems)-shown).WithHint("run matinee build, and publish again")
		problems = append(problems[:shown], more)
	}
	return errors.Join(problems...)
}

// differs says how a file differs from what was built, "" when it does not. It is read only when its time has changed.
func differs(public *os.Root, e *output.Entry) string {
	info, err := public.Lstat(filepath.FromSlash(e.Path))
	switch {
	case err != nil:
		return "it is missing"
	case !info.Mode().IsRegular() || info.Size() != e.Size:
		return "it was edited since it was built"
	case info.ModTime().UnixNano() == e.ModTime:
		return ""
	}
	file, err := public.Open(filepath.FromSlash(e.Path))
	if err != nil {
		return "it cannot be read"
	}
	defer file.Close() //nolint:errcheck // only read
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil || hex.EncodeToString(hash.Sum(nil)) != e.SHA256 {
		return "it was edited since it was built"
	}
	return ""
}

// publishedObjects says of every built file how it is published.
func publishedObjects(built []output.Entry, to *bucket.Publisher) []bucket.Object {
	objects := make([]bucket.Object, len(built))
	for i := range built {
		e := &built[i]
		o := bucket.Object{
			Key: e.Path, Size: e.Size, SHA256: e.SHA256, Wave: waveOf(e),
			Headers:   bucket.Headers{ContentType: preview.ContentType(e.Path), CacheControl: preview.CacheControl(e.Path)},
			Immutable: slices.Contains([]string{classAsset, classStream, classPoster}, e.Class),
		}
		place := &to.Site
		if to.Stream.Store != nil && strings.HasPrefix(e.Path, "stream/") {
			o.Side, place = bucket.Stream, &to.Stream
		}
		if place.CDN != nil && !o.Immutable && e.Path != notFoundPage {
			o.Headers.CacheControl = untilInvalidated
		}
		objects[i] = o
	}
	return objects
}

// untilInvalidated lets the network in front of a bucket keep what publish tells it to forget when it changes, and makes
// browsers ask there each time: a page is sent from nearby, and is never out of date.
const untilInvalidated = "public, max-age=0, s-maxage=31536000, must-revalidate"

// notFoundPage is sent in place of pages that may be published in a moment, and with its headers: a network that kept it
// until it changes would keep saying that they do not exist.
const notFoundPage = "404.html"

// waveOf says when a file is published: after what it needs, and before what leads there.
func waveOf(e *output.Entry) bucket.Wave {
	isHTML := path.Ext(e.Path) == ".html"
	first, _, _ := strings.Cut(e.Path, "/")
	switch {
	case path.Base(e.Path) == "master.m3u8":
		return bucket.Masters
	case path.Ext(e.Path) == ".m3u8":
		return bucket.Playlists
	case e.Path == "index.html" || isHTML && slices.Contains([]string{"tags", "series", "page"}, first):
		return bucket.Entries
	case isHTML:
		return bucket.Pages
	case slices.Contains([]string{classAsset, classStream, classPoster, "file"}, e.Class):
		return bucket.Files
	}
	return bucket.Entries // feeds, sitemaps, and other pages that are no HTML
}

// referrer reads what a page or playlist needs.
func referrer(fsys fs.FS, resolver refs.Resolver, split bool) func(bucket.Object) ([]bucket.Ref, error) {
	return func(o bucket.Object) ([]bucket.Ref, error) {
		file, err := fsys.Open(o.Key)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read
		needs, err := resolver.Needs(o.Key, file)
		var found []bucket.Ref
		for _, need := range needs {
			r := bucket.Ref{Key: need.Key}
			if split && (need.Stream || o.Side == bucket.Stream) {
				r.Side = bucket.Stream
			}
			found = append(found, r)
		}
		return found, err
	}
}

// plan takes over what is going to be done.
func (r *publishReport) plan(plan *bucket.Plan) {
	r.Generation, r.Note, r.Requests, r.Foreign = plan.Generation(), plan.Note, plan.Requests, plan.Foreign
	r.Sent, r.Unchanged = plan.Sent(), plan.Unchanged
	r.Copied, r.Deleted = len(plan.Changes)-r.Sent.Objects, len(plan.Deletes)
	for _, d := range plan.Deletes {
		r.Deletes = append(r.Deletes, d.Key)
	}
	for i := range plan.Gone {
		r.Staying = append(r.Staying, publishStay{plan.Gone[i].Key, plan.Gone[i].Time.Add(bucket.Grace)})
	}
	for _, paths := range plan.Invalidate {
		r.Forgotten = append(r.Forgotten, paths...)
	}
}

// list takes over every change.
func (r *publishReport) list(plan *bucket.Plan) {
	for i := range plan.Changes {
		c := &plan.Changes[i]
		r.Changes = append(r.Changes, publishChange{c.Key, c.Reason, c.Size})
	}
}

// result takes over what was done.
func (r *publishReport) result(result *bucket.Result) {
	r.Generation, r.Sent, r.Copied = result.Generation, result.Sent, result.Copied
	r.Deleted = result.Deleted
	r.Forgotten = []string{}
	for _, paths := range result.Forgotten {
		r.Forgotten = append(r.Forgotten, paths...)
	}
	for _, text := range result.Warnings {
		r.Warnings = append(r.Warnings, diag.At("", 0, "%s", text))
	}
	if len(r.Staying) > 0 {
		latest := slices.MaxFunc(r.Staying, func(a, b publishStay) int { return a.Until.Compare(b.Until) })
		what := count(len(r.Staying), "object is no longer part of the site and stays", "objects are no longer part of the site and stay")
		r.Warnings = append(r.Warnings, diag.At("", 0, "%s until a publish after %s, for those who still see the site as it was",
			what, latest.Until.Local().Format("2 January 15:04")).WithHint("--prune-now deletes at once"))
	}
}

// listGenerations prints what can be gone back to.
func listGenerations(ctx context.Context, p *bucket.Publisher, out io.Writer) error {
	generations, err := p.Generations(ctx)
	if err != nil {
		return err
	}
	for _, g := range generations {
		line := fmt.Sprintf("generation %d, %s, by %s", g.Number, g.Time.Local().Format("2006-01-02 15:04"), g.By)
		if g.Note != "" {
			line += ", " + g.Note
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

func isBusy(err error) bool {
	_, busy := errors.AsType[*bucket.BusyError](err)
	return busy
}

// explainPublish says what went wrong with a publish, what to do next, and the exit code that goes with it; 0 when
// the error is of another kind.
func explainPublish(err error) (hint string, code int) {
	var local *bucket.LocalError
	var tooMany *bucket.TooManyDeletesError
	var failed *bucket.DeleteError
	var store *s3.Error
	switch {
	case isBusy(err):
		return "wait with --wait; if it is certain that nobody publishes, go on with --steal-lock", exitBusy
	case errors.Is(err, bucket.ErrChanged), errors.Is(err, bucket.ErrLockLost):
		return "publish again: the plan is then made from what is there now", exitBusy
	case errors.Is(err, bucket.ErrTaken):
		return "if it is meant to be replaced, publish with --yes; see first what would happen with --yes --dry-run", exitProblems
	case errors.As(err, &local):
		return "run matinee build, and publish again", exitProblems
	case errors.As(err, &tooMany):
		return fmt.Sprintf("if that is right, publish with --max-delete %d", len(tooMany.Deletes)), exitProblems
	case errors.As(err, &failed):
		return "the site is published; the next publish tries again", exitMissing
	case errors.As(err, &store) && store.Hint != "":
		return store.Hint, exitMissing
	case errors.Is(err, bucket.ErrNotFound):
		return "somebody changed what is there; matinee publish --verify looks at it and mends it", exitMissing
	case errors.As(err, &store), errors.Is(err, bucket.ErrRefused), errors.Is(err, bucket.ErrSlowDown):
		return "", exitMissing
	}
	return "", 0
}

// whoami is who publishes, for others to read: "ann@laptop".
func whoami(e env) string {
	name := cmp.Or(e.getenv("USER"), e.getenv("USERNAME"))
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return cmp.Or(name, "somebody") + "@" + host
}

func shortDigest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// A publishProgress shows how far a publish has come: a bar on a terminal, and elsewhere a line for every tenth of a
// larger one.
type publishProgress struct {
	w     io.Writer
	quiet bool
	bar   *progressbar.ProgressBar
	isBar bool
	tenth int
}

func newPublishProgress(e env, quiet bool) *publishProgress {
	return &publishProgress{w: e.stderr, quiet: quiet, isBar: isTerminal(e.stderr)}
}

func (p *publishProgress) update(u bucket.Progress) {
	switch {
	case p.quiet:
	case p.isBar:
		if p.bar == nil {
			p.bar = progressbar.NewOptions64(max(u.Total.Bytes, 1), progressbar.OptionSetWriter(p.w), progressbar.OptionShowBytes(true),
				progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		p.bar.Describe(path.Base(u.Key))
		_ = p.bar.Set64(u.Done.Bytes) // a bar that cannot be drawn must not stop the publish
	case u.Total.Objects >= 100 && u.Done.Objects*10/u.Total.Objects > p.tenth:
		p.tenth = u.Done.Objects * 10 / u.Total.Objects
		fmt.Fprintf(p.w, "published %d of %d objects\n", u.Done.Objects, u.Total.Objects)
	}
}

func (p *publishProgress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
