// Package config reads site.yaml: what a site is called, how it looks, where it streams from and where it is published.
//
// [Config] is the whole of it, as plain values; its field tags are the schema, from which both the strict decoder and
// the JSON Schema for editors come. What the author leaves out has the value of [Default]. A Config returned without an
// error is valid as far as the file alone can tell; nothing outside the file is looked at.
//
// Only the command line imports this package: every other package takes the values it needs, never a Config.
package config

import (
	"errors"
	"io"
	"io/fs"
	"slices"

	"matinee/internal/diag"
	"matinee/internal/schema"
)

// A Config is what site.yaml says.
type Config struct {
	Title       string     `key:"title" required:"true" example:"Films" like:"name" doc:"The name of the site."`
	Description string     `key:"description" like:"tagline,subtitle" doc:"What the site is about, in a sentence."`
	URL         string     `key:"url" like:"baseurl,base_url,siteurl" doc:"The site's full address, such as https://films.example.com; where it is not given, nothing that needs full addresses (feeds, sitemap, previews elsewhere) has them."`
	Language    string     `key:"language" like:"lang,locale,languagecode,defaultcontentlanguage" doc:"The language of the texts, as a BCP 47 tag: en, pt-BR."`
	Author      Author     `key:"author" doc:"Who makes the site."`
	Theme       string     `key:"theme" doc:"default, or the name of a folder under themes/."`
	Accent      string     `key:"accent" pattern:"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})" want:"a colour such as \"#c2410c\"" like:"color,colour,accent_color" doc:"The colour of links and buttons, as #rgb or #rrggbb."`
	Permalink   string     `key:"permalink" like:"permalinks" doc:"The address of a post below the site's: a path made of :slug and, where wanted, :section, :year, :month and :day."`
	PerPage     int        `key:"per_page" min:"1" like:"paginate,paginate_by,perpage,pagersize" doc:"How many posts a page of a list shows."`
	Menu        []MenuItem `key:"menu" like:"navigation,nav,menus" doc:"The links at the top of every page."`
	Markdown    Markdown   `key:"markdown" like:"markup" doc:"How texts are read."`
	Streaming   Streaming  `key:"streaming" like:"stream" doc:"How clips are made and where they are streamed from."`
	Audio       Audio      `key:"audio" like:"sound" doc:"How clips sound."`
	Captions    Captions   `key:"captions" like:"subtitles" doc:"Where captions come from and what is made of them."`
	Player      Player     `key:"player" doc:"How clips play."`
	Publish     Publish    `key:"publish" like:"deploy,deployment" doc:"Where publish puts the site."`

	Lines schema.Lines // where the keys stand, for messages about what lies outside the file
}

// Author is the person behind the site.
type Author struct {
	Name  string `key:"name" doc:"The author's name."`
	Email string `key:"email" pattern:"[^@\\s]+@[^@\\s]+" want:"an e-mail address" doc:"Where to write to; shown in feeds."`
	URL   string `key:"url" doc:"The author's own page, as a full address."`
}

// A MenuItem is a link at the top of every page.
type MenuItem struct {
	Title string `key:"title" required:"true" example:"Films" like:"name" doc:"What the link says."`
	URL   string `key:"url" required:"true" like:"link,pageref" example:"/" doc:"Where it leads: a path on this site, beginning with /, or a full address."`
}

// Markdown says how texts are read.
type Markdown struct {
	HTML bool `key:"html" like:"unsafe" doc:"Keep HTML written in posts; off, it is dropped with a warning."`
}

// Streaming says how clips are made and where they are streamed from.
type Streaming struct {
	URL      string `key:"url" doc:"The address of the streaming distribution; empty, clips lie beside the pages under stream/."`
	Delivery string `key:"delivery" enum:"hls,progressive,rtmp" doc:"How clips are delivered: hls adapts to the viewer's line, progressive is one MP4, rtmp is hls and beside it the way of 2010."`
	Encoder  string `key:"encoder" enum:"auto,ffmpeg,copy,mediaconvert" doc:"What encodes clips: auto is ffmpeg where it is installed and else copy, which takes clips as they are; mediaconvert has them encoded by AWS."`
	Ladder   Ladder `key:"ladder" doc:"The sizes of each clip."`
	RTMP     string `key:"rtmp" doc:"The RTMP server and its application, such as rtmp://media.example.com/cfx/st, for delivery: rtmp."`
}

// A Ladder lists the sizes, and the codecs, into which clips are encoded.
type Ladder struct {
	schema.OneOf
	Auto   string        `enum:"auto" doc:"auto: what each clip deserves."`
	Rungs  []int         `min:"16" doc:"Heights in pixels, such as [1080, 720, 480]."` // nil: auto
	Detail *LadderDetail `doc:"Heights and codecs."`
}

// A LadderDetail is a ladder of several codecs.
type LadderDetail struct {
	Codecs []string `key:"codecs" enum:"h264,av1" like:"codec" doc:"What clips are encoded as: h264, and av1 beside it for browsers that play it."`
	Rungs  []int    `key:"heights" min:"16" like:"rungs,sizes" doc:"Heights in pixels; left out, what each clip deserves."`
}

// Heights are the heights asked for, nil for what each clip deserves.
func (l Ladder) Heights() []int {
	if l.Detail != nil {
		return l.Detail.Rungs
	}
	return l.Rungs
}

// AV1 tells whether rungs of AV1 are wanted beside those of H.264.
func (l Ladder) AV1() bool { return l.Detail != nil && slices.Contains(l.Detail.Codecs, "av1") }

// Audio says how clips sound.
type Audio struct {
	Loudness float64 `key:"loudness" like:"lufs,volume,normalize" min:"-70" max:"-5" want:"a loudness between -70 and -5 LUFS, such as -16" doc:"How loud the sound of all clips is made, in LUFS, such as -16; left out, it stays as it is."`
}

// Captions says where captions come from and what is made of them.
type Captions struct {
	Command    []string `key:"command" like:"transcriber,whisper" doc:"A program that writes captions for clips that have none, and its arguments: {input} is the clip, {audio} its sound as a WAV file, {output} the file to write, without its .vtt or .srt."`
	Transcript bool     `key:"transcript" doc:"Show the words of captions under the film, for reading."`
}

// Player says how clips play.
type Player struct {
	Autoplay bool   `key:"autoplay" doc:"Start by itself, muted."`
	Loop     bool   `key:"loop" doc:"Start again at the end."`
	Edition  string `key:"edition" enum:"flowplayer7,flowplayer-cdn,native" doc:"Which player: flowplayer7 is shipped with the site, flowplayer-cdn comes from a public CDN, native is the commercial one."`
	Token    string `key:"token" doc:"The licence token of the native edition."`
	Flash    string `key:"flash" doc:"A folder of the site with Flowplayer 3's SWF files, which are yours to supply, for delivery: rtmp."`
}

// Publish says where publish puts the site.
type Publish struct {
	Target   string `key:"target" enum:"s3,dir" doc:"s3 for a bucket, dir for a folder."`
	Dir      string `key:"dir" doc:"The folder, for target: dir."`
	Stack    string `key:"stack" pattern:"[A-Za-z][A-Za-z0-9-]{0,127}" want:"letters, digits and hyphens, beginning with a letter" doc:"The CloudFormation stack that provision creates; buckets and distributions are its outputs."`
	Static   Bucket `key:"static" doc:"A bucket of your own for the pages, in place of the stack's."`
	Stream   Bucket `key:"stream" doc:"A bucket of your own for the clips, in place of the stack's."`
	Region   string `key:"region" pattern:"[a-z0-9-]+" want:"a region such as us-east-1" doc:"The buckets' region."`
	Profile  string `key:"profile" doc:"A profile of the AWS configuration files; empty, the usual chain of credentials."`
	Endpoint string `key:"endpoint" doc:"The address of another service that speaks S3: R2, B2, MinIO, Wasabi."`
}

// A Bucket is a bucket and the distribution in front of it.
type Bucket struct {
	Bucket       string `key:"bucket" pattern:"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]" want:"a bucket's name: 3 to 63 small letters, digits, dots and hyphens" doc:"The bucket's name."`
	Distribution string `key:"distribution" pattern:"[A-Z0-9]+" want:"a distribution's id such as E1A2B3C4D5E6F7" doc:"The id of the CloudFront distribution in front of it."`
}

// Default returns what a site is where site.yaml says nothing.
func Default() Config {
	return Config{
		Language:  "en",
		Theme:     "default",
		Accent:    "#c2410c",
		Permalink: "/:slug/",
		PerPage:   12,
		Streaming: Streaming{Delivery: "hls", Encoder: "auto", Ladder: Ladder{Auto: "auto"}},
		Captions:  Captions{Transcript: true},
		Player:    Player{Edition: "flowplayer7"},
		Publish:   Publish{Target: "s3", Region: "us-east-1"},
	}
}

// Load reads the site's configuration from the file called name. The error is an errors.Join of [diag.Problem], all that
// is wrong, each with its line; of a file that is not there it is an [fs.ErrNotExist].
func Load(fsys fs.FS, name string) (Config, error) {
	data, err := readFile(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Default(), err
	case err != nil:
		return Default(), diag.At(name, 0, "cannot be read: %v", reason(err))
	}
	return Parse(name, data)
}

// maxBytes is the size of a file that is still read.
const maxBytes = 1 << 20

func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = errors.New("larger than 1 MB")
	}
	return data, err
}

// reason is an error without the file's name, which the problem names already.
func reason(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Parse reads a configuration, called name in messages.
func Parse(name string, data []byte) (Config, error) {
	c := Default()
	data, problem := schema.Text(name, data)
	if problem != nil {
		return c, problem
	}
	lines, err := schema.Decode(schema.Source{File: name, Data: data}, &c)
	v := validator{file: name, lines: lines}
	v.config(&c)
	c.Lines = lines
	return c, errors.Join(err, errors.Join(v.problems...))
}

// Address checks the address of a site that is given elsewhere than in site.yaml, and returns it as url would be read.
func Address(s string) (string, error) {
	var v validator
	s = v.address("url", s)
	return s, errors.Join(v.problems...)
}

// Schema returns the JSON Schema of site.yaml.
func Schema() []byte {
	return schema.JSONSchema(Default(), "site.yaml", "The configuration of a Matinee site. A key left out has its default.")
}
