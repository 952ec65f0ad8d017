package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"matinee/internal/config"
	"matinee/internal/diag"
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
			flags.source = cmd.Flag("source").Value.String()
			var origins []string
			if !noBuild {
				report, err := build(cmd.Context(), e, flags)
				newReporter(e).warnings(report.Warnings)
				if err != nil {
					return err
				}
				if !flags.quiet {
					fmt.Fprintln(e.stdout, report)
				}
				origins = report.origins
			} else {
				origins = streamOrigins(flags)
			}
			return serve(cmd.Context(), e, flags, listenAt{bind, port}, origins)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&bind, "bind", "127.0.0.1", "address to listen on")
	cmd.Flags().IntVarP(&port, "port", "p", 8080, "port to listen on, or the next free one above it; 0 for any")
	cmd.Flags().BoolVar(&noBuild, "no-build", false, "serve what is there without building")
	return cmd
}

// A listenAt is where a server listens.
type listenAt struct {
	address string
	port    int
}

// serve answers with the built site until ctx ends. A site whose url has a path is served below that path, as it will
// be when published.
//
// Origins are those of streams elsewhere that pages may load.
func serve(ctx context.Context, e env, flags buildFlags, at listenAt, origins []string) error {
	cfg, err := readConfig(flags)
	if err != nil {
		return err
	}
	dir := outputFolder(flags).Dir
	public, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return diag.At(filepath.ToSlash(flags.dest), 0, "there is no built site").WithHint("run matinee build first")
	}
	if err != nil {
		return err
	}
	defer public.Close() //nolint:errcheck // read only
	listener, err := preview.Listen(ctx, at.address, at.port)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	base := basePath(cfg, flags)
	fmt.Fprintf(e.stdout, "serving %s at %s%s (Ctrl-C stops)\n", filepath.ToSlash(flags.dest), preview.URL(listener), strings.TrimPrefix(base, "/"))
	return preview.Serve(ctx, listener, below(base, preview.Handler{Files: public.FS(), StreamURL: cfg.Streaming.URL, Elsewhere: origins}))
}

// basePath is the path of the site's address, "/" when it stands at the root of its host.
func basePath(cfg config.Config, flags buildFlags) string {
	u, err := url.Parse(siteURL(cfg, flags))
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.Path
}

// below serves a site below a path, and leads everything else there.
func below(base string, site http.Handler) http.Handler {
	if base == "/" {
		return site
	}
	mux := http.NewServeMux()
	mux.Handle(base, http.StripPrefix(strings.TrimSuffix(base, "/"), site))
	mux.Handle("/{$}", http.RedirectHandler(base, http.StatusTemporaryRedirect))
	return mux
}
