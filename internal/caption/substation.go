package caption

import (
	"slices"
	"strings"

	"matinee/internal/diag"
)

// readSubStation reads the dialogue of a SubStation Alpha file (.ssa, or .ass for its version 4+):
//
//	[Events]
//	Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
//	Dialogue: 0,0:01:02.50,0:01:05.00,Default,,0,0,0,,a line,\Nand another
//
// Styles and effects are left out, and so are drawings. Layers that repeat a text, as karaoke does, count once.
func readSubStation(name string, lines []string) (*Track, error) {
	t := &Track{}
	columns := strings.Split("layer,start,end,style,name,marginl,marginr,marginv,effect,text", ",")
	dialogue := false
	seen := map[Cue]bool{}
	for i, line := range lines {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch strings.ToLower(key) {
		case "format":
			fields := strings.Split(strings.ToLower(strings.ReplaceAll(value, " ", "")), ",")
			if isEvents(fields) {
				columns = fields
			}
		case "dialogue":
			dialogue = true
			c, text, err := event(columns, value)
			if err != nil {
				return nil, diag.At(name, i+1, "%v", err).WithHint("write cue times as 0:01:02.50")
			}
			c.Text = text
			if !seen[c] {
				seen[c] = true
				c.Line = i + 1
				t.add(c, text)
			}
		}
	}
	if !dialogue {
		return nil, diag.At(name, 1, "no line that begins with Dialogue:").WithHint("is it a SubStation Alpha file?")
	}
	return t, nil
}

// isEvents tells the columns of events from those of styles, which have a Format line too.
func isEvents(columns []string) bool {
	return slices.Contains(columns, "start") && slices.Contains(columns, "end") && slices.Contains(columns, "text")
}

// event reads a line of dialogue. Its text is the last column and may hold commas.
func event(columns []string, line string) (c Cue, text string, err error) {
	fields := strings.SplitN(line, ",", len(columns))
	if len(fields) < len(columns) {
		return c, "", errColumns(len(fields), len(columns))
	}
	for i, column := range columns {
		switch column {
		case "start":
			c.Start, err = signedTime(fields[i])
		case "end":
			c.End, err = signedTime(fields[i])
		case "text":
			text = markup(lineBreaks.Replace(fields[i]), true)
		}
		if err != nil {
			return c, "", err
		}
	}
	if c.End < c.Start {
		return c, "", endsEarly(strings.TrimSpace(fields[slices.Index(columns, "end")]), Time(c.Start))
	}
	return c, text, nil
}

var lineBreaks = strings.NewReplacer(`\N`, "\n", `\n`, "\n", `\h`, "\u00a0")
