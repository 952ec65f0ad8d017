// Package mp4 reads ISO base media files (MP4, M4A, QuickTime .mov, fragmented or not) and writes hybrid MP4s: one
// file that is at once an ordinary faststart MP4 and the byte-range source of its own HLS stream.
//
//	ftyp
//	moov                     full sample tables, offsets into the mdat below; no mvex: for a player this is a plain MP4
//	mdat
//	  ftyp moov              the HLS initialisation segment: empty sample tables, mvex   ← EXT-X-MAP
//	  moof mdat              one segment: every track's samples of some seconds          ← EXT-X-BYTERANGE
//	  moof mdat
//	  …
//
// That this is one file rests on ISO/IEC 14496-12 §8.1.1: what lies in an mdat has no structure of its own, the sample
// tables address it by absolute offset, and bytes nobody refers to are legal.
//
// The work is in three steps, each a value: [Read] makes a [Movie] of the source's index, [Plan] makes a [Layout] of
// a [Selection] of its tracks and the times to cut at, and [Layout.WriteTo] writes the file in one sequential pass.
// Frames, decoding and presentation times are the source's own, bit for bit; but a picture that would last beyond the end
// that its edit list gives the film is decoded later, because a stream has no edit list to end it. Media bytes are
// streamed, never held; memory is the sample tables' alone, kept in columns and run lengths.
//
// Two questions are kept apart. May the source's frames be published untouched ([Selection.Refusals])? That is a
// judgement about what browsers play well. Can the tracks be packaged at all (the error of [Plan])? That is a question
// of what the format can say. Neither decodes anything: the package starts no process and opens no connection.
//
// Input is a stranger's. Every count is checked against the bytes that should hold it, and every sample must lie
// inside the file, before anything is written. User data (udta, meta) is never copied: phones write the place of the
// recording there.
//
// Section numbers without a name are those of ISO/IEC 14496-12:2015.
package mp4

import (
	"errors"
	"fmt"
	"time"
)

// ErrNotMP4 is in the chain of [Read]'s error when the file is not an ISO base media file at all; [Sniff] may know
// what it is instead.
var ErrNotMP4 = errors.New("not an MP4 or QuickTime file")

// A TruncatedError says that the file is shorter than its own index.
type TruncatedError struct {
	Size  int64 // bytes there are
	Needs int64 // bytes the index refers to
}

// Error names both sizes, so that an author can compare them with the original's.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("truncated: the file ends at byte %d, its index needs %d", e.Size, e.Needs)
}

// A FormatError says where a file breaks the rules of ISO/IEC 14496-12.
type FormatError struct {
	Box    string // four-character type of the box at fault, such as "stts"
	Reason string
}

// Error is the reason and the box.
func (e *FormatError) Error() string {
	return fmt.Sprintf("damaged file: %s (box %q)", e.Reason, e.Box)
}

// An UnsupportedError says why a well-formed file cannot be packaged without being converted.
type UnsupportedError struct {
	Reason string
}

// Error is the reason.
func (e *UnsupportedError) Error() string { return e.Reason }

// A Kind is what a track carries.
type Kind string

// The kinds of track, from the handler type (§8.4.3).
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Text  Kind = "text"  // subtitles and chapter titles
	Other Kind = "other" // timed metadata, time codes, hints
)

// A Movie is the index of one file.
type Movie struct {
	Duration   time.Duration // when the last picture or sound ends, edit lists applied
	Tracks     []*Track      // in file order
	Chapters   []Chapter     // in order of time, empty when the file names none
	Fragmented bool          // the samples lie in movie fragments (§8.8)

	timescale uint32 // ticks per second of mvhd, tkhd and elst (§8.2.2)
	size      int64  // bytes of the file
}

// A Track is one timed sequence of samples. A track whose samples cannot be packaged is listed with what its headers
// say; Samples and times may then be 0.
type Track struct {
	ID         uint32
	Kind       Kind
	Codec      string // as in a CODECS attribute (RFC 6381): "avc1.640028", "mp4a.40.2"; the sample entry's own four characters when unknown
	Language   string // BCP 47, "" when not said
	Width      int    // display size in pixels: pixel aspect and rotation applied; 0 for sound
	Height     int
	Rotation   int           // clockwise degrees the picture is turned by when shown: 0, 90, 180 or 270
	FrameRate  float64       // average, in pictures per second; 0 for sound
	SampleRate int           // Hz; 0 for pictures
	Channels   int           // 0 for pictures
	Samples    int           // coded samples: pictures, or packets of sound
	Start      time.Duration // presentation time of its first sample, edit list applied
	Duration   time.Duration // from then to the end, edit list applied

	enabled   bool   // §8.3.2 track_enabled
	problem   string // why the track cannot be packaged; "" if it can
	timescale uint32 // ticks per second of the media (§8.4.2)
	header    trackHeader
	edit      edit
	entry     sampleEntry
	table     samples
	end       int64         // composition time at which the last sample ends, in ticks
	groups    []sampleGroup // sgpd and sbgp (§8.9)
	verbatim  []box         // stbl children that describe samples one by one and are copied as they are
	chapters  uint32        // ID of the track that holds chapter titles (QuickTime tref chap), 0 for none
}

// A trackHeader is what is kept of tkhd and mdhd (§8.3.2, §8.4.2).
type trackHeader struct {
	volume        uint16
	layer         uint16
	matrix        [36]byte
	width, height uint32 // 16.16 fixed point
	language      uint16 // packed ISO 639-2/T
	extended      string // elng (§8.4.6), "" when absent
}

// An edit is the edit list of a track in its only supported shape: some empty time, then one stretch of the media at
// its natural rate (§8.6.6).
type edit struct {
	present   bool
	empty     uint64 // initial delay, in ticks of the movie
	duration  uint64 // of the stretch, in ticks of the movie; 0: to the end of the media
	mediaTime int64  // where the stretch begins, in ticks of the media
	shift     int64  // the initial delay in ticks of the media
}

// at is the presentation time of a media time: ticks of the media, counted from its first decoding time.
func (t *Track) at(ticks int64) time.Duration {
	return seconds(ticks-t.edit.mediaTime+t.edit.shift, t.timescale)
}

// frame is the average duration of a sample.
func (t *Track) frame() time.Duration {
	if t.table.n == 0 {
		return 0
	}
	return seconds(t.table.duration, t.timescale) / time.Duration(t.table.n)
}

// A Range is bytes of a file.
type Range struct {
	Offset, Length int64
}

// A Chapter is a named point in time.
type Chapter struct {
	Start time.Duration
	Title string
}
