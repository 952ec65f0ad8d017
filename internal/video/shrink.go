package video

import (
	"image"
	"image/color"
	"image/draw"
)

// opaque is a picture as we work with it: sRGB over black, turned by an orientation as Exif numbers them (1 to 8).
func opaque(m image.Image, orientation int) *image.RGBA {
	b := m.Bounds()
	flat := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(flat, flat.Rect, image.NewUniform(color.Black), image.Point{}, draw.Src)
	draw.Draw(flat, flat.Rect, m, b.Min, draw.Over)
	return turned(flat, orientation)
}

// turned is a picture as it is to be seen: Exif's orientations 2 to 4 mirror and turn it, 5 to 8 also exchange its sides
// (Exif 3.0, tag 0x0112).
func turned(m *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return m
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			tx, ty := x, y
			if orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8 {
				tx = w - 1 - x
			}
			if orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7 {
				ty = h - 1 - y
			}
			if orientation >= 5 {
				tx, ty = ty, tx
			}
			copy(out.Pix[out.PixOffset(tx, ty):][:4], m.Pix[m.PixOffset(x, y):][:4])
		}
	}
	return out
}

// shrink makes a picture smaller: each new pixel is the mean of the area it covers. All sums are of integers, so that
// every machine makes the same bytes; floating point is not that exact (on some, a*b+c is rounded once).
func shrink(m *image.RGBA, w, h int) *image.RGBA {
	if m.Rect.Dx() == w && m.Rect.Dy() == h {
		return m
	}
	return shrinkLines(shrinkColumns(m, w), h)
}

// shrinkColumns makes a picture w pixels wide.
func shrinkColumns(m *image.RGBA, w int) *image.RGBA {
	from, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	areas := areasOf(from, w)
	for y := range h {
		line := m.Pix[y*m.Stride:]
		to := out.Pix[y*out.Stride:]
		for x, a := range areas {
			var sum [3]uint64
			for i, weight := range a.weights {
				p := line[(a.first+i)*4:]
				sum[0] += weight * uint64(p[0])
				sum[1] += weight * uint64(p[1])
				sum[2] += weight * uint64(p[2])
			}
			put(to[x*4:], sum, uint64(from)) //nolint:gosec // a length
		}
	}
	return out
}

// shrinkLines makes a picture h pixels high.
func shrinkLines(m *image.RGBA, h int) *image.RGBA {
	w, from := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	sums := make([][3]uint64, w)
	for y, a := range areasOf(from, h) {
		clear(sums)
		for i, weight := range a.weights {
			line := m.Pix[(a.first+i)*m.Stride:]
			for x := range w {
				p := line[x*4:]
				sums[x][0] += weight * uint64(p[0])
				sums[x][1] += weight * uint64(p[1])
				sums[x][2] += weight * uint64(p[2])
			}
		}
		for x := range w {
			put(out.Pix[y*out.Stride+x*4:], sums[x], uint64(from)) //nolint:gosec // a length
		}
	}
	return out
}

func put(pixel []byte, sum [3]uint64, total uint64) {
	for i, s := range sum {
		pixel[i] = byte((s + total/2) / total) //nolint:gosec // a mean of bytes
	}
	pixel[3] = 0xff
}

// An area is what one new pixel covers of a line of old ones; its weights add up to the length of that line.
type area struct {
	first   int
	weights []uint64
}

// areasOf divides from pixels among to. An old pixel is to units long, and a new one from units.
func areasOf(from, to int) []area {
	areas := make([]area, to)
	for i := range areas {
		begin, end := i*from, (i+1)*from
		areas[i].first = begin / to
		for p := begin / to; p*to < end; p++ {
			areas[i].weights = append(areas[i].weights, uint64(min(end, (p+1)*to)-max(begin, p*to))) //nolint:gosec // positive
		}
	}
	return areas
}
