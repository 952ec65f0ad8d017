package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/output"
	"matinee/internal/site"
	"matinee/internal/theme"
	"matinee/themes"
)

// buildFlags are the choices of one build.
type buildFlags struct {
	source                 string
	dest                   string
	baseURL                siteAddress
	drafts, future, expiry bool
	quiet                  bool
	asJSON                 bool // progress is told to programs
	jobs                   int
}

func (f *buildFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.dest, "dest", "d", "public", "folder to write, relative to the site's folder")
	f.registerAddress(cmd)
	cmd.Flags().BoolVarP(&f.drafts, "drafts", "D", false, "include drafts")
	cmd.Flags().BoolVarP(&f.future, "future", "F", false, "include posts with a date in the future")
	cmd.Flags().BoolVarP(&f.expiry, "expired", "E", false, "include posts past their expiryDate")
	cmd.Flags().IntVarP(&f.jobs, "jobs", "j", 0, "clips to encode at a time; 0: one for every eight processors")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print errors only")
}

func (f *buildFlags) registerAddress(cmd *cobra.Command) {
	cmd.Flags().VarP(&f.baseURL, "base-url", "b", "address of the site, instead of site.yaml's url")
}

// A siteAddress is the value of a flag that is held to what site.yaml's url is.
type siteAddress string

func (a *siteAddress) String() string { return string(*a) }
func (a *siteAddress) Type() string   { return "string" }

// Set implements pflag.Value.
func (a *siteAddress) Set(s string) error {
	checked, err := config.Address(s)
	*a = siteAddress(checked)
	return err
}

// A buildReport is what a build did, for people and for programs.
type buildReport struct {
	Dest      string          `json:"dest"`
	Posts     int             `json:"posts"`
	Clips     int             `json:"clips"`
	Packaged  int             `json:"packaged"` // clips that were not in the cache
	Written   int             `json:"written"`
	Linked    int             `json:"linked"`
	Unchanged int             `json:"unchanged"`
	Removed   int             `json:"removed"`
	Bytes     int64           `json:"bytes"` // of the whole site
	FilesRead int             `json:"files_read"`
	Programs  int64           `json:"programs"`     // started: ffmpeg and ffprobe
	Parts     int             `json:"parts"`        // of long clips, encoded
	Reused    int             `json:"parts_reused"` // of long clips, that an interrupted build had encoded
	Rendered  int             `json:"rendered"`     // pages
	Texts     int             `json:"texts"`        // rendered of posts; others are known from an earlier build
	Seconds   float64         `json:"seconds"`
	Warnings  []*diag.Problem `json:"warnings"`
	Problems  []*diag.Problem `json:"problems"`

	origins []string // of streams elsewhere that pages play
}

func buildCommand(e env) *cobra.Command {
	var flags buildFlags
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the site into public/",
		Long: `Build turns the posts of content/ into pages, and the clips they name into
streams, and writes both into public/. What has not changed is left alone. When
anything is wrong, everything that is wrong is reported and public/ stays as it was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.source = cmd.Flag("source").Value.String()
			report, err := build(cmd.Context(), e, flags)
			r := newReporter(e)
			if flags.asJSON {
				return endJSON(e.stdout, report, &report.Problems, err)
			}
			r.warnings(report.Warnings)
			if err == nil && !flags.quiet {
				_, err = fmt.Fprintln(e.stdout, report.String())
			}
			return err
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&flags.asJSON, "json", false, "print the report as JSON, and progress as JSON lines on standard error")
	return cmd
}

// String is the one line that sums a build up.
func (r *buildReport) String() string {
	changed := fmt.Sprintf("%d written, %d linked, %d removed, %d unchanged", r.Written, r.Linked, r.Removed, r.Unchanged)
	if r.Written+r.Linked+r.Removed == 0 {
		changed = fmt.Sprintf("nothing changed in %d files", r.Unchanged)
	}
	return fmt.Sprintf("built %s: %d posts, %d clips (%d new), %s, in %.2f s", r.Dest, r.Posts, r.Clips, r.Packaged, changed, r.Seconds)
}

// build builds the site. The report's counts are complete only when there is no error.
func build(ctx context.Context, e env, flags buildFlags) (*buildReport, error) {
	if e.getenv("GOGC") == "" { // ten thousand posts take a fifth less memory for a tenth more time
		defer debug.SetGCPercent(debug.SetGCPercent(50))
	}
	started := time.Now()
	report := &buildReport{Dest: filepath.ToSlash(flags.dest), Warnings: []*diag.Problem{}, Problems: []*diag.Problem{}}
	src, err := readSource(flags, started)
	if err != nil {
		return report, err
	}
	defer src.close()
	report.Texts = src.texts.Rendered()
	if err := src.texts.Save(); err != nil {
		report.Warnings = append(report.Warnings, diag.At("", 0, "%v", err).WithHint("the next build takes longer"))
	}
	fsys, cfg := src.fsys, src.cfg
	look, themeErr := loadTheme(fsys, cfg)
	rtmp, flash, flashErr := rtmpInfo(fsys, cfg)
	report.Warnings = append(report.Warnings, slices.Concat(rtmpWarnings(cfg), src.warnings)...)

	bar := newProgress(e, flags.quiet, flags.asJSON)
	defer bar.end()
	rooms, encoderErr := newStudio(e, cfg, flags.source)
	library := rooms.library(fsys, cfg)
	library.Progress, library.Jobs = bar.update, flags.jobs
	clips := src.clips()
	report.origins = site.Origins(clips)
	clipErr := errors.Join(library.Check(ctx, clips), library.CheckTexts(clips))
	configErr := errors.Join(src.configErr, encoderErr)
	if configErr == nil {
		configErr = unsupported(cfg)
	}
	if err := errors.Join(configErr, src.postErr, themeErr, flashErr, clipErr); err != nil {
		return report, err
	}

	info := siteInfo(cfg, flags, look, rtmp)
	if library.Pending() { // a link that leads nowhere is told before clips are encoded for an hour
		if _, err := draftSite(info, src.entries, look); err != nil {
			return report, err
		}
	}
	videos, err := library.PrepareAll(ctx, clips)
	bar.end()
	rooms.farewell(e)
	if err != nil {
		return report, err
	}
	report.Warnings = append(report.Warnings, library.Warnings()...)
	giveVideos(src.entries, videos)

	s, err := site.New(info, src.entries, look)
	if err != nil {
		return report, err
	}
	if s.URL == "" {
		report.Warnings = append(report.Warnings, diag.At("site.yaml", 0, "no url is set, so there is no feed and no sitemap").
			WithHint("add url: https://… once the site has an address"))
	}
	files, err := outputFiles(fsys, s, look, library)
	if err != nil {
		return report, err
	}
	report.Warnings = append(report.Warnings, menuWarnings(s, files)...)
	if err := writeRemote(flags, library.RemoteFiles()); err != nil {
		return report, err
	}
	folder := outputFolder(flags)
	result, err := folder.Sync(ctx, append(flash, files...))
	if err != nil {
		return report, err
	}
	counts := library.Counts()
	report.Posts, report.Clips, report.Packaged = len(src.entries), counts.Clips, counts.Packaged
	report.Written, report.Linked = result.Written.Files, result.Linked.Files
	report.Unchanged, report.Removed = result.Unchanged.Files, result.Removed.Files
	report.Bytes = result.Written.Bytes + result.Linked.Bytes + result.Unchanged.Bytes
	report.FilesRead, report.Rendered = counts.Read+result.Read, result.Rendered
	report.Programs, report.Parts, report.Reused = rooms.started.Load(), counts.Made, counts.Reused
	for _, kept := range result.Kept {
		report.Warnings = append(report.Warnings, diag.At(report.Dest+"/"+kept, 0, "no longer part of the site, but edited since it was built: kept"))
	}
	report.Seconds = time.Since(started).Seconds()
	return report, nil
}

// unsupported reports settings whose meaning is fixed but which this version does not carry out. Passing over them in
// silence would publish something else than what was asked for.
func unsupported(cfg config.Config) error {
	var errs []error
	refuse := func(key, value, instead string) {
		errs = append(errs, diag.At("site.yaml", 0, "%s: %s is not part of this version", key, value).WithHint("use %s", instead))
	}
	if e := cfg.Player.Edition; e != "flowplayer7" {
		refuse("player.edition", e, "flowplayer7")
	}
	return errors.Join(errs...)
}

// loadTheme lays the site's own files over the theme it chose, and that over the default one.
func loadTheme(fsys fs.FS, cfg config.Config) (*theme.Theme, error) {
	layers := []theme.Layer{{Dir: "themes/default", FS: themes.Default}}
	if name := cmp.Or(cfg.Theme, "default"); name != "default" {
		dir := "themes/" + name
		sub, err := fs.Sub(fsys, dir)
		if err == nil {
			_, err = fs.Stat(sub, ".")
		}
		if err != nil {
			return nil, diag.At("site.yaml", 0, "theme %q: there is no folder %s", name, dir).
				WithHint(`put the theme there, or use theme: default`)
		}
		layers = append(layers, theme.Layer{Dir: dir, FS: sub})
	}
	layers = append(layers, theme.Layer{FS: fsys})
	return theme.Load(layers, theme.Options{Accent: cfg.Accent})
}

// siteInfo is what the site needs of the configuration.
func siteInfo(cfg config.Config, flags buildFlags, look *theme.Theme, rtmp site.RTMP) site.Info {
	playerDir, _ := look.Player()
	info := site.Info{
		Title: cfg.Title, Description: cfg.Description, Language: cfg.Language,
		URL:       siteURL(cfg, flags),
		Author:    site.Author{Name: cfg.Author.Name, Email: cfg.Author.Email, URL: cfg.Author.URL},
		Permalink: cfg.Permalink, PerPage: cfg.PerPage,
		StreamURL:   withSlash(cfg.Streaming.URL),
		Progressive: cfg.Streaming.Delivery == "progressive",
		RTMP:        rtmp,
		Autoplay:    cfg.Player.Autoplay, Loop: cfg.Player.Loop,
		PlayerDir: playerDir, NoTranscripts: !cfg.Captions.Transcript,
		Generator: "Matinee " + versionText(), ProgramKey: programKey(),
	}
	for _, m := range cfg.Menu {
		info.Menu = append(info.Menu, site.MenuItem{Title: m.Title, Address: m.URL})
	}
	return info
}

// siteURL is the address of the site's root with a final slash, "" when none is given.
func siteURL(cfg config.Config, flags buildFlags) string {
	return withSlash(cmp.Or(string(flags.baseURL), cfg.URL))
}

func withSlash(address string) string {
	if address == "" {
		return ""
	}
	return strings.TrimRight(address, "/") + "/"
}

// outputFolder is where a build goes. Each destination has a manifest of its own.
func outputFolder(flags buildFlags) output.Folder {
	dest := flags.dest
	if !filepath.IsAbs(dest) {
		dest = filepath.Join(flags.source, dest)
	}
	name := "manifest.json"
	if filepath.Clean(flags.dest) != "public" {
		sum := sha256.Sum256([]byte(filepath.Clean(dest)))
		name = "manifest-" + hex.EncodeToString(sum[:4]) + ".json"
	}
	return output.Folder{Dir: dest, Manifest: filepath.Join(flags.source, ".matinee", name)}
}
