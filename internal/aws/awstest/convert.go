package awstest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"strings"
	"time"

	"matinee/internal/hls"
	"matinee/internal/mp4"
)

// Outputs returns by key what a job leaves in a bucket: CMAF in single files with HLS playlists and the sound as a group,
// of encodes of a film in this order, the last one as an MP4 as well, and stills. They play.
//
// They have the form of what MediaConvert writes by its documentation, not by its bytes: nobody here has seen these.
func (j *ConvertJob) Outputs(encodes ...[]byte) (map[string][]byte, error) {
	where := j.Destinations()
	if len(where) != 3 {
		return nil, fmt.Errorf("the job has the destinations %q", where)
	}
	for i := range where {
		_, key, _ := strings.Cut(strings.TrimPrefix(where[i], "s3://"), "/")
		where[i] = key
	}
	w := writer{base: where[0], files: map[string][]byte{}}
	if err := w.cmaf(encodes); err != nil {
		return nil, err
	}
	w.files[where[1]+".mp4"] = encodes[len(encodes)-1]
	each := 0
	_, err := fmt.Sscanf(where[2][strings.LastIndex(where[2], "/")+1:], "every-%d", &each)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where[2], err)
	}
	for n := 0; time.Duration(n*each)*time.Second < w.duration; n++ {
		w.files[fmt.Sprintf("%s.%07d.jpg", where[2], n)] = still(n)
	}
	return w.files, nil
}

// A writer writes the outputs of a job.
type writer struct {
	base     string // what the names of all CMAF files begin with
	files    map[string][]byte
	duration time.Duration
}

func (w *writer) cmaf(encodes [][]byte) error {
	master := hls.Master{Version: 7, IndependentSegments: true}
	sound := 0
	movies := make([]*mp4.Movie, len(encodes))
	pictures := make([]mp4.Selection, len(encodes))
	for i, data := range encodes {
		m, err := mp4.Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return err
		}
		movies[i], pictures[i] = m, mp4.Selection{Movie: m, Video: m.Select().Video}
	}
	cuts, err := mp4.CommonCuts(pictures...)
	if err != nil {
		return err
	}
	top := movies[len(movies)-1]
	for _, t := range top.Tracks {
		if t.Kind != mp4.Audio {
			continue
		}
		n := len(master.Media) + 1
		l, uri, err := w.file(fmt.Sprintf("-audio-%d", n), ".cmfa", mp4.Selection{Movie: top, Audio: t}, cuts, encodes[len(encodes)-1])
		if err != nil {
			return err
		}
		sound = max(sound, l.Bandwidth)
		master.Media = append(master.Media, hls.Rendition{
			Type: hls.Audio, GroupID: "audio", Name: fmt.Sprint("Audio ", n), Language: t.Language, Default: n == 1, Autoselect: true, URI: uri,
		})
	}
	for i, p := range pictures {
		l, uri, err := w.file(fmt.Sprintf("-video_%d", i+1), ".cmfv", p, cuts, encodes[i])
		if err != nil {
			return err
		}
		w.duration = max(w.duration, l.Duration)
		v := hls.Variant{
			URI: uri, Bandwidth: l.Bandwidth + sound, AverageBandwidth: l.AverageBandwidth, Codecs: l.Codecs,
			Width: l.Width, Height: l.Height, FrameRate: l.FrameRate,
		}
		if len(master.Media) > 0 {
			v.AudioGroup = "audio"
			v.Codecs += ",mp4a.40.2"
		}
		master.Variants = append(master.Variants, v)
	}
	slices.Reverse(master.Variants) // MediaConvert begins with the largest
	text, err := master.Marshal()
	w.files[w.base+".m3u8"] = text
	return err
}

// file writes one track and its playlist, whose address it returns.
func (w *writer) file(modifier, ext string, sel mp4.Selection, cuts []time.Duration, data []byte) (*mp4.Layout, string, error) {
	l, err := mp4.Plan(sel, cuts)
	if err != nil {
		return nil, "", err
	}
	var film bytes.Buffer
	if _, err := l.WriteTo(&film, bytes.NewReader(data)); err != nil {
		return nil, "", err
	}
	name := w.base + modifier
	uri := name[strings.LastIndex(name, "/")+1:]
	media := hls.Media{
		Version: 7, IndependentSegments: l.Independent, TargetDuration: l.TargetDuration,
		Map: hls.Map{URI: uri + ext, Offset: l.Init.Offset, Length: l.Init.Length},
	}
	for _, s := range l.Segments {
		media.Segments = append(media.Segments, hls.Segment{URI: uri + ext, Duration: s.Duration, Offset: s.Offset, Length: s.Length})
	}
	text, err := media.Marshal()
	w.files[name+ext], w.files[name+".m3u8"] = film.Bytes(), text
	return l, uri + ".m3u8", err
}

// still is a picture that can be told from the one before it.
func still(n int) []byte {
	m := image.NewRGBA(image.Rect(0, 0, 1280, 720))
	for y := range 720 {
		for x := range 1280 {
			m.SetRGBA(x, y, color.RGBA{R: uint8(x / 5), G: uint8(y / 3), B: uint8(n * 40), A: 255}) //nolint:gosec // wraps around
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil) // to memory
	return b.Bytes()
}
