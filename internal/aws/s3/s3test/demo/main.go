// Demo shows a publish without an account: it starts an S3 server on this machine, prints what provision would set up,
// publishes the site, changes a post, publishes again, goes back, and then shows the buckets as two distributions would,
// until it is interrupted. It works on a copy of the site and leaves nothing behind.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"matinee/internal/aws/s3/s3test"
)

func main() {
	program := flag.String("matinee", "bin/matinee", "the program")
	site := flag.String("site", ".", "the site's folder")
	once := flag.Bool("once", false, "look at the result, and stop")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *program, *site, *once)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program, site string, once bool) (err error) {
	dir, err := os.MkdirTemp("", "matinee-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if program, err = filepath.Abs(program); err != nil {
		return err
	}
	server, err := s3test.Start(ctx, s3test.Versity, filepath.Join(dir, "s3"))
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w; make setup installs it", err)
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	d := &demo{ctx: ctx, program: program, site: filepath.Join(dir, "site"), server: server}
	if err := d.prepare(site); err != nil {
		return err
	}
	if err := d.provision(site); err != nil {
		return err
	}
	if err := d.publish(); err != nil {
		return err
	}
	if once {
		return d.look()
	}
	fmt.Printf("\nThe published site is at %s until you press Ctrl-C.\n", d.pages)
	<-ctx.Done()
	return nil
}

// A demo is the site, its buckets and what stands in front of them.
type demo struct {
	ctx     context.Context //nolint:containedctx // that of the whole program
	program string
	site    string // the copy
	server  *s3test.Server
	pages   string // addresses of the two distributions
	clips   string
}

// prepare makes the buckets and the copy of the site, which knows them.
func (d *demo) prepare(site string) error {
	for bucket, address := range map[string]*string{"films-site": &d.pages, "films-stream": &d.clips} {
		if err := d.server.CreateBucket(d.ctx, bucket, bucket == "films-site"); err != nil {
			return err
		}
		if err := d.show(bucket, address); err != nil {
			return err
		}
	}
	if err := os.CopyFS(filepath.Join(d.site, "content"), os.DirFS(filepath.Join(site, "content"))); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(site, "site.yaml"))
	if err != nil {
		return err
	}
	ours := strings.NewReplacer("url: https://films.example.com ", "url: "+d.pages+" ", `url: "" `, "url: "+d.clips+" ").Replace(string(config))
	ours += fmt.Sprintf("\npublish:\n  static: {bucket: films-site}\n  stream: {bucket: films-stream}\n  endpoint: %s\n", d.server.URL)
	return os.WriteFile(filepath.Join(d.site, "site.yaml"), []byte(ours), 0o600)
}

// show puts a distribution in front of a bucket.
func (d *demo) show(bucket string, address *string) error {
	listener, err := (&net.ListenConfig{}).Listen(d.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	*address = "http://" + listener.Addr().String()
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: s3test.Origin{
		Client: d.server.Client(), Bucket: bucket,
		Headers: func(string) http.Header { // clips are fetched from the pages' origin
			return http.Header{"Access-Control-Allow-Origin": {d.pages}, "Access-Control-Expose-Headers": {"Content-Length, Content-Range"}}
		},
	}}
	go server.Serve(listener) //nolint:errcheck // until the program ends
	return nil
}

// provision shows the beginning of what would be set up for the site if it were to go to Amazon.
func (d *demo) provision(site string) error {
	const shown = 24
	site, err := filepath.Abs(site)
	if err != nil {
		return err
	}
	var plan bytes.Buffer
	if err := d.matinee(&plan, "provision", "--print", "--source", site); err != nil {
		return err
	}
	fmt.Println("# What provision would set up in an account (its beginning; provision --print shows all of it)")
	lines := strings.SplitAfter(plan.String(), "\n")
	fmt.Print("  ", strings.Join(lines[:min(shown, len(lines))], "  "))
	fmt.Printf("  … and %d lines more\n", max(0, len(lines)-shown))
	return nil
}

// publish publishes, changes a post, publishes again and goes back, and shows each command with what it says.
func (d *demo) publish() error {
	const post = "content/welcome.md"
	for _, step := range []struct {
		say      string
		before   func() error
		commands []string
	}{
		{"The first publish", nil, []string{"build", "publish"}},
		{"Nothing has changed", nil, []string{"publish"}},
		{"A post changes", func() error { return d.append(post, "\nOne more line.\n") }, []string{"build", "publish --dry-run", "publish"}},
		{"And back", nil, []string{"publish --rollback"}},
	} {
		fmt.Println("\n#", step.say)
		if step.before != nil {
			if err := step.before(); err != nil {
				return err
			}
		}
		for _, command := range step.commands {
			fmt.Println("$ matinee", command)
			if err := d.matinee(os.Stdout, strings.Fields(command)...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *demo) matinee(stdout io.Writer, args ...string) error {
	cmd := exec.CommandContext(d.ctx, d.program, args...) //nolint:gosec // the program that was just built
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Env = d.site, stdout, os.Stderr, s3test.Environ()
	return cmd.Run()
}

func (d *demo) append(name, text string) error {
	file, err := os.OpenFile(filepath.Join(d.site, name), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// look checks that the first page is there as it was before the change, and what is not there is not.
func (d *demo) look() error {
	for path, want := range map[string]int{"/": 200, "/welcome/": 200, "/nothing/": 404, "/.matinee/current": 404} {
		request, err := http.NewRequestWithContext(d.ctx, http.MethodGet, d.pages+path, http.NoBody)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		page, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return err
		}
		if response.StatusCode != want || bytes.Contains(page, []byte("One more line.")) {
			return fmt.Errorf("%s: status %d, want %d and the page as it was first published", path, response.StatusCode, want)
		}
	}
	fmt.Println("\nThe published site is as it was.")
	return nil
}
