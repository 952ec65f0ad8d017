package post

import (
	"time"

	"matinee/internal/schema"
)

// frontMatter is the schema of what stands above a post's text.
type frontMatter struct {
	Title       string         `key:"title" like:"name" doc:"The post's title; where it is missing, the text's first heading or the file's name."`
	Date        time.Time      `key:"date" like:"created" doc:"When the post was published; a date in the future keeps it back until then."`
	Lastmod     time.Time      `key:"lastmod" like:"updated,modified,last_modified_at,last_modified" doc:"When the post was last changed."`
	Description string         `key:"description" like:"excerpt,subtitle" doc:"What the post is about, in a sentence, for search engines and previews."`
	Summary     string         `key:"summary" like:"abstract" doc:"A short text for lists, where it should differ from the description."`
	Video       videos         `key:"video" like:"videos,clip,clips,film,movie" doc:"The post's film, or several for a gallery."`
	Tags        []string       `key:"tags" like:"tag,categories,category,keywords" doc:"Words to find the post by."`
	Series      string         `key:"series" doc:"The series the post is a part of."`
	Slug        string         `key:"slug" doc:"The last part of the post's address, where it should differ from the file's name."`
	URL         located        `key:"url" like:"permalink,path" doc:"The post's whole address on the site, in place of the permalink: /about/team/."`
	Aliases     []located      `key:"aliases" like:"alias,redirect_from,redirects" doc:"Old addresses that lead here."`
	Draft       bool           `key:"draft" like:"published" doc:"Not to be published yet."`
	PublishDate time.Time      `key:"publishDate" like:"publish_date,pubdate,scheduled" doc:"When the post is to appear, where that is not its date."`
	ExpiryDate  time.Time      `key:"expiryDate" like:"expiry_date,expires,unpublishdate" doc:"When the post is to disappear."`
	Author      string         `key:"author" like:"authors" doc:"Who wrote it, where that is not the site's author."`
	Image       string         `key:"image" like:"images,cover,thumbnail,featured_image,feature" doc:"A picture for previews, beside the post or as an address."`
	Weight      int            `key:"weight" like:"order" doc:"Its place in lists before the date counts: smaller comes first."`
	Unlisted    bool           `key:"unlisted" like:"hidden" doc:"Published, but in no list, feed or sitemap."`
	Comments    string         `key:"comments" pattern:"https?://\\S+" want:"the full address of a discussion, such as https://example.com/a-walk" doc:"The address of a discussion of the post."`
	Params      map[string]any `key:"params" like:"extra,custom,fields" doc:"Keys of your own, for your own templates."`
}

// A located is a text that knows its line.
type located struct {
	schema.OneOf
	Line schema.Line
	Text string `want:"a path such as /about/team/" doc:"A path such as /about/team/."`
}

// videos are what the key video may hold.
type videos struct {
	schema.OneOf
	Line schema.Line
	Src  string  `want:"a clip" doc:"A clip beside the post or under content/."`
	Film *film   `doc:"A film and what belongs to it."`
	List []video `doc:"Several films."`
}

// A video is an item of a list of videos.
type video struct {
	schema.OneOf
	Line schema.Line
	Src  string `want:"a clip" doc:"A clip beside the post or under content/."`
	Film *film  `doc:"A film and what belongs to it."`
}

type film struct {
	Line       schema.Line
	Src        string        `key:"src" required:"true" example:"walk.mp4" like:"file,path,url" doc:"The clip: a file beside the post or under content/, the address of an HLS stream, or stream: and the key of one on the streaming distribution."`
	Renditions []string      `key:"renditions" doc:"Other encodes of the same film."`
	Title      string        `key:"title" doc:"The film's title, where it is not the post's."`
	Poster     string        `key:"poster" like:"image,thumbnail" doc:"The picture shown before the film plays: a file, or a moment of the film such as 0:12."`
	Captions   []caption     `key:"captions" like:"subtitles,tracks" doc:"Files with the words: WebVTT, SubRip or SubStation Alpha."`
	Chapters   chapters      `key:"chapters" doc:"The film's parts."`
	Transcript *bool         `key:"transcript" doc:"Whether the page shows the words of the captions for reading; it does unless told not to."`
	Audio      audio         `key:"audio" like:"sound" doc:"How the film sounds."`
	Start      time.Duration `key:"start" doc:"Where to begin."`
	Loop       bool          `key:"loop" doc:"Start again at the end."`
	Muted      bool          `key:"muted" doc:"Play without sound until asked."`
	Aspect     string        `key:"aspect" pattern:"[1-9]\\d{0,4}:[1-9]\\d{0,4}" want:"a shape such as \"16:9\"" doc:"The player's shape, such as 16:9, where it is not the film's."`
	Duration   time.Duration `key:"duration" like:"length" doc:"How long a stream that exists already lasts."`
	Width      int           `key:"width" min:"1" doc:"The width in pixels of a stream that exists already."`
	Height     int           `key:"height" min:"1" doc:"The height in pixels of a stream that exists already."`
}

type audio struct {
	Loudness float64 `key:"loudness" like:"lufs,volume" min:"-70" max:"-5" want:"a loudness between -70 and -5 LUFS, such as -16" doc:"How loud its sound is made, in LUFS, such as -16, where that is not what site.yaml says."`
}

type caption struct {
	Line  schema.Line
	Src   string `key:"src" required:"true" example:"walk.en.vtt" like:"file,path" doc:"A WebVTT (.vtt), SubRip (.srt) or SubStation Alpha (.ass, .ssa) file."`
	Lang  string `key:"lang" required:"true" example:"en" like:"srclang,language" pattern:"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*" want:"a language such as en or pt-BR" doc:"Its language, as a BCP 47 tag."`
	Label string `key:"label" doc:"What the menu calls it."`
}

// chapters are what the key chapters may hold.
type chapters struct {
	schema.OneOf
	File string    `want:"a WebVTT file" doc:"A WebVTT file with the chapters."`
	List []chapter `doc:"The chapters."`
}

type chapter struct {
	Line  schema.Line
	At    time.Duration `key:"at" required:"true" example:"\"1:30\"" like:"start,time" doc:"Where the chapter begins."`
	Title string        `key:"title" required:"true" example:"The lake" like:"name" doc:"What it is called."`
}

// Schema returns the JSON Schema of a post's front matter.
func Schema() []byte {
	return schema.JSONSchema(frontMatter{}, "front matter", "What stands above the text of a Matinee post.")
}

// ParseDuration reads a length of time or a place in a film as front matter gives it: "1:30", "1:02:03", "90", "1m30s".
func ParseDuration(s string) (time.Duration, error) { return schema.ParseDuration(s) }
