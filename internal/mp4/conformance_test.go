package mp4

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"matinee/internal/testenv"
)

// Sources of picture and sound for ffmpeg.
const (
	picture = "testsrc2=size=96x72:rate=25:duration=9"
	tone    = "sine=frequency=440:sample_rate=48000:duration=9"
	x264    = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -threads 1"
	aac     = "-c:a aac -b:a 64k"
)

// An oddity is a file that has been seen to trouble packagers.
type oddity struct {
	name, file string
	make       []string // ffmpeg's arguments, one string for several; the last is the file
	surgery    func(t testing.TB, b []byte) []byte
	refused    string // what Refusals says, in part; "": nothing
	track      func(m *Movie) bool
	gaps       bool // fragments leave gaps, which a plain MP4 fills with longer durations
	trimmed    bool // an edit list hides some of it, which an HLS player shows
}

var oddities = []oddity{
	{name: "plain", make: av(x264, aac)},
	{name: "faststart", make: av(x264, aac, "-movflags +faststart")},
	{name: "b-frames", make: av("-c:v libx264 -preset fast -bf 3 -b_strategy 0 -g 50 -pix_fmt yuv420p", aac)},
	{name: "negative composition offsets", make: av("-c:v libx264 -preset fast -bf 3 -g 50 -pix_fmt yuv420p", aac, "-movflags negative_cts_offsets")},
	{
		name: "open gop", make: av("-c:v libx264 -preset fast -bf 2 -b_strategy 0 -x264-params open-gop=1:keyint=24:scenecut=0 -pix_fmt yuv420p", aac),
		refused: "open GOP",
	},
	{
		name: "variable frame rate",
		make: []string{"-f lavfi -i", picture, "-f lavfi -i", tone, "-vf", "select='not(mod(n,3))+between(n,40,90)+between(n,130,140)'", "-vsync vfr", x264, aac},
	},
	{
		name: "rotated", make: []string{"-i base.mp4 -c copy -metadata:s:v rotate=90"},
		track: func(m *Movie) bool { v := m.Tracks[0]; return v.Rotation == 270 && v.Width == 72 && v.Height == 96 },
	},
	{
		name:  "two audio tracks",
		make:  []string{"-f lavfi -i", picture, "-f lavfi -i", tone, "-f lavfi -i", "sine=880:sample_rate=44100:duration=14", "-map 0 -map 1 -map 2 -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu", x264, aac},
		track: func(m *Movie) bool { return m.Tracks[1].Language == "en" && m.Tracks[2].Language == "de" },
	},
	{name: "sound late", make: []string{"-f lavfi -i", picture, "-itsoffset 0.7 -f lavfi -i", tone, x264, aac}},
	{name: "picture late", make: []string{"-itsoffset 0.5 -f lavfi -i", picture, "-f lavfi -i", tone, x264, aac}},
	{name: "sound longer", make: []string{"-f lavfi -i", "testsrc2=size=96x72:rate=25:duration=3", "-f lavfi -i", "sine=sample_rate=48000:duration=25", x264, aac}},
	{name: "picture longer", make: []string{"-f lavfi -i", picture, "-f lavfi -i", "sine=sample_rate=48000:duration=3", x264, aac}},
	{name: "silent", make: []string{"-f lavfi -i", picture, x264}},
	{
		name: "sound only", file: "in.m4a", make: []string{"-f lavfi -i", "sine=sample_rate=44100:duration=20", aac},
		track: func(m *Movie) bool { return m.Tracks[0].SampleRate == 44100 && m.Tracks[0].Channels == 1 },
	},
	{name: "one frame", make: []string{"-f lavfi -i", picture, "-frames:v 1", x264}},
	{name: "two frames and sound", make: []string{"-f lavfi -i", picture, "-f lavfi -i", "sine=duration=0.1", "-frames:v 2", x264, aac}},
	{name: "64-bit", make: av(x264, aac), surgery: largeOffsets},
	{name: "compact sample sizes", make: av(x264+" -crf 35", aac), surgery: compactSizes},
	{name: "reordering forgotten", make: av("-c:v libx264 -preset fast -bf 2 -g 50 -pix_fmt yuv420p", aac), surgery: editFromZero},
	{name: "fragmented", make: av(x264, aac, "-movflags frag_keyframe+empty_moov+default_base_moof"), gaps: true},
	{name: "fragmented by time", make: av(x264, aac, "-movflags empty_moov -frag_duration 300000"), gaps: true},
	{name: "fragmented with edit list", make: av("-c:v libx264 -preset fast -bf 2 -g 50 -pix_fmt yuv420p", aac, "-movflags frag_keyframe+delay_moov"), gaps: true},
	{name: "fragmented apart", make: av(x264, aac, "-movflags frag_keyframe+separate_moof+omit_tfhd_offset+empty_moov"), gaps: true},
	{name: "fragmented with first in moov", make: av(x264, aac, "-movflags frag_keyframe"), gaps: true},
	{name: "fragmented late", make: []string{"-f lavfi -i", picture, "-itsoffset 0.7 -f lavfi -i", tone, x264, aac, "-movflags frag_keyframe+empty_moov+default_base_moof"}, gaps: true},
	{
		name: "trimmed", make: []string{"-ss 1.3 -i base.mp4 -c copy"}, refused: "hides the first", trimmed: true,
	},
	{name: "quicktime", file: "in.mov", make: av(x264, aac, "-timecode 01:00:00:00")},
	{name: "quicktime with MP3", file: "in.mov", make: av(x264, "-c:a libmp3lame"), refused: "MP3"},
	{name: "MP3", make: av(x264, "-c:a libmp3lame"), refused: "MP3", track: func(m *Movie) bool { return m.Tracks[1].Codec == "mp4a.6B" }},
	{name: "slow MP3", make: av(x264, "-c:a libmp3lame -ar 22050"), refused: "MP3", track: func(m *Movie) bool { return m.Tracks[1].Codec == "mp4a.69" || m.Tracks[1].Codec == "mp4a.6B" }},
	{name: "Opus", make: av(x264, "-c:a libopus -strict -2"), refused: "Opus", track: func(m *Movie) bool { return m.Tracks[1].Codec == "Opus" }},
	{
		name: "HEVC", make: av("-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=50 -pix_fmt yuv420p -tag:v hvc1", aac), refused: "HEVC",
		track: func(m *Movie) bool { return strings.HasPrefix(m.Tracks[0].Codec, "hvc1.1.6.L") },
	},
	{name: "10 bit", make: av("-c:v libx264 -preset ultrafast -pix_fmt yuv420p10le -g 50", aac), refused: "10 bits"},
	{name: "4:4:4", make: av("-c:v libx264 -preset ultrafast -pix_fmt yuv444p -g 50", aac), refused: "4:4:4"},
	{name: "interlaced", make: av(x264+" -flags +ildct+ilme -x264-params tff=1", aac), refused: "interlaced"},
	{name: "HDR", make: av(x264+" -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc", aac), refused: "HDR"},
	{
		name: "anamorphic", make: av(x264, aac, "-aspect 16:9"), refused: "not square",
		track: func(m *Movie) bool { return m.Tracks[0].Width == 128 && m.Tracks[0].Height == 72 },
	},
	{name: "level 5.1", make: av(x264+" -level 5.1", aac), refused: "level 5.1"},
	{name: "100 per second", make: []string{"-f lavfi -i", "testsrc2=size=96x72:rate=100:duration=3", x264}, refused: "100 pictures"},
	{name: "sixty per second", make: []string{"-f lavfi -i", "testsrc2=size=96x72:rate=60:duration=5", x264}, track: func(m *Movie) bool { return m.Tracks[0].FrameRate == 60 }},
	{name: "rare keyframes", make: []string{"-f lavfi -i", "testsrc2=size=96x72:rate=25:duration=13", x264, "-g 1000"}, refused: "keyframes are up to 13.0 s apart"},
	{name: "only keyframes", make: av(x264+" -g 1", aac)},
	{name: "surround", make: []string{"-f lavfi -i", picture, "-f lavfi -i", "anoisesrc=duration=9:sample_rate=48000", "-ac 6", x264, aac}, track: func(m *Movie) bool { return m.Tracks[1].Channels == 6 }},
	{name: "subtitles and chapters", make: []string{"-f lavfi -i", picture, "-f lavfi -i", tone, "-i chapters.txt -i titles.srt -map 0 -map 1 -map 3 -map_metadata 2", x264, aac, "-c:s mov_text"}},
}

// av is picture and sound.
func av(args ...string) []string {
	return append([]string{"-f lavfi -i", picture, "-f lavfi -i", tone}, args...)
}

// generate makes an odd file in dir.
func (o oddity) generate(t *testing.T, dir string) string {
	t.Helper()
	name := o.file
	if name == "" {
		name = "in.mp4"
	}
	args := []string{"-v", "error", "-nostdin", "-y"}
	for _, s := range o.make {
		if strings.Contains(s, "'") || strings.HasPrefix(s, "sine") {
			args = append(args, s)
			continue
		}
		args = append(args, strings.Fields(s)...)
	}
	if strings.Contains(o.make[0], "base.mp4") {
		execute(t, dir, "ffmpeg", append(append([]string{"-v", "error"}, words(av(x264, aac))...), "base.mp4")...)
	}
	write(t, filepath.Join(dir, "chapters.txt"), ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=4000\ntitle=Beginning\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=4000\nEND=9000\ntitle=Ende für alle\n")
	write(t, filepath.Join(dir, "titles.srt"), "1\n00:00:01,000 --> 00:00:02,000\nHello\n")
	execute(t, dir, "ffmpeg", append(args, name)...)
	file := filepath.Join(dir, name)
	if o.surgery != nil {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, string(o.surgery(t, b)))
	}
	return file
}

func words(list []string) []string {
	var args []string
	for _, s := range list {
		args = append(args, strings.Fields(s)...)
	}
	return args
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every file, read as a plain MP4 and as an HLS stream, must have the source's packets at the source's times.
func TestOddFiles(t *testing.T) {
	testenv.Program(t, "ffmpeg")
	for _, o := range oddities {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			source := o.generate(t, dir)
			m, _ := open(t, source)
			reasons := strings.Join(m.Refusals(), "; ")
			if o.refused == "" && reasons != "" || !strings.Contains(reasons, o.refused) {
				t.Errorf("refused for %q, want %q", reasons, o.refused)
			}
			if o.track != nil && !o.track(m) {
				for _, tr := range m.Tracks {
					t.Errorf("track is %+v", *tr)
				}
			}
			checkReadings(t, source, o)
		})
	}
}

// The films of the demo are real, and so are clips that the project may not pass on: those in the folder MATINEE_CLIPS,
// or beside the project, are tried too.
func TestRealClips(t *testing.T) {
	testenv.Program(t, "ffmpeg")
	folder := os.Getenv("MATINEE_CLIPS")
	if folder == "" {
		folder = "../../../shared/clips"
	}
	clips, err := filepath.Glob("../../content/*.mp4")
	if err != nil || len(clips) == 0 {
		t.Fatalf("the films of the demo are not there: %v", err)
	}
	more, err := filepath.Glob(filepath.Join(folder, "*.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d films of the demo, %d clips of others", len(clips), len(more))
	for _, file := range append(clips, more...) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			checkReadings(t, file, oddity{gaps: filepath.Base(file) == "flower-fragmented.mp4"})
			m, _ := open(t, file)
			if reasons := m.Refusals(); len(reasons) > 0 {
				t.Errorf("refused: %q", reasons)
			}
		})
	}
}

// checkReadings packages a file and compares ffmpeg's readings of it.
func checkReadings(t *testing.T, source string, o oddity) {
	t.Helper()
	m, src := open(t, source)
	sel := m.Select()
	out := filepath.Join(t.TempDir(), "out.mp4")
	l := pack(t, sel, sel.Cuts(), src, out)
	want := packets(t, source, sel, "fatal") // sources may be worth a warning, what we write may not
	compareFrames(t, "plain", want, packets(t, out, sel, "warning"), !o.gaps)
	if !o.trimmed {
		compareFrames(t, "HLS", want, packets(t, playlist(t, l, out), sel, "warning"), false)
	}
}

// packets is what ffmpeg reads of a file: stream, dts, pts, duration, size and hash of each packet, by stream.
func packets(t *testing.T, file string, sel Selection, level string) map[string][][]string {
	t.Helper()
	args := []string{"-v", level, "-nostdin", "-copyts", "-i", file}
	if sel.Video != nil {
		args = append(args, "-map", "0:v:0")
	}
	if sel.Audio != nil {
		args = append(args, "-map", "0:a:0")
	}
	list := map[string][][]string{}
	for line := range strings.Lines(execute(t, "", "ffmpeg", append(args, "-c", "copy", "-f", "framemd5", "-")...)) {
		if f := strings.Split(strings.Join(strings.Fields(line), ""), ","); len(f) >= 6 {
			list[f[0]] = append(list[f[0]], f[:6])
		}
	}
	return list
}

// compareFrames compares two readings. Durations are not compared where they cannot be said: the last packet's of an
// HLS reading is that of the packet, not that of the edit list, and a plain MP4 has no gaps between samples.
func compareFrames(t *testing.T, reading string, want, got map[string][][]string, durations bool) {
	t.Helper()
	for stream := range want {
		if len(got[stream]) != len(want[stream]) {
			t.Errorf("%s: %d packets in stream %s, want %d", reading, len(got[stream]), stream, len(want[stream]))
			continue
		}
		for i, a := range want[stream] {
			b := got[stream][i]
			last := i == len(want[stream])-1
			if !slices.Equal(a[:3], b[:3]) || !slices.Equal(a[4:], b[4:]) || durations && a[3] != b[3] && !last {
				t.Errorf("%s: packet %d of %d is %s, want %s", reading, i, len(want[stream]), b, a)
				break
			}
		}
	}
}

// The last picture of a film with a variable frame rate and reordering lasts until the next one is decoded, which says
// nothing about how long it is seen. A stream ends when the film does, and everything is shown when it was.
func TestLastPictureEndsInTime(t *testing.T) {
	testenv.Program(t, "ffmpeg")
	source := oddity{make: []string{
		"-f lavfi -i", "testsrc2=size=96x72:rate=25:duration=12", "-vf", "select='lt(n,50)+not(mod(n,12))+eq(n,299)'", "-vsync vfr",
		"-c:v libx264 -bf 3 -b_strategy 0 -g 250 -pix_fmt yuv420p -video_track_timescale 90000",
	}}.generate(t, t.TempDir())
	m, src := open(t, source)
	sel := m.Select()
	out := filepath.Join(t.TempDir(), "out.mp4")
	l := pack(t, sel, sel.Cuts(), src, out)
	if length := l.Duration.Round(time.Millisecond); length != 12*time.Second {
		t.Errorf("the stream lasts %v, want 12 s", length)
	}
	for _, file := range []string{source, out} {
		if length := strings.TrimSpace(execute(t, "", "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file)); length != "12.000000" {
			t.Errorf("%s lasts %s s, want 12 s", filepath.Base(file), length)
		}
	}
	const picture, pts, hash = "0", 2, 5
	want := packets(t, source, sel, "fatal")[picture]
	for reading, file := range map[string]string{"plain": out, "HLS": playlist(t, l, out)} {
		got := packets(t, file, sel, "warning")[picture]
		if len(got) != len(want) {
			t.Fatalf("%s: %d packets, want %d", reading, len(got), len(want))
		}
		for i, p := range got {
			if p[pts] != want[i][pts] || p[hash] != want[i][hash] {
				t.Errorf("%s: packet %d is %s, want %s", reading, i, p, want[i])
			}
			if e := end(t, p); e > 12.001 {
				t.Errorf("%s: packet %d is seen until %.3f s", reading, i, e)
			}
		}
	}
}

// end is when a packet of a film with 90000 ticks a second ends, in seconds.
func end(t *testing.T, packet []string) float64 {
	t.Helper()
	at, err := strconv.ParseInt(packet[2], 10, 64)
	length, err2 := strconv.ParseInt(packet[3], 10, 64)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	return float64(at+length) / 90000
}

// What phones write of the place and the device must not be published.
func TestUserDataIsDropped(t *testing.T) {
	dir := t.TempDir()
	args := append([]string{"-v", "error"}, words(av(x264, aac))...)
	args = append(args, "-metadata", "location=+52.5200+013.4050/", "-metadata", "title=Secret", "-metadata:s:v", "handler_name=Secret", "-metadata", "creation_time=2020-01-02T03:04:05Z", "in.mov")
	execute(t, dir, "ffmpeg", args...)
	source, err := os.ReadFile(filepath.Join(dir, "in.mov"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), "+52.5200") || !strings.Contains(string(source), "Secret") {
		t.Fatal("the source does not hold what is to be dropped")
	}
	m, src := open(t, filepath.Join(dir, "in.mov"))
	out := filepath.Join(dir, "out.mp4")
	pack(t, m.Select(), m.Select().Cuts(), src, out)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"52.52", "Secret", "udta", "meta"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("the file still holds %q", secret)
		}
	}
	if tags := execute(t, "", "ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", out); strings.Contains(tags, "creation_time") {
		t.Errorf("the file still says when it was made:\n%s", tags)
	}
}

func TestUnpackageable(t *testing.T) {
	for _, test := range []struct {
		oddity
		want string
	}{
		{oddity{name: "pcm", file: "in.mov", make: av(x264, "-c:a pcm_s16le")}, "its sound is uncompressed (PCM), which has to be converted"},
		{oddity{name: "prores", file: "in.mov", make: av("-c:v prores_ks -profile:v 0", aac)}, "its picture is Apple ProRes"},
		{oddity{name: "mpeg4", make: av("-c:v mpeg4", aac)}, "its picture is MPEG-4 part 2"},
		{oddity{name: "ac3", make: av(x264, "-c:a ac3")}, "its sound is Dolby Digital"},
		{oddity{name: "encrypted", make: av(x264, aac, "-encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb -encryption_kid a7e61c373e219033c21091fa607bf3b8")}, "its picture is encrypted"},
		{oddity{name: "two descriptions", make: av(x264, aac), surgery: secondDescription}, "changes its format midway"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, _ := open(t, test.generate(t, t.TempDir()))
			if reasons := strings.Join(m.Refusals(), "; "); !strings.Contains(reasons, test.want) {
				t.Errorf("refused for %q", reasons)
			}
			sel := m.Select()
			_, err := Plan(sel, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestChapters(t *testing.T) {
	for _, o := range oddities {
		if o.name != "subtitles and chapters" {
			continue
		}
		m, _ := open(t, o.generate(t, t.TempDir()))
		want := []Chapter{{0, "Beginning"}, {4 * time.Second, "Ende für alle"}}
		if len(m.Chapters) != 2 || m.Chapters[0] != want[0] || m.Chapters[1] != want[1] {
			t.Errorf("got %v, want %v", m.Chapters, want)
		}
	}
}
