package video

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corners is a picture whose four corners differ: red, green, blue and white, in reading order.
func corners(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{A: 255}
			switch {
			case y < h/2 && x < w/2:
				c.R = 255
			case y < h/2:
				c.G = 255
			case x < w/2:
				c.B = 255
			default:
				c.R, c.G, c.B = 255, 255, 255
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

// see names the corners of a picture in reading order: "rgbw".
func see(m image.Image) string {
	b := m.Bounds()
	var seen strings.Builder
	for _, p := range []image.Point{
		{b.Dx() / 8, b.Dy() / 8},
		{b.Dx() * 7 / 8, b.Dy() / 8},
		{b.Dx() / 8, b.Dy() * 7 / 8},
		{b.Dx() * 7 / 8, b.Dy() * 7 / 8},
	} {
		r, g, bl, _ := m.At(b.Min.X+p.X, b.Min.Y+p.Y).RGBA()
		switch {
		case r > 0x8000 && g > 0x8000:
			seen.WriteByte('w')
		case r > 0x8000:
			seen.WriteByte('r')
		case g > 0x8000:
			seen.WriteByte('g')
		case bl > 0x8000:
			seen.WriteByte('b')
		default:
			seen.WriteByte('?')
		}
	}
	return seen.String()
}

// withExif is a JPEG that says how the camera was held.
func withExif(t testing.TB, m image.Image, orientation uint16, order binary.AppendByteOrder) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	tiff := []byte("MM\x00*")
	if order == binary.AppendByteOrder(binary.LittleEndian) {
		tiff = []byte("II*\x00")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2)
	for _, field := range [][2]uint16{{0x010f, 0}, {0x0112, orientation}} {
		tiff = order.AppendUint16(tiff, field[0])
		tiff = order.AppendUint16(tiff, 3) // SHORT
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, field[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	segment := append([]byte("Exif\x00\x00"), append(tiff, "secret place"...)...)
	app1 := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(segment)+2)) //nolint:gosec // short
	file := append([]byte{0xff, 0xd8}, append(app1, segment...)...)
	return append(file, b.Bytes()[2:]...)
}

// Pictures are published as they were seen by who took them, in the sizes there are, without what the camera noted.
func TestPictureIsTurned(t *testing.T) {
	// What a viewer sees of the stored corners "rgbw", by Exif's numbers.
	want := []string{1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb"}
	site := newSite(t)
	for o := 1; o <= 8; o++ {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			name := filepath.Join(site, "poster.jpg")
			if err := os.WriteFile(name, withExif(t, corners(400, 200), uint16(o), order), 0o644); err != nil { //nolint:gosec // a small number
				t.Fatal(err)
			}
			l := &Library{Site: os.DirFS(site), Cache: filepath.Join(t.TempDir(), "cache")}
			v := prepare(t, l, Clip{Src: film + ".mp4", Poster: "poster.jpg"})[0]
			last := v.Poster.Images[len(v.Poster.Images)-1]
			data := published(t, l, last.Path)
			m, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if size := m.Bounds().Size(); see(m) != want[o] || size != image.Pt(last.Width, last.Height) || size.X > size.Y != (o < 5) {
				t.Errorf("orientation %d (%v): %s, %v pixels, want %s", o, order, see(m), size, want[o])
			}
			if bytes.Contains(data, []byte("secret")) {
				t.Error("what the camera noted is published")
			}
		}
	}
}

func published(t *testing.T, l *Library, path string) []byte {
	t.Helper()
	for _, f := range l.Files() {
		if f.Path == path {
			data, err := os.ReadFile(f.Source)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("%s is not among the files", path)
	return nil
}

// FuzzOrientation: whatever a file says, the answer is one of Exif's, and 1 when it is no JPEG.
func FuzzOrientation(f *testing.F) {
	f.Add(withExif(f, corners(8, 8), 6, binary.BigEndian))
	f.Add(withExif(f, corners(8, 8), 8, binary.LittleEndian))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\x00*\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		o := orientation(file)
		if o < 1 || o > 8 || o != 1 && !bytes.HasPrefix(file, []byte{0xff, 0xd8}) {
			t.Errorf("orientation %d", o)
		}
	})
}

func TestPictureTypesByWidth(t *testing.T) {
	for own, want := range map[image.Point]string{
		{200, 100}:   "200x100",
		{320, 180}:   "320x180",
		{350, 200}:   "320x183",
		{854, 480}:   "320x180 640x360 854x480",
		{1000, 562}:  "320x180 640x360 960x540",
		{1080, 1920}: "320x569 640x1138 960x1707",
		{1920, 1080}: "320x180 640x360 960x540 1280x720",
		{5000, 1}:    "320x1 640x1 960x1 1280x1",
	} {
		var got []string
		for _, s := range imageSizes(own) {
			got = append(got, fmt.Sprintf("%dx%d", s.X, s.Y))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v is published as %v, want %s", own, got, want)
		}
	}
}

// A mean stays a mean: shrinking keeps the brightness of the whole, in any ratio, and a plain picture as it is.
func TestShrink(t *testing.T) {
	for _, c := range []struct{ from, to image.Point }{
		{image.Pt(16, 16), image.Pt(8, 8)}, {image.Pt(17, 9), image.Pt(5, 4)}, {image.Pt(100, 1), image.Pt(7, 1)}, {image.Pt(640, 360), image.Pt(11, 6)},
	} {
		m := image.NewRGBA(image.Rectangle{Max: c.from})
		for i := range m.Pix {
			m.Pix[i] = uint8(i * 7919 >> 3) //nolint:gosec // any byte
		}
		small := shrink(m, c.to.X, c.to.Y)
		if small.Rect.Size() != c.to {
			t.Errorf("%v became %v, want %v", c.from, small.Rect.Size(), c.to)
		}
		if a, b := mean(m), mean(small); a-b > 1.5 || b-a > 1.5 {
			t.Errorf("%v to %v: mean %.2f became %.2f", c.from, c.to, a, b)
		}
		flat := image.NewRGBA(image.Rectangle{Max: c.from})
		for i := 0; i < len(flat.Pix); i += 4 {
			copy(flat.Pix[i:], []uint8{200, 100, 50, 255})
		}
		for i, p := range shrink(flat, c.to.X, c.to.Y).Pix {
			if p != []uint8{200, 100, 50, 255}[i%4] {
				t.Fatalf("a plain picture changed its colour: %d", p)
			}
		}
	}
}

func mean(m *image.RGBA) float64 {
	sum := 0
	for i, p := range m.Pix {
		if i%4 != 3 {
			sum += int(p)
		}
	}
	return float64(sum) / float64(len(m.Pix)/4*3)
}

// A placeholder is a picture in the shape of the one it stands for, whose corners can be told apart, in 400 bytes.
func TestPlaceholder(t *testing.T) {
	for _, size := range []image.Point{{1280, 720}, {720, 1280}, {1000, 1000}, {2000, 20}, {3, 3}, {1, 1}} {
		address, err := placeholder(corners(size.X, size.Y))
		if err != nil || len(address) > 400 {
			t.Fatalf("%v: %d bytes, %v", size, len(address), err)
		}
		data, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(address, "data:image/png;base64,"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if b := m.Bounds(); size.X >= 100 && size.Y >= 100 && (see(m) != "rgbw" || (b.Dx() > b.Dy()) != (size.X > size.Y)) {
			t.Errorf("%v: %s in %v", size, see(m), b)
		}
	}
}

// Two machines without ffmpeg publish the same bytes, and a second build on one reads nothing.
func TestPicturesAreTheSameEverywhere(t *testing.T) {
	site := newSite(t)
	list := func(cache string) (string, Counts) {
		l := &Library{Site: os.DirFS(site), Cache: cache}
		prepare(t, l, Clip{Src: film + ".mp4"})
		var names []string
		for _, f := range l.Files() {
			names = append(names, f.Path+" "+f.SHA256)
		}
		return strings.Join(names, "\n"), l.Counts()
	}
	cache := filepath.Join(t.TempDir(), "cache")
	first, _ := list(cache)
	other, _ := list(filepath.Join(t.TempDir(), "cache"))
	again, counts := list(cache)
	if first != other || first != again {
		t.Errorf("published first:\n%s\nelsewhere:\n%s\nagain:\n%s", first, other, again)
	}
	if counts != (Counts{Clips: 1}) {
		t.Errorf("the second build did %+v", counts)
	}
	if !strings.Contains(first, "/640.jpg ") || strings.Contains(first, ".avif") {
		t.Errorf("published:\n%s", first)
	}
}

// A damaged picture of the cache is made anew.
func TestDamagedAlbum(t *testing.T) {
	site, cache := newSite(t), filepath.Join(t.TempDir(), "cache")
	build := func() []byte {
		l := &Library{Site: os.DirFS(site), Cache: cache}
		v := prepare(t, l, Clip{Src: film + ".mp4"})[0]
		return published(t, l, v.Poster.Images[0].Path)
	}
	whole := build()
	small, err := filepath.Glob(filepath.Join(cache, "images", "*", "320.jpg"))
	if err != nil || len(small) != 1 {
		t.Fatalf("%v, %v", small, err)
	}
	if err := os.WriteFile(small[0], nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(build(), whole) {
		t.Error("the damaged picture is published")
	}
}

func TestPicturesThatAreNone(t *testing.T) {
	site := newSite(t)
	var huge bytes.Buffer
	if err := jpeg.Encode(&huge, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	big := bytes.Replace(huge.Bytes(), []byte("\x08\x00\x08\x00\x08"), []byte("\x08\xff\xff\xff\xff"), 1)
	for name, c := range map[string]struct{ data, want string }{
		"text.jpg":      {"words", "not a picture that can be read"},
		"truncated.jpg": {huge.String()[:huge.Len()/2], "not a picture that can be read"},
		"big.jpg":       {string(big), "65535×65535 pixels are too many for a poster"},
		"film.tiff":     {"II*", "pictures of this type are not understood"},
	} {
		if err := os.WriteFile(filepath.Join(site, name), []byte(c.data), 0o644); err != nil {
			t.Fatal(err)
		}
		l := &Library{Site: os.DirFS(site), Cache: filepath.Join(t.TempDir(), "cache")}
		_, err := l.PrepareAll(t.Context(), []Clip{{Src: film + ".mp4", Poster: name, File: "content/a.md", Line: 3}})
		if err == nil || !strings.HasPrefix(err.Error(), "content/a.md:3: ") || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
