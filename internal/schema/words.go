package schema

import (
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Suggest returns the known name an author most likely meant by got, or "" when none is near.
func Suggest(got string, known []string) string {
	got = strings.ToLower(got)
	best, least := "", 1+min(max(len(got)/3, 1), 3)
	if len(got) >= 4 {
		least = max(least, 3) // two swapped letters are a distance of two
	}
	for _, name := range known {
		if distance := levenshtein.ComputeDistance(got, strings.ToLower(name)); distance < least {
			best, least = name, distance
		}
	}
	return best
}

// didYouMean is the end of a sentence about an unknown name: ` (did you mean "title"?)`, or "".
func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return " (did you mean " + strconv.Quote(name) + "?)"
}

// alternatives joins words as a sentence does: "a, b or c".
func alternatives(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// quote is shorten in quotes.
func quote(s string) string {
	return strconv.Quote(shorten(s))
}

// shorten cuts a text for a message.
func shorten(s string) string {
	const most = 60
	if runes := []rune(s[:min(len(s), 4*most+4)]); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}

// split takes a tag's list apart.
func split(tag string) []string {
	if tag == "" {
		return nil
	}
	return slices.Clip(strings.Split(tag, ","))
}
