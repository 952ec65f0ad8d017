package ffmpeg

import (
	"fmt"
	"math"
	"slices"
)

// A rung is one size of a film in one codec.
type rung struct {
	av1           bool
	width, height int // pixels, even
}

// threads is how many threads encode a rung: x264 starts three for every two processors if nobody says otherwise, and
// here all rungs together have as many, by their pixels. With as many for each, five rungs on two processors took 6 %
// more processor time for the same pictures, in the same time.
func threads(ladder []rung, i, processors int) int {
	pixels, all := ladder[i].width*ladder[i].height, 0
	for _, r := range ladder {
		all += r.width * r.height
	}
	return max(1, int(math.Round(1.5*float64(processors)*float64(pixels)/float64(all))))
}

// autoHeights are the rungs of a ladder nobody asked for otherwise: lines, the shorter side of the picture.
var autoHeights = []int{1080, 720, 480, 360, 240}

// Limits of what an automatic ladder makes of larger films: H.264 level 4.2, which telephones play, has 8704 blocks of
// 16×16 pixels.
const (
	mostLines  = 1080
	mostPixels = 8704 * 256
)

// nearest is how close two neighbouring rungs of an automatic ladder may be: 800 lines and 720 are one too many.
const nearest = 0.8

// A size is that of a picture as it is shown.
type size struct{ width, height int }

func (s size) lines() int { return min(s.width, s.height) }

// scaled is the size times a factor, its sides even: 4:2:0 has one colour for two by two pixels.
func (s size) scaled(factor float64) size {
	return size{even(float64(s.width) * factor), even(float64(s.height) * factor)}
}

func even(n float64) int { return max(2, int(math.Round(n/2))*2) }

// shown is the size a picture is shown in: pixel aspect and rotation applied.
func (s *Stream) shown() size {
	w, h := float64(s.Width), float64(s.Height)
	if s.AspectW > 0 && s.AspectH > 0 {
		w *= float64(s.AspectW) / float64(s.AspectH)
	}
	// An absurd shape would be an absurd number of pixels.
	w = min(max(w, 2), 1<<14)
	if s.Rotation%180 == 90 {
		w, h = h, w
	}
	return size{int(math.Round(w)), int(math.Round(h))}
}

// ladder lists the sizes to encode a film of size s in, largest first: its own, down to the largest height asked for
// (nil: the automatic ladder), and those below. With copied, the film itself is the largest, and is not listed.
func ladder(s size, heights []int, copied bool) []size {
	auto := heights == nil
	if auto {
		heights = autoHeights
	}
	heights = slices.Clone(heights)
	slices.SortFunc(heights, func(a, b int) int { return b - a })
	factor := min(1, float64(heights[0])/float64(s.lines()))
	if auto {
		factor = min(1, mostLines/float64(s.lines()), math.Sqrt(mostPixels/float64(s.width*s.height)))
	}
	top := s.scaled(factor)
	if float64(top.width)*float64(top.height) > float64(s.width)*float64(s.height) && s.lines() > 2 {
		top = size{s.width &^ 1, s.height &^ 1} // not even by a pixel larger than the film
	}
	if copied {
		top = s
	}
	sizes := []size{top}
	for _, h := range heights {
		above := sizes[len(sizes)-1].lines()
		if h >= above || auto && float64(h) > nearest*float64(above) {
			continue
		}
		sizes = append(sizes, s.scaled(float64(h)/float64(s.lines())))
	}
	if copied {
		return sizes[1:]
	}
	return sizes
}

// cap is the bit rate, in kbit/s, that a size may reach at peaks. The curve goes through Apple's recommendations for
// films of 30 pictures a second: 6000 at 1080 lines, 3000 at 720, 2000 at 540, 730 at 360, 365 at 234; twice as many
// pictures take a third more (HLS Authoring Specification for Apple Devices, "Video encoding requirements").
func (r rung) cap(rate float64) int {
	pixels := float64(r.width*r.height) / (1920 * 1080)
	kbit := 6000 * math.Pow(pixels, 0.9)
	if rate > 30 {
		kbit *= 1 + 0.3*(rate-30)/30
	}
	if r.av1 {
		kbit *= 0.65 // for the same quality
	}
	return max(64, int(kbit))
}

func (r rung) String() string {
	if r.av1 {
		return fmt.Sprintf("av1 %dx%d", r.width, r.height)
	}
	return fmt.Sprintf("h264 %dx%d", r.width, r.height)
}

// The rule by which rungs of an automatic ladder are left out once it is known what they need: a rung is worth its room
// and its requests when it needs clearly less of the line than the one above, and a film that fits every line needs one.
const (
	worthwhile = 0.6
	everyLine  = 400_000 // bit/s
)

// worth returns which of the bit rates, of rungs from the largest down, are kept.
func worth(rates []int) []bool {
	keep := make([]bool, len(rates))
	above := 0
	for i, rate := range rates {
		keep[i] = i == 0 || float64(rate) <= worthwhile*float64(above) && above > everyLine
		if keep[i] {
			above = rate
		}
	}
	return keep
}
