package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"matinee/internal/aws/account"
	"matinee/internal/diag"
	"matinee/internal/output"
	"matinee/internal/video"
)

// Exit codes, documented in docs/commands.md.
const (
	exitDone        = 0
	exitProblems    = 1   // the content or the configuration has problems
	exitUsage       = 2   // wrong usage
	exitMissing     = 3   // a tool, the network, the disk or a permission is missing
	exitBusy        = 4   // someone else is at it
	exitInterrupted = 130 // 128 + SIGINT
)

// A usageError is a command line that cannot be run.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// A reporter tells the user what went wrong, and the shell how badly.
type reporter struct {
	w      io.Writer
	colour bool
}

func newReporter(e env) reporter {
	return reporter{w: e.stderr, colour: isTerminal(e.stderr) && e.getenv("NO_COLOR") == ""}
}

// exit prints an error and returns the exit code that goes with it.
func (r reporter) exit(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	usage, isUsage := errors.AsType[*usageError](err)
	var told reported
	switch {
	case ctx.Err() != nil:
		r.line("error", "31", "interrupted")
		return exitInterrupted
	case errors.As(err, &told):
		return int(told)
	case isUsage || strings.HasPrefix(err.Error(), "unknown command"):
		r.line("error", "31", err.Error())
		command := "matinee"
		if isUsage {
			command = usage.command
		}
		r.line("hint", "36", fmt.Sprintf("see %q", command+" --help"))
		return exitUsage
	}
	problems, rest := diag.Problems(err)
	for _, p := range problems {
		r.problem("error", p)
	}
	for _, e := range rest {
		text, hint := explain(e)
		r.line("error", "31", text)
		if hint != "" {
			r.line("hint", "36", hint)
		}
	}
	if len(problems) > 1 {
		r.line("error", "31", fmt.Sprintf("%d problems; nothing was written", len(problems)))
	}
	if len(rest) > 0 {
		return exitCode(rest)
	}
	return exitProblems
}

// warnings prints what did not stop the build.
func (r reporter) warnings(warnings []*diag.Problem) {
	diag.Sort(warnings)
	for _, p := range warnings {
		r.problem("warning", p)
	}
}

func (r reporter) problem(kind string, p *diag.Problem) {
	r.line(kind, map[string]string{"error": "31", "warning": "33"}[kind], p.Error())
	if p.Hint != "" {
		r.line("hint", "36", p.Hint)
	}
}

func (r reporter) line(kind, colour, text string) {
	if r.colour {
		kind = "\x1b[1;" + colour + "m" + kind + "\x1b[0m"
	}
	fmt.Fprintf(r.w, "matinee: %s: %s\n", kind, printable(text))
}

// printable keeps control characters of file names and front matter away from the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '\uFFFD'
		}
		return r
	}, strings.ReplaceAll(s, "\n", " "))
}

// explain says an error that is nobody's typing mistake in the user's words.
func explain(err error) (text, hint string) {
	if refused, ok := errors.AsType[*account.Error](err); ok {
		return err.Error(), refused.Hint
	}
	switch {
	case errors.Is(err, output.ErrBusy):
		return err.Error(), "wait for it to end, or stop it"
	case errors.Is(err, syscall.ENOSPC):
		return err.Error(), "free some space on the disk; what was there before is untouched"
	case errors.Is(err, fs.ErrPermission):
		return err.Error(), "check who owns the folder and what you may write to"
	}
	hint, _ = explainPublish(err)
	return err.Error(), hint
}

func exitCode(errs []error) int {
	for _, err := range errs {
		if _, code := explainPublish(err); code == exitBusy || errors.Is(err, output.ErrBusy) {
			return exitBusy
		}
	}
	for _, err := range errs {
		if _, code := explainPublish(err); code != exitDone {
			return code
		}
	}
	for _, err := range errs {
		_, cache := errors.AsType[*video.CacheError](err)
		_, write := errors.AsType[*output.WriteError](err)
		_, cloud := errors.AsType[*account.Error](err)
		_, remote := errors.AsType[*video.RemoteError](err)
		if cache || write || cloud || remote || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EADDRINUSE) {
			return exitMissing
		}
	}
	return exitProblems
}

// A reported ends a command whose errors have been told already, with an exit code.
type reported int

func (reported) Error() string { return "reported" }

// endJSON ends a command with --json: problems of the content or the configuration become part of its report, whose field
// for them is given, and everything else that went wrong is returned.
func endJSON(w io.Writer, report any, problems *[]*diag.Problem, err error) error {
	found, rest := diag.Problems(err)
	*problems = append(*problems, found...)
	if err := printJSON(w, report); err != nil {
		return err
	}
	if len(found) > 0 && len(rest) == 0 {
		return reported(exitProblems)
	}
	return errors.Join(rest...)
}

// printJSON prints a report for programs.
func printJSON(w io.Writer, report any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(report)
}
