package video

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"time"

	"matinee/internal/caption"
)

// What is seen of a film while one looks for a place in it, and before it plays.
const (
	mostTiles     = 120             // of a storyboard; long films have one in longer intervals
	tileInterval  = 2 * time.Second // of short ones: keyframes are no closer
	tileQuality   = 60
	previewLength = 3 * time.Second
	previewWidth  = 320
	shortestShown = 4 * time.Second // film that has a storyboard
	shortestMoved = time.Second     // film that has a preview
)

// tileBox is the room of a tile of a storyboard, pixels. Frames are looked at in twice the size.
var tileBox = image.Pt(160, 120)

// reel is what a Camera makes of a film as a whole: storyboard, preview, and the moment for the poster. All pictures come
// from one look at the keyframes of a small rung.
func (l *Library) reel(ctx context.Context, st *stream) (*album, error) {
	key, err := l.Camera.Key(ctx)
	if err != nil {
		return nil, err
	}
	return l.album(ctx, st.source(), []string{"reel", st.Key, key}, func(a *album) error {
		work, err := a.work()
		if err != nil {
			return err
		}
		defer os.RemoveAll(work) //nolint:errcheck // goes with the folder it is in at the latest
		rung := st.rungFor(2 * tileBox.X)
		frames, err := l.Camera.Keyframes(ctx, work, rung, tileTime(st.Duration), tileBox.Mul(2))
		if err != nil {
			return err
		}
		if len(frames) == 0 {
			return fmt.Errorf("no picture could be taken")
		}
		a.Best = bestFrame(frames).At
		if len(frames) > 2 && st.Duration >= shortestShown {
			if err := a.drawStoryboard(frames, st.Duration); err != nil {
				return err
			}
		}
		if st.Duration < shortestMoved {
			return nil
		}
		return a.takePreview(ctx, l.Camera, work, rung, st.Duration)
	})
}

// tileTime is the time between two tiles, in whole seconds.
func tileTime(duration time.Duration) time.Duration {
	each := time.Duration(math.Ceil(duration.Seconds()/mostTiles)) * time.Second
	return max(tileInterval, each)
}

// takePreview makes the short film that cards show.
func (a *album) takePreview(ctx context.Context, camera Camera, work, film string, duration time.Duration) error {
	file := filepath.Join(work, "preview.mp4")
	at := max(0, min(a.Best, duration-previewLength))
	if err := camera.Preview(ctx, film, file, at, previewLength, previewWidth); errors.Is(err, errors.ErrUnsupported) {
		return nil
	} else if err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return cacheError("read a preview", err)
	}
	a.Preview, err = a.add("preview", ".mp4", data, true)
	return err
}

// drawStoryboard adds the frames as tiles of one picture, and a WebVTT file that says which tile is when: cues whose text
// is the name of the picture with a media fragment (https://www.w3.org/TR/media-frags/#naming-space).
func (a *album) drawStoryboard(frames []Frame, duration time.Duration) error {
	tile := fit(frames[0].Picture.Bounds().Size(), tileBox)
	columns := int(math.Ceil(math.Sqrt(float64(len(frames)))))
	rows := (len(frames) + columns - 1) / columns
	sprite := image.NewRGBA(image.Rect(0, 0, columns*tile.X, rows*tile.Y))
	draw.Draw(sprite, sprite.Rect, image.Black, image.Point{}, draw.Src)
	place := func(i int) image.Rectangle {
		corner := image.Pt(i%columns*tile.X, i/columns*tile.Y)
		return image.Rectangle{corner, corner.Add(tile)}
	}
	for i, f := range frames {
		draw.Draw(sprite, place(i), shrink(opaque(f.Picture, 1), tile.X, tile.Y), image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, sprite, &jpeg.Options{Quality: tileQuality})
	if err == nil {
		a.Sprite, err = a.add("storyboard", ".jpg", b.Bytes(), true)
	}
	if err != nil {
		return err
	}
	var cues bytes.Buffer
	cues.WriteString("WEBVTT\n")
	for i, f := range frames {
		from, to := f.At, duration
		if i == 0 {
			from = 0
		}
		if i+1 < len(frames) {
			to = frames[i+1].At
		}
		r := place(i)
		fmt.Fprintf(&cues, "\n%s --> %s\n%s#xywh=%d,%d,%d,%d\n", caption.Time(from), caption.Time(to), a.Sprite, r.Min.X, r.Min.Y, tile.X, tile.Y)
	}
	a.Storyboard, err = a.add("storyboard", ".vtt", cues.Bytes(), true)
	return err
}

// fit is the largest size of a shape that fits into a box, never larger than it is.
func fit(own, box image.Point) image.Point {
	w, h := own.X, own.Y
	if w > box.X {
		w, h = box.X, h*box.X/w
	}
	if h > box.Y {
		w, h = w*box.Y/h, box.Y
	}
	return image.Pt(max(w, 1), max(h, 1))
}

// bestFrame is the frame that shows most of what the film is: not black or white, no slate, nothing blurred, and rather
// not from the titles at both ends.
func bestFrame(frames []Frame) Frame {
	looks := make([]look, len(frames))
	sharpest := 1.0
	for i, f := range frames {
		m := opaque(f.Picture, 1)
		looks[i] = lookAt(shrink(m, min(160, m.Rect.Dx()), min(90, m.Rect.Dy())), m)
		sharpest = max(sharpest, looks[i].edges)
	}
	best, most := 0, -1.0
	for i, k := range looks {
		score := k.variety * (1 - k.plain) * (0.4 + 0.6*k.edges/sharpest)
		if position := float64(i) / float64(len(frames)); i == 0 || position > 0.85 {
			score *= 0.85
		}
		if k.light < 24 || k.light > 236 {
			score *= 0.2
		}
		if score > most {
			best, most = i, score
		}
	}
	return frames[best]
}

// A look is what can be told of a picture without understanding it.
type look struct {
	light   float64 // mean brightness, 0 to 255
	variety float64 // entropy of the brightness in bits, 0 to 6
	plain   float64 // share of the commonest colour, 0 to 1: most of a slate has one
	edges   float64 // mean difference of neighbours in the finest detail: little of a blurred picture
}

// lookAt looks at a small picture, and for its detail at a larger one.
func lookAt(small, large *image.RGBA) look {
	var levels [64]int
	colours := map[[3]uint8]int{}
	var sum, commonest int
	for i := 0; i < len(small.Pix); i += 4 {
		p := small.Pix[i:]
		y := brightness(p)
		sum += y
		levels[y/4]++
		c := [3]uint8{p[0] >> 4, p[1] >> 4, p[2] >> 4}
		colours[c]++
		commonest = max(commonest, colours[c])
	}
	n := float64(len(small.Pix) / 4)
	k := look{light: float64(sum) / n, plain: float64(commonest) / n}
	for _, l := range levels {
		if l > 0 {
			share := float64(l) / n
			k.variety -= share * math.Log2(share)
		}
	}
	k.edges = edges(large)
	return k
}

// edges is the mean of how far each pixel is from the mean of its four neighbours.
func edges(m *image.RGBA) float64 {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	if w < 3 || h < 3 {
		return 0
	}
	sum := 0
	for y := 1; y < h-1; y++ {
		for x := 1; x < w-1; x++ {
			at := y*m.Stride + x*4
			d := 4*brightness(m.Pix[at:]) - brightness(m.Pix[at-4:]) - brightness(m.Pix[at+4:]) -
				brightness(m.Pix[at-m.Stride:]) - brightness(m.Pix[at+m.Stride:])
			sum += max(d, -d)
		}
	}
	return float64(sum) / 4 / float64((w-2)*(h-2))
}

// brightness is that of a pixel, 0 to 255, with the weights of ITU-R BT.601.
func brightness(p []uint8) int {
	return (299*int(p[0]) + 587*int(p[1]) + 114*int(p[2])) / 1000
}
