// Package ffmpeg does with programs what package video asks for: with ffmpeg and ffprobe it encodes films ([Encoder]), takes
// pictures of them ([Camera]) and finds what they hold besides ([Extractor]), and it runs the author's own program that
// writes captions ([Transcriber]). It is the only package that starts programs.
//
// # What is made of a film
//
// One process decodes a film, or a stretch of a long one, once: it turns it into an ordinary picture (upright, progressive,
// square pixels, 8 bits, 4:2:0, standard range, at most 60 pictures a second), scales that down from rung to rung, and
// encodes all rungs side by side, and the sound with them unless there are several stretches, which would click where they
// meet. It writes plain MP4s of one track each; joining, cutting and packaging them is left to packages mp4 and video. A
// track that browsers play as it is, picture or sound, is not encoded: it is joined with what is, and the rungs below a
// picture that is kept have their keyframes where that has cuts.
//
// Nothing is guessed at afterwards: all time stamps are those of the file, moved by one number, so that what was encoded
// apart fits together, and fits what was copied. A rung is encoded with capped constant quality; which of the rungs are
// worth having is decided when it is known what each needs. What ffmpeg can do is asked once for each ffmpeg (tools),
// because a build with nothing new is to start no program.
//
// # How programs are started
//
// Programs are started without a shell, with a time limit, and in a process group of their own, which is killed as a
// whole: nothing outlives the context it was started with. File names are data, whatever they look like: they reach
// FFmpeg as file: URLs, so that "-i.mp4" is no option and "concat:a" no protocol. Of a file of anybody's (input), no
// protocol but files is allowed, nor any format that refers to other files: a playlist dressed up as a film opens nothing
// else.
//
// What a program says on its standard error is condensed to the one line that helps (failed), and is told apart from what
// the machine lacks. An encoding is watched over: it is asked to end, and then killed, when it makes no progress, goes on
// after the film's end, or writes more than it could.
package ffmpeg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrMissing is in the errors of calls that need a program that is not installed.
var ErrMissing = errors.New("not installed")

// ErrOld is in the errors of calls that need a newer ffmpeg.
var ErrOld = errors.New("too old")

// CLI runs the programs of FFmpeg. The zero value finds them on PATH.
type CLI struct {
	FFmpeg    string            // path of ffmpeg; "" to look it up on PATH
	FFprobe   string            // path of ffprobe; likewise
	TimeLimit time.Duration     // of a program that only looks; 0 for thirty seconds, which is what a slow network disk may need
	Started   func(name string) // told of every program that is started; may be nil
}

// Info is what ffprobe says of a file.
type Info struct {
	Format   string        // of the container, as FFmpeg names it: "matroska,webm"
	Start    time.Duration // the earliest time stamp in it
	Duration time.Duration // from then on; 0 when the file does not say
	Streams  []Stream
}

// A Stream is one track of a file.
type Stream struct {
	Index    int    // in the file
	Type     string // "video", "audio", "subtitle", "data", "attachment", or "picture" for a cover
	Codec    string // as FFmpeg names it: "vp9"; "" when it does not know it
	Language string // as the file says, mostly ISO 639-2; "" when it does not
	Default  bool   // to be taken where there are several

	// Of pictures.
	Width, Height int     // in pixels as coded
	AspectW       int     // shape of a pixel; 0 when not said
	AspectH       int     //
	Rotation      int     // clockwise degrees the picture is turned by when shown: 0, 90, 180 or 270
	PixelFormat   string  // "yuv420p10le"
	FieldOrder    string  // "progressive", "tt" …; "" when not known
	Transfer      string  // of light to numbers: "smpte2084" is HDR10, "arib-std-b67" HLG
	Range         string  // "tv", "pc"; "" when not said
	FrameRate     float64 // average, in pictures per second; 0 when not known
	Pictures      int     // as the file announces; 0: it does not
	Alpha         bool    // a VP8 or VP9 picture has a second one with its transparency

	Channels int // of sound
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
	out, err := c.inspect(ctx, path, "-show_entries", "format=format_name,start_time,duration:stream=index,codec_type,codec_name,width,height,channels"+
		",sample_aspect_ratio,pix_fmt,field_order,color_transfer,color_range,avg_frame_rate,r_frame_rate,nb_frames"+
		":stream_tags=language,alpha_mode:stream_disposition=attached_pic,default:stream_side_data=rotation")
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

// inspect asks ffprobe for entries of a file of anybody's, as JSON.
func (c CLI) inspect(ctx context.Context, path string, entries ...string) ([]byte, error) {
	args := append([]string{"-v", "error", "-hide_banner", "-print_format", "json"}, entries...)
	return c.run(ctx, "ffprobe", c.FFprobe, append(args, input(path)...)...)
}

// convert has ffmpeg make outputs of a file of anybody's, in one reading of it.
func (c CLI) convert(ctx context.Context, path string, outputs ...string) error {
	args := append([]string{"-v", "error", "-hide_banner", "-nostdin"}, input(path)...)
	_, err := c.run(ctx, "ffmpeg", c.FFmpeg, append(args, outputs...)...)
	return err
}

// input are the arguments that name a file of anybody's as what is read. It opens no other.
func input(path string) []string {
	return []string{"-protocol_whitelist", "file", "-format_whitelist", formats, "-i", fileURL(path)}
}

// fileURL names a file so that FFmpeg takes it for nothing else. Its file: URLs are literal, without escapes.
func fileURL(path string) string { return "file:" + path }

// A probed is the JSON of ffprobe.
type probed struct {
	Format struct {
		Name     string `json:"format_name"`
		Start    string `json:"start_time"`
		Duration string `json:"duration"`
	} `json:"format"`
	Streams []probedStream `json:"streams"`
}

type probedStream struct {
	Index       int    `json:"index"`
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	Aspect      string `json:"sample_aspect_ratio"`
	PixelFormat string `json:"pix_fmt"`
	FieldOrder  string `json:"field_order"`
	Transfer    string `json:"color_transfer"`
	Range       string `json:"color_range"`
	AverageRate string `json:"avg_frame_rate"`
	BaseRate    string `json:"r_frame_rate"`
	Frames      string `json:"nb_frames"`
	Channels    int    `json:"channels"`
	Disposition struct {
		AttachedPicture int `json:"attached_pic"`
		Default         int `json:"default"`
	} `json:"disposition"`
	Tags struct {
		Language string `json:"language"`
		Alpha    string `json:"alpha_mode"`
	} `json:"tags"`
	SideData []struct {
		Rotation float64 `json:"rotation"`
	} `json:"side_data_list"`
}

// parseProbe reads the JSON of ffprobe.
func parseProbe(data []byte) (Info, error) {
	var p probed
	if err := json.Unmarshal(data, &p); err != nil {
		return Info{}, err
	}
	start := seconds(strings.TrimPrefix(p.Format.Start, "-"))
	if strings.HasPrefix(p.Format.Start, "-") {
		start = -start
	}
	info := Info{Format: p.Format.Name, Start: start, Duration: seconds(p.Format.Duration)}
	for i := range p.Streams {
		info.Streams = append(info.Streams, p.Streams[i].stream())
	}
	return info, nil
}

func (p *probedStream) stream() Stream {
	s := Stream{
		Index: p.Index, Type: p.Type, Codec: p.Codec, Language: language(p.Tags.Language), Default: p.Disposition.Default != 0,
		Width: p.Width, Height: p.Height, PixelFormat: p.PixelFormat, Transfer: p.Transfer, Range: p.Range,
		Channels: p.Channels, Alpha: p.Tags.Alpha == "1",
	}
	if n, err := strconv.Atoi(p.Frames); err == nil && n > 0 && s.Type == "video" {
		s.Pictures = n
	}
	if p.FieldOrder != "unknown" {
		s.FieldOrder = p.FieldOrder
	}
	if w, h, ok := fraction(p.Aspect, ":"); ok {
		s.AspectW, s.AspectH = w, h
	}
	if p.Disposition.AttachedPicture != 0 {
		s.Type = "picture"
	}
	for _, rate := range []string{p.AverageRate, p.BaseRate} {
		if n, d, ok := fraction(rate, "/"); ok && s.FrameRate == 0 && s.Type == "video" {
			s.FrameRate = float64(n) / float64(d)
		}
	}
	for _, d := range p.SideData {
		if d.Rotation != 0 { // counter-clockwise
			s.Rotation = ((-int(math.Round(d.Rotation/90))*90)%360 + 360) % 360
		}
	}
	return s
}

// fraction reads two positive numbers such as "30000/1001".
func fraction(s, between string) (n, d int, ok bool) {
	a, b, _ := strings.Cut(s, between)
	n, errN := strconv.Atoi(a)
	d, errD := strconv.Atoi(b)
	return n, d, errN == nil && errD == nil && n > 0 && d > 0
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
		if strings.HasPrefix(line, "Last message repeated") {
			continue
		}
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
	return printable(strings.TrimSpace(last))
}

// printable is a text of a program's without control characters: names of files and tags are in it, and it ends up on
// terminals.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsGraphic(r) {
			return '?'
		}
		return r
	}, s)
}
