package hls

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Unmarshal reads a playlist, replacing what m was. Its errors say the line.
func (m *Master) Unmarshal(b []byte) error {
	*m = Master{}
	var pending *Variant // the variant whose URI is to come
	err := eachLine(b, func(tag, value string) (err error) {
		switch tag {
		case "":
			if pending == nil {
				return errors.New("an address without EXT-X-STREAM-INF")
			}
			pending.URI = value
			m.Variants = append(m.Variants, *pending)
			pending = nil
		case "EXT-X-VERSION":
			m.Version, err = integer(value)
		case "EXT-X-INDEPENDENT-SEGMENTS":
			m.IndependentSegments = true
		case "EXT-X-MEDIA":
			r := Rendition{}
			err = eachAttribute(value, r.set)
			if r.Type != "CLOSED-CAPTIONS" { // they lie in the picture
				m.Media = append(m.Media, r)
			}
		case "EXT-X-STREAM-INF":
			pending = &Variant{}
			err = eachAttribute(value, pending.set)
		case "EXTINF", "EXT-X-TARGETDURATION":
			err = errors.New("this is a media playlist, not a master playlist")
		case "EXT-X-I-FRAME-STREAM-INF", "EXT-X-SESSION-DATA": // additions a player can do without
		case "EXT-X-SESSION-KEY":
			err = errors.New("encrypted playlists are not supported")
		}
		return err
	})
	if err == nil && pending != nil {
		err = errors.New("EXT-X-STREAM-INF without an address after it")
	}
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return fmt.Errorf("master playlist: %w", err)
	}
	return nil
}

// set takes one attribute of EXT-X-STREAM-INF.
func (v *Variant) set(name, value string) (err error) {
	switch name {
	case "BANDWIDTH":
		v.Bandwidth, err = integer(value)
	case "AVERAGE-BANDWIDTH":
		v.AverageBandwidth, err = integer(value)
	case "CODECS":
		v.Codecs, err = unquote(value)
	case "RESOLUTION":
		w, h, _ := strings.Cut(value, "x")
		var errs [2]error
		v.Width, errs[0] = integer(w)
		v.Height, errs[1] = integer(h)
		err = errors.Join(errs[:]...)
	case "FRAME-RATE":
		v.FrameRate, err = strconv.ParseFloat(value, 64)
		v.FrameRate = math.Round(v.FrameRate*1000) / 1000
		if math.IsNaN(v.FrameRate) {
			err = errors.New("FRAME-RATE is not a number")
		}
	case "AUDIO":
		v.AudioGroup, err = unquote(value)
	case "SUBTITLES":
		v.SubtitlesGroup, err = unquote(value)
	case "VIDEO":
		err = errors.New("alternative pictures are not supported")
	}
	return err
}

// set takes one attribute of EXT-X-MEDIA.
func (r *Rendition) set(name, value string) (err error) {
	switch name {
	case "TYPE":
		r.Type = value
	case "GROUP-ID":
		r.GroupID, err = unquote(value)
	case "NAME":
		r.Name, err = unquote(value)
	case "LANGUAGE":
		r.Language, err = unquote(value)
	case "DEFAULT":
		r.Default = value == "YES"
		r.Autoselect = r.Autoselect || r.Default // §4.3.4.1: it may be left out
	case "AUTOSELECT":
		r.Autoselect = value == "YES"
	case "URI":
		r.URI, err = unquote(value)
	case "CHANNELS":
		value, err = unquote(value)
		count, _, _ := strings.Cut(value, "/")
		if err == nil {
			r.Channels, err = integer(count)
		}
	}
	return err
}

// Unmarshal reads a playlist, replacing what m was. Its errors say the line.
func (m *Media) Unmarshal(b []byte) error {
	*m = Media{}
	rd := mediaReader{m: m}
	err := eachLine(b, rd.line)
	switch {
	case err != nil:
	case rd.duration != nil:
		err = errors.New("EXTINF without an address after it")
	case !rd.complete:
		err = errors.New("no EXT-X-ENDLIST: it is live or cut off")
	case !rd.target:
		err = errors.New("no EXT-X-TARGETDURATION")
	default:
		err = m.check()
	}
	if err != nil {
		return fmt.Errorf("media playlist: %w", err)
	}
	return nil
}

// A mediaReader is the state of reading a media playlist.
type mediaReader struct {
	m                *Media
	target, complete bool
	duration         *time.Duration // of the segment whose URI is to come
	part             bool           // it is a part of its resource
	offset, length   int64          // that part
	continues        bool           // the part begins where the last segment ended
}

func (rd *mediaReader) line(tag, value string) (err error) {
	m := rd.m
	switch tag {
	case "":
		return rd.segment(value)
	case "EXT-X-VERSION":
		m.Version, err = integer(value)
	case "EXT-X-TARGETDURATION":
		m.TargetDuration, err = integer(value)
		rd.target = true
	case "EXT-X-INDEPENDENT-SEGMENTS":
		m.IndependentSegments = true
	case "EXT-X-MAP":
		if m.Map != (Map{}) || len(m.Segments) > 0 {
			return errors.New("more than one EXT-X-MAP is not supported")
		}
		err = eachAttribute(value, m.Map.set)
	case "EXTINF":
		number, _, _ := strings.Cut(value, ",")
		var d time.Duration
		d, err = duration(number)
		rd.duration = &d
	case "EXT-X-BYTERANGE":
		rd.part = true
		rd.offset, rd.length, rd.continues, err = parseRange(value)
	case "EXT-X-ENDLIST":
		rd.complete = true
	case "EXT-X-KEY":
		if value != "METHOD=NONE" {
			err = errors.New("encrypted playlists are not supported")
		}
	case "EXT-X-DISCONTINUITY", "EXT-X-GAP", "EXT-X-I-FRAMES-ONLY", "EXT-X-PART", "EXT-X-SKIP", "EXT-X-DEFINE":
		err = fmt.Errorf("%s is not supported", tag)
	case "EXT-X-STREAM-INF":
		err = errors.New("this is a master playlist, not a media playlist")
	}
	return err
}

// segment takes the address that ends the description of a segment.
func (rd *mediaReader) segment(uri string) error {
	if rd.duration == nil {
		return errors.New("an address without EXTINF")
	}
	s := Segment{URI: uri, Duration: *rd.duration}
	if rd.part {
		s.Offset, s.Length = rd.offset, rd.length
	}
	if rd.continues {
		if n := len(rd.m.Segments); n == 0 || rd.m.Segments[n-1].URI != uri || rd.m.Segments[n-1].Length == 0 {
			return errors.New("EXT-X-BYTERANGE without an offset, and no segment before it in the same file")
		}
		last := rd.m.Segments[len(rd.m.Segments)-1]
		s.Offset = last.Offset + last.Length
	}
	rd.m.Segments = append(rd.m.Segments, s)
	*rd = mediaReader{m: rd.m, target: rd.target, complete: rd.complete}
	return nil
}

// set takes one attribute of EXT-X-MAP.
func (m *Map) set(name, value string) (err error) {
	switch name {
	case "URI":
		m.URI, err = unquote(value)
	case "BYTERANGE":
		if value, err = unquote(value); err != nil {
			return err
		}
		var continues bool
		m.Offset, m.Length, continues, err = parseRange(value)
		if err == nil && continues {
			err = errors.New("BYTERANGE without an offset") // §4.3.2.5
		}
	}
	return err
}

// eachLine calls f for each tag, without its #, and for each address, with the empty tag (§4.1).
func eachLine(b []byte, f func(tag, value string) error) error {
	if !utf8.Valid(b) {
		return errors.New("it is not UTF-8")
	}
	number := 0
	for line := range strings.Lines(string(b)) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		tag, value := "", line
		switch {
		case number == 1 && line != "#EXTM3U":
			return errors.New("it does not begin with #EXTM3U")
		case number == 1 || strings.TrimSpace(line) == "":
			continue
		case strings.HasPrefix(line, "#EXT"):
			tag, value, _ = strings.Cut(line[1:], ":")
		case line[0] == '#':
			continue
		}
		if err := f(tag, value); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if number == 0 {
		return errors.New("it is empty")
	}
	return nil
}

// eachAttribute calls set for each attribute of a list (§4.2) once.
func eachAttribute(list string, set func(name, value string) error) error {
	seen := map[string]bool{}
	for list != "" {
		name, rest, ok := strings.Cut(list, "=")
		if !ok {
			return fmt.Errorf("attribute %q has no value", name)
		}
		end := strings.IndexByte(rest, ',')
		if strings.HasPrefix(rest, `"`) {
			closing := strings.IndexByte(rest[1:], '"')
			if closing < 0 {
				return fmt.Errorf("the value of %s has no closing quotation mark", name)
			}
			end = closing + 2
			if end == len(rest) {
				end = -1
			}
		}
		value := rest
		list = ""
		if end >= 0 {
			value, list = rest[:end], strings.TrimPrefix(rest[end:], ",")
			if rest[end] != ',' {
				return fmt.Errorf("the value of %s goes on after its closing quotation mark", name)
			}
		}
		if name = strings.TrimSpace(name); seen[name] {
			return fmt.Errorf("%s is said twice", name)
		}
		seen[name] = true
		if err := set(name, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func unquote(s string) (string, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", fmt.Errorf("%s is not in quotation marks", s)
	}
	return s[1 : len(s)-1], nil
}

// integer reads a decimal-integer (§4.2).
func integer(s string) (int, error) {
	n, err := natural(s)
	if n > math.MaxInt {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int(n), err
}

func natural(s string) (int64, error) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return n, nil
}

// parseRange reads n or n@o (§4.3.2.2).
func parseRange(s string) (offset, length int64, continues bool, err error) {
	n, o, explicit := strings.Cut(s, "@")
	if length, err = natural(n); err != nil {
		return 0, 0, false, err
	}
	if length == 0 {
		return 0, 0, false, errors.New("a range of no bytes")
	}
	if explicit {
		offset, err = natural(o)
	}
	return offset, length, !explicit, err
}

// duration reads a decimal-floating-point number of seconds (§4.2) exactly; beyond nanoseconds it rounds down.
func duration(s string) (time.Duration, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := natural(whole)
	if err != nil || n > int64(math.MaxInt64/time.Second)-1 || strings.Trim(fraction, "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a duration in seconds", s)
	}
	nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // nine digits, checked above
	return time.Duration(n)*time.Second + time.Duration(nanos), nil
}
