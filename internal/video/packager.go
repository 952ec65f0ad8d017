package video

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"matinee/internal/hls"
	"matinee/internal/mp4"
)

// A rung is one file of a stream to be written: a rendition, or one more language of the sound.
type rung struct {
	Rendition // Bandwidth and AverageBandwidth are its own, without an audio group
	source    Source
	layout    *mp4.Layout
	audio     *mp4.Track // of a rung of sound only
}

// A ladder is everything a stream will consist of, before a byte of it is written.
type ladder struct {
	rungs []*rung // lowest bandwidth first
	audio []*rung // further languages
	top   *mp4.Movie
	main  mp4.Selection // of the top rung
}

// plan lays out the rungs of a film and cuts them at common times.
func plan(sources []Source) (*ladder, error) {
	sources = slices.Clone(sources)
	slices.SortStableFunc(sources, func(a, b Source) int { return cmp.Compare(lines(a), lines(b)) })
	top := sources[0]
	for _, s := range sources {
		if codec(s) != codecAV1 || codec(top) == codecAV1 {
			top = s // the largest that every browser plays
		}
	}
	l := &ladder{top: top.Movie, main: top.Movie.Select()}
	selections := make([]mp4.Selection, len(sources))
	for i, s := range sources {
		selections[i] = s.Movie.Select()
	}
	aligned := map[*mp4.Movie]mp4.Selection{}
	for i, sel := range mp4.Align(selections) {
		aligned[sources[i].Movie] = sel
	}
	var cuts []time.Duration // of the top rung, at last
	for _, family := range families(sources) {
		var err error
		if cuts, err = commonCuts(family); err != nil {
			return nil, err
		}
		for _, s := range family {
			r, err := newRung(s, aligned[s.Movie], cuts)
			if err != nil {
				return nil, err
			}
			r.Label = label(r.Rendition, l.rungs)
			l.rungs = append(l.rungs, r)
		}
	}
	// What every browser plays comes first: players begin with the first rendition they understand.
	slices.SortStableFunc(l.rungs, func(a, b *rung) int {
		if av1 := a.isAV1(); av1 != b.isAV1() {
			return map[bool]int{true: 1, false: -1}[av1]
		}
		return cmp.Compare(a.Bandwidth, b.Bandwidth)
	})
	if l.main.Video == nil {
		return l, nil
	}
	for _, t := range top.Movie.Tracks {
		if t.Kind != mp4.Audio || t == l.main.Audio {
			continue
		}
		r, err := newRung(top, mp4.Selection{Movie: top.Movie, Audio: t}, cuts)
		if err != nil {
			return nil, err
		}
		r.audio = t
		r.Label = audioLabel(t, l.audio)
		l.audio = append(l.audio, r)
	}
	return l, nil
}

// families divides sources by codec, the family of H.264 last. Only within a family have the encodes keyframes at common
// times, and only within one does a player change from one to another.
func families(sources []Source) [][]Source {
	var av1, rest []Source
	for _, s := range sources {
		if codec(s) == codecAV1 {
			av1 = append(av1, s)
		} else {
			rest = append(rest, s)
		}
	}
	if len(av1) == 0 || len(rest) == 0 {
		return [][]Source{sources}
	}
	return [][]Source{av1, rest}
}

const codecAV1 = "av01"

func (r Rendition) isAV1() bool { return strings.HasPrefix(r.Codecs, codecAV1) }

// codec is the family of a source's picture: "avc1", "av01".
func codec(s Source) string {
	if v := s.Movie.Select().Video; v != nil {
		name, _, _ := strings.Cut(v.Codec, ".")
		return name
	}
	return ""
}

// lines is the shorter side of a picture: what people call 720p also when the picture stands upright.
func lines(s Source) int {
	if v := s.Movie.Select().Video; v != nil {
		return min(v.Width, v.Height)
	}
	return 0
}

func commonCuts(sources []Source) ([]time.Duration, error) {
	selections := make([]mp4.Selection, len(sources))
	for i, s := range sources {
		selections[i] = s.Movie.Select()
	}
	return mp4.CommonCuts(selections...)
}

func newRung(s Source, sel mp4.Selection, cuts []time.Duration) (*rung, error) {
	layout, err := mp4.Plan(sel, cuts)
	if err != nil {
		return nil, &Refused{Path: s.Path, Reason: err.Error(), Hint: convert(s)}
	}
	return &rung{source: s, layout: layout, Rendition: Rendition{
		Size: layout.Size, Width: layout.Width, Height: layout.Height, FrameRate: layout.FrameRate,
		Bandwidth: layout.Bandwidth, AverageBandwidth: layout.AverageBandwidth, Codecs: layout.Codecs,
	}}, nil
}

// label names a rung by its lines, "720p", and its codec if that is not H.264, "720p-av1", and counts rungs of the same
// name: "720p-2".
func label(r Rendition, others []*rung) string {
	base := "audio"
	if r.Width > 0 {
		base = fmt.Sprintf("%dp", min(r.Width, r.Height))
	}
	if r.isAV1() {
		base += "-av1"
	}
	return uniqueLabel(base, others)
}

// audioLabel names a rung of sound by its language: "audio-de".
func audioLabel(t *mp4.Track, others []*rung) string {
	return uniqueLabel("audio-"+cmp.Or(t.Language, "und"), others)
}

func uniqueLabel(base string, others []*rung) string {
	return unique(base, "-", func(name string) bool {
		return slices.ContainsFunc(others, func(r *rung) bool { return r.Label == name })
	})
}

// unique is a name or, where it is taken, the name and the first number from 2 on with which it is not.
func unique(name, between string, taken func(name string) bool) string {
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprint(name, between, n)
	}
	return free
}

// uniqueName is a NAME that none of the others in a group of renditions has.
func uniqueName(name string, others []hls.Rendition) string {
	return unique(name, " ", func(name string) bool {
		return slices.ContainsFunc(others, func(r hls.Rendition) bool { return r.Name == name })
	})
}

// A packager writes the files of a stream into a folder.
type packager struct {
	dir    string
	report func(done, total int64)

	files []streamFile
	done  int64
	total int64
}

// run packages rungs and describes the result. Sources are read once, from front to back.
func (p *packager) run(ctx context.Context, sources []Source) (*stream, error) {
	l, err := plan(sources)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, cacheError("make "+p.dir, err)
	}
	all := slices.Concat(l.rungs, l.audio)
	for _, r := range all {
		p.total += r.Size
	}
	for _, r := range all {
		if err := p.writeRung(ctx, r); err != nil {
			return nil, err
		}
	}
	master, err := l.master().Marshal()
	if err != nil {
		return nil, err
	}
	if err := p.write(masterName, master); err != nil {
		return nil, err
	}
	return p.describe(l), nil
}

// writeRung writes the MP4 of a rung and its media playlist.
func (p *packager) writeRung(ctx context.Context, r *rung) error {
	r.Path, r.Playlist = r.Label+".mp4", r.Label+".m3u8"
	f, err := os.Create(filepath.Join(p.dir, r.Path))
	if err != nil {
		return cacheError("write "+r.Path, err)
	}
	w := &meter{ctx: ctx, w: f, sum: sha256.New(), tell: func(n int64) { p.done += n; p.report(p.done, p.total) }}
	buffered := bufio.NewWriterSize(w, 1<<20)
	_, err = r.layout.WriteTo(buffered, r.source.Data)
	if err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = cacheError("write "+r.Path, f.Sync())
	}
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = cacheError("write "+r.Path, closeErr)
	}
	if err != nil {
		return err
	}
	p.files = append(p.files, streamFile{Name: r.Path, Size: w.n, SHA256: hex.EncodeToString(w.sum.Sum(nil))})
	playlist, err := r.media().Marshal()
	if err != nil {
		return err
	}
	return p.write(r.Playlist, playlist)
}

// write writes a small file.
func (p *packager) write(name string, data []byte) error {
	sum := sha256.Sum256(data)
	p.files = append(p.files, streamFile{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	return writeAtomic(filepath.Join(p.dir, name), data)
}

// A meter is a writer that counts and hashes what passes, and stops when ctx ends.
type meter struct {
	ctx  context.Context //nolint:containedctx // lives for one copy
	w    io.Writer
	sum  hash.Hash
	n    int64
	tell func(n int64)
}

func (m *meter) Write(b []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.w.Write(b)
	m.sum.Write(b[:n])
	m.n += int64(n)
	m.tell(int64(n))
	return n, cacheError("write", err)
}

// media is the media playlist of a rung (RFC 8216 §4.3.3): byte ranges of its MP4.
func (r *rung) media() *hls.Media {
	m := &hls.Media{
		Version: 7, IndependentSegments: r.layout.Independent, TargetDuration: r.layout.TargetDuration,
		Map: hls.Map{URI: r.Path, Offset: r.layout.Init.Offset, Length: r.layout.Init.Length},
	}
	for _, s := range r.layout.Segments {
		m.Segments = append(m.Segments, hls.Segment{URI: r.Path, Duration: s.Duration, Offset: s.Offset, Length: s.Length})
	}
	return m
}

const audioGroup = "audio"

// master is the master playlist (RFC 8216 §4.3.4), lowest rung first: players start with the first they read.
func (l *ladder) master() *hls.Master {
	m := &hls.Master{Version: 7, IndependentSegments: true}
	extraPeak, extraAverage := 0, 0
	for _, a := range l.audio {
		extraPeak, extraAverage = max(extraPeak, a.Bandwidth), max(extraAverage, a.AverageBandwidth)
	}
	for _, r := range l.rungs {
		v := hls.Variant{
			URI: r.Playlist, Bandwidth: r.Bandwidth + extraPeak, AverageBandwidth: r.AverageBandwidth + extraAverage,
			Codecs: r.Codecs, Width: r.Width, Height: r.Height, FrameRate: r.FrameRate,
		}
		if len(l.audio) > 0 {
			v.AudioGroup = audioGroup
		}
		m.Variants = append(m.Variants, v)
	}
	if len(l.audio) == 0 {
		return m
	}
	// The first language is in the renditions themselves, so it has no URI (RFC 8216 §4.3.4.2.1).
	m.Media = append(m.Media, audioMedia(l.main.Audio, m.Media, ""))
	for _, a := range l.audio {
		m.Media = append(m.Media, audioMedia(a.audio, m.Media, a.Playlist))
	}
	return m
}

func audioMedia(t *mp4.Track, others []hls.Rendition, uri string) hls.Rendition {
	name := "Sound"
	if tag, err := language.Parse(t.Language); err == nil && t.Language != "" {
		name = selfName(tag)
	}
	return hls.Rendition{
		Type: hls.Audio, GroupID: audioGroup, Name: uniqueName(name, others), Language: t.Language,
		Default: uri == "", Autoselect: true, URI: uri, Channels: t.Channels,
	}
}

// describe sums the stream up for clip.json.
func (p *packager) describe(l *ladder) *stream {
	s := &stream{
		Duration: l.top.Duration, AudioGroup: len(l.audio) > 0, Files: p.files,
		HasVideo: l.main.Video != nil, HasAudio: l.main.Audio != nil,
	}
	for _, r := range l.rungs {
		if r.Width*r.Height > s.Width*s.Height {
			s.Width, s.Height = r.Width, r.Height
		}
		s.Renditions = append(s.Renditions, r.Rendition)
	}
	for _, c := range l.top.Chapters {
		s.Chapters = append(s.Chapters, Chapter{At: c.Start, Title: c.Title})
	}
	first := l.rungs[0]
	s.Warm = []Range{{Path: masterName}, {Path: first.Playlist}, {Path: first.Path, Offset: first.layout.Init.Offset, Length: first.layout.Init.Length}}
	if segs := first.layout.Segments; len(segs) > 0 {
		s.Warm = append(s.Warm, Range{Path: first.Path, Offset: segs[0].Offset, Length: segs[0].Length})
	}
	return s
}
