package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"matinee/internal/preview"
)

func serveCommand(e env) *cobra.Command {
	var flags buildFlags
	var bind string
	var port int
	var noBuild bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Build the site and serve it on this machine",
		Long: `Serve builds the site and answers for it on this machine, with the types, byte
ranges, headers and addresses a published site has. It runs until it is interrupted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			flags.source = cmd.Flag("source").Value.String()
			var stream string
			if !noBuild {
				report, err := build(ctx, e, flags)
				newReporter(e).warnings(report.Warnings)
				if err != nil {
					return err
				}
				fmt.Fprintln(e.stdout, report)
				stream = origin(report.streamURL)
			}
			listener, err := preview.Listen(ctx, bind, port)
			if err != nil {
				return err
			}
			folder := outputFolder(flags)
			fmt.Fprintf(e.stdout, "serving %s at http://%s/ (Ctrl-C stops)\n", filepath.ToSlash(flags.dest), listener.Addr())
			return preview.Serve(ctx, listener, preview.Handler(folder.Dir, stream))
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&bind, "bind", "127.0.0.1", "address to listen on")
	cmd.Flags().IntVarP(&port, "port", "p", 8080, "port to listen on; the next free one when it is taken; 0 for any")
	cmd.Flags().BoolVar(&noBuild, "no-build", false, "serve what is there without building")
	return cmd
}
