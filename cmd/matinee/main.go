// Matinee is a static-site generator for video galleries and video blogs.
//
// Package main is the only place where the packages below internal/ meet: every command is one file that wires by
// hand what it needs. main itself decides nothing but the exit code.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, env{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}, os.Args[1:])
	stop()
	os.Exit(code)
}

// env is what the program touches of the process it runs in, so that a test can run the whole of it.
type env struct {
	stdout, stderr io.Writer
	getenv         func(string) string
}

// run is the program. It returns the exit code.
func run(ctx context.Context, e env, args []string) int {
	cmd := rootCommand(e) //nolint:contextcheck // cobra hands ctx to the commands
	cmd.SetArgs(args)
	cmd.SetOut(e.stdout)
	cmd.SetErr(e.stderr)
	err := cmd.ExecuteContext(ctx)
	return newReporter(e).exit(ctx, err)
}

func rootCommand(e env) *cobra.Command {
	root := &cobra.Command{
		Use:   "matinee",
		Short: "A static-site generator for video galleries and video blogs",
		Long: `Matinee turns Markdown posts that name video clips into a web site whose pages
play them as adaptive streams.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringP("source", "C", ".", "folder of the site")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{cmd.CommandPath(), err} })
	root.AddCommand(buildCommand(e), serveCommand(e), checkCommand(e), publishCommand(e), provisionCommand(e), doctorCommand(e), cleanCommand(e), cacheCommand(e), schemaCommand(e), versionCommand(e))
	for _, c := range root.Commands() {
		c.Args = usageArgs(c.Args)
	}
	root.Args = usageArgs(root.Args)
	root.SetHelpCommand(&cobra.Command{Hidden: true}) // "matinee help x" adds nothing to "matinee x --help"
	root.CompletionOptions.DisableDescriptions = false
	return root
}

// usageArgs makes wrong arguments a usageError, as wrong flags are.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return &usageError{cmd.CommandPath(), err}
		}
		return nil
	}
}
