package mp4

import (
	"fmt"
	"strings"
	"time"
)

// A Selection is what goes into one hybrid file: one picture track, one sound track, or both. Both belong to Movie.
type Selection struct {
	Movie *Movie
	Video *Track // nil: sound only
	Audio *Track // nil: silent
}

// Select takes the first picture track and the first sound track that are enabled and have samples. Tracks nobody
// enabled are taken when there are no others.
func (m *Movie) Select() Selection {
	return Selection{Movie: m, Video: m.first(Video), Audio: m.first(Audio)}
}

func (m *Movie) first(kind Kind) *Track {
	var fallback *Track
	for _, t := range m.Tracks {
		if t.Kind != kind || t.Samples == 0 {
			continue
		}
		if t.enabled {
			return t
		}
		if fallback == nil {
			fallback = t
		}
	}
	return fallback
}

// tracks are the tracks of the selection, picture first.
func (s Selection) tracks() []*Track {
	var list []*Track
	if s.Video != nil {
		list = append(list, s.Video)
	}
	if s.Audio != nil {
		list = append(list, s.Audio)
	}
	return list
}

// Limits of what is published without being converted.
const (
	fastest     = 60.05 // pictures per second; a little over 60 is measuring error
	highest     = 42    // H.264 level 4.2
	farthest    = 10 * time.Second
	mostTrimmed = 100 * time.Millisecond
	mostHidden  = time.Millisecond // rounding
)

// Refusals says why the movie's first picture and sound must be converted rather than published as they are; empty
// when they may be copied. Each reason is a sentence without a full stop, for the author of the film.
func (m *Movie) Refusals() []string { return m.Select().Refusals() }

// Refusals says why these tracks must be converted rather than published as they are: what every browser and phone
// plays, and players can seek and switch in, is 8-bit 4:2:0 progressive H.264 in standard dynamic range up to High
// profile, level 4.2 and 60 pictures per second, with square pixels and keyframes at most 10 s apart that nothing
// reaches across; and AAC-LC sound. Empty when they may be copied.
func (s Selection) Refusals() []string {
	if len(s.tracks()) == 0 {
		return []string{"it has neither picture nor sound"}
	}
	var list []string
	for _, t := range s.tracks() {
		switch {
		case t.problem != "":
			list = append(list, t.problem)
			continue
		case t.Kind == Video:
			list = append(list, t.refusePicture()...)
		default:
			list = append(list, t.refuseSound()...)
		}
		if reason := t.refuseTrim(s.Movie.timescale); reason != "" {
			list = append(list, reason)
		}
	}
	return list
}

// refuseSound applies the rules for sound.
func (t *Track) refuseSound() []string {
	switch {
	case t.entry.object == aacLC:
		return nil
	case t.entry.object == aacSBR || t.entry.object == aacPS:
		return []string{"its sound is HE-AAC; browsers play AAC-LC"}
	case t.Codec == "Opus":
		return []string{"its sound is Opus, which not every browser plays in MP4"}
	case strings.HasPrefix(t.Codec, "mp4a.6B"), strings.HasPrefix(t.Codec, "mp4a.69"), t.entry.object == mp3In4:
		return []string{"its sound is MP3, which not every browser plays in MP4"}
	}
	return []string{fmt.Sprintf("its sound is %s; browsers play AAC-LC (mp4a.40.2)", t.Codec)}
}

// refusePicture applies the rules for pictures.
func (t *Track) refusePicture() []string {
	var list []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	e := &t.entry
	switch e.typ {
	case "hvc1", "hev1":
		add(true, "its picture is H.265 (HEVC), which not every browser plays")
	case "av01":
		add(true, "its picture is AV1, which not every browser plays")
	case "avc3":
		add(true, "its picture is described inside the stream (avc3), which not every player reads")
	}
	add(e.typ == "avc1" && len(e.avc) == 0, "its picture is not described (no parameter set)")
	for _, p := range e.avc {
		if reason := p.refusal(); reason != "" {
			list = append(list, reason)
			break
		}
	}
	add(e.depth > 8, "its picture has %d bits a colour; browsers play 8", e.depth)
	add(e.colour == transferPQ || e.colour == transferHLG, "its picture is HDR; it would look grey on other screens")
	w, h := t.pixelAspect()
	add(w != h, "its pixels are not square (%d:%d)", w, h)
	add(w == h && t.stretched(), "it is to be shown at %dx%d, stretched from %dx%d", t.Width, t.Height, e.width, e.height)
	add(t.FrameRate > fastest, "it has %.4g pictures per second; at most 60 play everywhere", t.FrameRate)
	keys := t.keyframes()
	add(!keys.first, "it does not begin with a keyframe")
	add(keys.gap > farthest, "its keyframes are up to %.1f s apart; seeking needs one every 10 s", keys.gap.Seconds())
	add(keys.open, "pictures reach across its keyframes (open GOP), so playing cannot start at each of them")
	return list
}

// refusal is the first thing about a parameter set that stands against copying.
func (p avcPicture) refusal() string {
	switch {
	case p.unreadable:
		return "its picture is not described (damaged parameter set)"
	case p.profile != 66 && p.profile != 77 && p.profile != 100 || p.chroma != 1 || p.depth > 8:
		switch {
		case p.depth > 8:
			return fmt.Sprintf("its picture has %d bits a colour; browsers play 8", p.depth)
		case p.chroma != 1:
			return fmt.Sprintf("its picture keeps colour as %s; browsers play 4:2:0", [...]string{"4:0:0", "4:2:0", "4:2:2", "4:4:4"}[min(p.chroma, 3)])
		}
		return fmt.Sprintf("its picture is H.264 profile %d; browsers play Baseline, Main and High", p.profile)
	case p.level > highest:
		return fmt.Sprintf("its picture is H.264 level %d.%d; phones play up to 4.2", p.level/10, p.level%10)
	case p.interlaced:
		return "its picture is interlaced"
	case p.transfer == transferPQ || p.transfer == transferHLG:
		return "its picture is HDR; it would look grey on other screens"
	}
	return ""
}

// stretched says whether tkhd asks for another shape than that of the coded picture.
func (t *Track) stretched() bool {
	w, h := t.Width, t.Height
	if t.Rotation%180 == 90 {
		w, h = h, w
	}
	return w != t.entry.width || h != t.entry.height
}

// refuseTrim refuses an edit list that hides part of the film. An HLS player shows what is hidden at the end; what is
// hidden at the beginning it drops, and with the keyframe everything up to the next one.
func (t *Track) refuseTrim(movieScale uint32) string {
	first := t.table.cursor()
	head := seconds(max(t.edit.mediaTime-first.pts(), 0), t.timescale)
	if t.Kind == Audio && head < mostTrimmed { // the encoder's priming
		head = 0
	}
	if head > mostHidden {
		return fmt.Sprintf("an edit list hides the first %.2f s of %s", head.Seconds(), t.noun())
	}
	if !t.edit.present || t.edit.duration == 0 {
		return ""
	}
	tail := t.at(t.end) - seconds(int64(t.edit.empty+t.edit.duration), movieScale)
	if tail > mostTrimmed+t.frame() {
		return fmt.Sprintf("an edit list hides the last %.2f s of %s", tail.Seconds(), t.noun())
	}
	return ""
}

// keyframes is what the sync samples of a track are like.
type keyframes struct {
	first bool          // the first sample is one
	gap   time.Duration // the longest stretch without one, the last one's included
	open  bool          // a sample after one is shown before it
}

// keyframes looks at all samples in decoding order. In an open GOP pictures that follow a keyframe are shown before
// it and refer to what came before it (ISO/IEC 14496-10 §3.69, leading pictures).
func (t *Track) keyframes() keyframes {
	k := keyframes{first: t.table.sync.has(0)}
	var last int64
	for c := t.table.cursor(); c.more(); c.next() {
		if c.sync() || c.i == 0 {
			if c.i > 0 {
				k.gap = max(k.gap, seconds(c.pts()-last, t.timescale))
			}
			last = c.pts()
		}
		k.open = k.open || c.pts() < last
	}
	k.gap = max(k.gap, t.at(t.end)-t.at(last))
	return k
}
