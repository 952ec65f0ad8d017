package ffmpeg

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/image/bmp"

	"matinee/internal/video"
)

// A Camera takes pictures of films with ffmpeg. The zero value finds it on PATH.
type Camera struct {
	CLI   CLI
	Cache string // folder in which it is remembered what the program can do
}

var _ video.Camera = Camera{}

// Limits of the time that a picture may take, which is seconds. Looking for keyframes means reading a whole file.
const (
	keyframesLimit = 10 * time.Minute
	pictureLimit   = 3 * time.Minute
)

// Key is the release of ffmpeg and which types of pictures it can make.
func (c Camera) Key(ctx context.Context) (string, error) {
	t, err := c.CLI.recall(ctx, c.Cache)
	if err != nil {
		return "", err
	}
	return t.id(forPictures), nil
}

// Keyframes decodes nothing but keyframes, which takes a tenth of the time or less. ffmpeg writes each into a file named
// by its time in milliseconds.
func (c Camera) Keyframes(ctx context.Context, dir, film string, every time.Duration, box image.Point) ([]video.Frame, error) {
	// Keyframes of a rate like 29.97 a second are a little off the whole second.
	choose := fmt.Sprintf("select='isnan(prev_selected_t)+gte(t-prev_selected_t,%.3f)'", (every - 50*time.Millisecond).Seconds())
	scale := fmt.Sprintf("scale=w='min(iw,%d)':h='min(ih,%d)':force_original_aspect_ratio=decrease:flags=area", box.X, box.Y)
	// One thread is as quick: a keyframe is decoded by one, and others would have to be started. Smoothing the edges of
	// blocks, a sixth of the time, is not seen once pictures are this small.
	_, err := c.run(ctx, keyframesLimit, "-threads", "1", "-skip_frame", "nokey", "-skip_loop_filter", "all", "-i", fileURL(film), "-map", "0:v:0",
		"-vf", choose+","+scale, "-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-c:v", "bmp",
		"-f", "image2", "-frame_pts", "1", pattern(dir)+"%d.bmp")
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var frames []video.Frame
	for _, e := range entries {
		ms, err := strconv.ParseInt(strings.TrimSuffix(e.Name(), ".bmp"), 10, 64)
		if err != nil {
			continue
		}
		picture, err := readBMP(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		frames = append(frames, video.Frame{At: time.Duration(ms) * time.Millisecond, Picture: picture})
	}
	slices.SortFunc(frames, func(a, b video.Frame) int { return cmp.Compare(a.At, b.At) })
	return frames, nil
}

// pattern is a folder as the names of a sequence of pictures begin with it: a percent sign is doubled.
func pattern(dir string) string {
	return fileURL(strings.ReplaceAll(dir, "%", "%%") + string(filepath.Separator))
}

func readBMP(name string) (image.Image, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return bmp.Decode(bytes.NewReader(data))
}

// Still decodes from the keyframe before the moment on.
func (c Camera) Still(ctx context.Context, film string, at time.Duration) (image.Image, error) {
	out, err := c.run(ctx, pictureLimit, "-ss", seek(at), "-i", fileURL(film), "-map", "0:v:0", "-frames:v", "1",
		"-c:v", "bmp", "-f", "image2pipe", "pipe:1")
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("ffmpeg: there is no picture at %v", at)
	}
	return bmp.Decode(bytes.NewReader(out))
}

func seek(at time.Duration) string { return fmt.Sprintf("%.3f", at.Seconds()) }

// previewRate is how many pictures a second a preview has.
const previewRate = 12

// Preview encodes a few seconds.
func (c Camera) Preview(ctx context.Context, film, file string, at, length time.Duration, width int) error {
	_, err := c.run(ctx, pictureLimit, "-ss", seek(at), "-t", seek(length), "-i", fileURL(film), "-map", "0:v:0", "-map_metadata", "-1",
		"-vf", fmt.Sprintf("fps=%d,scale=w='min(iw,%d)/2*2':h=-2:flags=area,setsar=1", previewRate, width&^1),
		"-c:v", "libx264", "-preset", "medium", "-profile:v", "main", "-crf", "28", "-maxrate", "250k", "-bufsize", "250k",
		"-pix_fmt", "yuv420p", "-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "mp4", fileURL(file))
	if unable(err) {
		return fmt.Errorf("ffmpeg: a preview: %w", errors.ErrUnsupported)
	}
	return err
}

// stills are encoders of still pictures, in order of preference. The qualities look alike: at 640 pixels, what they make
// of the demo's films has an SSIM of 0.98 to 0.99.
var stills = map[string][]struct{ extension, format, encoder string }{
	"image/avif": {
		{".avif", "avif", "libaom-av1 -usage allintra -still-picture 1 -crf 30 -cpu-used 6"},
		{".avif", "avif", "libsvtav1 -crf 35 -preset 6"},
	},
	"image/webp": {{".webp", "webp", "libwebp -quality 70 -compression_level 5"}},
}

// Compress encodes all sizes of a picture in one run.
func (c Camera) Compress(ctx context.Context, dir string, names []string, mime string) error {
	for _, s := range stills[mime] {
		var args []string
		for _, name := range names {
			args = append(args, "-i", fileURL(filepath.Join(dir, name+".bmp")))
		}
		for i, name := range names {
			args = append(args, "-map", strconv.Itoa(i)+":v", "-frames:v", "1", "-pix_fmt", "yuv420p", "-fflags", "+bitexact", "-c:v")
			args = append(args, strings.Fields(s.encoder)...)
			args = append(args, "-f", s.format, fileURL(filepath.Join(dir, name+s.extension)))
		}
		_, err := c.run(ctx, pictureLimit, args...)
		if !unable(err) {
			return err
		}
	}
	return fmt.Errorf("ffmpeg: %s: %w", mime, errors.ErrUnsupported)
}

// unable tells whether an error means that this build of ffmpeg has no such encoder or format.
func unable(err error) bool {
	return err != nil && slices.ContainsFunc(
		[]string{"Unknown encoder", "not a suitable output format", "Unable to find a suitable output format", "Requested output format"},
		func(s string) bool { return strings.Contains(err.Error(), s) })
}

// run runs ffmpeg on our own files and returns its standard output.
func (c Camera) run(ctx context.Context, limit time.Duration, args ...string) ([]byte, error) {
	return c.CLI.within(limit).run(ctx, "ffmpeg", c.CLI.FFmpeg, append([]string{"-v", "error", "-nostdin", "-y"}, args...)...)
}
