package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"matinee/internal/diag"
)

// A Library prepares clips: it turns what an author names into what a page shows and a server sends, and remembers.
// Its zero value needs Site and Cache.
type Library struct {
	Site     fs.FS   // the site's folder, in which clips, pictures and captions lie
	Cache    string  // folder of the cache on disk; made when needed
	Index    string  // file that remembers what the site's files hold; "": IndexName in the cache
	Encoder  Encoder // nil: Copy, which takes clips as they are or says why not
	Language string  // of captions that do not say, BCP 47

	Extractor   Extractor   // looks for subtitles and chapters inside clips; nil: those of clips that may have some are left out, with a warning
	Transcriber Transcriber // makes captions of clips that have none; may be nil
	Camera      Camera      // takes pictures of films; nil: there are those the author gives, as JPEGs, and title cards

	Progress func(Progress) // told of every clip being made; may be nil; called by one goroutine at a time
	Jobs     int            // how many clips are encoded at a time; 0: one for every eight processors

	once     sync.Once
	sources  *sources
	blobs    blobs
	albums   singleflight.Group
	encoding chan struct{} // holds one for every clip being encoded

	looking   sync.Mutex // held by who looks for text inside a clip
	listening sync.Mutex // held by who transcribes a clip
	progress  sync.Mutex // held by who tells of progress

	mu       sync.Mutex // of what follows
	streams  map[string]*flight
	files    map[string]File
	warnings []*diag.Problem
	counts   Counts
	pending  bool
}

// A File is a file of a prepared clip: where it is published and where its bytes lie. The bytes never change.
type File struct {
	Path   string // "stream/walk-3f9a2c1b7d/720p.mp4"
	Source string // path on disk, in the cache
	Size   int64
	SHA256 string // hex
}

// Progress says how far a clip has come.
type Progress struct {
	Clip        string // path of the clip
	Step        Step
	Done, Total int64   // of Encoding, nanoseconds of the film (0 of 0 when nobody knows); of Packaging, bytes
	Speed       float64 // of Encoding: how many times faster than the film plays; 0 when not yet known
}

// A Step is one of those in which a stream is made.
type Step string

// The steps.
const (
	Encoding  Step = "encoding"
	Packaging Step = "packaging"
)

// Counts says what a Library had to do; a build with nothing new reads and packages nothing.
type Counts struct {
	Clips    int // distinct clips prepared
	Packaged int // of which were not in the cache
	Read     int // files read to be hashed or packaged
	Made     int // parts encoded; long clips are encoded in parts
	Reused   int // parts that a build which was interrupted had finished
}

// A flight is a stream being prepared once for everyone who asks.
type flight struct {
	done   chan struct{}
	stream *stream
	err    error
}

// PrepareAll prepares clips, several at a time, and returns their Videos index by index. Every clip that cannot be
// prepared is reported, not the first; nothing outside the cache is written.
func (l *Library) PrepareAll(ctx context.Context, clips []Clip) ([]*Video, error) {
	videos := make([]*Video, len(clips))
	errs := make([]error, len(clips))
	var g errgroup.Group
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	if _, ok := l.Encoder.(RemoteEncoder); ok {
		g.SetLimit(remoteClips)
	}
	for i := range clips {
		g.Go(func() error {
			videos[i], errs[i] = l.Prepare(ctx, &clips[i])
			return nil
		})
	}
	_ = g.Wait() // the goroutines return nothing; their errors are in errs
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return videos, errors.Join(append(once(errs), l.sources.save())...)
}

// Prepare prepares one clip. Problems are reported at the line of the post that names it.
func (l *Library) Prepare(ctx context.Context, c *Clip) (*Video, error) {
	l.init()
	if isStream(c.Src) {
		return l.existing(ctx, c)
	}
	st, err := l.stream(ctx, c)
	if err != nil {
		return nil, problemAt(c, c.Src, err)
	}
	if st.Damage != "" {
		l.warn(diag.At(c.File, c.Line, "%s is damaged, and what cannot be decoded is left out (%s)", c.Src, st.Damage).
			WithHint("look at its page; if too much is missing, copy the clip again from where it came from"))
	}
	v := st.video(streamName(c.Src, st.Key))
	for _, f := range st.Files {
		l.publish(File{Path: "stream/" + v.Name + "/" + f.Name, Source: st.path(f.Name), Size: f.Size, SHA256: f.SHA256})
	}
	return l.complete(ctx, v, c, st)
}

// complete gives a video what its author says of it, and all that is seen and read of it. st is its stream, nil where
// that lies elsewhere.
func (l *Library) complete(ctx context.Context, v *Video, c *Clip, st *stream) (*Video, error) {
	v.Title = cmp.Or(c.Title, v.Title, TitleFromName(c.Src))
	v.Start, v.Loop, v.Muted = c.Start, c.Loop, c.Muted
	if err := errors.Join(checkStart(v, c), applyAspect(v, c), l.addImages(ctx, v, c, st), l.addTexts(ctx, v, c)); err != nil {
		return nil, err
	}
	return v, nil
}

func checkStart(v *Video, c *Clip) error {
	if v.Duration == 0 || c.Start < v.Duration {
		return nil
	}
	return diag.At(c.File, c.Line, "%s: start is %v, after the clip's end at %v", c.Src, c.Start, v.Duration.Round(time.Millisecond))
}

// Files are the files of every clip prepared so far, by path.
func (l *Library) Files() []File {
	l.mu.Lock()
	defer l.mu.Unlock()
	files := make([]File, 0, len(l.files))
	for _, f := range l.files {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files
}

// Pending reports whether Check found clips that are not known to be in the cache as they are now.
func (l *Library) Pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending
}

// Counts is what has been done so far.
func (l *Library) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts
	c.Clips = len(l.streams)
	if l.sources != nil {
		c.Read += l.sources.reads()
	}
	return c
}

func (l *Library) init() {
	l.once.Do(func() {
		l.streams, l.files = map[string]*flight{}, map[string]File{}
		l.sources = loadSources(l.Site, cmp.Or(l.Index, filepath.Join(l.Cache, IndexName)))
		l.blobs = blobs{dir: l.Cache}
		// An encoder keeps about eight processors busy by itself, and takes half a gigabyte for it.
		l.encoding = make(chan struct{}, cmp.Or(max(l.Jobs, 0), (runtime.GOMAXPROCS(0)+7)/8))
	})
}

func (l *Library) publish(f File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files[f.Path] = f
}

// stream prepares the stream of a clip once, however many posts name it.
func (l *Library) stream(ctx context.Context, c *Clip) (*stream, error) {
	key := c.identity()
	l.mu.Lock()
	f, ok := l.streams[key]
	if !ok {
		f = &flight{done: make(chan struct{})}
		l.streams[key] = f
	}
	l.mu.Unlock()
	if ok {
		select {
		case <-f.done:
			return f.stream, f.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer close(f.done)
	f.stream, f.err = l.prepareStream(ctx, c)
	return f.stream, f.err
}

// problemAt turns an error about a file that a clip names into a Problem at the line that names it.
func problemAt(c *Clip, file string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, problemAt(c, file, e))
		}
		return errors.Join(errs...)
	}
	if _, ok := errors.AsType[*diag.Problem](err); ok || errors.Is(err, context.Canceled) {
		return err
	}
	if refused, ok := errors.AsType[*Refused](err); ok {
		return diag.At(c.File, c.Line, "%s: %s", cmp.Or(refused.Path, file), refused.Error()).WithHint("%s", refused.Hint)
	}
	if _, ok := errors.AsType[*CacheError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*RemoteError](err); ok {
		return err
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return diag.At(c.File, c.Line, "%s: %v", file, err)
}

// streamName names the folder of a clip: a readable word and the key that makes it immutable.
func streamName(src, key string) string {
	return slug(path.Base(stem(src))) + "-" + key[:10]
}

// slug keeps of a file's name what needs no escaping in an address, so that playlists, headers and logs agree on it.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.Trim(b.String(), "-")
	if len(s) > 40 {
		s = strings.TrimRight(s[:40], "-")
	}
	if s == "" {
		return "clip"
	}
	return s
}

// applyAspect gives the player the shape the author asks for.
func applyAspect(v *Video, c *Clip) error {
	if c.Aspect == "" || v.Width == 0 {
		return nil
	}
	var w, h int
	if n, err := fmt.Sscanf(c.Aspect, "%d:%d", &w, &h); n != 2 || err != nil || w <= 0 || h <= 0 || w > 10_000 || h > 10_000 {
		return diag.At(c.File, c.Line, "aspect %q is not a shape", c.Aspect).WithHint(`write width and height as in "16:9"`)
	}
	v.Height = max(1, (v.Width*h+w/2)/w)
	return nil
}
