package site

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"matinee/internal/video"
)

// playerConfig is what themes/default/assets/embed.js reads from the <script type="application/json"> beside the
// <video>. Addresses are relative to the page or absolute; times are seconds.
type playerConfig struct {
	Title    string          `json:"title"`
	Duration float64         `json:"duration"`
	Width    int             `json:"width"`
	Height   int             `json:"height"`
	MP4      string          `json:"mp4"`
	HLS      string          `json:"hls"` // "" when the clip has one rendition
	Poster   string          `json:"poster"`
	Lib      string          `json:"lib"`     // folder of the player's files; "" when the program was built without them
	FullHLS  bool            `json:"fullHls"` // the clip has an audio group, which hls.js light cannot play
	Warm     []warmRange     `json:"warm"`
	Captions []captionConfig `json:"captions"`
	Chapters []chapterConfig `json:"chapters"`
	Start    float64         `json:"start"`
	Loop     bool            `json:"loop"`
	Muted    bool            `json:"muted"`
	Autoplay bool            `json:"autoplay"`
	Seek     *seekConfig     `json:"seek,omitempty"`
}

// seekConfig is what the preview on the time line needs.
type seekConfig struct {
	Script     string `json:"script"`     // a module, fetched with the player
	Storyboard string `json:"storyboard"` // WebVTT
}

type warmRange struct {
	URL    string `json:"url"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"` // 0: the whole file
}

type captionConfig struct {
	Src   string `json:"src"`
	Kind  string `json:"kind"`
	Lang  string `json:"srclang"`
	Label string `json:"label"`
}

type chapterConfig struct {
	At    float64 `json:"at"`
	Title string  `json:"title"`
}

// A ChapterLink is a chapter as the page lists it.
type ChapterLink struct {
	Href    string // "?t=90#clip-1"
	Seconds string // "90"
	Label   string // "1:30"
	Title   string
}

// A PlayerTranscript is the words of a clip for reading.
type PlayerTranscript struct {
	Lang, Label string // "en", "English"
	Paragraphs  []TranscriptParagraph
}

// A TranscriptParagraph is what is said in one go.
type TranscriptParagraph struct {
	Label   string // when it begins: "1:30"
	Speaker string // where it is somebody else than before, and known
	Lines   []TranscriptLine
}

// A TranscriptLine is the words of one caption.
type TranscriptLine struct {
	Href    string // "?t=90#clip-1"
	Seconds string // "90"
	Text    string
}

// Player makes the dot of the partial "player" for a clip on this page.
func (v *View) Player(clip *video.Video) (Player, error) {
	v.players++
	mp4 := clip.Progressive()
	p := Player{
		Video:       clip,
		ID:          playerID(v.players),
		Title:       clip.Title,
		Poster:      v.playerPoster(clip),
		Loop:        clip.Loop || v.Site.loop,
		CrossOrigin: v.Site.streamURL != "",
		Transcript:  v.transcript(clip, v.players),
	}
	if mp4.Path != "" {
		p.MP4, p.DownloadSize = v.Stream(mp4.Path), v.FileSize(mp4.Size)
	}
	if mp4.Path == "" || !v.Site.progressive && (len(clip.Renditions) > 1 || clip.AlternateAudio) {
		p.Master = v.Stream(clip.Master)
	}
	for _, t := range clip.Captions {
		p.Captions = append(p.Captions, PlayerTrack{Src: v.Stream(t.Path), Kind: t.Kind, Lang: t.Lang, Label: t.Label})
	}
	if clip.ChaptersPath != "" {
		p.Chapters = v.Stream(clip.ChaptersPath)
	}
	for _, c := range clip.Chapters {
		p.ChapterList = append(p.ChapterList, ChapterLink{Href: v.moment(c.At, p.ID), Seconds: v.Seconds(c.At), Label: v.Duration(c.At), Title: c.Title})
	}
	rtmp, err := v.rtmp(mp4)
	if err != nil {
		return p, err
	}
	p.RTMP = rtmp
	config, err := json.Marshal(v.playerConfig(clip, &p)) // escapes <, > and &, so it cannot end the script element
	p.Config = template.JS(config)                        //nolint:gosec // JSON of our own making
	return p, err
}

// playerID is the id of the nth player of a page.
func playerID(n int) string { return fmt.Sprintf("clip-%d", n) }

// moment is the address of a moment in a clip of this page. Without JavaScript it leads to the clip.
func (v *View) moment(at time.Duration, id string) string { return "?t=" + v.Seconds(at) + "#" + id }

func (v *View) transcript(clip *video.Video, player int) *PlayerTranscript {
	if clip.Transcript == nil || v.Site.noTranscripts {
		return nil
	}
	t := &PlayerTranscript{Lang: clip.Transcript.Lang, Label: clip.Transcript.Label}
	for _, p := range clip.Transcript.Paragraphs {
		shown := TranscriptParagraph{Label: v.Duration(p.Lines[0].At), Speaker: p.Speaker}
		for _, l := range p.Lines {
			shown.Lines = append(shown.Lines, TranscriptLine{Href: v.moment(l.At, playerID(player)), Seconds: v.Seconds(l.At), Text: l.Text})
		}
		t.Paragraphs = append(t.Paragraphs, shown)
	}
	return t
}

func (v *View) playerConfig(clip *video.Video, p *Player) playerConfig {
	c := playerConfig{
		Title: p.Title, Duration: clip.Duration.Seconds(), Width: clip.Width, Height: clip.Height,
		MP4: p.MP4, HLS: p.Master, Poster: p.Poster, FullHLS: clip.AlternateAudio,
		Warm: []warmRange{}, Captions: []captionConfig{}, Chapters: []chapterConfig{},
		Start: clip.Start.Seconds(), Loop: p.Loop,
		Muted: clip.Muted, Autoplay: v.Site.autoplay,
	}
	if dir := v.Site.playerDir; dir != "" {
		c.Lib = v.Link(strings.TrimSuffix(dir, "/") + "/")
	}
	if c.HLS != "" {
		for _, r := range clip.Warm {
			c.Warm = append(c.Warm, warmRange{URL: v.Stream(r.Path), Offset: r.Offset, Length: r.Length})
		}
	}
	if script, err := v.Asset("seek.js"); err == nil && clip.Storyboard != "" {
		c.Seek = &seekConfig{Script: script, Storyboard: v.Stream(clip.Storyboard)}
	}
	for _, t := range p.Captions {
		c.Captions = append(c.Captions, captionConfig(t))
	}
	for _, ch := range clip.Chapters {
		c.Chapters = append(c.Chapters, chapterConfig{At: ch.At.Seconds(), Title: ch.Title})
	}
	return c
}

// hasScheme tells whether an address is one of another site or scheme ("https://…", "mailto:…", "//host/…").
func hasScheme(address string) bool {
	if strings.HasPrefix(address, "//") {
		return true
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme != ""
}

// escapePath makes a path safe in an address: every character of a file name that has a meaning in addresses is
// percent-encoded, so "50% #1?.mp4" stays one path. A query or fragment is the caller's to add.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A") // "a:b/" would be an address of scheme a
	}
	return strings.Join(parts, "/")
}
