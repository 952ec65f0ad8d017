package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/markdown"
	"matinee/internal/post"
	"matinee/internal/site"
	"matinee/internal/video"
)

// A cleanReport is what clean removed, or would remove.
type cleanReport struct {
	Dry     bool        `json:"dry_run"`
	Cache   cacheReport `json:"cache"`
	Shared  bool        `json:"cache_shared"` // and left alone
	Streams []string    `json:"streams"`      // folders below public/stream
}

func cleanCommand(e env) *cobra.Command {
	var flags buildFlags
	var dry, asJSON bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove what no post refers to from the cache and from public/stream",
		Long: `Clean removes the streams, pictures and captions that no post of the site refers
to, drafts included, from the cache and from public/stream. A cache that
MATINEE_CACHE names belongs to other sites too and is left alone: see matinee
cache prune.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.source = cmd.Flag("source").Value.String()
			report, err := clean(cmd.Context(), e, flags, dry)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(e.stdout, report)
			}
			report.print(e)
			return nil
		},
	}
	cmd.Flags().StringVarP(&flags.dest, "dest", "d", "public", "folder of the built site, relative to the site's folder")
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "only say what would be removed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func (r *cleanReport) print(e env) {
	verb := "removed"
	if r.Dry {
		verb = "would remove"
		for _, item := range r.Cache.Items {
			fmt.Fprintf(e.stdout, "%-7s %10s  %s\n", item.Kind, bytesText(item.Size), printable(item.Name))
		}
		for _, name := range r.Streams {
			fmt.Fprintf(e.stdout, "%-7s %10s  %s\n", "public", "", printable(name))
		}
	}
	fmt.Fprintf(e.stdout, "%s %d items (%s) from %s", verb, len(r.Cache.Items), bytesText(r.Cache.Size), r.Cache.Folder)
	if r.Shared {
		fmt.Fprintf(e.stdout, ", which is shared (MATINEE_CACHE): see matinee cache prune")
	}
	fmt.Fprintf(e.stdout, "; %d folders of %s\n", len(r.Streams), "public/stream")
}

// clean removes what no post refers to. Nothing is removed while a post cannot be read: it might refer to something.
func clean(ctx context.Context, e env, flags buildFlags, dry bool) (*cleanReport, error) {
	root, err := os.OpenRoot(flags.source)
	if err != nil {
		return nil, fmt.Errorf("open the site's folder: %w", err)
	}
	defer root.Close() //nolint:errcheck // read only
	fsys := root.FS()
	cfg, configErr := config.Load(fsys, "site.yaml")
	posts, _, postErr := post.Load(fsys, "content", post.Options{Drafts: true, Future: true, Expired: true, Now: time.Now()})
	entries, _, textErr := site.Gather(fsys, posts, &markdown.Renderer{HTML: cfg.Markdown.HTML})
	rooms, encoderErr := newStudio(e, cfg, flags.source)
	if err := errors.Join(configErr, postErr, textErr, encoderErr); err != nil {
		return nil, err
	}
	library := &video.Library{
		Site: fsys, Cache: rooms.cache, Index: rooms.index, Language: cfg.Language, Encoder: rooms.encoder, Camera: rooms.camera,
	}
	addCaptioners(library, rooms.cli(), cfg, flags.source)
	clips := clipsOf(entries)
	wish(clips, cfg)
	items, err := video.Inventory(rooms.cache)
	if err != nil {
		return nil, err
	}
	unused, err := library.Unused(ctx, clips, items)
	if err != nil {
		return nil, err
	}
	report := &cleanReport{Dry: dry, Shared: rooms.shared}
	if rooms.shared {
		unused = nil
	}
	report.Cache = *newCacheReport(rooms.cache, unused)
	if report.Streams, err = staleStreams(outputFolder(flags).Dir, library.Files()); err != nil || dry {
		return report, err
	}
	if report.Cache.Size, err = video.Remove(rooms.cache, unused); err != nil {
		return nil, err
	}
	for _, name := range report.Streams {
		if err := os.RemoveAll(filepath.Join(outputFolder(flags).Dir, filepath.FromSlash(name))); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// streamFolder is what builds call the folders of streams; others below public/stream are not theirs.
var streamFolder = regexp.MustCompile(`^[a-z0-9-]+-[0-9a-f]{10}$`)

// staleStreams are the folders of public/stream that hold none of the files the posts refer to.
func staleStreams(public string, files []video.File) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(public, "stream"))
	if errors.Is(err, os.ErrNotExist) {
		return []string{}, nil
	}
	if err != nil {
		return nil, diag.At(public+"/stream", 0, "%v", err)
	}
	stale := []string{}
	for _, entry := range entries {
		name := "stream/" + entry.Name()
		used := slices.ContainsFunc(files, func(f video.File) bool { return strings.HasPrefix(f.Path, name+"/") })
		if entry.IsDir() && streamFolder.MatchString(entry.Name()) && !used {
			stale = append(stale, name)
		}
	}
	return stale, nil
}
