package mediaconvert

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"matinee/internal/bucket"
	"matinee/internal/hls"
	"matinee/internal/video"
)

const (
	masterName = "master.m3u8"
	filmName   = "film.mp4"

	maxPlaylist = 8 << 20  // bytes
	maxStill    = 16 << 20 // bytes
	atOnce      = 8        // requests
)

// errMissing is something that a job should have made.
func errMissing(key string) error { return fmt.Errorf("%s: %w", key, bucket.ErrNotFound) }

// A made mark says that a stream is there.
type made struct {
	Made time.Time `json:"made"`
}

// made returns the stream if it is there, made by whichever machine, and nil when it is not.
func (t *task) made(ctx context.Context) (*video.Remote, error) {
	if _, err := t.read(ctx, t.mark(), maxPlaylist); err != nil {
		if errors.Is(err, bucket.ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}
	remote, err := t.gather(ctx)
	if errors.Is(err, bucket.ErrNotFound) { // somebody has cleared up
		return nil, nil
	}
	return remote, err
}

// collect takes in what a job has just made: its files get the headers with which they are sent, and then a mark.
func (t *task) collect(ctx context.Context) (*video.Remote, error) {
	remote, err := t.gather(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.dress(ctx, remote.Files); err != nil {
		return nil, err
	}
	data, err := json.Marshal(made{t.now().UTC()})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	o := bucket.Object{
		Key: t.mark(), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]),
		Headers: bucket.Headers{ContentType: "application/json", CacheControl: "no-store"},
	}
	return remote, t.send.Send(ctx, o, bytes.NewReader(data))
}

// dress gives files their headers: a job writes them without saying how long they may be kept. The bucket copies each onto
// itself, so they come no nearer than that.
func (t *task) dress(ctx context.Context, files []video.RemoteFile) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, f := range files {
		g.Go(func() error {
			return t.send.Try(ctx, func() error {
				_, err := t.Store.Copy(ctx, f.Path, bucket.Source{Key: f.Path}, t.Headers(f.Path))
				return err
			})
		})
	}
	return g.Wait()
}

// A ladder is a stream as its playlists tell of it.
type ladder struct {
	master hls.Master
	media  map[string]*hls.Media // by URI, as the master has it
	sizes  map[string]int64      // of all files in the folder, by key
	needed map[string]bool       // keys
}

// gather reads playlists and stills, and describes the stream. The error wraps bucket.ErrNotFound when something is missing.
func (t *task) gather(ctx context.Context) (*video.Remote, error) {
	l, err := t.ladder(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.takeStills(ctx); err != nil {
		return nil, err
	}
	return t.describe(l)
}

func (t *task) ladder(ctx context.Context) (*ladder, error) {
	sizes, err := t.list(ctx, t.folder())
	if err != nil {
		return nil, err
	}
	l := &ladder{media: map[string]*hls.Media{}, sizes: sizes, needed: map[string]bool{}}
	data, err := t.need(ctx, l, t.folder(), masterName)
	if err == nil {
		err = l.master.Unmarshal(data)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(l.master.Variants, func(a, b hls.Variant) int { return cmp.Compare(a.Bandwidth, b.Bandwidth) })
	var playlists []string
	for _, v := range l.master.Variants {
		playlists = append(playlists, v.URI)
	}
	for _, r := range l.master.Media {
		if r.URI != "" {
			playlists = append(playlists, r.URI)
		}
	}
	for _, uri := range playlists {
		if l.media[uri] != nil {
			continue
		}
		m := new(hls.Media)
		data, err := t.need(ctx, l, t.folder(), uri)
		if err == nil {
			err = m.Unmarshal(data)
		}
		if err == nil {
			err = t.needMedia(l, m)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", uri, err)
		}
		l.media[uri] = m
	}
	_, err = l.find(t.folder(), filmName)
	return l, err
}

// need reads a playlist of the stream.
func (t *task) need(ctx context.Context, l *ladder, base, uri string) ([]byte, error) {
	key, err := l.find(base, uri)
	if err != nil {
		return nil, err
	}
	return t.read(ctx, key, maxPlaylist)
}

// needMedia notes the files of a media playlist, and holds that their bytes are there.
func (t *task) needMedia(l *ladder, m *hls.Media) error {
	within := func(uri string, offset, length int64) error {
		key, err := l.find(t.folder(), uri)
		if err == nil && offset+length > l.sizes[key] {
			err = fmt.Errorf("bytes %d to %d of %s, which has %d: %w", offset, offset+length, key, l.sizes[key], bucket.ErrNotFound)
		}
		return err
	}
	if m.Map.URI != "" {
		if err := within(m.Map.URI, m.Map.Offset, m.Map.Length); err != nil {
			return err
		}
	}
	for _, s := range m.Segments {
		if err := within(s.URI, s.Offset, s.Length); err != nil {
			return err
		}
	}
	if len(m.Segments) == 0 {
		return errors.New("it has no segments")
	}
	return nil
}

// find returns the key of what a playlist in the folder base names, which must be there.
func (l *ladder) find(base, uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Host != "" || u.Scheme != "" || u.RawQuery != "" {
		return "", fmt.Errorf("%q leads out of the bucket", uri)
	}
	key := path.Join(base, u.Path)
	if !strings.HasPrefix(key, base) {
		return "", fmt.Errorf("%q leads out of its folder", uri)
	}
	if _, there := l.sizes[key]; !there {
		return "", errMissing(key)
	}
	l.needed[key] = true
	return key, nil
}

// describe is the stream as pages know it.
func (t *task) describe(l *ladder) (*video.Remote, error) {
	r := &video.Remote{Master: t.folder() + masterName}
	for _, v := range l.master.Variants {
		if v.Width*v.Height >= r.Width*r.Height {
			r.Width, r.Height = v.Width, v.Height
		}
	}
	if r.Width == 0 {
		return nil, errors.New("its master playlist does not say how large the picture is")
	}
	for _, m := range l.master.Media {
		r.HasAudio = r.HasAudio || m.Type == hls.Audio
	}
	first := l.master.Variants[0]
	media := l.media[first.URI]
	for _, s := range media.Segments {
		r.Duration += s.Duration
	}
	r.Warm = []video.Range{{Path: r.Master}, {Path: path.Join(t.folder(), first.URI)}}
	if media.Map.URI != "" {
		r.Warm = append(r.Warm, video.Range{Path: path.Join(t.folder(), media.Map.URI), Offset: media.Map.Offset, Length: media.Map.Length})
	}
	s := media.Segments[0]
	r.Warm = append(r.Warm, video.Range{Path: path.Join(t.folder(), s.URI), Offset: s.Offset, Length: s.Length})
	r.MP4 = t.film(r, l.sizes[t.folder()+filmName], first.FrameRate)
	for _, key := range slices.Sorted(maps.Keys(l.needed)) {
		r.Files = append(r.Files, video.RemoteFile{Path: key, Size: l.sizes[key]})
	}
	return r, nil
}

// film is the MP4. Its picture is that of the largest variant, made to fit the box.
func (t *task) film(r *video.Remote, size int64, frameRate float64) video.Rendition {
	f := video.Rendition{Path: t.folder() + filmName, Size: size, Width: r.Width, Height: r.Height, FrameRate: frameRate}
	if most := max(r.Width, r.Height); most > box {
		f.Width, f.Height = (r.Width*box/most+1)&^1, (r.Height*box/most+1)&^1
	}
	f.Label = fmt.Sprintf("%dp", min(f.Width, f.Height))
	if seconds := r.Duration.Seconds(); seconds > 0 {
		f.AverageBandwidth = int(float64(size) * 8 / seconds)
		f.Bandwidth = f.AverageBandwidth
	}
	return f
}

// stillName is how MediaConvert names the pictures that t.settings asks for: destination, number, extension.
var stillName = regexp.MustCompile(`/every-(\d{1,6})\.(\d{1,9})\.jpg$`)

// takeStills reads pictures of the film, evenly chosen when there are many.
func (t *task) takeStills(ctx context.Context) error {
	sizes, err := t.list(ctx, t.stills())
	if err != nil {
		return err
	}
	times := map[string]time.Duration{}
	for key := range sizes {
		if m := stillName.FindStringSubmatch(key); m != nil {
			each, _ := strconv.Atoi(m[1]) // digits, and few of them
			n, _ := strconv.Atoi(m[2])
			times[key] = time.Duration(each) * time.Duration(n) * time.Second
		}
	}
	if len(times) == 0 {
		return errMissing(t.stills() + "every-…jpg")
	}
	keys := slices.SortedFunc(maps.Keys(times), func(a, b string) int { return cmp.Compare(times[a], times[b]) })
	step := (len(keys) + mostStills - 1) / mostStills
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := 0; i < len(keys); i += step {
		g.Go(func() error {
			data, err := t.read(ctx, keys[i], maxStill)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(t.job.Stills, video.StillName(times[keys[i]])), data, 0o644) //nolint:gosec // pictures that are published
		})
	}
	return g.Wait()
}

// read reads a small object.
func (t *task) read(ctx context.Context, key string, most int64) (data []byte, err error) {
	err = t.send.Try(ctx, func() error {
		content, err := t.Store.Get(ctx, key)
		if err != nil {
			return err
		}
		defer content.Close() //nolint:errcheck // only read
		data, err = io.ReadAll(io.LimitReader(content, most+1))
		return err
	})
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", key, most)
	}
	return data, err
}
