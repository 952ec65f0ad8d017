package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"matinee/internal/diag"
	"matinee/internal/video"
)

// A cleanReport is what clean removed, or would remove.
type cleanReport struct {
	Dry     bool        `json:"dry_run"`
	Cache   cacheReport `json:"cache"`
	Shared  bool        `json:"cache_shared"` // and left alone
	Streams []string    `json:"streams"`      // folders below public/stream
	Unbuilt []clipPlace `json:"unbuilt"`      // while there are any, public/stream is left alone

	public string // as the user calls it
}

// A clipPlace is a clip and the line that names it.
type clipPlace struct {
	Clip string `json:"clip"`
	File string `json:"file"`
	Line int    `json:"line"`
}

func cleanCommand(e env) *cobra.Command {
	var flags buildFlags
	var dry, asJSON bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove what no post refers to from the cache and from public/stream",
		Long: `Clean removes the streams, pictures and captions that no post of the site refers
to, drafts included, from the cache and from public/stream. What was made of a
clip in use with other settings stays in the cache: see matinee cache prune. While
a clip is not built, public/stream is left alone. So is a cache that
MATINEE_CACHE names, which belongs to other sites too.`,
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
	for _, c := range r.Unbuilt {
		fmt.Fprintf(e.stdout, "%-7s %10s  %s\n", "unbuilt", "", printable(fmt.Sprintf("%s:%d: %s", c.File, c.Line, c.Clip)))
	}
	fmt.Fprintf(e.stdout, "%s %d items (%s) from %s", verb, len(r.Cache.Items), bytesText(r.Cache.Size), r.Cache.Folder)
	if r.Shared {
		fmt.Fprintf(e.stdout, ", which is shared (MATINEE_CACHE): see matinee cache prune")
	}
	if n := len(r.Unbuilt); n > 0 {
		fmt.Fprintf(e.stdout, "; nothing of %s/stream: %d clips are not built, run \"matinee build\" first (--drafts for those of drafts)\n", r.public, n)
		return
	}
	fmt.Fprintf(e.stdout, "; %d folders of %s/stream\n", len(r.Streams), r.public)
}

// clean removes what no post refers to. Nothing is removed while a post cannot be read: it might refer to something.
func clean(ctx context.Context, e env, flags buildFlags, dry bool) (*cleanReport, error) {
	flags.drafts, flags.future, flags.expiry = true, true, true
	src, err := readSource(flags, time.Now())
	if err != nil {
		return nil, err
	}
	defer src.close()
	rooms, encoderErr := newStudio(e, src.cfg, flags.source)
	if err := errors.Join(src.configErr, src.postErr, encoderErr); err != nil {
		return nil, err
	}
	library := rooms.library(src.fsys, src.cfg)
	items, err := video.Inventory(rooms.cache)
	if err != nil {
		return nil, err
	}
	unused, unbuilt, err := library.Unused(ctx, src.clips(), items)
	if err != nil {
		return nil, err
	}
	report := &cleanReport{
		Dry: dry, Shared: rooms.shared, Streams: []string{}, Unbuilt: []clipPlace{}, public: filepath.ToSlash(flags.dest),
	}
	for _, c := range unbuilt {
		report.Unbuilt = append(report.Unbuilt, clipPlace{c.Src, c.File, c.Line})
	}
	public := outputFolder(flags).Dir
	if len(unbuilt) == 0 {
		isUnused := map[string]bool{}
		for _, item := range unused {
			isUnused[item.Name] = true
		}
		needed := slices.DeleteFunc(slices.Clone(items), func(item video.Item) bool { return isUnused[item.Name] })
		if report.Streams, err = staleStreams(public, library.Files(), needed); err != nil {
			return nil, err
		}
	}
	if rooms.shared {
		unused = nil
	}
	report.Cache = *newCacheReport(rooms.cache, unused)
	if dry {
		return report, nil
	}
	if report.Cache.Size, err = video.Remove(rooms.cache, unused); err != nil {
		return nil, err
	}
	for _, name := range report.Streams {
		if err := os.RemoveAll(filepath.Join(public, filepath.FromSlash(name))); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// streamFolder is what builds call the folders of streams, which end in the beginning of their keys; others below public/stream are not theirs.
var streamFolder = regexp.MustCompile(`^[a-z0-9-]+-([0-9a-f]{10})$`)

// staleStreams are the folders of public/stream that hold none of the files the posts refer to, and no stream that is
// needed: one made with former settings is in use until the next build.
func staleStreams(public string, files []video.File, needed []video.Item) ([]string, error) {
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
		match := streamFolder.FindStringSubmatch(entry.Name())
		if !entry.IsDir() || match == nil {
			continue
		}
		used := slices.ContainsFunc(files, func(f video.File) bool { return strings.HasPrefix(f.Path, name+"/") }) ||
			slices.ContainsFunc(needed, func(item video.Item) bool {
				return item.Kind == "stream" && strings.HasPrefix(path.Base(item.Name), match[1])
			})
		if !used {
			stale = append(stale, name)
		}
	}
	return stale, nil
}
