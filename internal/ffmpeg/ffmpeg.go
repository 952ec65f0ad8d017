// Package ffmpeg asks ffprobe what a file is. It is the only package that starts programs.
//
// Programs are started without a shell, with a time limit, and in a process group of their own, which is killed as a
// whole: nothing outlives the context it was started with. File names are data, whatever they look like: they reach
// the program as file: URLs, so that "-i.mp4" is no option and "concat:a" no protocol. Neither is any protocol allowed
// but files, nor any format that refers to other files: a playlist dressed up as a film opens nothing else.
//
// What a program says on its standard error is condensed to the one line that helps.
package ffmpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// ErrMissing is in the errors of calls that need a program that is not installed.
var ErrMissing = errors.New("not installed")

// CLI runs the programs of FFmpeg. The zero value finds them on PATH.
type CLI struct {
	FFprobe   string        // path of ffprobe; "" to look it up on PATH
	TimeLimit time.Duration // of one run; 0 for thirty seconds, which is what a slow network disk may need
}

// Info is what ffprobe says of a file.
type Info struct {
	Format   string // of the container, as FFmpeg names it: "matroska,webm"
	Duration time.Duration
	Streams  []Stream
}

// A Stream is one track of a file.
type Stream struct {
	Type          string // "video", "audio", "subtitle", "data", "attachment", or "picture" for a cover
	Codec         string // as FFmpeg names it: "vp9"; "" when it does not know it
	Width, Height int    // in pixels as coded, of pictures
	Channels      int    // of sound
	Language      string // as the file says, mostly ISO 639-2; "" when it does not
}

// String describes a file in a few words: "matroska,webm with vp9 1280x720, opus (eng)".
func (i Info) String() string {
	var streams []string
	for _, s := range i.Streams {
		streams = append(streams, s.String())
	}
	if len(streams) == 0 {
		return i.Format
	}
	return i.Format + " with " + strings.Join(streams, ", ")
}

// String is the codec with what else is known: "vp9 1280x720", "opus (eng)".
func (s Stream) String() string {
	text := s.Codec
	if text == "" {
		text = "unknown " + s.Type
	}
	if s.Width > 0 {
		text += fmt.Sprintf(" %dx%d", s.Width, s.Height)
	}
	if s.Language != "" {
		text += " (" + s.Language + ")"
	}
	return text
}

// Probe asks ffprobe what the file at path is. The error says what ffprobe has against it, or is (by errors.Is)
// ErrMissing, context.DeadlineExceeded or the cause of ctx.
func (c CLI) Probe(ctx context.Context, path string) (Info, error) {
	out, err := c.run(ctx, "ffprobe", c.FFprobe,
		"-v", "error", "-hide_banner", "-print_format", "json",
		"-show_entries", "format=format_name,duration:stream=codec_type,codec_name,width,height,channels"+
			":stream_tags=language:stream_disposition=attached_pic",
		"-protocol_whitelist", "file", "-format_whitelist", formats, "-i", fileURL(path))
	if err != nil {
		return Info{}, err
	}
	info, err := parseProbe(out)
	if err != nil {
		return Info{}, fmt.Errorf("ffprobe: %w", err)
	}
	return info, nil
}

// formats are the containers, by FFmpeg's names, that cameras, telephones, editors and screen recorders write. All of
// them are one file that holds everything; playlists (hls would also be read again and again, until the time limit),
// picture sequences and scripts are not among them.
const formats = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,live_flv,asf,asf_o,rm,ogg,mxf,gxf,dv,ivf,nut,y4m," +
	"yuv4mpegpipe,h264,hevc,av1,obu,vc1,swf,wtv,gif,apng,webp_pipe,png_pipe,jpeg_pipe," +
	"mp3,aac,ac3,eac3,flac,wav,w64,aiff,au,caf,amr,ape,tta,wv,dts,truehd,opus"

// fileURL names a file so that FFmpeg takes it for nothing else. Its file: URLs are literal, without escapes.
func fileURL(path string) string { return "file:" + path }

// parseProbe reads the JSON of ffprobe.
func parseProbe(data []byte) (Info, error) {
	var p struct {
		Format struct {
			Name     string `json:"format_name"`
			Duration string `json:"duration"`
		} `json:"format"`
		Streams []struct {
			Type        string `json:"codec_type"`
			Codec       string `json:"codec_name"`
			Width       int    `json:"width"`
			Height      int    `json:"height"`
			Channels    int    `json:"channels"`
			Disposition struct {
				AttachedPicture int `json:"attached_pic"`
			} `json:"disposition"`
			Tags struct {
				Language string `json:"language"`
			} `json:"tags"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return Info{}, err
	}
	info := Info{Format: p.Format.Name, Duration: seconds(p.Format.Duration)}
	for _, s := range p.Streams {
		stream := Stream{
			Type: s.Type, Codec: s.Codec, Width: s.Width, Height: s.Height, Channels: s.Channels,
			Language: language(s.Tags.Language),
		}
		if s.Disposition.AttachedPicture != 0 {
			stream.Type = "picture"
		}
		info.Streams = append(info.Streams, stream)
	}
	return info, nil
}

// seconds reads a duration such as "20.480000"; what is none, "N/A" say, is zero.
func seconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f > 0 && f < math.MaxInt64/float64(time.Second)) {
		return 0
	}
	return time.Duration(f * float64(time.Second))
}

// language is a language tag that a file claims, or "" if it looks like anything else: it ends up on terminals.
func language(s string) string {
	odd := strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if odd || len(s) > 35 || s == "und" { // RFC 5646 section 4.4.1 recommends room for 35 characters
		return ""
	}
	return s
}

// run runs a program and returns its standard output.
func (c CLI) run(ctx context.Context, name, path string, args ...string) ([]byte, error) {
	if path == "" {
		path = name
	}
	path, err := exec.LookPath(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, ErrMissing)
	}
	limit := c.TimeLimit
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v: %w", limit, context.DeadlineExceeded))
	defer cancel()
	var stdout bytes.Buffer
	var stderr tail
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // for grandchildren that hold the pipes open
	ownGroup(cmd)
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s", name, complaint(string(stderr), err))
	}
	return stdout.Bytes(), nil
}

// tail keeps the last 16 KiB written to it: a broken file can make a program complain for as long as it runs.
type tail []byte

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	const limit = 16 << 10
	*t = append(*t, p...)
	if over := len(*t) - limit; over > 0 {
		*t = append((*t)[:0], (*t)[over:]...)
	}
	return len(p), nil
}

// complaint is the most telling line of what a program of FFmpeg wrote to standard error: the last that one of its
// parts signed, "[mov,mp4 @ 0x55d8] moov atom not found", or else the last, "file:a.mp4: Invalid data found".
func complaint(stderr string, err error) string {
	last, signed := err.Error(), ""
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if _, text, ok := strings.Cut(line, "] "); ok && strings.HasPrefix(line, "[") {
			signed = text
		} else if line != "" {
			last = line[strings.LastIndex(line, ": ")+1:] // the file is named by whoever reports this
		}
	}
	if signed != "" {
		last = signed
	}
	if strings.HasPrefix(last, "Format not on whitelist") { // the whole list follows
		last = "not a format of films"
	}
	return strings.Map(func(r rune) rune {
		if !strconv.IsGraphic(r) {
			return '?' // the names of files and tags end up on terminals
		}
		return r
	}, strings.TrimSpace(last))
}
