package post

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxSlug is the length of a slug in bytes: room for what others add to it in the 255 that file systems allow.
const maxSlug = 120

// Slugify makes a part of an address of a name in any script: its letters and digits in lower case, and a hyphen for
// whatever stands between them. Apostrophes go without a trace ("don't" is "dont"). The result is in Unicode's form NFC,
// is empty when the name holds neither letter nor digit, and is its own slug.
func Slugify(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFC.String(strings.ToLower(name)) {
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) && b.Len() > 0 && !gap:
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case unicode.Is(unicode.Cf, r) || r == '\'' || r == '’' || r == 'ʼ': // joiners, soft hyphens, apostrophes
		default:
			gap = true
		}
	}
	return cut(norm.NFC.String(b.String()))
}

// cut shortens a slug between words where it can.
func cut(slug string) string {
	if len(slug) <= maxSlug {
		return slug
	}
	end := 0
	for i := range slug {
		if i > maxSlug {
			break
		}
		end = i
	}
	if hyphen := strings.LastIndexByte(slug[:end], '-'); hyphen > maxSlug/2 {
		end = hyphen
	}
	return strings.TrimRight(slug[:end], "-")
}
