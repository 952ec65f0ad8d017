package ffmpeg

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ticks is the time base of everything we make, per second. All usual picture rates, and milliseconds, are whole
// numbers of ticks or within 11 µs of one.
const ticks = 90000

// A stretch is a part of a film in its own time.
type stretch struct {
	from, to time.Duration // to 0: to the end
}

// secs is a time as ffmpeg's options and filters take it.
func secs(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }

// graph is the filter graph that makes the pictures of all rungs, labelled v0, v1 …, from one decoding: each rung is
// scaled from the one above, which takes a tenth less time than scaling each from the film.
func (f *film) graph(s stretch, background string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[0:%d]", f.picture.Index)
	b.WriteString(strings.Join(f.chain(s, background), ","))
	// AV1 rungs have the sizes of H.264 rungs, so what is scaled is a size, and what is encoded may share it.
	type scaling struct {
		size
		rungs []int
	}
	var sizes []scaling
	for i, r := range f.rungs {
		at := size{r.width, r.height}
		found := false
		for k := range sizes {
			if sizes[k].size == at {
				sizes[k].rungs = append(sizes[k].rungs, i)
				found = true
			}
		}
		if !found {
			sizes = append(sizes, scaling{at, []int{i}})
		}
	}
	// From the largest down; ladders of two codecs may begin at different sizes.
	slices.SortStableFunc(sizes, func(a, b scaling) int { return b.width - a.width })
	for k, z := range sizes {
		last := k == len(sizes)-1
		if k > 0 {
			fmt.Fprintf(&b, ";[s%d]scale=%d:%d:flags=bicubic,setsar=1", k, z.width, z.height)
		}
		var outputs []string
		for _, i := range z.rungs {
			outputs = append(outputs, fmt.Sprintf("[v%d]", i))
		}
		if !last {
			outputs = append(outputs, fmt.Sprintf("[s%d]", k+1))
		}
		fmt.Fprintf(&b, ",split=%d%s", len(outputs), strings.Join(outputs, ""))
	}
	return b.String()
}

// chain are the filters that make of the film's picture, whatever it is, an ordinary one of the largest size: upright,
// progressive, with square pixels, 8 bits, 4:2:0, standard range. ffmpeg turns it upright before all of them.
func (f *film) chain(s stretch, background string) []string {
	p := f.picture
	list := []string{fmt.Sprintf("settb=1/%d", ticks)}
	begin := f.origin + s.from
	if s.to > 0 {
		list = append(list, fmt.Sprintf("trim=start=%s:end=%s", secs(begin), secs(f.origin+s.to)))
	} else if s.from > 0 {
		list = append(list, "trim=start="+secs(begin))
	}
	if begin != 0 {
		list = append(list, fmt.Sprintf("setpts=PTS-%d", int64(math.Round(begin.Seconds()*ticks))))
	}
	if p.interlaced() {
		list = append(list, "bwdif=mode=send_frame:deint=interlaced")
	}
	if p.FrameRate > fastest && f.rate() < p.FrameRate {
		list = append(list, "fps="+strconv.FormatFloat(f.rate(), 'f', 6, 64))
	}
	if p.transparent() {
		c := rgb(background)
		list = append(list, fmt.Sprintf("format=rgba,split[over][back];[back]lutrgb=r=%d:g=%d:b=%d:a=255[page];[page][over]overlay=format=rgb", c[0], c[1], c[2]))
	}
	if scale := f.toLargest(); scale != "" {
		list = append(list, scale)
	}
	list = append(list, "setsar=1")
	if p.hdr() {
		// Files that are HDR do not always say the rest, and zscale refuses to guess.
		list = append(list, fmt.Sprintf("setparams=color_primaries=bt2020:color_trc=%s:colorspace=bt2020nc", p.Transfer),
			"zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv")
	}
	list = append(list, "format=yuv420p")
	if p.isRGB() {
		list = append(list, "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709")
	}
	return list
}

// toLargest is the filter that scales the film to its largest size and to the range of numbers that players expect; ""
// when both are right already, because it would copy every picture all the same.
func (f *film) toLargest() string {
	p, top := f.picture, f.largest()
	coded := size{p.Width, p.Height}
	if p.Rotation%180 == 90 {
		coded = size{p.Height, p.Width}
	}
	switch {
	case p.isRGB():
		return fmt.Sprintf("scale=%d:%d:flags=bicubic:out_range=tv:out_color_matrix=bt709", top.width, top.height)
	case p.Range == "pc" || strings.HasPrefix(p.PixelFormat, "yuvj"):
		return fmt.Sprintf("scale=%d:%d:flags=bicubic:out_range=tv", top.width, top.height)
	case coded != top:
		return fmt.Sprintf("scale=%d:%d:flags=bicubic", top.width, top.height)
	}
	return ""
}

// isRGB tells whether the picture comes as red, green and blue, be it from making transparency opaque.
func (s *Stream) isRGB() bool {
	return s.transparent() || strings.Contains(s.PixelFormat, "rgb") || strings.Contains(s.PixelFormat, "bgr") || strings.HasPrefix(s.PixelFormat, "gbr")
}

// largest is the largest size that is encoded.
func (f *film) largest() size {
	var top size
	for _, r := range f.rungs {
		if r.width > top.width {
			top = size{r.width, r.height}
		}
	}
	return top
}

// rgb reads a colour such as "#f8f5ef"; what is none is white.
func rgb(s string) [3]uint8 {
	s = strings.TrimPrefix(s, "#")
	if n, err := strconv.ParseUint(s, 16, 24); err == nil && len(s) == 6 {
		return [3]uint8{uint8(n >> 16), uint8(n >> 8), uint8(n)}
	}
	return [3]uint8{255, 255, 255}
}

// soundChain are the filters of one sound track: its place in time, gaps filled, and the loudness asked for.
func (f *film) soundChain(loudness string) string {
	list := []string{}
	if f.origin != 0 {
		list = append(list, fmt.Sprintf("asetpts=PTS-(%s)/TB", secs(f.origin)))
	}
	list = append(list, "atrim=start=0") // some films have sound from before they begin
	if loudness != "" {
		list = append(list, loudness)
	}
	list = append(list, "aresample=48000:async=1")
	return strings.Join(list, ",")
}
