package main

import (
	"cmp"
	"context"
	"io/fs"
	"path/filepath"
	"sync/atomic"

	"matinee/internal/aws/mediaconvert"
	"matinee/internal/config"
	"matinee/internal/diag"
	"matinee/internal/ffmpeg"
	"matinee/internal/video"
)

// A studio is where the clips of a site are made.
type studio struct {
	encoder video.Encoder
	camera  video.Camera // nil where ffmpeg is not to be used
	cache   string       // folder on disk
	index   string       // file that remembers what the site's files hold
	dir     string       // of the site
	shared  bool         // the cache is that of other sites too
	started atomic.Int64 // programs

	converter *mediaconvert.Encoder // nil where clips are encoded here
}

// page is the colour that transparent clips are laid on: the paper of the default theme by day.
const page = "#f8f5ef"

// newStudio chooses the encoder of a site in the folder dir. Where the one asked for is missing, there is an error, and
// clips are taken as they are.
func newStudio(e env, cfg config.Config, dir string) (*studio, error) {
	s := &studio{cache: cacheFolder(e, dir), index: indexFile(e, dir), dir: dir, shared: e.getenv(cacheVariable) != ""}
	s.encoder = video.Copy{Describe: s.describe}
	missing := !s.cli().Installed()
	switch cfg.Streaming.Encoder {
	case "ffmpeg":
		if missing {
			return s, diag.At("site.yaml", 0, "streaming.encoder: ffmpeg is not installed").
				WithHint("install ffmpeg (with ffprobe), or use streaming.encoder: auto")
		}
	case "auto":
		if missing {
			s.encoder = video.Copy{Describe: s.describe, Remedy: "install ffmpeg"}
			return s, nil
		}
	case "mediaconvert":
		return s, s.hireConverter(cfg)
	default:
		return s, nil
	}
	s.camera = ffmpeg.Camera{CLI: s.cli(), Cache: s.cache}
	s.encoder = &ffmpeg.Encoder{
		CLI: s.cli(), Dir: dir, Cache: s.cache, Background: page,
		Heights: cfg.Streaming.Ladder.Heights(), AV1: cfg.Streaming.Ladder.AV1(),
	}
	return s, nil
}

// cacheFolder is where clips are kept: beside the site, or where MATINEE_CACHE says, which several sites and the runs of
// a build server may share.
func cacheFolder(e env, dir string) string {
	return cmp.Or(e.getenv(cacheVariable), filepath.Join(dir, ".matinee", "cache"))
}

const cacheVariable = "MATINEE_CACHE"

// indexFile remembers what the site's files hold. It stays with the site where the cache does not.
func indexFile(e env, dir string) string {
	if e.getenv(cacheVariable) != "" {
		return filepath.Join(dir, ".matinee", video.IndexName)
	}
	return filepath.Join(cacheFolder(e, dir), video.IndexName)
}

func (s *studio) cli() ffmpeg.CLI {
	return ffmpeg.CLI{Started: func(string) { s.started.Add(1) }}
}

// describe asks ffprobe, where it is installed, what a file is.
func (s *studio) describe(ctx context.Context, name string) (string, error) {
	info, err := s.cli().Probe(ctx, filepath.Join(s.dir, filepath.FromSlash(name)))
	return info.String(), err
}

// library is that of the site's clips, which finds captions inside them, and has those made that site.yaml names a program for.
func (s *studio) library(fsys fs.FS, cfg config.Config) *video.Library {
	l := &video.Library{
		Site: fsys, Cache: s.cache, Index: s.index, Language: cfg.Language, Encoder: s.encoder, Camera: s.camera,
		Extractor: ffmpeg.Extractor{CLI: s.cli(), Root: s.dir},
	}
	if command := cfg.Captions.Command; len(command) > 0 {
		l.Transcriber = ffmpeg.Transcriber{Command: command, CLI: s.cli(), Root: s.dir}
	}
	return l
}
