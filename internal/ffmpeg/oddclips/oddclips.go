// Package oddclips makes, with ffmpeg, small films of every kind that makes video hard: turned, interlaced, transparent,
// of high dynamic range, with a variable rate, cut off, in old and new formats. Tests of the encoder build streams of
// them; tests of the player play those.
//
// What is expected of a film is what somebody who knows it would say: how large it is on a screen, how long it lasts,
// whether there is something to see and to hear.
package oddclips

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Clip is an odd film and what is to become of it.
type Clip struct {
	Name     string        // of the file
	Why      string        // what is odd about it
	Width    int           // on the screen, in pixels; 0: there is nothing to see
	Height   int           //
	Duration time.Duration // of the longest track
	Rate     float64       // pictures per second that come out
	Sound    bool          // there is something to hear
	Tongues  []string      // languages of the sound, where there are several
	Damaged  bool          // it is streamed without what cannot be decoded
	Copied   bool          // it is streamed as it is: the pictures are not encoded
	Refused  string        // what the error says, where it cannot be streamed

	args string
	made func(dir, file string) error // instead of, or after, running ffmpeg
}

const (
	video = "-f lavfi -i testsrc2=s=320x180:r=25:d=2 "
	tall  = "-f lavfi -i testsrc2=s=180x320:r=25:d=2 "
	sine  = "-f lavfi -i sine=f=440:d=2:r=48000 "
	x264  = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 "
	x265  = "-c:v libx265 -preset ultrafast -x265-params log-level=none "
	aac   = "-c:a aac -b:a 64k "
)

// Clips lists the films, which all can be made by the ffmpeg of Debian.
func Clips() []Clip {
	const s = time.Second
	// What most of them are: 320×180, 2 s, 25 pictures per second, with sound.
	plain := func(name, why, args string) Clip {
		return Clip{Name: name, Why: why, Width: 320, Height: 180, Duration: 2 * s, Rate: 25, Sound: true, args: args}
	}
	silent := func(name, why, args string) Clip {
		c := plain(name, why, args)
		c.Sound = false
		return c
	}
	change := func(c Clip, f func(c *Clip)) Clip { f(&c); return c }
	copied := func(c Clip) Clip { c.Copied = true; return c }
	turned := func(c Clip) Clip { c.Width, c.Height = c.Height, c.Width; return c }
	refused := func(name, why, args, says string, made func(dir, file string) error) Clip {
		return Clip{Name: name, Why: why, args: args, Refused: says, made: made}
	}
	return []Clip{
		copied(plain("plain.mp4", "nothing: browsers play it", video+sine+x264+aac)),
		copied(plain("fragmented.mp4", "its samples lie in fragments", video+sine+x264+aac+"-movflags +frag_keyframe+empty_moov")),
		copied(plain("pcm.mov", "its sound is not compressed", video+sine+x264+"-c:a pcm_s16le")),
		copied(plain("mp3.mp4", "its sound is MP3", video+sine+x264+"-c:a libmp3lame")),
		copied(change(silent("silent.mp4", "there is nothing to hear", video+x264), func(*Clip) {})),
		copied(change(plain("late-sound.mp4", "its sound begins later", video+"-itsoffset 0.5 "+sine+x264+aac), func(c *Clip) { c.Duration = 2500 * time.Millisecond })),
		copied(change(plain("late-picture.mp4", "its picture begins later", "-itsoffset 0.5 "+video+sine+x264+aac), func(c *Clip) { c.Duration = 2500 * time.Millisecond })),
		copied(turned(plain("upright.mp4", "it is higher than wide", tall+sine+x264+aac))),
		copied(change(plain("60p.mp4", "60 pictures per second", "-f lavfi -i testsrc2=s=320x180:r=60:d=2 "+sine+x264+aac), func(c *Clip) { c.Rate = 60 })),
		copied(change(plain("surround.mp4", "six channels", video+"-f lavfi -i anoisesrc=d=2:r=48000:a=0.1 "+x264+"-af pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0 "+aac), func(*Clip) {})),

		silent("hevc.mp4", "HEVC", video+x265+"-pix_fmt yuv420p -tag:v hvc1"),
		silent("hevc10.mkv", "HEVC, 10 bits", video+x265+"-pix_fmt yuv420p10le"),
		silent("hdr10.mp4", "HDR10", video+"-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -x265-params log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"),
		silent("hlg.mp4", "HLG", video+"-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -tag:v hvc1 -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc -x265-params log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"),
		silent("high10.mp4", "H.264, 10 bits", video+"-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le"),
		silent("444.mp4", "H.264, 4:4:4", video+"-c:v libx264 -preset ultrafast -pix_fmt yuv444p"),
		silent("prores.mov", "ProRes, 4:2:2, 10 bits", video+"-c:v prores_ks -profile:v 2"),
		plain("av1.mkv", "AV1 and Opus", video+sine+"-c:v libsvtav1 -preset 12 -c:a libopus"),
		plain("vp9.webm", "VP9 and Opus", video+sine+"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus"),
		plain("vp8.webm", "VP8 and Vorbis", video+sine+"-c:v libvpx -deadline realtime -cpu-used 8 -c:a libvorbis"),
		plain("theora.ogv", "Theora and Vorbis", video+sine+"-c:v libtheora -c:a libvorbis"),
		change(plain("mpeg4.avi", "MPEG-4 part 2 and MP3; the second picture is missing", video+sine+"-c:v mpeg4 -c:a libmp3lame"), func(c *Clip) { c.Rate = 0 }),
		silent("mjpeg.avi", "Motion JPEG, full range", video+"-c:v mjpeg -q:v 5 -pix_fmt yuvj422p"),
		plain("flash.flv", "Flash Video", video+sine+"-c:v flv1 -ar 44100 -c:a libmp3lame"),
		plain("windows.wmv", "Windows Media", video+sine+"-c:v wmv2 -c:a wmav2"),
		plain("stream.ts", "a stream whose time begins at 1.4 s", video+sine+x264+aac),
		silent("animation.gif", "a GIF", video+"-vf split[a][b];[a]palettegen[p];[b][p]paletteuse"),
		change(plain("interlaced.mpg", "MPEG-2, interlaced", video+sine+"-vf setfield=tff -flags +ilme+ildct -c:v mpeg2video -c:a mp2"), func(*Clip) {}),
		silent("interlaced.mp4", "H.264, interlaced", video+x264+"-vf setfield=tff -flags +ilme+ildct -x264-params tff=1"),
		change(plain("camcorder.dv", "DV, interlaced, anamorphic", "-f lavfi -i testsrc2=s=720x576:r=25:d=1 -f lavfi -i sine=d=1:r=48000 -c:v dvvideo -pix_fmt yuv420p -aspect 16:9 -ac 2"),
			func(c *Clip) { c.Width, c.Height, c.Duration = 1024, 576, s }),
		change(silent("anamorphic.mp4", "its pixels are not square", video+x264+"-vf setsar=4/3"), func(c *Clip) { c.Width = 427 }),
		change(silent("odd.webm", "odd sides", "-f lavfi -i testsrc2=s=321x181:r=25:d=2 -c:v libvpx-vp9 -deadline realtime -cpu-used 8"), func(c *Clip) { c.Width, c.Height = 321, 181 }),
		change(silent("120p.mp4", "120 pictures per second", "-f lavfi -i testsrc2=s=320x180:r=120:d=1 "+x264), func(c *Clip) { c.Rate, c.Duration = 60, s }),
		change(plain("variable.mkv", "a variable rate", video+sine+x264+aac+"-vf select='not(mod(n\\,3))+lt(mod(n\\,25)\\,10)' -fps_mode vfr -bf 2"), func(c *Clip) { c.Rate = 0 }),
		copied(change(plain("variable.mp4", "a variable rate", video+sine+x264+aac+"-vf select='not(mod(n\\,3))+lt(mod(n\\,25)\\,10)' -fps_mode vfr"), func(c *Clip) { c.Rate = 0 })),
		silent("open.mp4", "pictures reach across keyframes", video+"-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 12 -x264-params open-gop=1:bframes=3:scenecut=0"),
		change(silent("rare-keyframes.mp4", "one keyframe in 12 s", "-f lavfi -i testsrc2=s=320x180:r=10:d=12 "+x264+"-g 999"), func(c *Clip) { c.Rate, c.Duration = 10, 12*s }),
		turned(change(silent("turned.mp4", "HEVC on its side", video+x265+"-pix_fmt yuv420p -tag:v hvc1"), func(c *Clip) { c.made = turn(90) })),
		change(silent("upside-down.mov", "HEVC on its head", video+x265+"-pix_fmt yuv420p -tag:v hvc1"), func(c *Clip) { c.made = turn(180) }),
		copied(turned(change(silent("turned-h264.mp4", "H.264 on its side", video+x264), func(c *Clip) { c.made = turn(270) }))),
		silent("transparent.webm", "VP9 with transparency", "-f lavfi -i testsrc2=s=320x180:r=25:d=2,format=yuva420p,colorchannelmixer=aa=0.5 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -auto-alt-ref 0"),
		silent("transparent.mov", "QuickTime Animation with transparency", "-f lavfi -i testsrc2=s=320x180:r=25:d=2,format=argb,colorchannelmixer=aa=0.5 -c:v qtrle"),
		silent("screen.mkv", "RGB", "-f lavfi -i testsrc2=s=320x180:r=25:d=2 -c:v libx264rgb -preset ultrafast -pix_fmt rgb24"),
		change(plain("languages.mkv", "two languages and subtitles", video+sine+"-f lavfi -i sine=f=880:d=2:r=48000 -map 0 -map 1 -map 2 -c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger"),
			func(c *Clip) { c.Tongues = []string{"en", "de"} }),
		change(silent("one-picture.mkv", "one picture", "-f lavfi -i testsrc2=s=320x180:r=25:d=1 -frames:v 1 -c:v ffv1"), func(c *Clip) { c.Duration = 40 * time.Millisecond }),
		change(silent("short.mkv", "0.4 s", "-f lavfi -i testsrc2=s=320x180:r=25:d=0.4 -c:v ffv1"), func(c *Clip) { c.Duration = 400 * time.Millisecond }),
		change(silent("tiny.mkv", "six by four pixels", "-f lavfi -i testsrc2=s=6x4:r=25:d=1 -c:v ffv1"), func(c *Clip) { c.Width, c.Height, c.Duration = 6, 4, s }),
		change(silent("trimmed.mp4", "an edit list hides its beginning", ""), func(c *Clip) {
			c.Duration = 1500 * time.Millisecond
			c.made = func(dir, file string) error {
				whole := filepath.Join(dir, "whole-"+filepath.Base(file))
				defer os.Remove(whole) //nolint:errcheck // it is only in the way
				if err := run(context.Background(), dir, video+x264+"-g 50", whole); err != nil {
					return err
				}
				return run(context.Background(), dir, "-ss 0.5 -i "+whole+" -c copy", file)
			}
		}),

		{Name: "voice.mp3", Why: "sound only", Duration: 2 * s, Sound: true, args: sine + "-c:a libmp3lame"},
		{Name: "voice.ogg", Why: "sound only", Duration: 2 * s, Sound: true, args: sine + "-c:a libvorbis"},
		{Name: "voice.wav", Why: "sound only", Duration: 2 * s, Sound: true, args: sine + "-c:a pcm_s24le"},
		{Name: "voice.m4a", Why: "sound only, as browsers play it", Duration: 2 * s, Sound: true, args: sine + aac},
		{Name: "song.mp3", Why: "sound with a cover", Duration: 2 * s, Sound: true, args: sine + "-f lavfi -i color=red:s=64x64:d=0.04 -map 0 -map 1 -c:a libmp3lame -c:v mjpeg -disposition:v attached_pic"},

		refused("cut-off.mkv", "the file ends too early", "-f lavfi -i testsrc2=s=320x180:r=25:d=4 "+x264, "", cutOff),
		refused("cut-off.webm", "the file ends too early", "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libvpx -deadline realtime -cpu-used 8", "", cutOff),
		refused("cut-off.mp4", "the file ends too early", video+x265+"-movflags +faststart", "truncated", cutOff),
		refused("cut-off.avi", "the file ends too early", "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v mpeg4", "", cutOff),
		change(plain("scratched.avi", "some of it is lost", video+sine+"-c:v mpeg4 -c:a ac3"), func(c *Clip) { c.Rate, c.Damaged, c.made = 0, true, scratch }),
		refused("ruined.avi", "most of it is lost", "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v mpeg4", "less than half of its pictures", wipe(25, 95)),
		refused("junk.mp4", "no film", "", "not a film that ffmpeg can read", func(_, file string) error {
			return os.WriteFile(file, []byte(strings.Repeat("Dear diary, this is no film. ", 100)), 0o644)
		}),
		refused("playlist.mp4", "a playlist that names another file", "", "not a film that ffmpeg can read", func(_, file string) error {
			return os.WriteFile(file, []byte("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nplain.mp4\n#EXT-X-ENDLIST\n"), 0o644)
		}),
		refused("subtitles.mp4", "neither picture nor sound", "", "neither picture nor sound", func(dir, file string) error {
			text := filepath.Join(dir, "subtitles.srt")
			defer os.Remove(text) //nolint:errcheck // it is only in the way
			if err := os.WriteFile(text, []byte("1\n00:00:00,000 --> 00:00:01,000\nHi\n"), 0o644); err != nil {
				return err
			}
			return run(context.Background(), dir, "-i "+text+" -c:s mov_text", file)
		}),
	}
}

// cutOff keeps the first 60 per cent of a file.
func cutOff(_, file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.Truncate(file, info.Size()*6/10)
}

// wipe makes zeros of a part of a file, from and to in per cent.
func wipe(from, to int) func(dir, file string) error {
	return func(_, file string) error {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		clear(b[len(b)*from/100 : len(b)*to/100])
		return os.WriteFile(file, b, 0o644)
	}
}

// scratch makes zeros of one picture of an AVI.
func scratch(_, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	rest := b
	for range 30 {
		_, rest, _ = bytes.Cut(rest, []byte("00dc")) // a chunk's type; its size follows
	}
	clear(rest[4 : 4+binary.LittleEndian.Uint32(rest)])
	return os.WriteFile(file, b, 0o644)
}

// turn marks a film as to be turned clockwise when shown, as telephones do: in the matrix of its first track's header
// (ISO/IEC 14496-12 §8.3.2).
func turn(degrees int) func(dir, file string) error {
	return func(_, file string) error {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		const matrix = 4 + 40 // from the box's type on, in version 0
		at := bytes.Index(b, []byte("tkhd")) + matrix
		one, minus := uint32(1<<16), ^uint32(1<<16)+1
		turns := map[int][4]uint32{90: {0, one, minus, 0}, 180: {minus, 0, 0, minus}, 270: {0, minus, one, 0}}[degrees]
		for i, place := range []int{0, 4, 12, 16} {
			binary.BigEndian.PutUint32(b[at+place:], turns[i])
		}
		return os.WriteFile(file, b, 0o644)
	}
}

// Write makes the films in a folder that exists.
func Write(ctx context.Context, dir string, clips []Clip) error {
	for _, c := range clips {
		file := filepath.Join(dir, c.Name)
		if c.args != "" {
			if err := run(ctx, dir, c.args, file); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
		if c.made != nil {
			if err := c.made(dir, file); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	return nil
}

func run(ctx context.Context, dir, args, file string) error {
	words := append([]string{"-y", "-nostdin", "-v", "error", "-threads", "2"}, strings.Fields(args)...)
	cmd := exec.CommandContext(ctx, "ffmpeg", append(words, file)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ffmpeg %s: %w: %s", args, err, out)
	}
	return nil
}
