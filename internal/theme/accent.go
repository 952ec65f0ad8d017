package theme

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"matinee/internal/diag"
)

// DefaultAccent is the colour of a site that names none.
const DefaultAccent = "#c2410c"

// accentFile is the style sheet made from the site's accent colour. A theme imports it.
const accentFile = "accent.css"

// Text in the accent colour keeps a contrast of 4.5:1 (WCAG 2.2, success criterion 1.4.3) on every background that is
// at least as light as paper or at least as dark as screen. A theme's own backgrounds must stay beyond these two.
var (
	paper  = colour{0xea, 0xe6, 0xde}
	screen = colour{0x2a, 0x27, 0x24}
)

const textContrast = 4.5

// A colour is red, green and blue in sRGB.
type colour [3]uint8

// accentCSS is the style sheet that sets the accent properties:
//
//	--accent        the colour as configured, for areas and lines
//	--on-accent     black or white: text on such an area
//	--accent-text   the colour for text, darkened on light pages and lightened on dark ones as far as needed
func accentCSS(accent string) ([]byte, error) {
	if accent == "" {
		accent = DefaultAccent
	}
	c, ok := parseColour(accent)
	if !ok {
		return nil, diag.At("site.yaml", 0, "accent: %q is not a colour", accent).
			WithHint(`write it as six hexadecimal digits, such as "%s"`, DefaultAccent)
	}
	black, white := colour{}, colour{0xff, 0xff, 0xff}
	on := white
	if contrast(c, black) > contrast(c, white) {
		on = black
	}
	return fmt.Appendf(nil, ":root{--accent:%v;--on-accent:%v;--accent-text:light-dark(%v,%v)}\n",
		c, on, c.towards(black, paper), c.towards(c.brightest(), screen).towards(white, screen)), nil
}

// parseColour reads "#rrggbb" and "#rgb".
func parseColour(s string) (c colour, ok bool) {
	digits, ok := strings.CutPrefix(s, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, ok && err == nil && len(digits) == 6 //nolint:gosec // bytes of n
}

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// towards mixes c with end, no more than it takes to be read on background.
func (c colour) towards(end, background colour) colour {
	const steps = 64
	mixed := c
	for i := 1; i <= steps && contrast(mixed, background) < textContrast; i++ {
		for ch := range mixed {
			mixed[ch] = uint8((int(c[ch])*(steps-i) + int(end[ch])*i) / steps) //nolint:gosec // a mean of bytes
		}
	}
	return mixed
}

// brightest is c as light as it gets without losing saturation. For black that is black.
func (c colour) brightest() colour {
	strongest := max(c[0], c[1], c[2], 1)
	for ch := range c {
		c[ch] = uint8(int(c[ch]) * 255 / int(strongest)) //nolint:gosec // at most 255
	}
	return c
}

// contrast is the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").
func contrast(a, b colour) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is the relative luminance, 0 to 1 (WCAG 2.2, "relative luminance").
func (c colour) luminance() float64 {
	weights := [3]float64{0.2126, 0.7152, 0.0722}
	var sum float64
	for ch, weight := range weights {
		v := float64(c[ch]) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
