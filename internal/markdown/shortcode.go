package markdown

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
)

// A finding is a problem of a shortcode before it is known where the shortcode stands.
type finding struct {
	at         int // byte offset in the shortcode
	text, hint string
}

// A shortcode is what stands between {{< and >}}.
type shortcode struct {
	literal string            // text to print, for {{</* … */>}}
	params  map[string]string // of a video; "src" and "title" are among them
}

// videoParams are the parameters of the shortcode "video", with the check of each. A check returns the value in the
// form of Hole.Params, or what the value should look like.
var videoParams = map[string]func(value string) (checked, wanted string){
	"src":    notEmpty,
	"title":  anything,
	"poster": notEmpty,
	"start":  seconds,
	"loop":   boolean,
	"muted":  boolean,
	"aspect": aspect,
}

// parseShortcode understands a shortcode from its opening to its end. The result is meant only when nothing is found
// wrong; everything wrong is found.
func parseShortcode(s string) (shortcode, []finding) {
	opener, closer := tagOpening([]byte(s))
	switch {
	case len(s) < len(opener)+len(closer):
		return shortcode{}, []finding{{
			0, `the shortcode that "{{<" starts is never closed`,
			`close it with ">}}" in the same paragraph; to print "{{<" itself, put it in backticks`,
		}}
	case opener == "{{</*":
		return shortcode{literal: "{{<" + s[len(opener):len(s)-len(closer)] + ">}}"}, nil
	case opener == "{{%":
		return shortcode{}, []finding{{0, `shortcodes in "{{% … %}}" are not known`, `write {{< video src="walk.mp4" >}}`}}
	}
	l := lexer{s: strings.TrimSuffix(s[:len(s)-len(closer)], "/"), at: len(opener)}
	l.space()
	nameAt := l.at
	name := l.word()
	if name != "video" {
		return shortcode{}, []finding{unknownShortcode(nameAt, name)}
	}
	return l.video()
}

func unknownShortcode(at int, name string) finding {
	switch name {
	case "":
		return finding{at, "the shortcode has no name", `write {{< video src="walk.mp4" >}}`}
	case "/video":
		return finding{at, `the shortcode "video" has no closing part`, `take {{< /video >}} out`}
	}
	text := fmt.Sprintf("unknown shortcode %q: Matinee knows only %q", name, "video")
	switch strings.TrimPrefix(name, "/") {
	case "youtube", "vimeo":
		return finding{at, text, `put the film beside the post and write {{< video src="film.mp4" >}}, or write a link to it`}
	case "figure":
		return finding{at, text, `write ![what it shows](picture.jpg "title")`}
	case "ref", "relref":
		return finding{at, text, `link to a post by its file name: [text](other.md)`}
	case "highlight":
		return finding{at, text, "write a fenced code block: ```go"}
	}
	if near := nearest(name, []string{"video"}); near != "" {
		return finding{at, fmt.Sprintf("unknown shortcode %q (did you mean %q?)", name, near), ""}
	}
	return finding{at, text, fmt.Sprintf("take it out, or print it as it is by writing {{</* %s */>}}", name)}
}

// A lexer reads the words and parameters of a shortcode.
type lexer struct {
	s  string
	at int
}

const blanks = " \t\n"

func (l *lexer) space() {
	l.at += len(l.s[l.at:]) - len(strings.TrimLeft(l.s[l.at:], blanks))
}

// word reads up to a blank or one of stops.
func (l *lexer) word(stops ...string) string {
	rest := l.s[l.at:]
	end := strings.IndexAny(rest, blanks+strings.Join(stops, ""))
	if end < 0 {
		end = len(rest)
	}
	l.at += end
	return rest[:end]
}

// video reads the parameters of the shortcode "video".
func (l *lexer) video() (shortcode, []finding) {
	sc := shortcode{params: map[string]string{}}
	var found []finding
	nameAt := l.at - len("video")
	for l.space(); l.at < len(l.s); l.space() {
		at := l.at
		key, value, wrong := l.param()
		if wrong == nil {
			wrong = sc.set(key, value)
		}
		if wrong != nil {
			wrong.at = at
			found = append(found, *wrong)
		}
	}
	if _, ok := sc.params["src"]; !ok && len(found) == 0 {
		found = append(found, finding{nameAt, `the shortcode "video" does not say which clip to play`, `write {{< video src="walk.mp4" >}}`})
	}
	return sc, found
}

// param reads one name="value", name=value or name=`value`.
func (l *lexer) param() (key, value string, wrong *finding) {
	key = l.word("=", `"`, "`")
	l.space()
	if !strings.HasPrefix(l.s[l.at:], "=") {
		if key == "" {
			if key, wrong = l.value(); wrong != nil {
				return "", "", wrong
			}
		}
		return "", "", &finding{text: fmt.Sprintf("%q stands in the shortcode without a name", key), hint: fmt.Sprintf("write src=%q", key)}
	}
	l.at++
	l.space()
	value, wrong = l.value()
	if wrong == nil && key == "" {
		wrong = &finding{text: fmt.Sprintf("the value %q has no name", value), hint: fmt.Sprintf("write src=%q", value)}
	}
	return key, value, wrong
}

// value reads a value: in double quotes, where \" and \\ stand for themselves, in backticks as it is, or one word.
func (l *lexer) value() (string, *finding) {
	rest := l.s[l.at:]
	switch {
	case strings.HasPrefix(rest, "`"):
		if inner, _, ok := strings.Cut(rest[1:], "`"); ok {
			l.at += len(inner) + 2
			return inner, nil
		}
	case strings.HasPrefix(rest, `"`):
		var b strings.Builder
		for i := 1; i < len(rest); i++ {
			switch {
			case rest[i] == '"':
				l.at += i + 1
				return b.String(), nil
			case rest[i] == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
				i++
			}
			b.WriteByte(rest[i])
		}
	case strings.HasPrefix(rest, "“"), strings.HasPrefix(rest, "”"), strings.HasPrefix(rest, "„"):
		l.at = len(l.s)
		return "", &finding{text: "the shortcode has typographic quotes", hint: `write straight ones: src="walk.mp4"`}
	default:
		return l.word(), nil
	}
	l.at = len(l.s)
	return "", &finding{text: "a quote in the shortcode is never closed", hint: `write src="walk.mp4"`}
}

// set takes a parameter of the shortcode "video" up.
func (sc *shortcode) set(key, value string) *finding {
	check, ok := videoParams[key]
	if !ok {
		f := &finding{text: fmt.Sprintf("unknown parameter %q of the shortcode %q", key, "video")}
		if near := nearest(key, videoParamNames); near != "" {
			f.text += fmt.Sprintf(" (did you mean %q?)", near)
		} else {
			f.hint = "it takes " + strings.Join(videoParamNames, ", ")
		}
		return f
	}
	if _, ok := sc.params[key]; ok {
		return &finding{text: fmt.Sprintf("the shortcode %q has %q twice", "video", key)}
	}
	checked, wanted := check(value)
	if wanted != "" {
		return &finding{text: fmt.Sprintf("%s=%q of the shortcode %q is not %s", key, value, "video", wanted)}
	}
	sc.params[key] = checked
	return nil
}

var videoParamNames = []string{"src", "title", "poster", "start", "loop", "muted", "aspect"}

func anything(value string) (checked, wanted string) { return value, "" }

func notEmpty(value string) (checked, wanted string) {
	if strings.TrimSpace(value) == "" {
		return "", "the name of a file"
	}
	return value, ""
}

func boolean(value string) (checked, wanted string) {
	if value != "true" && value != "false" {
		return "", "true or false"
	}
	return value, ""
}

var aspectPattern = regexp.MustCompile(`^[1-9][0-9]{0,4}:[1-9][0-9]{0,4}$`)

func aspect(value string) (checked, wanted string) {
	if !aspectPattern.MatchString(value) {
		return "", `a shape like "16:9"`
	}
	return value, ""
}

var clockPattern = regexp.MustCompile(`^(?:([0-9]{1,3}):)?([0-9]{1,4}):([0-5]?[0-9](?:\.[0-9]{1,3})?)$`)

// seconds checks a point in time, "90", "1:30", "1:02:03.5" or "1m30s", and gives it in seconds.
func seconds(value string) (checked, wanted string) {
	if m := clockPattern.FindStringSubmatch(value); m != nil {
		value = "0" + m[1] + "h" + m[2] + "m" + m[3] + "s"
	} else if strings.Trim(value, "0123456789.") == "" {
		value += "s"
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return "", `a time like "90" or "1:30"`
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64), ""
}

// nearest is the candidate that word is probably a slip of, or "".
func nearest(word string, candidates []string) string {
	limit := 1
	if len(word) >= 5 {
		limit = 2 // two letters in the wrong order
	}
	best, bestDistance := "", limit+1
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}
