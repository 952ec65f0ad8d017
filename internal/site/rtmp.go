package site

import (
	"encoding/json"
	"html/template"
	"path"
	"strings"

	"matinee/internal/video"
)

// RTMP is how clips are offered by an RTMP server, as Flash players took them in 2010 and VLC, mpv and ffmpeg do today.
type RTMP struct {
	Server string // "rtmp://media.example.com/cfx/st", without a final slash; "" for none
	Player string // path of Flowplayer 3's SWF in the site; "" when the author supplies none
	Plugin string // name of its RTMP plugin's SWF in the same folder
}

// A PlayerRTMP is what a page says of a clip on an RTMP server.
//
// RTMP names a clip in two parts, the application and the name of the stream, and an address runs them together.
// Programs built on libavformat (VLC, mpv, ffmpeg) take the first two names of the path for the application, or one when
// a colon follows it. So an address needs the "mp4:" that nginx-rtmp, Wowza and Adobe's server know MP4 by, and goes to
// the file with its extension; without the prefix, nginx-rtmp looks for an FLV.
type PlayerRTMP struct {
	Server  template.URL // the netConnectionUrl: "rtmp://media.example.com/cfx/st"
	Name    template.URL // the name as Flash wants it, without extension: "mp4:stream/walk-0123456789/720p"
	Address template.URL // for other programs: "rtmp://media.example.com/cfx/st/mp4:stream/walk-0123456789/720p.mp4"
	Flash   template.JS  // JSON for a script that starts Flowplayer 3; "" when there is none
}

// flashConfig is what Flowplayer 3's $f(element, swf, config) takes.
type flashConfig struct {
	SWF    string        `json:"swf"`
	Config flashSettings `json:"config"`
}

type flashSettings struct {
	Clip    flashClip    `json:"clip"`
	Plugins flashPlugins `json:"plugins"`
}

type flashClip struct {
	Provider string `json:"provider"`
	AutoPlay bool   `json:"autoPlay"`
}

type flashPlugins struct {
	RTMP flashPlugin `json:"rtmp"`
}

type flashPlugin struct {
	URL              string `json:"url"` // relative to the player's SWF
	NetConnectionURL string `json:"netConnectionUrl"`
}

// rtmp is the offer of a rendition by the RTMP server; nil when there is none.
func (v *View) rtmp(r video.Rendition) (*PlayerRTMP, error) {
	server := v.Site.rtmp
	if server.Server == "" || !overRTMP(r.Codecs) {
		return nil, nil // templates ask {{with .RTMP}}
	}
	file := r.Path
	prefix, ext := "mp4:", path.Ext(file)
	if ext == ".flv" {
		prefix = ""
	}
	p := &PlayerRTMP{
		Server:  template.URL(server.Server),                                      //nolint:gosec // the scheme is checked by package config
		Name:    template.URL(prefix + escapePath(strings.TrimSuffix(file, ext))), //nolint:gosec // a path of the site's, escaped
		Address: template.URL(server.Server + "/" + prefix + escapePath(file)),    //nolint:gosec // likewise
	}
	if server.Player == "" {
		return p, nil
	}
	config, err := json.Marshal(flashConfig{SWF: v.Link(server.Player), Config: flashSettings{
		Clip:    flashClip{Provider: "rtmp", AutoPlay: v.Site.autoplay},
		Plugins: flashPlugins{RTMP: flashPlugin{URL: server.Plugin, NetConnectionURL: server.Server}},
	}})
	p.Flash = template.JS(config) //nolint:gosec // JSON of our own making, in which <, > and & are escaped
	return p, err
}

// overRTMP tells whether servers can send codecs over RTMP, which knows H.264, AAC and MP3 only: the container is FLV,
// however the file is called. A stream of unknown codecs lies elsewhere.
func overRTMP(codecs string) bool {
	for codec := range strings.SplitSeq(codecs, ",") {
		if kind, _, _ := strings.Cut(strings.TrimSpace(codec), "."); kind != "avc1" && kind != "mp4a" {
			return false
		}
	}
	return true
}
