package video

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// A title card is well-formed XML that shows the whole title, whatever the title is.
func TestTitleCard(t *testing.T) {
	for _, title := range []string{
		"A walk", "", `<script>"&'`, strings.Repeat("word ", 12), strings.Repeat("x", 90), "散歩の映画", "\x00\x1b[31m\xff",
	} {
		for _, size := range [][2]int{{1280, 720}, {720, 1280}, {64, 64}} {
			card := titleCard(title, size[0], size[1])
			var text strings.Builder
			d := xml.NewDecoder(bytes.NewReader(card))
			for {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("card of %q is not XML: %v\n%s", title, err, card)
				}
				if chars, ok := token.(xml.CharData); ok {
					text.Write(chars)
				}
			}
			if title == "A walk" && !strings.Contains(text.String(), "A walk") {
				t.Errorf("card shows %q, want the title", text.String())
			}
		}
	}
}

func TestTitleCardIsStable(t *testing.T) {
	if !bytes.Equal(titleCard("A walk", 640, 360), titleCard("A walk", 640, 360)) {
		t.Error("two cards of one clip differ")
	}
	if bytes.Equal(titleCard("A walk", 640, 360), titleCard("A swim", 640, 360)) {
		t.Error("cards of two clips are the same")
	}
}
