package hls

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Marshal returns the playlist as text (§4.1).
func (m *Master) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("master playlist: %w", err)
	}
	w := &lines{}
	w.head(m.Version)
	if m.IndependentSegments {
		w.line("#EXT-X-INDEPENDENT-SEGMENTS")
	}
	for i := range m.Media {
		w.line("#EXT-X-MEDIA:" + m.Media[i].attributes())
	}
	for i := range m.Variants {
		w.line("#EXT-X-STREAM-INF:" + m.Variants[i].attributes())
		w.line(m.Variants[i].URI)
	}
	return []byte(w.String()), nil
}

// Marshal returns the playlist as text (§4.1).
//
// The order of the lines of a segment and the quoted range of EXT-X-MAP are those every known player reads: Safari
// fails on other ones.
func (m *Media) Marshal() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("media playlist: %w", err)
	}
	w := &lines{}
	w.head(m.Version)
	w.line("#EXT-X-TARGETDURATION:" + strconv.Itoa(m.TargetDuration))
	w.line("#EXT-X-PLAYLIST-TYPE:VOD")
	if m.IndependentSegments {
		w.line("#EXT-X-INDEPENDENT-SEGMENTS")
	}
	if m.Map != (Map{}) {
		list := attributes{}
		list.quoted("URI", m.Map.URI)
		if m.Map.Length > 0 {
			list.quoted("BYTERANGE", byteRange(m.Map.Offset, m.Map.Length))
		}
		w.line("#EXT-X-MAP:" + list.String())
	}
	for _, s := range m.Segments {
		w.line("#EXTINF:" + decimal(s.Duration) + ",")
		if s.Length > 0 {
			w.line("#EXT-X-BYTERANGE:" + byteRange(s.Offset, s.Length))
		}
		w.line(s.URI)
	}
	w.line("#EXT-X-ENDLIST")
	return []byte(w.String()), nil
}

// lines is a playlist being written.
type lines struct{ strings.Builder }

func (w *lines) line(s string) {
	w.WriteString(s)
	w.WriteByte('\n')
}

func (w *lines) head(version int) {
	w.line("#EXTM3U")
	if version > 0 {
		w.line("#EXT-X-VERSION:" + strconv.Itoa(version))
	}
}

func (v *Variant) attributes() string {
	list := attributes{}
	list.number("BANDWIDTH", v.Bandwidth)
	list.number("AVERAGE-BANDWIDTH", v.AverageBandwidth)
	list.quoted("CODECS", v.Codecs)
	if v.Width > 0 {
		list.plain("RESOLUTION", fmt.Sprintf("%dx%d", v.Width, v.Height))
	}
	if v.FrameRate >= 0.0005 {
		list.plain("FRAME-RATE", strconv.FormatFloat(v.FrameRate, 'f', 3, 64))
	}
	list.quoted("AUDIO", v.AudioGroup)
	list.quoted("SUBTITLES", v.SubtitlesGroup)
	return list.String()
}

func (r *Rendition) attributes() string {
	list := attributes{}
	list.plain("TYPE", r.Type)
	list.quoted("GROUP-ID", r.GroupID)
	list.quoted("NAME", r.Name)
	list.quoted("LANGUAGE", r.Language)
	list.yes("DEFAULT", r.Default)
	list.yes("AUTOSELECT", r.Autoselect)
	if r.Channels > 0 {
		list.quoted("CHANNELS", strconv.Itoa(r.Channels))
	}
	list.quoted("URI", r.URI)
	return list.String()
}

// attributes is an attribute list (§4.2) being written. Values not said are left out.
type attributes struct{ strings.Builder }

func (a *attributes) plain(name, value string) {
	if a.Len() > 0 {
		a.WriteByte(',')
	}
	a.WriteString(name + "=" + value)
}

func (a *attributes) quoted(name, value string) {
	if value != "" {
		a.plain(name, `"`+value+`"`)
	}
}

func (a *attributes) number(name string, value int) {
	if value > 0 {
		a.plain(name, strconv.Itoa(value))
	}
}

func (a *attributes) yes(name string, value bool) {
	if value {
		a.plain(name, "YES")
	}
}

// byteRange always says where the range begins; leaving it out means "where the last one ended" (§4.3.2.2).
func byteRange(offset, length int64) string {
	return strconv.FormatInt(length, 10) + "@" + strconv.FormatInt(offset, 10)
}

// decimal is a decimal-floating-point number of seconds (§4.2), exact to the nanosecond, with at least three decimals.
func decimal(d time.Duration) string {
	fraction := fmt.Sprintf("%09d", d%time.Second)
	for len(fraction) > 3 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) // a decimal-integer, as version 2 and below want
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "." + fraction
}
