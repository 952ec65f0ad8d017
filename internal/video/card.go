package video

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"unicode/utf8"
)

// cardHues are hues that look well dark and large, degrees.
var cardHues = [...]float64{8, 24, 184, 206, 228, 252, 280, 318, 342}

// titleCard draws a poster for a clip that has none: its title on a dark ground whose colours and shapes follow from
// the title, so that the cards of a gallery differ and one clip's card is always the same. Sizes are pixels.
func titleCard(title string, width, height int) []byte {
	h := fnv.New64a()
	_, _ = h.Write([]byte(title)) // never fails
	seed := h.Sum64()
	hue := cardHues[seed%uint64(len(cardHues))]
	unit := float64(min(width, height)) / 100 // one hundredth of the shorter side
	w, ht := float64(width), float64(height)

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d">`, width, height)
	fmt.Fprintf(&b, `<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1"><stop stop-color="%s"/><stop offset="1" stop-color="%s"/></linearGradient>`,
		hsl(hue, .45, .20), hsl(hue+30, .55, .08))
	fmt.Fprintf(&b, `<radialGradient id="r"><stop stop-color="%s" stop-opacity=".75"/><stop offset="1" stop-color="%[1]s" stop-opacity="0"/></radialGradient></defs>`,
		hsl(hue+24, .62, .52))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="url(#g)"/>`)
	// A soft light and the rings of a lens, placed by the title.
	cx := w * (.55 + float64(seed>>10%35)/100)
	cy := ht * (.15 + float64(seed>>20%60)/100)
	fmt.Fprintf(&b, `<circle cx="%.0f" cy="%.0f" r="%.0f" fill="url(#r)"/>`, cx, cy, 62*unit)
	for i := range 5 {
		fmt.Fprintf(&b, `<circle cx="%.0f" cy="%.0f" r="%.0f" fill="none" stroke="%s" stroke-opacity="%.2f" stroke-width="%.1f"/>`,
			cx, cy, (14+float64(i)*(9+float64(seed>>30%5)))*unit, hsl(hue+24, .60, .84), .34-float64(i)*.06, .25*unit)
	}
	writeTitle(&b, title, w, ht, unit)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// writeTitle sets the title in at most three lines, as large as they allow.
func writeTitle(b *bytes.Buffer, title string, w, ht, unit float64) {
	const glyph = .56 // mean width of a letter in ems; SVG text does not wrap by itself
	size := 12 * unit
	var lines []string
	for ; size > 5*unit; size -= unit {
		if lines = wrap(title, int((w-16*unit)/(size*glyph))); len(lines) <= 3 {
			break
		}
	}
	if len(lines) > 3 {
		lines = append(lines[:2], lines[2]+"…")
	}
	y := ht - 12*unit - float64(len(lines)-1)*size*1.12
	fmt.Fprintf(b, `<path d="M%.0f %.0fh%.0f" stroke="#fff" stroke-opacity=".6" stroke-width="%.1f"/>`, 8*unit, y-size*1.3, 10*unit, .5*unit)
	for i, line := range lines {
		fmt.Fprintf(b, `<text x="%.0f" y="%.0f" font-family="'Helvetica Neue',Inter,'Segoe UI',system-ui,sans-serif" font-weight="800" letter-spacing="-.03em" font-size="%.1f" fill="#fff">`,
			8*unit, y+float64(i)*size*1.12, size)
		_ = xml.EscapeText(b, []byte(line)) // writes to memory
		b.WriteString("</text>")
	}
}

// wrap breaks a text into lines of at most n letters, at spaces where it can.
func wrap(text string, n int) []string {
	n = max(n, 4)
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		for utf8.RuneCountInString(word) > n {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			r := []rune(word)
			lines, word = append(lines, string(r[:n])), string(r[n:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// hsl is a colour by hue in degrees and saturation and lightness from 0 to 1, as "#rrggbb".
func hsl(hue, s, l float64) string {
	hue = math.Mod(hue, 360)
	a := s * min(l, 1-l)
	channel := func(n float64) int {
		k := math.Mod(n+hue/30, 12)
		return int(math.Round(255 * (l - a*max(-1, min(k-3, 9-k, 1)))))
	}
	return fmt.Sprintf("#%02x%02x%02x", channel(0), channel(8), channel(4))
}
