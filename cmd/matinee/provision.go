package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"matinee/internal/aws/account"
	"matinee/internal/aws/stack"
	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/post"
	"matinee/internal/schema"
	"matinee/internal/site"
)

// provisionFlags are the choices of one provision.
type provisionFlags struct {
	source                  string
	stack, region, profile  string
	parameters              stack.Parameters // those that flags give
	plan, print, yes, asked bool             // asked: there is a terminal to ask on
	destroy, asJSON         bool
}

// A provisionReport is what was provisioned, for programs.
type provisionReport struct {
	Stack    string          `json:"stack"`
	Region   string          `json:"region"`
	Plan     *stack.Plan     `json:"plan,omitempty"`
	Done     bool            `json:"done"`
	Outputs  stack.Outputs   `json:"outputs,omitempty"`
	Settings []setting       `json:"settings"` // written to site.yaml
	Warnings []*diag.Problem `json:"warnings"`
	Problems []*diag.Problem `json:"problems"`
}

// A setting is a key of site.yaml that got a value.
type setting struct {
	Key string `json:"key"`
	Was string `json:"was"`
	Is  string `json:"is"`
}

func provisionCommand(e env) *cobra.Command {
	var flags provisionFlags
	given := map[string]*string{}
	var priceClass string
	var mediaConvert bool
	cmd := &cobra.Command{
		Use:   "provision",
		Short: "Make the buckets and distributions that the site is published to",
		Long: `Provision makes what a site needs in an AWS account, or changes what is there: two
private buckets and two CloudFront distributions, one of each for the pages and
for the clips. The plan is shown, and carried out when you say so. Flags that are
not given leave things as they are.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.source = cmd.Flag("source").Value.String()
			flags.asked = isTerminalInput(cmd.InOrStdin())
			flags.parameters = stack.Parameters{}
			for name, value := range given {
				if cmd.Flag(flagOf[name]).Changed {
					flags.parameters[name] = *value
				}
			}
			if err := flags.choices(cmd, priceClass, mediaConvert); err != nil {
				return &usageError{cmd.CommandPath(), err}
			}
			return runProvision(cmd.Context(), e, flags, cmd.InOrStdin())
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.stack, "stack", "", "name of the CloudFormation stack (publish.stack, or made from the title)")
	f.StringVar(&flags.region, "region", "", "region of the buckets (publish.region, or us-east-1)")
	f.StringVar(&flags.profile, "profile", "", "profile of the AWS configuration files (publish.profile)")
	for name, usage := range map[string]string{
		stack.Domain:       "host name of the site, such as films.example.com",
		stack.StreamDomain: "host name of the clips, such as clips.example.com",
		stack.HostedZone:   "id of the Route 53 zone of the host names: makes DNS records, and a certificate",
		stack.Certificate:  "ARN of a certificate in us-east-1, instead of a new one",
	} {
		given[name] = f.String(flagOf[name], "", usage)
	}
	f.StringVar(&priceClass, "price-class", "100", "where distributions answer: 100 (North America, Europe), 200 or all")
	f.BoolVar(&mediaConvert, "mediaconvert", false, "make the role and the queue that streaming.encoder: mediaconvert needs")
	f.BoolVar(&flags.plan, "plan", false, "show what would change, and change nothing")
	f.BoolVar(&flags.print, "print", false, "print the template and its parameters; needs no account")
	f.BoolVar(&flags.yes, "yes", false, "do not ask")
	f.BoolVar(&flags.destroy, "destroy", false, "remove the stack, and everything in its buckets")
	f.BoolVar(&flags.asJSON, "json", false, "print the report as JSON")
	return cmd
}

// flagOf names the flags of the template's parameters.
var flagOf = map[string]string{
	stack.Domain: "domain", stack.StreamDomain: "stream-domain", stack.HostedZone: "zone", stack.Certificate: "certificate",
}

var priceClasses = map[string]string{"100": "PriceClass_100", "200": "PriceClass_200", "all": "PriceClass_All"}

// choices takes over the flags that have only a few values, and checks that there is somebody to ask.
func (flags *provisionFlags) choices(cmd *cobra.Command, priceClass string, mediaConvert bool) error {
	if cmd.Flag("price-class").Changed {
		value, ok := priceClasses[priceClass]
		if !ok {
			return fmt.Errorf("--price-class: want 100, 200 or all, got %q", priceClass)
		}
		flags.parameters[stack.PriceClass] = value
	}
	if cmd.Flag("mediaconvert").Changed {
		flags.parameters[stack.MediaConvert] = map[bool]string{true: "yes", false: "no"}[mediaConvert]
	}
	if flags.plan && flags.print || flags.destroy && (flags.plan || flags.print) {
		return errors.New("--plan, --print and --destroy cannot be combined")
	}
	if !flags.yes && !flags.plan && !flags.print && !flags.asked {
		return errors.New("there is no terminal to ask on; add --yes to go on without asking, or --plan to see what would change")
	}
	return nil
}

func isTerminalInput(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// runProvision provisions, and reports in the form that was asked for.
func runProvision(ctx context.Context, e env, flags provisionFlags, stdin io.Reader) error {
	p := provisioner{env: e, flags: flags, stdin: bufio.NewReader(stdin), out: e.stdout}
	p.report = provisionReport{Settings: []setting{}, Warnings: []*diag.Problem{}, Problems: []*diag.Problem{}}
	if flags.asJSON {
		p.out = io.Discard
	}
	err := p.run(ctx)
	newReporter(e).warnings(p.report.Warnings)
	if flags.asJSON && !flags.print {
		return endJSON(e.stdout, &p.report, &p.report.Problems, err)
	}
	return err
}

// A provisioner is one run of provision.
type provisioner struct {
	env
	flags  provisionFlags
	cfg    config.Config
	stdin  *bufio.Reader
	out    io.Writer // for people
	stack  *stack.Stack
	report provisionReport
}

func (p *provisioner) run(ctx context.Context) error {
	var err error
	p.cfg, err = readConfig(buildFlags{source: p.flags.source})
	if err != nil {
		return err
	}
	if p.cfg.Publish.Endpoint != "" {
		return diag.At("site.yaml", 0, "publish.endpoint names another service than AWS, where there is nothing to provision").
			WithHint("make the bucket there, and name it as publish.static.bucket")
	}
	name := cmp.Or(p.flags.stack, p.cfg.Publish.Stack, stackName(p.cfg.Title))
	region := cmp.Or(p.flags.region, p.cfg.Publish.Region)
	p.report.Stack, p.report.Region = name, region
	if err := stack.CheckName(name); err != nil {
		return err
	}
	if !p.flags.destroy {
		if err := p.addRedirects(); err != nil {
			return err
		}
		if _, given := p.flags.parameters[stack.MediaConvert]; !given && p.cfg.Streaming.Encoder == "mediaconvert" {
			p.flags.parameters[stack.MediaConvert] = "yes" // without it there would be nothing to encode with
		}
		p.flags.parameters[stack.Elsewhere] = strings.Join(streamOrigins(buildFlags{source: p.flags.source, future: true}), " ")
	}
	if p.flags.print {
		return p.print(name, region)
	}
	p.stack, err = stack.Open(ctx, name, account.Account{Region: region, Profile: cmp.Or(p.flags.profile, p.cfg.Publish.Profile)})
	switch {
	case err != nil:
		return err
	case p.flags.destroy:
		return p.destroy(ctx)
	}
	return p.apply(ctx)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// stackName makes a stack's name of a title: "Small Films!" is "small-films".
func stackName(title string) string {
	name := strings.TrimLeft(notInNames.ReplaceAllString(strings.ToLower(title), "-"), "-0123456789")
	const longest = 32
	return cmp.Or(strings.Trim(name[:min(len(name), longest)], "-"), "matinee-site")
}

// addRedirects tells the distribution the posts' old addresses, as many as it takes. Those that are left out are not
// lost: there is a page at each of them that leads on.
func (p *provisioner) addRedirects() error {
	root, err := openSource(p.flags.source)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // read only
	posts, _, err := post.Load(root.FS(), "content", post.Options{Now: time.Now()})
	if _, missing := root.Stat("content"); err != nil && !errors.Is(missing, fs.ErrNotExist) {
		p.warn("some posts have problems, so redirects of old addresses stay as they are", "matinee build shows the problems")
		return nil
	}
	text, left := redirectsText(site.Redirects(posts, p.cfg.Permalink))
	if left > 0 {
		p.warn(fmt.Sprintf("%d old addresses are more than CloudFront takes; their pages redirect all the same", left), "")
	}
	p.flags.parameters[stack.Redirects] = text
	return nil
}

// redirectsText writes redirects as a JSON object, in the order of their addresses, and counts those for which there is
// no room.
func redirectsText(redirects map[string]string) (text string, left int) {
	var b strings.Builder
	for _, from := range slices.Sorted(maps.Keys(redirects)) {
		one, err := json.Marshal(map[string]string{from: redirects[from]})
		if err != nil || b.Len()+len(one)+1 > stack.MaxRedirects {
			left++
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.Write(bytes.Trim(one, "{}"))
	}
	return "{" + b.String() + "}", left
}

func (p *provisioner) warn(text, hint string) {
	p.report.Warnings = append(p.report.Warnings, &diag.Problem{Text: text, Hint: hint})
}

// print prints the template and what goes with it.
func (p *provisioner) print(name, region string) error {
	if err := p.flags.parameters.Check(region); err != nil {
		return err
	}
	if p.flags.asJSON {
		return printJSON(p.stdout, map[string]any{
			"stack": name, "region": region, "parameters": p.flags.parameters, "template": stack.Template,
		})
	}
	_, err := io.WriteString(p.stdout, stack.Recipe(name, region, p.flags.parameters))
	return err
}

// apply plans, asks, and does what was planned.
func (p *provisioner) apply(ctx context.Context) error {
	found, err := p.stack.Settle(ctx, p.event)
	if err != nil {
		return err
	}
	if found && p.flags.stack == "" && p.cfg.Publish.Stack == "" {
		return &account.Error{
			Text: fmt.Sprintf("there is a site called %s in this account already", p.stack.Name),
			Hint: fmt.Sprintf("if it is this one, say --stack %s; otherwise choose another name with --stack", p.stack.Name),
		}
	}
	plan, err := p.stack.Plan(ctx, p.flags.parameters)
	if err != nil {
		return err
	}
	p.report.Plan = plan
	fmt.Fprint(p.out, plan)
	if !plan.Empty() || p.flags.plan {
		ok := false
		if !p.flags.plan {
			ok, err = p.confirm(ctx, "Go on? [y/N] ", "y", "yes")
		}
		if !ok {
			return errors.Join(err, p.discard(ctx, plan))
		}
	}
	p.report.Outputs, err = p.stack.Apply(ctx, plan, p.event)
	if ctx.Err() != nil {
		fmt.Fprintln(p.stderr, "CloudFormation goes on by itself; run matinee provision again to see how it ends")
	}
	if err != nil {
		return err
	}
	p.report.Done = true
	return p.finish()
}

// discard forgets a plan, even after an interruption.
func (p *provisioner) discard(ctx context.Context, plan *stack.Plan) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	fmt.Fprintln(p.out, "nothing was changed")
	return p.stack.Discard(ctx, plan)
}

// event shows what happens while it does.
func (p *provisioner) event(e stack.Event) {
	fmt.Fprintln(p.stderr, printable(e.String()))
}

// confirm asks a question, and tells whether the answer is one of those that agree.
func (p *provisioner) confirm(ctx context.Context, question string, agree ...string) (bool, error) {
	if p.flags.yes {
		return true, nil
	}
	fmt.Fprint(p.stderr, question)
	answer := make(chan string, 1)
	go func() { // a read cannot be interrupted, and ends with the program when Ctrl-C is the answer
		line, _ := p.stdin.ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case a := <-answer:
		return slices.ContainsFunc(agree, func(s string) bool { return strings.ToLower(s) == a }), nil
	}
}

// finish writes what publishing needs to know to site.yaml, and says what comes next.
func (p *provisioner) finish() error {
	outputs := p.report.Outputs
	fmt.Fprintf(p.out, "the site's address is %s, its clips' %s\n", outputs[stack.SiteURL], outputs[stack.StreamURL])
	p.sayRecords()
	err := p.writeSettings()
	for _, s := range p.report.Settings {
		was := ""
		if s.Was != "" {
			was = " (it was " + s.Was + ")"
		}
		fmt.Fprintf(p.out, "site.yaml: %s: %s%s\n", s.Key, s.Is, was)
	}
	if err == nil {
		fmt.Fprintln(p.out, "now run matinee build, and matinee publish")
	}
	return err
}

// sayRecords says which DNS records are still missing.
func (p *provisioner) sayRecords() {
	parameters := p.report.Plan.Parameters
	if parameters[stack.HostedZone] != "" {
		return
	}
	for _, record := range [][2]string{{stack.Domain, stack.SiteTarget}, {stack.StreamDomain, stack.StreamTarget}} {
		if host := parameters[record[0]]; host != "" {
			fmt.Fprintf(p.out, "in your DNS, make %s an alias (or CNAME) of %s\n", host, p.report.Outputs[record[1]])
		}
	}
}

// writeSettings sets the keys of site.yaml that differ from what was provisioned.
func (p *provisioner) writeSettings() error {
	wanted := []setting{
		{"url", p.cfg.URL, p.report.Outputs[stack.SiteURL]},
		{"streaming.url", p.cfg.Streaming.URL, p.report.Outputs[stack.StreamURL]},
		{"publish.stack", p.cfg.Publish.Stack, p.stack.Name},
		{"publish.region", p.cfg.Publish.Region, p.report.Region},
	}
	name := filepath.Join(p.flags.source, "site.yaml")
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text, problem := schema.Text("site.yaml", data)
	if problem != nil {
		return problem
	}
	left := 0
	for _, s := range wanted {
		if s.Is == "" || s.Is == s.Was {
			continue
		}
		edited, err := schema.Set(schema.Source{File: "site.yaml", Data: text}, s.Key, s.Is)
		if byHand, ok := errors.AsType[*diag.Problem](err); ok {
			p.report.Warnings = append(p.report.Warnings, byHand)
			left++
			continue
		}
		text = edited
		p.report.Settings = append(p.report.Settings, s)
	}
	if len(p.report.Settings) > 0 {
		if err := replaceFile(name, likeBefore(text, data)); err != nil {
			return err
		}
	}
	if left > 0 {
		return diag.At("site.yaml", 0, "everything is provisioned, but %d keys must be written by hand", left)
	}
	return nil
}

// likeBefore gives a text the byte order mark and the line ends that the file had.
func likeBefore(text, before []byte) []byte {
	const mark = "\uFEFF"
	if bytes.Contains(before, []byte("\r\n")) {
		text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	}
	if bytes.HasPrefix(before, []byte(mark)) {
		text = append([]byte(mark), text...)
	}
	return text
}

// replaceFile replaces a file as a whole, so that it is never half written.
func replaceFile(name string, data []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	temporary := name + ".new"
	if err := os.WriteFile(temporary, data, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}

// destroy removes everything, after asking for the stack's name.
func (p *provisioner) destroy(ctx context.Context) error {
	found, err := p.stack.Settle(ctx, p.event)
	if err != nil {
		return err
	}
	if found {
		buckets, err := p.stack.Buckets(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "This removes the stack %s in %s with its distributions, and everything in the buckets %s.\nNone of it can be brought back.\n",
			p.stack.Name, p.stack.Region, strings.Join(buckets, " and "))
		ok, err := p.confirm(ctx, "Type the name of the stack to go on: ", p.stack.Name)
		if err != nil || !ok {
			fmt.Fprintln(p.out, "nothing was changed")
			return err
		}
	}
	if err := p.stack.Destroy(ctx, p.event); err != nil {
		return err
	}
	p.report.Done = true
	_, err = fmt.Fprintf(p.out, "removed the stack %s; site.yaml still names it\n", p.stack.Name)
	return err
}
