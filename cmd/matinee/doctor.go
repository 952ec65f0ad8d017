package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/ffmpeg"
	"matinee/internal/output"
	"matinee/internal/post"
	"matinee/internal/visit"
)

// A doctorReport is what doctor found.
type doctorReport struct {
	Findings []finding `json:"findings"`
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`
	Skipped  int       `json:"skipped"`
}

// A finding is the outcome of a check.
type finding struct {
	Check   string   `json:"check"`
	Outcome outcome  `json:"outcome"`
	Text    string   `json:"text"`
	Details []string `json:"details,omitempty"`
	Hint    string   `json:"hint,omitempty"`

	code int // of the program, when this is a problem
}

// An outcome is how a check went.
type outcome string

const (
	fine    outcome = "fine"
	warning outcome = "warning" // things work, and could work better
	problem outcome = "problem"
	skipped outcome = "skipped" // it could not be checked, or there is nothing to check
)

var (
	marks       = map[outcome]string{fine: "✓", warning: "!", problem: "✗", skipped: "–"}
	markColours = map[outcome]string{fine: "32", warning: "33", problem: "31", skipped: "2"}
)

func doctorCommand(e env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps a site from being built, published or seen",
		Long: `Doctor looks at the tools, the site, the credentials, the stack, the buckets and
what visitors get, and says what is wrong and what to do about it. It changes
nothing. What does not apply to a site is skipped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, out := cmd.Context(), e.stdout
			if asJSON {
				out = io.Discard
			}
			report, code := newCheckup(ctx, e, cmd.Flag("source").Value.String()).run(ctx, printer{out, isTerminal(out) && e.getenv("NO_COLOR") == ""})
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if asJSON {
				if err := printJSON(e.stdout, report); err != nil {
					return err
				}
			}
			if code != exitDone {
				return reported(code)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// How long a check may take. Listing a large bucket takes longer than anything else.
const (
	answerLimit  = 20 * time.Second
	listingLimit = 2 * time.Minute
)

// A checkup is one run of doctor. What several checks need is found out once, by the one that comes first.
type checkup struct {
	env
	flags     buildFlags
	cfg       config.Config
	found     bool  // there is a site.yaml
	configErr error // what is wrong with it, or that there is none
	visitor   visit.Visitor

	built func() ([]output.Entry, error)
	cloud cloudFacts
	done  func() // lets go of what is published to
}

func newCheckup(ctx context.Context, e env, source string) *checkup {
	c := &checkup{env: e, flags: buildFlags{source: source, dest: "public"}, done: func() {}}
	root, err := openSource(source)
	if c.configErr = err; err == nil {
		c.cfg, c.found, c.configErr = loadConfig(root, source)
		_ = root.Close() // only read
	}
	c.built = sync.OnceValues(func() ([]output.Entry, error) { return output.ReadManifest(outputFolder(c.flags).Manifest) })
	c.cloud = c.newCloudFacts(ctx)
	return c
}

// run makes all checks at once, and prints the findings in the order of the list.
func (c *checkup) run(ctx context.Context, p printer) (*doctorReport, int) {
	checks := []func(context.Context) []finding{
		c.checkTools, c.checkPlayer, c.checkConfig, c.checkPosts, c.checkBuilt,
		c.checkCredentials, c.checkStack, c.checkBuckets, c.checkPublished, c.checkLive, c.checkRTMP,
	}
	results := make([]chan []finding, len(checks))
	for i, check := range checks {
		results[i] = make(chan []finding, 1)
		go func() { results[i] <- check(ctx) }()
	}
	report, code := &doctorReport{Findings: []finding{}}, exitDone
	for _, result := range results {
		findings := <-result
		if ctx.Err() != nil {
			continue // what was interrupted says nothing
		}
		for _, f := range findings {
			report.add(f)
			p.finding(f)
			if f.Outcome == problem {
				code = max(code, f.code)
			}
		}
	}
	c.done()
	if ctx.Err() == nil {
		fmt.Fprintln(p.w, report)
	}
	return report, code
}

func (r *doctorReport) add(f finding) {
	r.Findings = append(r.Findings, f)
	switch f.Outcome {
	case problem:
		r.Problems++
	case warning:
		r.Warnings++
	case skipped:
		r.Skipped++
	}
}

// String is the line that sums a checkup up.
func (r *doctorReport) String() string {
	var parts []string
	if r.Problems > 0 {
		parts = append(parts, count(r.Problems, "problem", "problems"))
	}
	if r.Warnings > 0 {
		parts = append(parts, count(r.Warnings, "warning", "warnings"))
	}
	text := cmp.Or(strings.Join(parts, ", "), "nothing is wrong")
	if r.Skipped > 0 {
		text += fmt.Sprintf(" (%d not checked)", r.Skipped)
	}
	return text
}

// count is a number of things in words: "1 problem", "2 problems".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// A printer prints findings.
type printer struct {
	w      io.Writer
	colour bool
}

func (p printer) finding(f finding) {
	mark := marks[f.Outcome]
	if p.colour {
		mark = "\x1b[" + markColours[f.Outcome] + "m" + mark + "\x1b[0m"
	}
	fmt.Fprintf(p.w, "%s %-11s %s\n", mark, f.Check, printable(f.Text))
	for _, d := range f.Details {
		fmt.Fprintf(p.w, "%14s%s\n", "", printable(d))
	}
	if f.Hint != "" {
		fmt.Fprintf(p.w, "%14shint: %s\n", "", printable(f.Hint))
	}
}

// failed is the finding for an error.
func failed(check string, err error) finding {
	if errors.Is(err, context.DeadlineExceeded) {
		return finding{check, problem, "there was no answer in time", nil, "check the connection, and try again", exitMissing}
	}
	problems, rest := diag.Problems(err)
	f := finding{Check: check, Outcome: problem, code: exitProblems}
	if len(rest) > 0 {
		f.Text, f.Hint = explain(rest[0])
		f.code = exitCode(rest)
		return f
	}
	f.Text, f.Hint = problems[0].Error(), problems[0].Hint
	return f
}

// some shortens a list to its first few items.
func some(items []string) []string {
	const shown = 5
	if len(items) <= shown {
		return items
	}
	return append(items[:shown:shown], fmt.Sprintf("and %d more", len(items)-shown))
}

// checkTools looks for the programs of FFmpeg. Without them a site of H.264 films is built all the same.
func (c *checkup) checkTools(ctx context.Context) []finding {
	lost := map[string]string{
		"ffmpeg":  "films are published as they are, and those that no browser plays are refused",
		"ffprobe": "films that cannot be read are refused without saying what they are",
	}
	var findings []finding
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		version, err := ffmpeg.CLI{TimeLimit: answerLimit}.Version(ctx, name)
		f := finding{Check: name, Outcome: fine, Text: version}
		if err != nil {
			f.Outcome, f.Text = warning, strings.TrimPrefix(err.Error(), name+": ")+": "+lost[name]
			f.Hint = "install FFmpeg: apt install ffmpeg, brew install ffmpeg, winget install ffmpeg, or https://ffmpeg.org"
			if name == "ffmpeg" && c.cfg.Streaming.Encoder == "ffmpeg" {
				f.Outcome, f.code = problem, exitMissing
				f.Text = strings.TrimPrefix(err.Error(), name+": ") + ", and site.yaml says encoder: ffmpeg"
			}
		}
		findings = append(findings, f)
	}
	return findings
}

// checkPlayer tells whether the player's files are part of the theme, as this program or the site has it.
func (c *checkup) checkPlayer(context.Context) []finding {
	root, err := openSource(c.flags.source)
	if err != nil {
		return []finding{failed("player", err)}
	}
	defer root.Close() //nolint:errcheck // read only
	look, err := loadTheme(root.FS(), c.cfg)
	if err != nil {
		return []finding{failed("theme", err)}
	}
	folder, files := look.Player()
	if folder == "" {
		return []finding{{
			Check: "player", Outcome: warning, Text: "this program was built without Flowplayer: films play in the browser's own player",
			Hint: "use a release, or build with make, which fetches the player",
		}}
	}
	return []finding{{Check: "player", Outcome: fine, Text: fmt.Sprintf("Flowplayer and hls.js, %d files", len(files))}}
}

func (c *checkup) checkConfig(context.Context) []finding {
	switch {
	case c.configErr != nil:
		f := failed("site.yaml", c.configErr)
		f.Details = some(otherProblems(c.configErr))
		return []finding{f}
	case c.cfg.URL == "":
		return []finding{{
			Check: "site.yaml", Outcome: warning, Text: fmt.Sprintf("%q, which has no url: there is no feed and no sitemap", c.cfg.Title),
			Hint: "add url: https://… once the site has an address; matinee provision does it",
		}}
	}
	return []finding{{Check: "site.yaml", Outcome: fine, Text: fmt.Sprintf("%q at %s", c.cfg.Title, c.cfg.URL)}}
}

// otherProblems are all problems but the first.
func otherProblems(err error) []string {
	var texts []string
	problems, rest := diag.Problems(err)
	for _, p := range problems[min(1, len(problems)):] {
		texts = append(texts, p.Error())
	}
	for _, e := range rest {
		texts = append(texts, e.Error())
	}
	return texts
}

func (c *checkup) checkPosts(context.Context) []finding {
	root, err := os.OpenRoot(c.flags.source)
	if err != nil || !c.found {
		return failedOrSkipped("posts", noConfig)
	}
	defer root.Close() //nolint:errcheck // read only
	if _, err := root.Stat("content"); errors.Is(err, fs.ErrNotExist) {
		return []finding{{Check: "posts", Outcome: warning, Text: "there is no folder content", Hint: "put posts and films into content/"}}
	}
	posts, warnings, err := post.Load(root.FS(), "content", post.Options{Drafts: true, Future: true, Expired: true})
	if err != nil {
		f := failed("posts", err)
		f.Details = some(otherProblems(err))
		return []finding{f}
	}
	f := finding{Check: "posts", Outcome: fine, Text: count(len(posts), "post", "posts") + ", drafts included"}
	if len(warnings) > 0 {
		f.Outcome = warning
		for _, w := range warnings {
			f.Details = append(f.Details, w.Error())
		}
		f.Details = some(f.Details)
	}
	return []finding{f}
}

// checkBuilt tells whether there is something to publish, and whether it is still as it was built.
func (c *checkup) checkBuilt(context.Context) []finding {
	if !c.found {
		return failedOrSkipped("build", noConfig)
	}
	built, err := c.built()
	if err != nil {
		return []finding{failed("build", err)}
	}
	if len(built) == 0 {
		return []finding{{Check: "build", Outcome: warning, Text: "the site is not built yet", Hint: "run matinee build"}}
	}
	public, err := os.OpenRoot(outputFolder(c.flags).Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []finding{{Check: "build", Outcome: warning, Text: "the folder public is gone", Hint: "run matinee build"}}
	}
	if err != nil {
		return []finding{failed("build", fmt.Errorf("open the built site: %w", err))}
	}
	defer public.Close() //nolint:errcheck // read only
	if err := checkBuilt(public, built, c.flags.dest); err != nil {
		f := failed("build", err)
		f.Details, f.Hint = some(otherProblems(err)), "run matinee build"
		return []finding{f}
	}
	info, err := os.Stat(outputFolder(c.flags).Manifest)
	if err != nil {
		return []finding{failed("build", err)}
	}
	return []finding{{Check: "build", Outcome: fine, Text: fmt.Sprintf("%s in %s, of %s", count(len(built), "file", "files"), filepath.ToSlash(c.flags.dest), info.ModTime().Format("2006-01-02 15:04"))}}
}
