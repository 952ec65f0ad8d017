package ffmpeg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// Extract returns the chapters of a film and writes those of its subtitles that are text into dir. Subtitles marked forced,
// which hold the lines in a foreign language only, are left out.
func (x Extractor) Extract(ctx context.Context, path, dir string) (video.Extras, error) {
	extras, err := x.extract(ctx, path, dir)
	if errors.Is(err, ErrMissing) {
		return extras, fmt.Errorf("%w (%w)", video.ErrNoProgram, err)
	}
	if said, ok := errors.AsType[*verdict](err); ok {
		return extras, &video.Refused{Path: path, Reason: said.Error()}
	}
	return extras, err
}

func (x Extractor) extract(ctx context.Context, path, dir string) (video.Extras, error) {
	source := filepath.Join(x.Root, filepath.FromSlash(path))
	out, err := x.CLI.inspect(ctx, source, "-show_chapters",
		"-show_entries", "stream=index,codec_type,codec_name:stream_tags=language:stream_disposition=forced:chapter=start_time:chapter_tags=title")
	if err != nil {
		return video.Extras{}, err
	}
	found, err := parseExtras(out)
	if err != nil {
		return video.Extras{}, fmt.Errorf("ffprobe: %w", err)
	}
	extras := video.Extras{Chapters: found.chapters}
	if len(found.text) > 0 {
		extras.Subtitles, err = x.subtitles(ctx, source, dir, found.text)
	}
	return extras, err
}

// subtitles has all streams converted to WebVTT in one reading of the film.
func (x Extractor) subtitles(ctx context.Context, source, dir string, streams []textStream) ([]video.Subtitles, error) {
	var all []video.Subtitles
	var outputs []string
	for i, s := range streams {
		name := strconv.Itoa(i) + ".vtt"
		outputs = append(outputs, "-map", "0:"+strconv.Itoa(s.index), "-c:s", "webvtt", "-f", "webvtt", fileURL(filepath.Join(dir, name)))
		all = append(all, video.Subtitles{Lang: s.language, File: name})
	}
	return all, x.CLI.within(extractLimit).convert(ctx, source, outputs...)
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
