package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"matinee/internal/mp4"
	"matinee/internal/video"
)

// A film is what is known of a source before it is encoded, and what is to be made of it.
type film struct {
	source  video.Source
	path    string // on disk
	info    Info
	picture *Stream   // nil: sound only
	sounds  []*Stream // the first is muxed, the others are further languages

	copied       *mp4.Track   // the picture as it is; nil: encoded
	copiedSounds []*mp4.Track // of sounds, index by index, those that are kept as they are

	rungs  []rung          // to encode, largest first within a codec
	origin time.Duration   // the time stamp in the file that is 0 in the result
	gop    int             // pictures between keyframes, where they are counted; 0: keyframes every keyframeEvery
	cuts   []time.Duration // of the copied picture: where the others must have keyframes
}

// keyframeEvery is the time between keyframes that we make: players can begin and change rungs there.
const keyframeEvery = 2 * time.Second

// look probes a source and decides what is to be made of it. Without mayCopy, its picture is not taken as it is.
func (e *Encoder) look(ctx context.Context, t tools, job *video.Job, mayCopy bool) (*film, error) {
	s := job.Sources[0]
	f := &film{source: s, path: filepath.Join(e.Dir, filepath.FromSlash(s.Path))}
	var err error
	if f.info, err = e.probe(ctx, f.path); err != nil {
		return nil, e.unreadable(s, err)
	}
	f.choose()
	if f.picture == nil && len(f.sounds) == 0 {
		return nil, e.unreadable(s, errors.New("neither picture nor sound"))
	}
	f.keep(job)
	if !mayCopy {
		f.copied = nil
	}
	f.plan(e)
	if f.copied != nil && e.Heights == nil && (!t.has("libx264") || !f.showable(t)) {
		// Smaller sizes would be welcome, but nobody asked for them.
		f.rungs = slices.DeleteFunc(f.rungs, func(r rung) bool { return !r.av1 })
	}
	return f, e.able(t, f, job)
}

// unreadable refuses what ffprobe cannot make anything of. A slow disk or a missing program is no fault of the file.
func (e *Encoder) unreadable(s video.Source, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrMissing) {
		return err
	}
	what := "not a video file that is understood"
	if kind := mp4.Sniff(s.Head); kind != "" {
		what = fmt.Sprintf("%s, and not a film that ffmpeg can read", kind)
	}
	return &video.Refused{
		Path: s.Path, Reason: fmt.Sprintf("%s (%v)", what, err),
		Hint: "play it to see whether it is whole; if it is not, copy it again",
	}
}

// choose takes the first picture and all sound, what is marked as default first.
func (f *film) choose() {
	for i := range f.info.Streams {
		s := &f.info.Streams[i]
		switch {
		case s.Codec == "":
		case s.Type == "video" && s.Width > 0 && s.Height > 0 && (f.picture == nil || s.Default && !f.picture.Default):
			f.picture = s
		case s.Type == "audio" && s.Channels > 0:
			f.sounds = append(f.sounds, s)
		}
	}
	slices.SortStableFunc(f.sounds, func(a, b *Stream) int {
		switch {
		case a.Default && !b.Default:
			return -1
		case b.Default && !a.Default:
			return 1
		}
		return 0
	})
}

// keep finds the tracks that may be streamed as they are.
func (f *film) keep(job *video.Job) {
	f.copiedSounds = make([]*mp4.Track, len(f.sounds))
	m := f.source.Movie
	if m == nil {
		return
	}
	// Of several picture tracks, ffprobe and we need not take the same.
	alone := len(m.Tracks)-len(slices.DeleteFunc(slices.Clone(m.Tracks), func(t *mp4.Track) bool { return t.Kind == mp4.Video })) == 1
	if v := m.Select().Video; v != nil && alone && f.picture != nil && len((mp4.Selection{Movie: m, Video: v}).Refusals()) == 0 {
		f.copied = v
	}
	// ffprobe lists the tracks of an MP4 in the order of the file. Where it sees others than we do, none is copied.
	var tracks []*mp4.Track
	for _, t := range m.Tracks {
		if t.Kind == mp4.Audio {
			tracks = append(tracks, t)
		}
	}
	streams := slices.Clone(f.sounds)
	slices.SortFunc(streams, func(a, b *Stream) int { return a.Index - b.Index })
	if job.Loudness != 0 || len(tracks) != len(streams) {
		return
	}
	for i, s := range f.sounds {
		t := tracks[slices.Index(streams, s)]
		if t.Samples > 0 && len((mp4.Selection{Movie: m, Audio: t}).Refusals()) == 0 {
			f.copiedSounds[i] = t
		}
	}
}

// plan decides on the rungs and the time line.
func (f *film) plan(e *Encoder) {
	f.origin = f.info.Start
	if f.copied != nil || slices.ContainsFunc(f.copiedSounds, func(t *mp4.Track) bool { return t != nil }) {
		f.origin = 0 // what is copied keeps its time stamps
	}
	if f.picture == nil {
		return
	}
	shown := f.picture.shown()
	if f.copied != nil {
		shown = size{f.copied.Width, f.copied.Height}
		if len(e.Heights) > 0 && shown.lines() > slices.Max(e.Heights) {
			f.copied = nil // larger than what was asked for
		}
	}
	for _, s := range ladder(shown, e.Heights, f.copied != nil) {
		f.rungs = append(f.rungs, rung{width: s.width, height: s.height})
	}
	if e.AV1 {
		for _, s := range ladder(shown, e.Heights, false) {
			f.rungs = append(f.rungs, rung{av1: true, width: s.width, height: s.height})
		}
		f.gop = max(1, int(math.Round(f.rate()*keyframeEvery.Seconds())))
	}
	if f.copied != nil {
		f.cuts = mp4.Selection{Movie: f.source.Movie, Video: f.copied}.Cuts()
		if e.Heights == nil && len(f.rungs) > 0 && !e.AV1 && f.copiedRate() <= everyLine {
			f.rungs = nil // the rule of worth is certain of the outcome
		}
	}
}

// copiedRate is the bit rate of the copied picture.
func (f *film) copiedRate() int {
	return rateOf(mp4.Selection{Movie: f.source.Movie, Video: f.copied})
}

// rateOf is the average bit rate of a selection.
func rateOf(s mp4.Selection) int {
	l, err := mp4.Plan(s, s.Cuts())
	if err != nil {
		return math.MaxInt
	}
	return l.AverageBandwidth
}

// fastest is the largest number of pictures per second that plays everywhere; a little over 60 is measuring error.
const fastest = 60.05

// rate is how many pictures per second come out.
func (f *film) rate() float64 {
	in := f.picture.FrameRate
	if in <= 0 || math.IsNaN(in) || in > 1e5 {
		return 25
	}
	return in / math.Ceil(in/fastest)
}

// enough is the bit rate, in kbit/s, beyond which an encoding only keeps the mistakes of the one before it better: twice
// that of the file, three times where its codec needs less for the same picture than H.264 does.
func (f *film) enough() int {
	if f.info.Duration < time.Second {
		return math.MaxInt
	}
	times := 2.0
	if slices.Contains([]string{"hevc", "vp9", "av1", "vvc"}, f.picture.Codec) {
		times = 3
	}
	return max(200, int(times*float64(f.source.Size)*8/1000/f.info.Duration.Seconds()))
}

// hdr tells whether the picture is of high dynamic range.
func (s *Stream) hdr() bool { return s.Transfer == "smpte2084" || s.Transfer == "arib-std-b67" }

// interlaced tells whether the picture may consist of fields.
func (s *Stream) interlaced() bool {
	switch s.FieldOrder {
	case "progressive":
		return false
	case "":
		return slices.Contains([]string{"mpeg1video", "mpeg2video", "dvvideo", "h264", "mpeg4", "vc1", "prores", "dnxhd"}, s.Codec)
	}
	return true
}

// transparent tells whether something shows through the picture.
func (s *Stream) transparent() bool {
	if s.Alpha {
		return true
	}
	for _, p := range []string{"yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8", "ayuv"} {
		if strings.HasPrefix(s.PixelFormat, p) {
			return true
		}
	}
	return false
}

// encodes tells whether anything has to be encoded.
func (f *film) encodes() bool {
	return len(f.rungs) > 0 || slices.Contains(f.copiedSounds, nil)
}

// showable tells whether ffmpeg can make of the picture what other screens show.
func (f *film) showable(t tools) bool { return !f.picture.hdr() || t.has("zscale", "tonemap") }

// able says what ffmpeg would need to encode the film, and lacks.
func (e *Encoder) able(t tools, f *film, job *video.Job) error {
	lacks := func(what, need, instead string) error {
		return &video.Refused{
			Path: job.Sources[0].Path, Reason: fmt.Sprintf("%s, and the ffmpeg on this machine (%s) has no %s", what, t.Version, need),
			Hint: instead + "install an ffmpeg that was built with " + need + ", as those of most systems and of ffmpeg.org are",
		}
	}
	switch {
	case slices.ContainsFunc(f.rungs, func(r rung) bool { return !r.av1 }) && !t.has("libx264"):
		return lacks("it has to be encoded as H.264", "libx264", "")
	case slices.ContainsFunc(f.rungs, func(r rung) bool { return r.av1 }) && !t.has("libsvtav1"):
		return lacks("AV1 was asked for (streaming.ladder.codecs)", "libsvtav1", "leave av1 out of streaming.ladder.codecs, or ")
	case len(f.rungs) > 0 && !f.showable(t):
		return lacks("its picture is HDR, which other screens show grey", "zscale and tonemap filters (libzimg)", "")
	case slices.Contains(f.copiedSounds, nil) && !t.has("aac"):
		return lacks("its sound has to be encoded", "aac", "")
	case job.Loudness != 0 && len(f.sounds) > 0 && !t.has("loudnorm"):
		return lacks("its loudness is to be changed", "loudnorm", "leave audio.loudness out, or ")
	}
	return nil
}

// containers whose time stamps and index are good enough to begin anywhere, and how long before the place to begin.
// The others (AVI, MPEG programme streams, raw streams) are encoded in one go.
var seekable = map[string]time.Duration{
	"mov": time.Second, "matroska": time.Second, "flv": 15 * time.Second, "mpegts": 15 * time.Second,
}

// lead is how long before a place decoding has to begin; ok is false where it has to begin at the start.
func (f *film) lead() (lead time.Duration, ok bool) {
	name, _, _ := strings.Cut(f.info.Format, ",")
	lead, ok = seekable[name]
	return lead, ok
}
