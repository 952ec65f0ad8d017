package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A RemoteEncoder is an Encoder that makes whole streams at another place, from where they are also sent: nothing of
// them but a few pictures is ever on this machine. Its Encode is not called.
type RemoteEncoder interface {
	Encoder
	// EncodeRemote returns the stream of a film when it is finished. It may take hours; when ctx ends or the program is
	// killed, the work goes on there, and the next EncodeRemote of the same key takes it up.
	EncodeRemote(ctx context.Context, job *RemoteJob) (*Remote, error)
}

// A RemoteJob is one film to encode at another place.
type RemoteJob struct {
	Wish
	Source Source // the film, or its largest encode
	SHA256 string // of the source, hex
	Key    string // of the stream: 64 hexadecimal digits that name source and recipe
	Kept   string // folder on disk for what is to be known after an interruption; it may not exist yet
	Stills string // empty folder for pictures of the film, see StillName

	// Report is told how far a step has come. It may be nil.
	Report func(step Step, done, total int64)
}

// Steps of a RemoteJob.
const (
	Uploading  Step = "uploading"  // bytes
	Converting Step = "converting" // percent
)

// A Remote is a stream that lies at another place.
type Remote struct {
	Width, Height int // display size of the largest variant, pixels
	Duration      time.Duration
	HasAudio      bool
	Master        string    // path from the root of the streaming distribution, as all paths here
	MP4           Rendition // one file with picture and sound, for all that plays no HLS
	Warm          []Range
	Files         []RemoteFile // everything that players may ask for
}

// A RemoteFile is a file that is served by the streaming distribution and was not put there by us.
type RemoteFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// A RemoteError says that the other place could not be used. It is about no clip in particular.
type RemoteError struct{ Err error }

func (e *RemoteError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *RemoteError) Unwrap() error { return e.Err }

// remoteClips is how many clips are prepared at a time when the work is done elsewhere.
const remoteClips = 16

// makeHereOrElsewhere makes a stream where its encoder does.
func (l *Library) makeHereOrElsewhere(ctx context.Context, c *Clip, sums []string, recipe string) (*stream, error) {
	if remote, ok := l.encoder().(RemoteEncoder); ok {
		return l.makeRemote(ctx, remote, c, sums, recipe)
	}
	return l.makeStream(ctx, c, sums, recipe)
}

// makeRemote has a stream made at another place, and describes it in the cache.
func (l *Library) makeRemote(ctx context.Context, encoder RemoteEncoder, c *Clip, sums []string, recipe string) (*stream, error) {
	sources, closeAll, err := l.open(c)
	defer closeAll()
	if err != nil {
		return nil, err
	}
	tmp, err := l.tempDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // what is left is removed by a later build
	dir := l.streamDir(sums, recipe)
	s := &stream{Key: filepath.Base(dir), HasVideo: true, AudioGroup: true}
	job := &RemoteJob{
		Wish: c.Wish, Source: sources[0], SHA256: sums[0], Key: s.Key, Kept: l.keptDir(dir), Stills: filepath.Join(tmp, stillsName),
		Report: func(step Step, done, total int64) {
			l.tell(Progress{Clip: c.Src, Step: step, Done: done, Total: total})
		},
	}
	if err := os.Mkdir(job.Stills, 0o755); err != nil {
		return nil, cacheError("make a folder in "+tmp, err)
	}
	s.Remote, err = encoder.EncodeRemote(ctx, job)
	if err != nil {
		return nil, err
	}
	s.Width, s.Height, s.Duration, s.HasAudio = s.Remote.Width, s.Remote.Height, s.Remote.Duration, s.Remote.HasAudio
	rung := s.Remote.MP4
	rung.Path = path.Base(rung.Path) // in the cache, where it is not, are its stills
	s.Renditions = []Rendition{rung}
	if err := s.commit(tmp, dir); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Packaged++
	l.counts.Read++
	return s, nil
}

// remoteVideo is a stream at another place as pages know it. Its addresses have nothing to do with the clip's name, which
// may change while the stream stays where it is.
func (s *stream) remoteVideo(name string) *Video {
	return &Video{
		Name: name, Width: s.Width, Height: s.Height, Duration: s.Duration, HasVideo: s.HasVideo, HasAudio: s.HasAudio,
		AlternateAudio: s.AudioGroup, Master: s.Remote.Master, Renditions: []Rendition{s.Remote.MP4}, Warm: s.Remote.Warm,
	}
}

// RemoteFiles are the files of clips prepared so far that lie on the streaming distribution already, by path. They are
// not among Files.
func (l *Library) RemoteFiles() []RemoteFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	var files []RemoteFile
	for _, f := range l.streams {
		select {
		case <-f.done:
			if f.stream != nil && f.stream.Remote != nil {
				files = append(files, f.stream.Remote.Files...)
			}
		default: // under way
		}
	}
	slices.SortFunc(files, func(a, b RemoteFile) int { return cmp.Compare(a.Path, b.Path) })
	return slices.Compact(files)
}

// once leaves out errors that are the same one as an error before them: what is the matter with the other place is told
// once, and not for each clip.
func once(errs []error) []error {
	var told []error
	for _, err := range errs {
		remote, ok := errors.AsType[*RemoteError](err)
		if ok && slices.ContainsFunc(told, func(e error) bool { r, _ := errors.AsType[*RemoteError](e); return r == remote }) {
			continue
		}
		told = append(told, err)
	}
	return told
}

const stillsName = "stills"

// StillName names the picture of a moment of a film in the folder Stills of a RemoteJob.
func StillName(at time.Duration) string { return fmt.Sprintf("%010d.jpg", at.Milliseconds()) }

// Stills is a Camera that shows the pictures which a RemoteEncoder left of its films. Of films that lie here, Camera takes
// them, as it makes small files of pictures.
type Stills struct {
	Camera Camera // may be nil
}

var _ Camera = Stills{}

// Key implements [Camera].
func (s Stills) Key(ctx context.Context) (string, error) {
	if s.Camera == nil {
		return "stills 1", nil
	}
	key, err := s.Camera.Key(ctx)
	return "stills 1, " + key, err
}

var errNoStills = errors.New("there are no pictures of it")

// Keyframes implements [Camera].
func (s Stills) Keyframes(ctx context.Context, dir, film string, every time.Duration, box image.Point) ([]Frame, error) {
	times := stillsOf(film)
	if len(times) == 0 {
		if s.Camera == nil {
			return nil, errNoStills
		}
		return s.Camera.Keyframes(ctx, dir, film, every, box)
	}
	var frames []Frame
	for _, at := range times {
		if len(frames) > 0 && at < frames[len(frames)-1].At+every {
			continue
		}
		picture, err := readStill(film, at)
		if err != nil {
			return nil, err
		}
		size := fit(picture.Bounds().Size(), box)
		frames = append(frames, Frame{At: at, Picture: shrink(opaque(picture, 1), size.X, size.Y)})
	}
	return frames, nil
}

// Still implements [Camera]. It returns the picture that is nearest to the moment.
func (s Stills) Still(ctx context.Context, film string, at time.Duration) (image.Image, error) {
	times := stillsOf(film)
	if len(times) == 0 {
		if s.Camera == nil {
			return nil, errNoStills
		}
		return s.Camera.Still(ctx, film, at)
	}
	nearest := slices.MinFunc(times, func(a, b time.Duration) int { return cmp.Compare((a - at).Abs(), (b - at).Abs()) })
	return readStill(film, nearest)
}

// Preview implements [Camera]. There is no preview of films of which there are only pictures.
func (s Stills) Preview(ctx context.Context, film, file string, at, length time.Duration, width int) error {
	if s.Camera == nil || len(stillsOf(film)) > 0 {
		return errors.ErrUnsupported
	}
	return s.Camera.Preview(ctx, film, file, at, length, width)
}

// Compress implements [Camera].
func (s Stills) Compress(ctx context.Context, dir string, names []string, mime string) error {
	if s.Camera == nil {
		return errors.ErrUnsupported
	}
	return s.Camera.Compress(ctx, dir, names, mime)
}

// stillsOf returns the moments of which there are pictures, in order; none of a film that lies here.
func stillsOf(film string) []time.Duration {
	entries, err := os.ReadDir(filepath.Join(filepath.Dir(film), stillsName)) // sorted, and so are the times
	if err != nil {
		return nil
	}
	var times []time.Duration
	for _, e := range entries {
		if ms, err := strconv.ParseInt(strings.TrimSuffix(e.Name(), ".jpg"), 10, 64); err == nil {
			times = append(times, time.Duration(ms)*time.Millisecond)
		}
	}
	return times
}

func readStill(film string, at time.Duration) (image.Image, error) {
	f, err := os.Open(filepath.Join(filepath.Dir(film), stillsName, StillName(at)))
	if err != nil {
		return nil, cacheError("read a picture", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return jpeg.Decode(f)
}
