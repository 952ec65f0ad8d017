// Package hls holds HLS playlists (RFC 8216) as values: [Master] lists the encodes of a film, [Media] the segments of
// one encode. Both are of the kind Matinee writes: video on demand, complete, unencrypted, without discontinuities.
//
// The invariant: what Marshal writes, Unmarshal reads back to an equal value, and what Unmarshal accepts, Marshal
// writes. Hence both check the same rules. No value can break out of its place: a quotation mark or a line break in a
// name or an address is an error, never written.
//
// Unmarshal skips tags and attributes it does not know, as RFC 8216 §6.3.1 asks of clients, but refuses those that
// change what is played and that the types cannot hold, such as EXT-X-KEY.
//
// Section numbers without a name are those of RFC 8216.
package hls

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Master is a master playlist (§4.3.4). All addresses are relative to its own.
type Master struct {
	Version             int         // EXT-X-VERSION (§4.3.1.2); 0: no tag, which means 1
	IndependentSegments bool        // EXT-X-INDEPENDENT-SEGMENTS (§4.3.5.1)
	Media               []Rendition // sound and subtitles that variants refer to by group
	Variants            []Variant   // at least one
}

// A Variant is one encode of the film: an EXT-X-STREAM-INF tag (§4.3.4.2).
type Variant struct {
	URI              string
	Bandwidth        int     // peak bit rate, bit/s; required
	AverageBandwidth int     // bit/s; 0: not said
	Codecs           string  // RFC 6381, comma-separated; "": not said
	Width, Height    int     // pixels; 0: not said
	FrameRate        float64 // three decimals are kept; 0: not said
	AudioGroup       string  // GroupID of Renditions of type Audio, or ""
	SubtitlesGroup   string  // GroupID of Renditions of type Subtitles, or ""
}

// Types of Rendition.
const (
	Audio     = "AUDIO"
	Subtitles = "SUBTITLES"
)

// A Rendition is one choice of sound or subtitles: an EXT-X-MEDIA tag (§4.3.4.1).
type Rendition struct {
	Type       string // Audio or Subtitles
	GroupID    string
	Name       string // what a menu shows; unique in its group
	Language   string // BCP 47, or ""
	Default    bool   // at most one in a group
	Autoselect bool   // required with Default
	URI        string // media playlist; "" for sound that is in the variant itself
	Channels   int    // of sound; 0: not said
}

// A Media is a media playlist (§4.3.3) of a complete film.
type Media struct {
	Version             int  // EXT-X-VERSION (§4.3.1.2); 0: no tag, which means 1
	TargetDuration      int  // seconds: at least every segment's duration, rounded (§4.3.3.1)
	IndependentSegments bool // EXT-X-INDEPENDENT-SEGMENTS (§4.3.5.1)
	Map                 Map  // initialisation segment; zero: none
	Segments            []Segment
}

// A Map is the initialisation segment: an EXT-X-MAP tag (§4.3.2.5).
type Map struct {
	URI            string
	Offset, Length int64 // bytes; Length 0: all of the file
}

// A Segment is one media segment (§4.3.2).
type Segment struct {
	URI            string
	Duration       time.Duration // not negative
	Offset, Length int64         // bytes; Length 0: all of the file
}

// check says what about the playlist breaks the rules of RFC 8216.
func (m *Master) check() error {
	if m.Version < 0 {
		return fmt.Errorf("version %d", m.Version)
	}
	if len(m.Variants) == 0 {
		return errors.New("a master playlist needs a variant")
	}
	groups := map[[2]string]bool{}
	seen := map[[3]string]bool{}
	defaults := map[[2]string]bool{}
	for i, r := range m.Media {
		if err := r.check(); err != nil {
			return fmt.Errorf("rendition %d: %w", i+1, err)
		}
		group, name := [2]string{r.Type, r.GroupID}, [3]string{r.Type, r.GroupID, r.Name}
		switch {
		case seen[name]: // §4.3.4.1.1
			return fmt.Errorf("rendition %d: another one of group %q is called %q", i+1, r.GroupID, r.Name)
		case r.Default && defaults[group]:
			return fmt.Errorf("rendition %d: another one of group %q is the default", i+1, r.GroupID)
		}
		groups[group], seen[name] = true, true
		defaults[group] = defaults[group] || r.Default
	}
	for i, v := range m.Variants {
		err := v.check()
		switch {
		case err != nil:
		case v.AudioGroup != "" && !groups[[2]string{Audio, v.AudioGroup}]:
			err = fmt.Errorf("no audio group %q", v.AudioGroup)
		case v.SubtitlesGroup != "" && !groups[[2]string{Subtitles, v.SubtitlesGroup}]:
			err = fmt.Errorf("no subtitles group %q", v.SubtitlesGroup)
		}
		if err != nil {
			return fmt.Errorf("variant %d: %w", i+1, err)
		}
	}
	return nil
}

func (v *Variant) check() error {
	switch {
	case v.Bandwidth <= 0:
		return errors.New("its BANDWIDTH is missing")
	case v.AverageBandwidth < 0:
		return errors.New("its AVERAGE-BANDWIDTH is negative")
	case v.Width < 0 || v.Height < 0 || (v.Width == 0) != (v.Height == 0):
		return fmt.Errorf("its RESOLUTION is %dx%d", v.Width, v.Height)
	case !(v.FrameRate >= 0 && v.FrameRate < 1e6):
		return fmt.Errorf("its FRAME-RATE is %v", v.FrameRate)
	}
	return errors.Join(checkURI(v.URI), checkQuoted("CODECS", v.Codecs), checkQuoted("AUDIO", v.AudioGroup),
		checkQuoted("SUBTITLES", v.SubtitlesGroup))
}

func (r *Rendition) check() error {
	switch {
	case r.Type != Audio && r.Type != Subtitles:
		return fmt.Errorf("its TYPE is %q", r.Type)
	case r.GroupID == "" || r.Name == "":
		return errors.New("it needs GROUP-ID and NAME")
	case r.Default && !r.Autoselect:
		return errors.New("the default must be autoselected")
	case r.Channels < 0 || r.Channels > 0 && r.Type != Audio:
		return fmt.Errorf("it has %d channels", r.Channels)
	case r.URI == "" && r.Type == Subtitles:
		return errors.New("subtitles need a URI")
	}
	if r.URI != "" {
		if err := checkURI(r.URI); err != nil {
			return err
		}
	}
	return errors.Join(checkQuoted("GROUP-ID", r.GroupID), checkQuoted("NAME", r.Name), checkQuoted("LANGUAGE", r.Language))
}

// check says what about the playlist breaks the rules of RFC 8216.
func (m *Media) check() error {
	switch {
	case m.Version < 0 || m.TargetDuration < 0:
		return fmt.Errorf("version %d, target duration %d", m.Version, m.TargetDuration)
	case m.Map == Map{}:
	case m.Version < 6: // §7
		return errors.New("EXT-X-MAP needs version 6")
	default:
		if err := checkPlace(m.Map.URI, m.Map.Offset, m.Map.Length); err != nil {
			return fmt.Errorf("initialisation segment: %w", err)
		}
	}
	for i, s := range m.Segments {
		err := checkPlace(s.URI, s.Offset, s.Length)
		switch {
		case err != nil:
		case s.Duration < 0:
			err = fmt.Errorf("it lasts %v", s.Duration)
		case m.Version < 3 && s.Duration%time.Second != 0: // §7
			err = errors.New("a fraction of a second needs version 3")
		case m.Version < 4 && s.Length > 0: // §7
			err = errors.New("EXT-X-BYTERANGE needs version 4")
		case rounded(s.Duration) > m.TargetDuration: // §4.3.3.1
			err = fmt.Errorf("it lasts %v, longer than the target duration of %d s", s.Duration, m.TargetDuration)
		}
		if err != nil {
			return fmt.Errorf("segment %d: %w", i+1, err)
		}
	}
	return nil
}

// TargetDuration is the smallest that the segments allow, in seconds (§4.3.3.1), but at least 1.
func TargetDuration(segments []Segment) int {
	target := 1
	for _, s := range segments {
		target = max(target, rounded(s.Duration))
	}
	return target
}

// rounded is in seconds, to the nearest.
func rounded(d time.Duration) int { return int(d.Round(time.Second) / time.Second) }

// checkPlace checks a resource or a part of one.
func checkPlace(uri string, offset, length int64) error {
	switch {
	case offset < 0 || length < 0 || length > math.MaxInt64-offset:
		return fmt.Errorf("its bytes are %d@%d", length, offset)
	case length == 0 && offset != 0:
		return errors.New("it has an offset but no length")
	}
	return checkURI(uri)
}

// checkURI accepts the characters of RFC 3986 §2, which leaves no way out of a line or out of quotation marks. A line
// that begins with # would be a comment (§4.1).
func checkURI(uri string) error {
	if uri == "" {
		return errors.New("its URI is missing")
	}
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 || i == 0 && c == '#' {
			return fmt.Errorf("URI %q: the character %q must be percent-encoded", uri, c)
		}
	}
	return nil
}

// checkQuoted accepts what a quoted-string can hold (§4.2).
func checkQuoted(attribute, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s %q is not UTF-8", attribute, s)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r == '"' || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }); i >= 0 {
		return fmt.Errorf("%s %q: no quotation mark or line break is allowed", attribute, s)
	}
	return nil
}
