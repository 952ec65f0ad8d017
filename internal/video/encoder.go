package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"matinee/internal/mp4"
)

// An Encoder makes, of the files an author gives, files whose frames can be streamed as they are: one MP4 a rung of
// the ladder, with sync samples at common times. Packaging is not its business.
type Encoder interface {
	// Encode returns the rungs in any order. Files it makes go into job.Dir. What cannot be streamed and cannot be
	// encoded is a *Refused.
	Encode(ctx context.Context, job Job) ([]Source, error)
}

// A Job is one film to encode.
type Job struct {
	Sources []Source // at least one; several are encodes of the same film
	Dir     string   // an empty folder on disk
}

// A Source is an open video file.
type Source struct {
	Path  string // as the author knows it
	Data  io.ReaderAt
	Size  int64
	Movie *mp4.Movie // its index; nil when the file is no MP4
	Head  []byte     // its first bytes, by which other formats are told apart
}

// A Refused says why a file cannot be streamed, and what would make it so.
type Refused struct {
	Path   string
	Reason string
	Hint   string
}

func (e *Refused) Error() string { return e.Reason }

// Copy is the Encoder that encodes nothing: files that browsers play well are taken as they are, the others refused.
type Copy struct {
	// Describe says what a file of a format unknown here holds, for the message that refuses it: "vp9 1280x720, opus".
	// It may be nil, and may fail.
	Describe func(ctx context.Context, path string) (string, error)
}

var _ Encoder = Copy{}

// Encode returns the sources of the job, or the reasons why some of them cannot be streamed untouched.
func (c Copy) Encode(ctx context.Context, job Job) ([]Source, error) {
	var errs []error
	for _, s := range job.Sources {
		if s.Movie == nil {
			errs = append(errs, c.unknown(ctx, s))
		} else if reasons := s.Movie.Refusals(); len(reasons) > 0 {
			errs = append(errs, &Refused{Path: s.Path, Reason: "cannot be streamed as it is: " + strings.Join(reasons, "; "), Hint: convert(s)})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return job.Sources, nil
}

// unknown refuses a file that is no MP4.
func (c Copy) unknown(ctx context.Context, s Source) error {
	what := mp4.Sniff(s.Head)
	if c.Describe != nil {
		if holds, err := c.Describe(ctx, s.Path); err == nil && holds != "" {
			what = cmp.Or(what, "this file") + " (" + holds + ")"
		}
	}
	if what == "" {
		return &Refused{Path: s.Path, Reason: "not a video file that is understood", Hint: "use an MP4 with H.264 video and AAC sound"}
	}
	return &Refused{Path: s.Path, Reason: what + " cannot be streamed without being converted", Hint: convert(s)}
}

// convert is the remedy for a file that is refused.
func convert(s Source) string {
	name := path.Base(s.Path)
	if s.Movie != nil && s.Movie.Select().Video == nil {
		return fmt.Sprintf("convert it once: ffmpeg -i %q -vn -c:a aac %q", name, stem(name)+"-web.m4a")
	}
	return fmt.Sprintf("convert it once: ffmpeg -i %q -c:v libx264 -pix_fmt yuv420p -g 50 -c:a aac -movflags +faststart %q", name, stem(name)+"-web.mp4")
}
