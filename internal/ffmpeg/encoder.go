package ffmpeg

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"matinee/internal/mp4"
	"matinee/internal/video"
)

// An Encoder makes streams of whatever ffmpeg can decode. Its zero value needs Dir and Cache.
type Encoder struct {
	CLI        CLI
	Dir        string        // the site's folder on disk, in which sources lie
	Cache      string        // folder on disk in which it is remembered what ffmpeg can do
	Heights    []int         // of the rungs, in lines; nil: what each film deserves
	AV1        bool          // rungs of AV1 beside those of H.264
	Background string        // what shows through transparent pictures, as "#rrggbb"; "": white
	Stretch    time.Duration // how much of a long film is encoded at a time, and lost when killed; 0: a minute

	probes sync.Map // of path to Info: Check has seen what Encode needs
}

// probe asks once what a file is.
func (e *Encoder) probe(ctx context.Context, path string) (Info, error) {
	if known, ok := e.probes.Load(path); ok {
		return known.(Info), nil
	}
	info, err := e.CLI.Probe(ctx, path)
	if err == nil {
		e.probes.Store(path, info)
	}
	return info, err
}

var _ video.Encoder = (*Encoder)(nil)

// recipeVersion changes when anything about the result does that the rest of the recipe does not name.
const recipeVersion = "ffmpeg 3"

// Recipe names our version, ffmpeg's, and what is asked of both. It starts ffmpeg when it is another than last time.
func (e *Encoder) Recipe(ctx context.Context, w video.Wish) (string, error) {
	t, err := e.CLI.recall(ctx, e.Cache)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; %s; heights %v; av1 %v; background %s; loudness %g", recipeVersion, t.id(forStreams), e.Heights, e.AV1, e.Background, w.Loudness), nil
}

// Check probes what cannot be streamed as it is and refuses what cannot be encoded either.
func (e *Encoder) Check(ctx context.Context, job *video.Job) error {
	if len(job.Sources) > 1 {
		return e.untouched(ctx, job)
	}
	t, err := e.CLI.recall(ctx, e.Cache)
	if err != nil {
		return err
	}
	if e.sufficient(t, job) {
		return e.untouched(ctx, job)
	}
	_, err = e.look(ctx, t, job, true)
	return err
}

// sufficient tells, without a process, that the source needs no encoding, and that ffmpeg has what it takes to make more
// of it where that was asked for.
func (e *Encoder) sufficient(t tools, job *video.Job) bool {
	m := job.Sources[0].Movie
	return m != nil && len(m.Refusals()) == 0 && job.Loudness == 0 &&
		(e.Heights == nil || t.has("libx264")) && (!e.AV1 || t.has("libsvtav1"))
}

// untouched refuses sources that cannot be streamed as they are, such as several encodes that the author made: they are a
// ladder, and taken as they are.
func (e *Encoder) untouched(ctx context.Context, job *video.Job) error {
	err := video.Copy{Describe: e.describe}.Check(ctx, job)
	if refused, ok := errors.AsType[*video.Refused](err); ok && len(job.Sources) > 1 {
		refused.Hint = "name the largest encode alone, without renditions: the smaller ones are made from it"
	}
	return err
}

// describe says what a file holds.
func (e *Encoder) describe(ctx context.Context, name string) (string, error) {
	info, err := e.CLI.Probe(ctx, filepath.Join(e.Dir, filepath.FromSlash(name)))
	return info.String(), err
}

// Encode makes the rungs of a film. What may be streamed as it is, picture or sound, is taken as it is.
func (e *Encoder) Encode(ctx context.Context, job *video.Job) ([]video.Source, error) {
	if len(job.Sources) > 1 {
		return job.Sources, e.untouched(ctx, job)
	}
	t, err := e.CLI.recall(ctx, e.Cache)
	if err != nil {
		return nil, err
	}
	f, err := e.look(ctx, t, job, true)
	if err != nil {
		return nil, err
	}
	if !f.encodes() {
		return job.Sources, nil
	}
	w := &work{Encoder: e, tools: t, film: f, job: job}
	rungs, err := w.encode(ctx)
	if err == nil && job.Damage != "" && f.copied != nil {
		// Browsers give up at a picture that they cannot decode, and the copy still has it.
		if w.film, err = e.look(ctx, t, job, false); err == nil {
			w.sounds = nil
			rungs, err = w.encode(ctx)
		}
	}
	if job.Damage != "" && w.missing > 0 {
		job.Damage += fmt.Sprintf("; %.2f s of %.2f s is missing", w.missing.Seconds(), f.info.Duration.Seconds())
	}
	if errors.Is(err, syscall.ENOSPC) {
		return nil, &video.CacheError{Op: "encode " + f.source.Path, Err: syscall.ENOSPC}
	}
	if _, cache := errors.AsType[*video.CacheError](err); err == nil || cache || ctx.Err() != nil {
		return rungs, err
	}
	return nil, fmt.Errorf("cannot be encoded: %w", err)
}

// A work is one film being encoded.
type work struct {
	*Encoder
	tools tools
	film  *film
	job   *video.Job

	sounds  [][]mp4.Piece // one track each
	missing time.Duration // how much less there is to be seen and heard than the file announces
}

// encode makes everything of the film that is not copied and joins it with what is.
func (w *work) encode(ctx context.Context) ([]video.Source, error) {
	f := w.film
	stretches := w.stretches()
	together := len(stretches) == 1 // picture and sound in one run: one decoding, one process
	var pictures [][]mp4.Piece      // by rung
	var err error
	if !together || len(f.rungs) == 0 {
		if err = w.encodeSounds(ctx); err != nil {
			return nil, err
		}
	}
	if len(f.rungs) > 0 {
		if pictures, err = w.encodePictures(ctx, stretches, together); err != nil {
			return nil, err
		}
	}
	if err := w.checkLength(pictures); err != nil {
		return nil, err
	}
	w.noteMissing(pictures)
	return w.assemble(pictures)
}

// Long films are encoded in stretches, so that a build that is killed loses little.
const (
	longFilm     = 2 // stretches: shorter films are encoded in one go
	usualStretch = time.Minute
)

// stretches divides the film. Pictures copied from the source have their keyframes where they are, so the stretches
// are divided there too.
func (w *work) stretches() []stretch {
	f := w.film
	length := cmp.Or(w.Stretch, usualStretch)
	whole := []stretch{{}}
	if _, ok := f.lead(); !ok || f.info.Duration < longFilm*length || len(f.rungs) == 0 {
		return whole
	}
	end := f.info.Start - f.origin + f.info.Duration
	var starts []time.Duration
	for at := length; at <= end-length/2; at += length {
		cut := at
		if f.copied != nil {
			i := slices.IndexFunc(f.cuts, func(c time.Duration) bool { return c >= at })
			if i < 0 {
				break
			}
			cut = f.cuts[i] - slack
			at = f.cuts[i] / length * length
		}
		starts = append(starts, cut)
	}
	list := whole
	for _, at := range starts {
		list[len(list)-1].to = at
		list = append(list, stretch{from: at})
	}
	return list
}

// slack is how much earlier than a keyframe of the copied picture one is asked for: its time in seconds is rounded, and
// a keyframe comes with the first picture at or after the time. It is shorter than any picture lasts.
const slack = 3 * time.Millisecond

// encodePictures encodes the pictures of all rungs, a stretch at a time, and with together the sound too.
func (w *work) encodePictures(ctx context.Context, stretches []stretch, together bool) ([][]mp4.Piece, error) {
	f := w.film
	pictures := make([][]mp4.Piece, len(f.rungs))
	for _, s := range stretches {
		dir, err := w.keep(fmt.Sprintf("pictures%d-%d-%d", len(f.rungs), s.from.Milliseconds(), s.to.Milliseconds()), len(stretches) > 1, func(dir string) error {
			args := w.input(s)
			graph := f.graph(s, w.Background)
			var outputs []string
			if together {
				sounds, more, err := w.soundOutputs(ctx, dir)
				if err != nil {
					return err
				}
				graph += sounds
				outputs = more
			}
			args = append(args, "-filter_complex", graph)
			for i, r := range f.rungs {
				args = append(args, w.pictureOutput(i, r, s, dir)...)
			}
			return w.run(ctx, s, dir, append(args, outputs...))
		})
		if err != nil {
			return nil, err
		}
		for i := range f.rungs {
			p, err := w.piece(filepath.Join(dir, pictureName(i)), mp4.Video, s.from)
			if err != nil {
				return nil, err
			}
			pictures[i] = append(pictures[i], p)
		}
		if together {
			if err := w.openSounds(dir); err != nil {
				return nil, err
			}
		}
	}
	return pictures, nil
}

// encodeSounds encodes the sound tracks that are not copied, in one process, whole: sound cut into pieces would click
// where they meet.
func (w *work) encodeSounds(ctx context.Context) error {
	dir := ""
	if slices.Contains(w.film.copiedSounds, nil) {
		var err error
		dir, err = w.keep("sound", true, func(dir string) error {
			graph, outputs, err := w.soundOutputs(ctx, dir)
			if err != nil {
				return err
			}
			args := append(w.input(stretch{}), "-filter_complex", strings.TrimPrefix(graph, ";"))
			return w.run(ctx, stretch{}, dir, append(args, outputs...))
		})
		if err != nil {
			return err
		}
	}
	return w.openSounds(dir)
}

// keep does a part of the work in a folder that, with last, outlives an interruption.
func (w *work) keep(name string, last bool, do func(dir string) error) (dir string, err error) {
	if last {
		dir, err = w.job.Keep(name, do)
	} else {
		dir = filepath.Join(w.job.Dir, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", &video.CacheError{Op: "make a folder", Err: err}
		}
		err = do(dir)
	}
	if err == nil {
		w.noteDamage(dir)
	}
	return dir, err
}

func pictureName(rung int) string { return fmt.Sprintf("v%d.mp4", rung) }
func soundName(track int) string  { return fmt.Sprintf("a%d.mp4", track) }

// input are the arguments up to and including the source. Time stamps are those of the file, and decoding begins some
// time before the stretch: the filters cut it to the picture, by the same time stamps at the end of one stretch and
// the beginning of the next, whatever seeking makes of it.
func (w *work) input(s stretch) []string {
	f := w.film
	args := []string{
		"-nostdin", "-hide_banner", "-v", "error", "-xerror", "-y", "-nostats", "-progress", "pipe:1", "-stats_period", "0.5", "-copyts",
	}
	if f.picture != nil && f.picture.Alpha {
		// FFmpeg's own decoders of VP8 and VP9 do not see transparency.
		if decoder := map[string]string{"vp8": "libvpx", "vp9": "libvpx-vp9"}[f.picture.Codec]; w.tools.has(decoder) {
			args = append(args, "-c:v", decoder)
		}
	}
	lead, _ := f.lead()
	if at := f.origin + s.from - f.info.Start - lead; s.from > 0 && at > 0 {
		args = append(args, "-noaccurate_seek", "-ss", secs(at))
	}
	return append(args, input(f.path)...)
}

// pictureOutput are the arguments that encode one rung.
func (w *work) pictureOutput(i int, r rung, s stretch, dir string) []string {
	f := w.film
	kbit := min(r.cap(f.rate()), f.enough())
	args := []string{"-map", fmt.Sprintf("[v%d]", i), "-fps_mode", "vfr", "-enc_time_base", fmt.Sprintf("1:%d", ticks)}
	if r.av1 {
		args = append(args, "-c:v", "libsvtav1", "-preset", "10", "-crf", "35", "-g", strconv.Itoa(f.gop))
	} else {
		args = append(args, "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", "21",
			"-threads", strconv.Itoa(threads(f.rungs, i, runtime.GOMAXPROCS(0))),
			"-maxrate", fmt.Sprintf("%dk", kbit), "-bufsize", fmt.Sprintf("%dk", 2*kbit),
			"-sc_threshold", "0", "-x264-params", "open-gop=0", "-force_key_frames", w.keyframes(s))
		if f.gop > 0 && f.copied == nil {
			args = append(args, "-g", strconv.Itoa(f.gop))
		} else {
			args = append(args, "-g", strconv.Itoa(int(f.rate()*4*keyframeEvery.Seconds())+1)) // those asked for are enough
		}
	}
	return append(args, w.container(filepath.Join(dir, pictureName(i)))...)
}

// container are the arguments that write an MP4 with exact times and nothing of the source's tags.
func (w *work) container(file string) []string {
	return []string{
		"-map_metadata", "-1", "-map_chapters", "-1", "-movie_timescale", strconv.Itoa(ticks), "-video_track_timescale", strconv.Itoa(ticks),
		"-f", "mp4", fileURL(file),
	}
}

// keyframes says where keyframes are wanted, in the time of the stretch.
func (w *work) keyframes(s stretch) string {
	f := w.film
	if f.copied == nil {
		if f.gop > 0 {
			return fmt.Sprintf("expr:eq(mod(n,%d),0)", f.gop)
		}
		return fmt.Sprintf("expr:gte(t,n_forced*%g)", keyframeEvery.Seconds())
	}
	times := []string{"0"}
	for _, c := range f.cuts {
		if at := c - slack; at > s.from && (s.to == 0 || at < s.to) {
			times = append(times, secs(at-s.from))
		}
	}
	return strings.Join(times, ",")
}

// soundOutputs are the part of the filter graph and the arguments that encode the sound tracks that are not copied.
func (w *work) soundOutputs(ctx context.Context, dir string) (graph string, args []string, err error) {
	f := w.film
	for i, s := range f.sounds {
		if f.copiedSounds[i] != nil {
			continue
		}
		loudness := ""
		if w.job.Loudness != 0 {
			if loudness, err = w.measure(ctx, s); err != nil {
				return "", nil, err
			}
		}
		graph += fmt.Sprintf(";[0:%d]%s[a%d]", s.Index, f.soundChain(loudness), i)
		channels := min(s.Channels, 2)
		args = append(args, "-map", fmt.Sprintf("[a%d]", i), "-c:a", "aac", "-ac", strconv.Itoa(channels), "-ar", "48000", "-b:a", fmt.Sprintf("%dk", 32+48*channels))
		args = append(args, w.container(filepath.Join(dir, soundName(i)))...)
	}
	return graph, args, nil
}

// openSounds collects the sound tracks, those of the source and those encoded into dir.
func (w *work) openSounds(dir string) error {
	f := w.film
	for i, s := range f.sounds {
		if t := f.copiedSounds[i]; t != nil {
			w.sounds = append(w.sounds, []mp4.Piece{{Movie: f.source.Movie, Track: t, Data: f.source.Data}})
			continue
		}
		p, err := w.piece(filepath.Join(dir, soundName(i)), mp4.Audio, 0)
		if errors.Is(err, errNothing) && (f.picture != nil || i > 0) {
			continue // a track that is announced and never comes is no loss
		}
		if err != nil {
			return err
		}
		p.Track.SetLanguage(s.Language)
		w.sounds = append(w.sounds, []mp4.Piece{p})
	}
	return nil
}

// errNothing says that a file that was made is empty.
var errNothing = errors.New("nothing comes out")

// piece opens a file that ffmpeg made of one track.
func (w *work) piece(name string, kind mp4.Kind, at time.Duration) (mp4.Piece, error) {
	s, err := w.job.Open(name)
	if err != nil {
		return mp4.Piece{}, err
	}
	if s.Movie == nil {
		return mp4.Piece{}, errNothing
	}
	for _, t := range s.Movie.Tracks {
		if t.Kind == kind && t.Samples > 0 {
			return mp4.Piece{Movie: s.Movie, Track: t, Data: s.Data, At: at}, nil
		}
	}
	return mp4.Piece{}, errNothing
}

// run runs ffmpeg for a stretch, with its output in dir, under a watch.
func (w *work) run(ctx context.Context, s stretch, dir string, args []string) error {
	f := w.film
	length := f.info.Duration
	if s.to > 0 {
		length = s.to - s.from
	} else if s.from > 0 {
		length -= s.from
	}
	watch := watch{
		stall: 5 * time.Minute, limit: time.Hour + 200*length, longer: f.longest(length), size: w.sizeLimit(dir, length),
	}
	if len(f.rungs) > 0 {
		watch.rate = f.rate()
	}
	started := time.Now()
	watch.report = func(done time.Duration) {
		if w.job.Report != nil {
			speed := done.Seconds() / max(time.Since(started).Seconds(), 0.001)
			w.job.Report(f.upTo(s.from+done), f.info.Duration, speed)
		}
	}
	said, err := w.CLI.encode(ctx, watch, args...)
	if _, broken := errors.AsType[*verdict](err); broken {
		// Films from old discs and bad lines are often damaged in a place or two, and still worth seeing: once more, with
		// what can be decoded. How much that is, checkLength judges.
		said, err = w.CLI.encode(ctx, watch, patient(args)...)
	} else if !strings.Contains(said, "[h264 @") { // its decoder hides some damage, and says so
		return err
	}
	if err != nil {
		return err
	}
	text := complaint(said, errors.New("of unknown kind"))
	if err := os.WriteFile(filepath.Join(dir, damageName), []byte(text), 0o666); err != nil { //nolint:gosec // like all of the cache
		return &video.CacheError{Op: "write " + damageName, Err: err}
	}
	return nil
}

// patient are the arguments of an encoding that leaves out what cannot be decoded.
func patient(args []string) []string {
	return append([]string{"-max_error_rate", "1"}, slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-xerror" })...)
}

// damageName is the file beside what was encoded that says what could not be decoded; it is kept with finished parts.
const damageName = "damage"

// noteDamage tells the job of damage found in a part.
func (w *work) noteDamage(dir string) {
	if said, err := os.ReadFile(filepath.Join(dir, damageName)); err == nil && w.job.Damage == "" {
		w.job.Damage = string(said)
	}
}

// upTo is a time of the film, where its end is known not after it.
func (f *film) upTo(at time.Duration) time.Duration {
	if f.info.Duration > 0 {
		return min(at, f.info.Duration)
	}
	return at
}

// longest is how much may come out of a film that says how long it is.
func (f *film) longest(length time.Duration) time.Duration {
	if f.info.Duration == 0 {
		return 0
	}
	return 2*length + 2*time.Minute
}

// sizeLimit watches over the size of what is written: no encoding takes more than some times its bit rates' worth.
func (w *work) sizeLimit(dir string, length time.Duration) func() error {
	kbit := 1000
	for _, r := range w.film.rungs {
		kbit += r.cap(w.film.rate())
	}
	if length == 0 {
		length = 24 * time.Hour
	}
	limit := int64(4*float64(kbit)*125*length.Seconds()) + 64<<20
	return func() error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil //nolint:nilerr // whoever writes there will tell
		}
		var total int64
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
		}
		if total > limit {
			return fmt.Errorf("%d MB have come out of a film of %v", total>>20, length.Round(time.Second))
		}
		return nil
	}
}

// mostMissing is how much shorter than announced a film may come out: announcements count tracks that are not encoded,
// and are rounded.
func mostMissing(length time.Duration) time.Duration { return max(500*time.Millisecond, length/50) }

// checkLength compares what came out with what the file announces, because ffmpeg takes a file that ends too early for
// one that ends. Formats that announce nothing are guessed at by ffprobe, and not held to it.
func (w *work) checkLength(pictures [][]mp4.Piece) error {
	f := w.film
	if w.job.Damage != "" && w.few(pictures) {
		return &video.Refused{
			Path: f.source.Path, Reason: "damaged: less than half of its pictures can be decoded (" + w.job.Damage + ")",
			Hint: "copy it again from where it came from",
		}
	}
	name, _, _ := strings.Cut(f.info.Format, ",")
	if !slices.Contains([]string{"mov", "matroska", "avi", "flv", "asf", "wav", "flac"}, name) || f.info.Duration == 0 {
		return nil
	}
	end := time.Duration(0)
	for _, pieces := range slices.Concat(pictures, w.sounds) {
		last := pieces[len(pieces)-1]
		end = max(end, last.At+last.Track.Start+last.Track.Duration)
	}
	if f.copied != nil {
		end = max(end, f.copied.Start+f.copied.Duration)
	}
	length := f.info.Duration
	if p := f.picture; w.job.Damage != "" && p != nil && p.FrameRate > 0 { // the length of a damaged file is guessed at, too
		length = max(length, min(time.Duration(float64(p.Pictures)/p.FrameRate*float64(time.Second)), 10*length))
	}
	want := f.info.Start - f.origin + length
	if want-end > mostMissing(want) {
		return &video.Refused{
			Path:   f.source.Path,
			Reason: fmt.Sprintf("truncated or damaged: it says that it lasts %v, and ends after %v", want.Round(10*time.Millisecond), end.Round(10*time.Millisecond)),
			Hint:   "copy it again from where it came from",
		}
	}
	return nil
}

// noteMissing compares how long the film is to be seen or heard with what the file announces. What is missing from its
// middle is not counted: the picture before it stands meanwhile.
func (w *work) noteMissing(pictures [][]mp4.Piece) {
	begin, end := time.Duration(math.MaxInt64), time.Duration(0)
	for _, pieces := range slices.Concat(pictures, w.sounds) {
		first, last := pieces[0], pieces[len(pieces)-1]
		begin, end = min(begin, first.At+first.Track.Start), max(end, last.At+last.Track.Start+last.Track.Duration)
	}
	if c := w.film.copied; c != nil {
		begin, end = min(begin, c.Start), max(end, c.Start+c.Duration)
	}
	if w.missing = max(w.film.info.Duration-(end-begin), 0); w.missing < 20*time.Millisecond {
		w.missing = 0 // rounded
	}
}

// few tells whether less than half of a damaged film's pictures could be decoded.
func (w *work) few(pictures [][]mp4.Piece) bool {
	f := w.film
	if len(pictures) == 0 || f.picture.FrameRate <= 0 {
		return false
	}
	n := 0
	for _, p := range pictures[0] {
		n += p.Track.Samples
	}
	return float64(n) < 0.5*f.rate()*f.info.Duration.Seconds()
}

// assemble joins each rung's picture with the sound, and leaves out rungs that are not worth their room.
func (w *work) assemble(pictures [][]mp4.Piece) ([]video.Source, error) {
	f := w.film
	if f.picture == nil {
		return w.one(nil, "sound")
	}
	type made struct {
		pieces []mp4.Piece
		rung   rung
	}
	var list []made
	if f.copied != nil {
		list = append(list, made{pieces: []mp4.Piece{{Movie: f.source.Movie, Track: f.copied, Data: f.source.Data}}})
	}
	for i, p := range pictures {
		list = append(list, made{pieces: p, rung: f.rungs[i]})
	}
	var sources []video.Source
	for _, av1 := range []bool{false, true} {
		var family []made
		var rates []int
		for _, m := range list {
			if m.rung.av1 != av1 {
				continue
			}
			s, err := joined(m.pieces)
			if err != nil {
				return nil, err
			}
			family, rates = append(family, m), append(rates, rateOf(s.Movie.Select()))
		}
		keep := worth(rates)
		for i, m := range family {
			if w.Heights == nil && !keep[i] {
				continue
			}
			if m.rung == (rung{}) && !slices.Contains(f.copiedSounds, nil) {
				sources = append(sources, f.source)
				continue
			}
			more, err := w.one(m.pieces, m.rung.String())
			if err != nil {
				return nil, err
			}
			sources = append(sources, more...)
		}
	}
	return sources, nil
}

// one is a rung with all the sound.
func (w *work) one(picture []mp4.Piece, name string) ([]video.Source, error) {
	tracks := w.sounds
	if picture != nil {
		tracks = append([][]mp4.Piece{picture}, tracks...)
	}
	s, err := joined(tracks...)
	if err != nil {
		return nil, err
	}
	s.Path = w.film.source.Path + " (" + name + ")"
	if m := w.film.source.Movie; m != nil {
		s.Movie.Chapters = m.Chapters
	}
	return []video.Source{s}, nil
}

// joined is a source made of tracks that lie in several files.
func joined(tracks ...[]mp4.Piece) (video.Source, error) {
	m, data, err := mp4.Join(tracks...)
	if err != nil {
		return video.Source{}, err
	}
	return video.Source{Movie: m, Data: data}, nil
}

// measure has the loudness of a sound track measured, and returns the filter that makes it what is asked for. One gain
// for the whole needs two passes over the sound; in one, quiet passages would be made loud.
func (w *work) measure(ctx context.Context, s *Stream) (string, error) {
	target := fmt.Sprintf("loudnorm=I=%g:TP=-1.5:LRA=20", w.job.Loudness)
	args := append(w.input(stretch{}), "-map", fmt.Sprintf("0:%d", s.Index), "-af", target+":print_format=json", "-f", "null", "-")
	args[slices.Index(args, "error")] = "info" // where the filter tells
	stderr, err := w.CLI.encode(ctx, watch{stall: 5 * time.Minute, limit: time.Hour + w.film.info.Duration}, args...)
	if err != nil {
		return "", err
	}
	var m struct {
		I      string `json:"input_i"`
		Peak   string `json:"input_tp"`
		Range  string `json:"input_lra"`
		Thresh string `json:"input_thresh"`
		Offset string `json:"target_offset"`
	}
	start, end := strings.LastIndex(stderr, "{"), strings.LastIndex(stderr, "}")
	if start < 0 || end < start || json.Unmarshal([]byte(stderr[start:end+1]), &m) != nil {
		return "", errors.New("ffmpeg did not tell the loudness of the sound")
	}
	for _, v := range []string{m.I, m.Peak, m.Range, m.Thresh, m.Offset} {
		if n, err := strconv.ParseFloat(v, 64); err != nil || n < -99 || n > 99 { // "-inf": silence
			return "", nil //nolint:nilerr // there is nothing to be made louder
		}
	}
	return fmt.Sprintf("%s:measured_I=%s:measured_TP=%s:measured_LRA=%s:measured_thresh=%s:offset=%s:linear=true",
		target, m.I, m.Peak, m.Range, m.Thresh, m.Offset), nil
}
