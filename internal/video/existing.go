package video

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"

	"matinee/internal/diag"
)

// StreamScheme begins the name of a stream that lies on the streaming distribution already: "stream:talks/master.m3u8".
const StreamScheme = "stream:"

// isStream tells the address of a stream that exists already from the path of a clip.
func isStream(src string) bool {
	return strings.HasPrefix(src, StreamScheme) || strings.Contains(src, "://")
}

// ParseStream returns the address of a stream that exists already as [Clip].Src has it: an https or http address of an
// HLS playlist, or "stream:" and a key. What is neither, ok tells, is a path; the error says what is wrong with one.
func ParseStream(src string) (address string, ok bool, err error) {
	key, isKey := strings.CutPrefix(src, StreamScheme)
	if isKey {
		key = strings.TrimPrefix(key, "/")
		if key == "" || path.Clean(key) != key || strings.HasPrefix(key, "..") || strings.ContainsAny(key, "?#\\") || !isPlaylist(key) {
			return "", true, errors.New("is not the key of a playlist such as stream:talks/keynote/master.m3u8")
		}
		return StreamScheme + key, true, nil
	}
	u, err := url.Parse(src)
	switch {
	case !strings.Contains(src, "://") && !strings.HasPrefix(src, "//"):
		return "", false, nil
	case err != nil:
		return "", true, errors.New("is not an address")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return "", true, errors.New("is not an address that begins with https:// or http://")
	case u.User != nil:
		return "", true, errors.New("has a user name in it, which every visitor would see")
	case !isPlaylist(u.Path):
		return "", true, errors.New("is no HLS stream: its path does not end in .m3u8")
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String(), true, nil
}

func isPlaylist(p string) bool { return strings.EqualFold(path.Ext(p), ".m3u8") }

// existing makes a Video of a stream that exists already. Of what nobody can know without asking its host, the post
// says as much as its author wants to: length, size, captions, chapters, a poster.
func (l *Library) existing(ctx context.Context, c *Clip) (*Video, error) {
	address, ok, err := ParseStream(c.Src)
	if err != nil || !ok {
		return nil, diag.At(c.File, c.Line, "video %q %v", c.Src, err)
	}
	sum := sha256.Sum256([]byte(address))
	name := existingName(address)
	v := &Video{
		Name: slug(name) + "-" + hex.EncodeToString(sum[:5]), Title: TitleFromName(name), Master: address,
		Width: c.Width, Height: c.Height, Duration: c.Duration, HasVideo: true, HasAudio: true,
		AlternateAudio: true, // perhaps: who cannot look inside takes the player that knows everything
		Warm:           []Range{{Path: address}},
	}
	if v.Width == 0 || v.Height == 0 {
		v.Width, v.Height = 1280, 720
	}
	return l.complete(ctx, v, c, nil)
}

// existingName is what the address of a stream calls it: "keynote" for "https://example.com/talks/keynote/master.m3u8".
func existingName(address string) string {
	p := strings.TrimPrefix(address, StreamScheme)
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		p = u.Host + u.Path
	}
	name := stem(path.Base(p))
	if parent := path.Base(path.Dir(p)); parent != "." && slices.Contains([]string{"master", "index", "playlist", "main", "manifest"}, name) {
		return parent
	}
	return name
}
