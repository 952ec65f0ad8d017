package ffmpeg

import (
	"context"
	"strings"
)

// Version is the version of a program of FFmpeg in full, "7.1.1-0+deb13u1". name is "ffmpeg" or "ffprobe". The error is
// [ErrMissing] when the program is not installed, and [ErrOld] for an ffmpeg that does not understand what we tell it.
func (c CLI) Version(ctx context.Context, name string) (string, error) {
	path := map[string]string{"ffmpeg": c.FFmpeg, "ffprobe": c.FFprobe}[name]
	out, err := c.run(ctx, name, path, "-version")
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(out), "\n")
	version, _, _ := strings.Cut(strings.TrimPrefix(line, name+" version "), " ")
	if name == "ffmpeg" {
		err = recent(version)
	}
	return version, err
}
