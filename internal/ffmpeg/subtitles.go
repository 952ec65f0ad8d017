package ffmpeg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"matinee/internal/video"
)

// An Extractor takes subtitles and chapters out of films.
type Extractor struct {
	CLI  CLI
	Root string // folder that the paths of films start from
}

var _ video.Extractor = Extractor{}

// textCodecs are subtitles made of letters, by FFmpeg's names. The others are pictures.
var textCodecs = []string{"ass", "mov_text", "ssa", "srt", "subrip", "text", "webvtt"}

// extractLimit is how long taking subtitles out may last: they are strewn over the whole of a film.
const extractLimit = 30 * time.Minute

// Extract returns the chapters of a film and those of its subtitles that are text. Subtitles marked forced, which hold
// the lines in a foreign language only, are left out.
func (x Extractor) Extract(ctx context.Context, path string) (video.Extras, error) {
	source := fileURL(filepath.Join(x.Root, filepath.FromSlash(path)))
	out, err := x.CLI.run(ctx, "ffprobe", x.CLI.FFprobe,
		"-v", "error", "-hide_banner", "-print_format", "json", "-show_chapters",
		"-show_entries", "stream=index,codec_type,codec_name:stream_tags=language:stream_disposition=forced:chapter=start_time:chapter_tags=title",
		"-protocol_whitelist", "file", "-format_whitelist", formats, "-i", source)
	if err != nil {
		return video.Extras{}, missingProgram(err)
	}
	found, err := parseExtras(out)
	if err != nil {
		return video.Extras{}, fmt.Errorf("ffprobe: %w", err)
	}
	extras := video.Extras{Chapters: found.chapters}
	if len(found.text) > 0 {
		extras.Subtitles, err = x.subtitles(ctx, source, found.text)
	}
	return extras, missingProgram(err)
}

func missingProgram(err error) error {
	if errors.Is(err, ErrMissing) {
		return fmt.Errorf("%w (%w)", video.ErrNoProgram, err)
	}
	return err
}

// subtitles has all streams converted to WebVTT in one reading of the film.
func (x Extractor) subtitles(ctx context.Context, source string, streams []textStream) ([]video.Subtitles, error) {
	dir, err := os.MkdirTemp("", "matinee-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it lies in the system's folder for such files
	name := func(i int) string { return filepath.Join(dir, strconv.Itoa(i)+".vtt") }
	args := []string{"-v", "error", "-hide_banner", "-nostdin", "-protocol_whitelist", "file", "-format_whitelist", formats, "-i", source}
	for i, s := range streams {
		args = append(args, "-map", "0:"+strconv.Itoa(s.index), "-c:s", "webvtt", "-f", "webvtt", fileURL(name(i)))
	}
	patient := x.CLI
	patient.TimeLimit = max(patient.TimeLimit, extractLimit)
	if _, err := patient.run(ctx, "ffmpeg", patient.FFmpeg, args...); err != nil {
		return nil, err
	}
	var all []video.Subtitles
	for i, s := range streams {
		text, err := readBounded(name(i))
		if err != nil {
			return nil, err
		}
		all = append(all, video.Subtitles{Lang: s.language, Text: text})
	}
	return all, nil
}

// maxText is more than captions have: a hundred hours of dense ones.
const maxText = 32 << 20

// readBounded reads a file of captions.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, maxText))
}

// A textStream is a stream of subtitles made of letters.
type textStream struct {
	index    int
	language string
}

type foundExtras struct {
	text     []textStream
	chapters []video.Chapter
}

// parseExtras reads the JSON of ffprobe.
func parseExtras(data []byte) (found foundExtras, err error) {
	var p struct {
		Streams []struct {
			Index       int    `json:"index"`
			Type        string `json:"codec_type"`
			Codec       string `json:"codec_name"`
			Disposition struct {
				Forced int `json:"forced"`
			} `json:"disposition"`
			Tags struct {
				Language string `json:"language"`
			} `json:"tags"`
		} `json:"streams"`
		Chapters []struct {
			Start string `json:"start_time"`
			Tags  struct {
				Title string `json:"title"`
			} `json:"tags"`
		} `json:"chapters"`
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return found, err
	}
	for _, s := range p.Streams {
		if s.Type == "subtitle" && s.Disposition.Forced == 0 && slices.Contains(textCodecs, s.Codec) {
			found.text = append(found.text, textStream{s.Index, language(s.Tags.Language)})
		}
	}
	for _, c := range p.Chapters {
		if c.Tags.Title != "" {
			found.chapters = append(found.chapters, video.Chapter{At: seconds(c.Start), Title: c.Tags.Title})
		}
	}
	return found, nil
}
