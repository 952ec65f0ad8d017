// Package video turns the clips authors name into streams that pages can show: it finds out what a clip is and whether
// it can be streamed as it is, plans the rungs of its ladder, has them packaged, and adds all that belongs to it:
// pictures, captions, chapters, a transcript.
//
// # Two steps
//
// [Library.Check] reads the index of every clip that is new, and no media, and reports each clip that cannot be
// prepared. [Library.PrepareAll] then prepares them; what it returns, [Video], is all a page needs to know. What a
// server has to send is [Library.Files].
//
// Programs are behind interfaces that are declared here and met elsewhere: an [Encoder] makes rungs, a [Camera] pictures,
// an [Extractor] finds captions in a clip and a [Transcriber] writes them. Packaging is done here, whoever made the rungs:
// each becomes one hybrid MP4 (package mp4) with its playlist (package hls). Two kinds of clips are not packaged: those
// whose [RemoteEncoder] leaves the stream where it is sent from, and addresses of streams that exist ([ParseStream]).
//
// # Cache
//
// A stream is named by its content: the digest of its sources and of the recipe. It lies in the cache under
//
//	<digest of the first source>/<digest of all sources and the recipe>/   the stream's files and clip.json
//	images/<digest of what they show, the recipe and the camera>/          posters, storyboard and preview, and album.json
//	blobs/<xx>/<digest>.<ext>                                              title cards, captions, chapters
//	inside/<digest>.json                                                   subtitles and chapters found in a source
//	transcribed/<digest>-<key>.vtt                                         captions that a Transcriber made
//	parts/<digest of all sources and the recipe>/                          of a stream in the making, what is to outlive us
//	ffmpeg.json                                                            what the encoder's program can do
//	sources.json                                                           size, time and digest of the author's files
//	tmp/                                                                   work in progress
//
// and is published under a name with the same digest, so a stream never changes in place and may be cached for ever.
// Folders of streams and images are made under tmp and renamed when they are finished: a build that is killed leaves
// nothing that looks like a stream, and two builds at once do no harm to each other. A source whose size and time are
// those of sources.json is not read again. The whole cache may be deleted at any time.
package video

import "time"

// A Video is what a page must know of a prepared clip. Paths are slash-separated paths from the root of the built
// site; those under stream/ are served by the streaming distribution when one is configured.
type Video struct {
	Name     string // folder name under stream/ and posters/: "<clip name>-<key>"
	Title    string // the author's title, or one made from the file name
	Width    int    // display size in pixels of the largest rendition, rotation and pixel aspect applied; 0 for sound only
	Height   int
	Duration time.Duration
	HasVideo bool
	HasAudio bool

	Renditions     []Rendition // lowest bandwidth first, those of AV1 after the others; empty for a stream that exists already
	Master         string      // master playlist: "stream/<name>/master.m3u8", or an address as ParseStream returns it
	AlternateAudio bool        // more than one audio language: the player needs the full hls.js
	Warm           []Range     // what a player fetches first: master, lowest playlist, init segment, first segment

	Poster       Poster
	Storyboard   string // WebVTT whose cues name pieces of a picture of many small ones; "" when there is none
	Preview      string // a few seconds without sound, as an MP4; "" when there is none
	Captions     []Track
	Chapters     []Chapter   // in order of time; chapters are also a Track when ChaptersPath is set
	ChaptersPath string      // WebVTT chapters file, or ""
	Transcript   *Transcript // what the captions say, for reading; nil when there is nothing or it is not wanted

	Start       time.Duration // where playing starts unless the address says otherwise
	Loop, Muted bool
}

// A Rendition is one rung of the ladder: one hybrid MP4 and its media playlist.
type Rendition struct {
	Label            string // "720p": the shorter side of the picture; "audio" for sound only
	Path             string // the MP4: "stream/<name>/720p.mp4"
	Playlist         string // "stream/<name>/720p.m3u8"
	Size             int64  // bytes of the MP4
	Width, Height    int    // display size in pixels
	Bandwidth        int    // peak segment bit rate, bit/s (RFC 8216 §4.3.4.2)
	AverageBandwidth int    // bit/s
	Codecs           string // RFC 6381, comma-separated
	FrameRate        float64
}

// A Range is bytes of a file; Length 0 means the whole file.
type Range struct {
	Path           string
	Offset, Length int64
}

// A Poster is the still picture of a clip in several encodings, best type first and within a type widest last.
type Poster struct {
	Images      []Image
	Placeholder string // a few coloured pixels to show meanwhile, as a data: address; "" when there is none
}

// An Image is one encoding of a picture.
type Image struct {
	Path          string
	Type          string // "image/avif", "image/jpeg", "image/svg+xml" …
	Width, Height int    // pixels
}

// A Track is a text track beside the clip.
type Track struct {
	Path  string // WebVTT
	Kind  string // "captions" or "subtitles"
	Lang  string // BCP 47
	Label string // what a menu shows: "English"
}

// A Chapter is a named point in time.
type Chapter struct {
	At    time.Duration
	Title string
}

// Progressive is the rendition an ordinary <video>, a download or a feed enclosure uses: the largest of at most
// 720 lines that every browser plays, or the smallest there is; none of a stream that exists already.
func (v *Video) Progressive() Rendition {
	if len(v.Renditions) == 0 {
		return Rendition{}
	}
	best := v.Renditions[0]
	for _, r := range v.Renditions {
		if min(r.Width, r.Height) <= 720 && !r.isAV1() {
			best = r
		}
	}
	return best
}
