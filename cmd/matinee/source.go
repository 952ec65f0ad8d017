package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/markdown"
	"matinee/internal/post"
	"matinee/internal/site"
	"matinee/internal/video"
)

// A source is a site as its author wrote it, as far as it can be read.
type source struct {
	root     *os.Root
	fsys     fs.FS // the same folder; refuses symbolic links that lead out of it
	cfg      config.Config
	entries  []*site.Entry
	warnings []*diag.Problem // about posts
	texts    *markdown.Cache // of the posts, as they are rendered

	configErr error // what is wrong with site.yaml
	postErr   error // what is wrong with posts
}

// readSource reads the configuration of a site and the posts that are chosen by flags as of now. What is wrong with these
// is part of the source: there may be more that is, and all of it is to be told at once. The error is that there is no site.
func readSource(flags buildFlags, now time.Time) (*source, error) {
	root, err := openSource(flags.source)
	if err != nil {
		return nil, err
	}
	s := &source{root: root, fsys: root.FS(), texts: markdown.NewCache(filepath.Join(flags.source, ".matinee", "texts"), programKey())}
	var found bool
	if s.cfg, found, s.configErr = loadConfig(root, flags.source); !found {
		return nil, errors.Join(s.configErr, root.Close())
	}
	options := post.Options{Drafts: flags.drafts, Future: flags.future, Expired: flags.expiry, Now: now}
	posts, postWarnings, postErr := post.Load(s.fsys, "content", options)
	entries, textWarnings, textErr := site.Gather(s.fsys, posts, &markdown.Renderer{HTML: s.cfg.Markdown.HTML, Cache: s.texts})
	s.entries, s.warnings, s.postErr = entries, slices.Concat(postWarnings, textWarnings), errors.Join(postErr, textErr)
	return s, nil
}

// close lets go of the site's folder.
func (s *source) close() { _ = s.root.Close() } // only read

// clips lists the clips of all entries, one after the other, each with what the site asks for and it does not.
func (s *source) clips() []video.Clip {
	clips := clipsOf(s.entries)
	for i := range clips {
		clips[i].Loudness = cmp.Or(clips[i].Loudness, s.cfg.Audio.Loudness)
	}
	return clips
}

func openSource(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the site's folder: %w", err)
	}
	return root, nil
}

// loadConfig reads the configuration of the site in the folder dir. Without one there is no site, and found is false.
func loadConfig(root *os.Root, dir string) (cfg config.Config, found bool, err error) {
	cfg, err = config.Load(root.FS(), "site.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return cfg, false, diag.At("site.yaml", 0, "no such file in %s", dir).
			WithHint("run matinee in the folder of a site, or name it with --source")
	}
	return cfg, true, err
}

// readConfig reads nothing but the configuration.
func readConfig(flags buildFlags) (config.Config, error) {
	root, err := openSource(flags.source)
	if err != nil {
		return config.Config{}, err
	}
	defer root.Close() //nolint:errcheck // read only
	cfg, _, err := loadConfig(root, flags.source)
	return cfg, err
}

// clipsOf lists the clips of all entries, one after the other.
func clipsOf(entries []*site.Entry) []video.Clip {
	var clips []video.Clip
	for _, e := range entries {
		clips = append(clips, e.Clips...)
	}
	return clips
}

// giveVideos deals the prepared videos out in the order of clipsOf.
func giveVideos(entries []*site.Entry, videos []*video.Video) {
	for _, e := range entries {
		e.Videos, videos = videos[:len(e.Clips):len(e.Clips)], videos[len(e.Clips):]
	}
}

// streamOrigins are the origins of the streams elsewhere that a site plays, as its posts say. Posts with problems are
// passed over: whoever asks is not the one to tell.
func streamOrigins(flags buildFlags) []string {
	s, err := readSource(flags, time.Now())
	if err != nil {
		return nil
	}
	defer s.close()
	return site.Origins(clipsOf(s.entries))
}
