package main

import (
	"matinee/internal/config"
	"matinee/internal/ffmpeg"
	"matinee/internal/video"
)

// addCaptioners gives a library of the site in the folder dir what finds captions inside clips, and what makes those of
// clips that have none.
func addCaptioners(l *video.Library, cli ffmpeg.CLI, cfg config.Config, dir string) {
	l.Extractor = ffmpeg.Extractor{CLI: cli, Root: dir}
	if command := cfg.Captions.Command; len(command) > 0 {
		l.Transcriber = ffmpeg.Transcriber{Command: command, CLI: cli, Root: dir}
	}
}
