package ffmpeg

import (
	"context"
	"strings"
)

// Version is the version of a program of FFmpeg, "7.1.1" or what a distribution made of it. name is "ffmpeg" or
// "ffprobe". The error is [ErrMissing] when the program is not installed.
func (c CLI) Version(ctx context.Context, name string) (string, error) {
	path := ""
	if name == "ffprobe" {
		path = c.FFprobe
	}
	out, err := c.run(ctx, name, path, "-version")
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	version, _, _ := strings.Cut(strings.TrimPrefix(line, name+" version "), " ")
	return version, nil
}
