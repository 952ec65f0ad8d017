package video

import (
	"os"
	"path"
	"strings"

	"matinee/internal/hls"
)

const subtitlesGroup = "subtitles"

// addSubtitlesGroup gives a video a master playlist that offers its captions to players of their own: an EXT-X-MEDIA
// of type SUBTITLES a language (RFC 8216 §4.3.4.1), each with a media playlist whose one segment is the WebVTT file
// (§3.5). Pages show captions as tracks of the <video> instead, so nothing in the group is chosen by default.
//
// The stream's folder never changes once it is published, but captions are corrected. So master.m3u8, which names none,
// stays as it is, and beside it stands master.<digest>.m3u8 with the same encodes; a changed caption makes another one.
func (l *Library) addSubtitlesGroup(v *Video) error {
	if len(v.Captions) == 0 || isStream(v.Master) {
		return nil
	}
	var master hls.Master
	if packaged, ok := l.published(v.Master); !ok {
		return nil // the stream was made elsewhere, and its master is there
	} else if data, err := os.ReadFile(packaged.Source); err != nil {
		return cacheError("read "+packaged.Source, err)
	} else if err := master.Unmarshal(data); err != nil {
		return cacheError("read "+packaged.Source, err)
	}
	var group []hls.Rendition
	for _, t := range v.Captions {
		playlist, err := captionPlaylist(v, t)
		if err != nil {
			return err
		}
		out, err := l.publishSmall(v, "captions."+t.Lang, ".m3u8", playlist)
		if err != nil {
			return err
		}
		group = append(group, hls.Rendition{
			Type: hls.Subtitles, GroupID: subtitlesGroup, Name: uniqueName(quotable(t.Label), group), Language: t.Lang, URI: path.Base(out),
		})
	}
	master.Media = append(master.Media, group...)
	for i := range master.Variants {
		master.Variants[i].SubtitlesGroup = subtitlesGroup
	}
	text, err := master.Marshal()
	if err != nil {
		return err
	}
	out, err := l.publishSmall(v, "master", ".m3u8", text)
	if err != nil {
		return err
	}
	for i := range v.Warm {
		if v.Warm[i].Path == v.Master {
			v.Warm[i].Path = out
		}
	}
	v.Master = out
	return nil
}

// captionPlaylist is the media playlist of captions: one segment as long as the film. The times in it need no
// X-TIMESTAMP-MAP, without which 0 is where the film begins (§3.5).
func captionPlaylist(v *Video, t Track) ([]byte, error) {
	m := hls.Media{Version: 3, Segments: []hls.Segment{{URI: path.Base(t.Path), Duration: v.Duration}}}
	m.TargetDuration = hls.TargetDuration(m.Segments)
	return m.Marshal()
}

// quotable is a label without what a playlist cannot hold.
func quotable(label string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029':
			return ' '
		}
		return r
	}, label)
}

// published is a file of the library by its path in the site.
func (l *Library) published(path string) (File, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.files[path]
	return f, ok
}
