package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"matinee/internal/video"
)

// A cacheReport is what lies in the cache, or what was removed of it.
type cacheReport struct {
	Folder string      `json:"folder"`
	Items  []cacheItem `json:"items"`
	Size   int64       `json:"size"`
}

type cacheItem struct {
	Kind string    `json:"kind"`
	Name string    `json:"name"`
	Size int64     `json:"size"`
	Used time.Time `json:"used"`
	Of   []string  `json:"of,omitempty"`
}

func newCacheReport(folder string, items []video.Item) *cacheReport {
	r := &cacheReport{Folder: folder, Items: []cacheItem{}}
	for _, item := range items {
		r.Items = append(r.Items, cacheItem{item.Kind, item.Name, item.Size, item.Used, item.Of})
		r.Size += item.Size
	}
	return r
}

func cacheCommand(e env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "Show what is kept of clips, so that they are made only once",
		Long: `Cache lists what is kept of clips that were made: streams, their pictures, parts
of what is in the making. It lies in .matinee/cache, or in the folder that the
variable MATINEE_CACHE names, which several sites may share. All of it may be
deleted; the next build then makes it again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, items, err := inventory(e, cmd.Flag("source").Value.String())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(e.stdout, newCacheReport(folder, items))
			}
			listCache(e, folder, items)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the list as JSON")
	cmd.AddCommand(pruneCommand(e))
	return cmd
}

func pruneCommand(e env) *cobra.Command {
	var days int
	var dry, asJSON bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove what no build has used for some time",
		Long: `Prune removes from the cache what no build has used for some days, whatever the
posts say: this is for a cache that several sites share. For what the posts of
one site do not refer to, there is matinee clean.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--days %d: want at least 1", days)}
			}
			folder, items, err := inventory(e, cmd.Flag("source").Value.String())
			if err != nil {
				return err
			}
			before := time.Now().AddDate(0, 0, -days)
			items = slices.DeleteFunc(items, func(item video.Item) bool { return item.Used.After(before) })
			return removeItems(e, folder, items, dry, asJSON)
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "keep what was used in so many days")
	cmd.Flags().BoolVarP(&dry, "dry-run", "n", false, "only say what would be removed")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// inventory lists the cache of the site in the folder dir.
func inventory(e env, dir string) (folder string, items []video.Item, err error) {
	folder = cacheFolder(e, dir)
	items, err = video.Inventory(folder)
	video.NameClips(items, indexFile(e, dir))
	return folder, items, err
}

// listCache prints what lies in a cache, the largest first, and sums it up.
func listCache(e env, folder string, items []video.Item) {
	slices.SortStableFunc(items, func(a, b video.Item) int {
		return cmp.Or(cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)), cmp.Compare(b.Size, a.Size))
	})
	var total int64
	for _, item := range items {
		total += item.Size
		if item.Kind == "text" {
			continue // many, and small
		}
		name := item.Name
		if len(item.Of) > 0 {
			name = strings.Join(item.Of, ", ")
		}
		fmt.Fprintf(e.stdout, "%-7s %10s  %s  %s\n", item.Kind, bytesText(item.Size), item.Used.Format(time.DateOnly), printable(name))
	}
	fmt.Fprintf(e.stdout, "%s in %s\n", bytesText(total), folder)
}

func kindOrder(kind string) int {
	return slices.Index([]string{"stream", "images", "parts", "work", "text"}, kind)
}

// removeItems removes items of a cache, or says that it would.
func removeItems(e env, folder string, items []video.Item, dry, asJSON bool) error {
	report := newCacheReport(folder, items)
	if !dry {
		freed, err := video.Remove(folder, items)
		if err != nil {
			return err
		}
		report.Size = freed
	}
	if asJSON {
		return printJSON(e.stdout, report)
	}
	verb := "removed"
	if dry {
		verb = "would remove"
		for _, item := range items {
			fmt.Fprintf(e.stdout, "%-7s %10s  %s\n", item.Kind, bytesText(item.Size), printable(item.Name))
		}
	}
	fmt.Fprintf(e.stdout, "%s %d items (%s) from %s\n", verb, len(items), bytesText(report.Size), folder)
	return nil
}

// bytesText is a number of bytes as people read it: "1.9 MB".
func bytesText(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
