package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/output"
	"matinee/internal/remote"
	"matinee/internal/site"
	"matinee/internal/theme"
	"matinee/internal/video"
)

// A checkReport is what a check found, for people and for programs.
type checkReport struct {
	Posts    int             `json:"posts"`
	Clips    int             `json:"clips"`
	Streams  int             `json:"streams"` // elsewhere, that were asked for
	Pages    int             `json:"pages"`
	Warnings []*diag.Problem `json:"warnings"`
	Problems []*diag.Problem `json:"problems"`
}

func checkCommand(e env) *cobra.Command {
	var flags buildFlags
	var streams, asJSON bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look for mistakes without building",
		Long: `Check reads the configuration, the posts, the theme, the captions and the index of
every clip, and reports all that is wrong. It makes no stream and writes nothing
into public/.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.source = cmd.Flag("source").Value.String()
			report, err := check(cmd.Context(), e, flags, streams)
			if asJSON {
				return endJSON(e.stdout, report, &report.Problems, err)
			}
			newReporter(e).warnings(report.Warnings)
			if err == nil {
				_, err = fmt.Fprintln(e.stdout, report.String())
			}
			return err
		},
	}
	flags.registerAddress(cmd)
	cmd.Flags().BoolVarP(&flags.drafts, "drafts", "D", false, "include drafts")
	cmd.Flags().BoolVarP(&flags.future, "future", "F", false, "include posts with a date in the future")
	cmd.Flags().BoolVarP(&flags.expiry, "expired", "E", false, "include posts past their expiryDate")
	cmd.Flags().BoolVar(&streams, "streams", false, "ask the hosts of streams elsewhere whether they are there")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

// String is the one line that sums a check up.
func (r *checkReport) String() string {
	asked := ""
	if r.Streams > 0 {
		asked = fmt.Sprintf(", %d streams elsewhere (all answer)", r.Streams)
	}
	return fmt.Sprintf("nothing wrong with %d posts, %d clips%s and %d pages", r.Posts, r.Clips, asked, r.Pages)
}

// check looks at a site as far as can be done without making its clips.
func check(ctx context.Context, e env, flags buildFlags, streams bool) (*checkReport, error) {
	report := &checkReport{Warnings: []*diag.Problem{}, Problems: []*diag.Problem{}}
	src, err := readSource(flags, time.Now())
	if err != nil {
		return report, err
	}
	defer src.close()
	fsys, cfg, clips := src.fsys, src.cfg, src.clips()
	look, themeErr := loadTheme(fsys, cfg)
	rtmp, _, flashErr := rtmpInfo(fsys, cfg)
	rooms, encoderErr := newStudio(e, cfg, flags.source)
	library := rooms.library(fsys, cfg)
	clipErr := errors.Join(library.Check(ctx, clips), library.CheckTexts(clips))
	configErr := src.configErr
	if configErr == nil {
		configErr = unsupported(cfg)
	}
	keyWarnings, streamErr := checkStreams(ctx, fsys, cfg, clips, streams)
	report.Warnings = append(report.Warnings, slices.Concat(rtmpWarnings(cfg), src.warnings, library.Warnings(), keyWarnings)...)
	report.Posts, report.Clips = len(src.entries), len(clips)
	if streams {
		report.Streams = len(remoteStreams(cfg, clips))
	}
	if err := errors.Join(configErr, src.postErr, themeErr, flashErr, encoderErr, clipErr, streamErr); err != nil {
		return report, err
	}
	info := siteInfo(cfg, flags, look, rtmp)
	s, err := draftSite(info, src.entries, look)
	if err != nil {
		return report, err
	}
	files, err := outputFiles(fsys, s, look, library)
	if err != nil {
		return report, err
	}
	report.Warnings = append(report.Warnings, menuWarnings(s, files)...)
	report.Pages, err = checkPages(ctx, files)
	return report, err
}

// checkPages renders every page for nobody: templates are what is looked at. It returns how many there are.
func checkPages(ctx context.Context, files []output.File) (pages int, err error) {
	for i := range files {
		if files[i].Class != string(site.ClassPage) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := files[i].Write(io.Discard); err != nil {
			return 0, err // of a template, hence of many pages
		}
		pages++
	}
	return pages, nil
}

// draftSite is the site with clips that stand for those that are not made.
func draftSite(info site.Info, entries []*site.Entry, look *theme.Theme) (*site.Site, error) {
	var videos []*video.Video
	clips := clipsOf(entries)
	for i := range clips {
		videos = append(videos, standIn(&clips[i], i))
	}
	giveVideos(entries, videos)
	return site.New(info, entries, look)
}

// standIn is a Video with everything a template may ask for.
func standIn(c *video.Clip, n int) *video.Video {
	name := fmt.Sprintf("clip-%d", n)
	file := "stream/" + name + "/720p"
	return &video.Video{
		Name: name, Title: cmp.Or(c.Title, name), Width: 1280, Height: 720, Duration: time.Minute, HasVideo: true, HasAudio: true,
		Renditions: []video.Rendition{{Label: "720p", Path: file + ".mp4", Playlist: file + ".m3u8", Size: 1, Width: 1280, Height: 720, Bandwidth: 1}},
		Master:     "stream/" + name + "/master.m3u8",
		Poster:     video.Poster{Images: []video.Image{{Path: "posters/" + name + ".jpg", Type: "image/jpeg", Width: 1280, Height: 720}}},
	}
}

// A remoteStream is a stream elsewhere that a post names.
type remoteStream struct {
	address string
	clip    *video.Clip // the first that names it
}

// remoteStreams are the streams of other hosts, and those on the streaming distribution when there is one.
func remoteStreams(cfg config.Config, clips []video.Clip) []remoteStream {
	var found []remoteStream
	for i := range clips {
		stream, exists, err := video.ParseStream(clips[i].Src)
		if err != nil || !exists {
			continue
		}
		address, elsewhere := site.StreamAddress(withSlash(cfg.Streaming.URL), stream)
		if elsewhere && !slices.ContainsFunc(found, func(s remoteStream) bool { return s.address == address }) {
			found = append(found, remoteStream{address, &clips[i]})
		}
	}
	return found
}

// checkStreams looks for streams that exist already: with probing, on their hosts. Those that the site itself should
// have are worth a warning where it has not, since somebody else may put them there.
func checkStreams(ctx context.Context, fsys fs.FS, cfg config.Config, clips []video.Clip, probing bool) (warnings []*diag.Problem, err error) {
	for _, c := range clips {
		key, isKey := strings.CutPrefix(c.Src, video.StreamScheme)
		if !isKey || cfg.Streaming.URL != "" {
			continue
		}
		if _, err := fs.Stat(fsys, "static/stream/"+key); err != nil {
			warnings = append(warnings, diag.At(c.File, c.Line, "the stream %q is not part of the site", key).
				WithHint("put it into static/stream/, or set streaming.url to where it is"))
		}
	}
	if !probing {
		return warnings, nil
	}
	streams := remoteStreams(cfg, clips)
	errs := make([]error, len(streams))
	var g errgroup.Group
	g.SetLimit(4)
	for i, s := range streams {
		g.Go(func() error {
			if err := remote.Probe(ctx, s.address); err != nil {
				errs[i] = diag.At(s.clip.File, s.clip.Line, "stream %s: %v", s.address, err)
			}
			return nil
		})
	}
	_ = g.Wait() // the goroutines return nothing; their errors are in errs
	return warnings, errors.Join(append(errs, ctx.Err())...)
}
