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
	// Recipe names everything besides the sources that decides what Encode makes of them: a clip is encoded anew when its
	// recipe changes. It is asked in every build, also of clips that are in the cache, so it reads no clip and starts no
	// program for long.
	Recipe(ctx context.Context, w Wish) (string, error)
	// Check tells, by looking at their indexes alone, whether sources can be encoded. What cannot be streamed and cannot
	// be encoded is a *Refused.
	Check(ctx context.Context, job *Job) error
	// Encode returns the rungs in any order. Of what is in the job's Sources it may return any, which are then streamed
	// untouched.
	Encode(ctx context.Context, job *Job) ([]Source, error)
}

// A Wish is what an author asks of the encoding of one clip.
type Wish struct {
	Loudness float64 // of the sound, in LUFS (EBU R 128), such as -16; 0: as it is
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
	// Remedy goes before the hint of how to convert a file by hand: what would make it unnecessary. It may be "".
	Remedy string
}

var _ Encoder = Copy{}

// copyRecipe is the recipe of streams whose frames are their sources', whoever decided that they may be. A change to
// the packager's output is a new recipe, hence a new key, hence new addresses: published streams never change in place.
const copyRecipe = "copy 3"

// Recipe is the same for all clips of which nothing is asked that Copy cannot do.
func (c Copy) Recipe(_ context.Context, w Wish) (string, error) {
	if w.Loudness != 0 {
		return fmt.Sprintf("%s; loudness %g", copyRecipe, w.Loudness), nil
	}
	return copyRecipe, nil
}

// Encode returns the sources of the job, or the reasons why some of them cannot be streamed untouched.
func (c Copy) Encode(ctx context.Context, job *Job) ([]Source, error) {
	return job.Sources, c.refuse(ctx, job)
}

// Check gives the reasons why some of the sources cannot be streamed untouched, or not together.
func (c Copy) Check(ctx context.Context, job *Job) error {
	if err := c.refuse(ctx, job); err != nil {
		return err
	}
	_, err := plan(job.Sources)
	return err
}

func (c Copy) refuse(ctx context.Context, job *Job) error {
	var errs []error
	for _, s := range job.Sources {
		if s.Movie == nil {
			errs = append(errs, c.unknown(ctx, s))
			continue
		}
		if reasons := s.Movie.Refusals(); len(reasons) > 0 {
			errs = append(errs, &Refused{Path: s.Path, Reason: "cannot be streamed as it is: " + strings.Join(reasons, "; "), Hint: c.hint(s)})
		} else if job.Loudness != 0 && s.Movie.Select().Audio != nil {
			errs = append(errs, &Refused{
				Path: s.Path, Reason: "its loudness cannot be changed without encoding its sound",
				Hint: cmp.Or(c.Remedy, "use streaming.encoder: ffmpeg") + ", or leave audio.loudness out",
			})
		}
	}
	return errors.Join(errs...)
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
	return &Refused{Path: s.Path, Reason: what + " cannot be streamed without being converted", Hint: c.hint(s)}
}

// hint is the remedy for a file that is refused.
func (c Copy) hint(s Source) string {
	if c.Remedy == "" {
		return convert(s)
	}
	return c.Remedy + ", or " + convert(s)
}

// convert tells how to make a file that is refused streamable by hand.
func convert(s Source) string {
	name := path.Base(s.Path)
	if s.Movie != nil && s.Movie.Select().Video == nil {
		return fmt.Sprintf("convert it once: ffmpeg -i %q -vn -c:a aac %q", name, stem(name)+"-web.m4a")
	}
	return fmt.Sprintf("convert it once: ffmpeg -i %q -c:v libx264 -pix_fmt yuv420p -g 50 -c:a aac -movflags +faststart %q", name, stem(name)+"-web.mp4")
}
