// Bench measures publishing against what people use for it, on one machine and in one run: the same site goes to an S3
// server by matinee, the AWS command line, rclone and s5cmd, as far as these are installed; for the first time, again,
// with one file in a hundred changed, and after a rebuild that gave every file a new time and no other bytes.
//
// For each it prints the time from start to end, the processor time and the largest resident memory of the program, and
// the requests that the server counted. The first publish, which moves a gigabyte and depends on what else the machine
// and its disk are doing, is done by all in turns, several times, and the medians are printed.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"matinee/internal/aws/s3/s3test"
)

// A size is how large the site is.
type size struct {
	pages  int // of 14 kB each, on average
	films  int
	filmMB int
}

func main() {
	program := flag.String("matinee", "bin/matinee", "the program")
	var s size
	flag.IntVar(&s.pages, "pages", 5000, "small files")
	flag.IntVar(&s.films, "films", 5, "large files")
	flag.IntVar(&s.filmMB, "mb", 200, "megabytes in each of these")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *program, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program string, s size) (err error) {
	dir, err := os.MkdirTemp("", "matinee-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if program, err = filepath.Abs(program); err != nil {
		return err
	}
	server, err := s3test.Start(ctx, s3test.Versity, filepath.Join(dir, "s3"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	b := &bench{program: program, site: filepath.Join(dir, "site"), server: server}
	if err := b.write(s); err != nil {
		return err
	}
	fmt.Printf("%d files of 14 kB and %d of %d MB; wall s, CPU s, RSS MB, requests\n", s.pages, s.films, s.filmMB)
	tools := b.tools()
	if err := b.build(ctx); err != nil {
		return err
	}
	return b.compare(ctx, tools)
}

// rounds is how often everybody publishes for the first time, into a bucket that is new each time.
const rounds = 3

// A bench is the site and where it goes.
type bench struct {
	program string
	site    string
	server  *s3test.Server
	changes int
}

// A tool is one way to publish.
type tool struct {
	name    string
	install string   // how to
	args    []string // in which %s is the bucket
}

func (t tool) command(bucket string) []string {
	args := slices.Clone(t.args)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%s", bucket)
	}
	return args
}

// tools are those that are installed.
func (b *bench) tools() []tool {
	public := filepath.Join(b.site, "public")
	all := []tool{
		{"matinee", "make build", []string{b.program, "publish", "--quiet", "--source", b.site}},
		{"awscli", "pip install awscli", []string{"aws", "s3", "sync", "--delete", "--only-show-errors", "--endpoint-url", b.server.URL, public, "s3://%s"}},
		{"rclone", "go install github.com/rclone/rclone@v1.76.0", []string{"rclone", "sync", "--s3-provider", "Other", "--s3-env-auth", "--s3-endpoint", b.server.URL, public, ":s3:%s"}},
		{"s5cmd", "go install github.com/peak/s5cmd/v2@v2.3.0", []string{"s5cmd", "--log", "error", "--endpoint-url", b.server.URL, "sync", "--delete", public + "/", "s3://%s/"}},
	}
	var found []tool
	for _, t := range all {
		path, err := s3test.Find(s3test.Program(t.args[0]))
		if err != nil {
			fmt.Printf("%s is not installed: %s\n", t.name, t.install)
			continue
		}
		t.args[0] = path
		found = append(found, t)
	}
	return found
}

// write makes the site.
func (b *bench) write(s size) error {
	dice := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // repeatable
	var errs []error
	file := func(name string, data []byte) {
		name = filepath.Join(b.site, name)
		errs = append(errs, os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, data, 0o600))
	}
	file("content/post.md", []byte("---\ntitle: Post\ndate: 2026-01-01\n---\nText.\n"))
	for i := range s.pages {
		file(pageName(i), page(dice, i))
	}
	for i := range s.films {
		errs = append(errs, writeFilm(filepath.Join(b.site, "static", fmt.Sprintf("film%d.mp4", i)), s.filmMB, i))
	}
	errs = append(errs, b.aim("matinee"))
	return errors.Join(errs...)
}

// writeFilm writes a film in small pieces: where a program is started from counts as memory of that program.
func writeFilm(name string, megabytes, number int) error {
	file, err := os.Create(name) //nolint:gosec // of our own folder
	if err != nil {
		return err
	}
	piece := make([]byte, 1<<20)
	var errs []error
	for i := range megabytes {
		copy(piece, fmt.Sprintf("film %d at %d ", number, i)) // other parts than those of the film before
		_, err := file.Write(piece)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, file.Close())...)
}

func pageName(i int) string { return fmt.Sprintf("static/pages/%03d/%05d.html", i/100, i) }

// page is a page of 7 to 21 kB.
func page(dice *rand.Rand, i int) []byte {
	text := fmt.Appendf(nil, "<!doctype html><title>Page %d, %d</title>", i, dice.Uint64())
	for size := 7000 + dice.IntN(14_000); len(text) < size; {
		text = fmt.Appendf(text, "<p>%016x", dice.Uint64())
	}
	return text
}

// aim writes the settings of the site.
func (b *bench) aim(bucket string) error {
	text := "title: Bench\nurl: https://films.example.com\npublish: {static: {bucket: " + bucket + "}, endpoint: " + b.server.URL + "}\n"
	return os.WriteFile(filepath.Join(b.site, "site.yaml"), []byte(text), 0o600)
}

// compare publishes with each tool for the first time, in turns, and after the last of these in the three other ways.
func (b *bench) compare(ctx context.Context, tools []tool) error {
	took := map[string][]figures{}
	for round := range rounds {
		for i := range tools {
			t := tools[(i+round)%len(tools)]
			bucket := fmt.Sprint(t.name, round)
			if err := errors.Join(b.server.CreateBucket(ctx, bucket, true), b.aim(bucket)); err != nil {
				return err
			}
			f, err := b.publish(ctx, t, bucket)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			took[t.name] = append(took[t.name], f)
			if round < rounds-1 {
				continue
			}
			medians(took[t.name]).print(t, "first")
			if err := b.again(ctx, t, bucket); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	return nil
}

// again publishes in the three other ways with one tool.
func (b *bench) again(ctx context.Context, t tool, bucket string) error {
	for _, step := range []struct {
		name   string
		before func(context.Context) error
	}{
		{"no-op", nil},
		{"1 %", b.change},
		{"rebuilt", b.rebuild},
	} {
		if step.before != nil {
			if err := step.before(ctx); err != nil {
				return err
			}
		}
		f, err := b.publish(ctx, t, bucket)
		if err != nil {
			return err
		}
		f.print(t, step.name)
	}
	return nil
}

func (b *bench) build(ctx context.Context) error {
	_, err := command(ctx, []string{b.program, "build", "--quiet", "--source", b.site})
	return err
}

// change gives one page in a hundred other bytes of the same number.
func (b *bench) change(ctx context.Context) error {
	b.changes++
	pages, err := filepath.Glob(filepath.Join(b.site, "static/pages/*/*00.html"))
	if err != nil {
		return err
	}
	for _, name := range pages {
		data, err := os.ReadFile(name) //nolint:gosec // of our own folder
		if err != nil {
			return err
		}
		copy(data[len(data)-4:], fmt.Sprintf("%04d", b.changes))
		if err := os.WriteFile(name, data, 0o600); err != nil { //nolint:gosec // of our own folder
			return err
		}
	}
	return b.build(ctx)
}

// rebuild builds everything anew.
func (b *bench) rebuild(ctx context.Context) error {
	time.Sleep(time.Second) // times of S3 are whole seconds
	for _, name := range []string{"public", ".matinee/manifest.json"} {
		if err := os.RemoveAll(filepath.Join(b.site, name)); err != nil {
			return err
		}
	}
	return b.build(ctx)
}

// figures are what a publish took: seconds, seconds of processors, megabytes and requests.
type figures [4]float64

func (f figures) print(t tool, step string) {
	fmt.Printf("%-8s %-8s %8.2f %8.2f %8.0f %8.0f\n", t.name, step, f[0], f[1], f[2], f[3])
}

// medians are those of every figure.
func medians(all []figures) figures {
	var m figures
	for i := range m {
		slices.SortFunc(all, func(a, b figures) int { return cmp.Compare(a[i], b[i]) })
		m[i] = all[len(all)/2][i]
	}
	return m
}

// publish measures one publish.
func (b *bench) publish(ctx context.Context, t tool, bucket string) (figures, error) {
	before, err := b.server.Requests()
	if err != nil {
		return figures{}, err
	}
	_ = exec.CommandContext(ctx, "sync").Run() // the disk is not to be busy with what others have written
	started := time.Now()
	state, err := command(ctx, t.command(bucket))
	if err != nil {
		return figures{}, err
	}
	wall := time.Since(started)
	after, err := b.server.Requests()
	return figures{wall.Seconds(), (state.UserTime() + state.SystemTime()).Seconds(), s3test.PeakMB(state), float64(after - before)}, err
}

func command(ctx context.Context, args []string) (*os.ProcessState, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // one of the tools
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &said, &said, s3test.Environ()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return cmd.ProcessState, nil
}
