package video

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"matinee/internal/mp4"
)

// recipe names everything that decides the bytes of a stream besides its sources. A change to the packager's output
// is a new recipe, hence a new key, hence new addresses: published streams never change in place.
const recipe = "copy 1"

// A stream is a packaged clip in the cache, as its clip.json describes it: a folder of files that is written once.
type stream struct {
	Key        string        `json:"key"` // digest of the sources and the recipe
	Width      int           `json:"width"`
	Height     int           `json:"height"`
	Duration   time.Duration `json:"duration"`
	HasVideo   bool          `json:"has_video"`
	HasAudio   bool          `json:"has_audio"`
	AudioGroup bool          `json:"audio_group"`
	Renditions []Rendition   `json:"renditions"` // paths are file names
	Warm       []Range       `json:"warm"`
	Chapters   []Chapter     `json:"chapters"` // of the container
	Files      []streamFile  `json:"files"`

	dir string
}

type streamFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const (
	masterName = "master.m3u8"
	clipName   = "clip.json"
)

func (s *stream) path(name string) string { return filepath.Join(s.dir, name) }

// video is the stream as pages know it, in the folder of a name.
func (s *stream) video(name string) *Video {
	v := &Video{
		Name: name, Width: s.Width, Height: s.Height, Duration: s.Duration, HasVideo: s.HasVideo, HasAudio: s.HasAudio,
		AlternateAudio: s.AudioGroup, Master: "stream/" + name + "/" + masterName, Chapters: s.Chapters,
	}
	for _, r := range s.Renditions {
		r.Path, r.Playlist = "stream/"+name+"/"+r.Path, "stream/"+name+"/"+r.Playlist
		v.Renditions = append(v.Renditions, r)
	}
	for _, r := range s.Warm {
		r.Path = "stream/" + name + "/" + r.Path
		v.Warm = append(v.Warm, r)
	}
	return v
}

// Check finds out which clips cannot be prepared, without preparing any: it reads the index of files that are new or
// have changed, and no media. All of them are reported.
func (l *Library) Check(ctx context.Context, clips []Clip) error {
	l.init()
	var errs []error
	seen := map[string]bool{}
	for i := range clips {
		c := &clips[i]
		if key := strings.Join(c.Sources(), "\x00"); c.Src != "" && !isStream(c.Src) && !seen[key] {
			seen[key] = true
			errs = append(errs, l.check(ctx, c))
		}
	}
	return errors.Join(errs...)
}

func (l *Library) check(ctx context.Context, c *Clip) error {
	if l.cached(c) {
		return nil
	}
	sources, closeAll, err := l.open(c)
	defer closeAll()
	if err != nil {
		return problemAt(c, c.Src, err)
	}
	if copying, ok := l.encoder().(Copy); ok {
		rungs, err := copying.Encode(ctx, Job{Sources: sources})
		if err == nil {
			_, err = plan(rungs)
		}
		if err != nil {
			return problemAt(c, c.Src, err)
		}
	}
	return nil
}

// cached tells whether a clip lies in the cache and its files are as they were when it was put there.
func (l *Library) cached(c *Clip) bool {
	var sums []string
	for _, name := range c.Sources() {
		s, ok := l.sources.unchanged(name)
		if !ok {
			return false
		}
		sums = append(sums, s.SHA256)
	}
	_, err := loadStream(l.streamDir(sums))
	return err == nil
}

func (l *Library) encoder() Encoder {
	if l.Encoder == nil {
		return Copy{}
	}
	return l.Encoder
}

// streamKey is the digest of the sources' digests and the recipe.
func streamKey(sums []string) string {
	sum := sha256.Sum256([]byte(strings.Join(sums, " ") + "\n" + recipe))
	return hex.EncodeToString(sum[:])
}

func (l *Library) streamDir(sums []string) string {
	return filepath.Join(l.Cache, sums[0], streamKey(sums))
}

// prepareStream finds the stream of a clip in the cache or makes it.
func (l *Library) prepareStream(ctx context.Context, c *Clip) (*stream, error) {
	var sums []string
	for _, name := range c.Sources() {
		s, err := l.sources.look(name, nil)
		if err != nil {
			return nil, err
		}
		sums = append(sums, s.SHA256)
	}
	dir := l.streamDir(sums)
	if s, err := loadStream(dir); err == nil {
		return s, nil
	}
	sources, closeAll, err := l.open(c)
	defer closeAll()
	if err != nil {
		return nil, err
	}
	tmp, err := l.tempDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // what is left is removed by the next build
	rungs, err := l.encoder().Encode(ctx, Job{Sources: sources, Dir: tmp})
	if err != nil {
		return nil, err
	}
	p := packager{dir: filepath.Join(tmp, "stream"), report: l.reporter(c)}
	s, err := p.run(ctx, rungs)
	if err != nil {
		return nil, err
	}
	s.Key = streamKey(sums)
	if err := s.commit(p.dir, dir); err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.counts.Packaged++
	l.counts.Read += len(sources)
	l.mu.Unlock()
	return s, nil
}

// reporter makes the function that is told how many bytes of a clip are packaged.
func (l *Library) reporter(c *Clip) func(done, total int64) {
	if l.Progress == nil {
		return func(int64, int64) {}
	}
	return func(done, total int64) {
		l.progress.Lock()
		defer l.progress.Unlock()
		l.Progress(Progress{Clip: c.Src, Done: done, Total: total})
	}
}

// tempDir makes a folder in the cache for work in progress. Folders that killed builds left there for a day go.
func (l *Library) tempDir() (string, error) {
	parent := filepath.Join(l.Cache, "tmp")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", cacheError("make "+parent, err)
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return "", cacheError("read "+parent, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(filepath.Join(parent, e.Name()))
		}
	}
	dir, err := os.MkdirTemp(parent, "clip-")
	return dir, cacheError("make a folder in "+parent, err)
}

// loadStream reads a stream of the cache. It is whole if its description is there and its files have their sizes: the
// folder appears under its name only when it is finished.
func loadStream(dir string) (*stream, error) {
	data, err := os.ReadFile(filepath.Join(dir, clipName))
	if err != nil {
		return nil, err
	}
	s := &stream{dir: dir}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, err
	}
	if len(s.Renditions) == 0 || len(s.Files) == 0 || len(s.Key) < 10 {
		return nil, fmt.Errorf("%s describes no stream", dir)
	}
	for _, f := range s.Files {
		info, err := os.Stat(s.path(f.Name))
		if err != nil {
			return nil, err
		}
		if info.Size() != f.Size {
			return nil, fmt.Errorf("%s: %d bytes, want %d", s.path(f.Name), info.Size(), f.Size)
		}
	}
	return s, nil
}

// commit describes the stream in tmp and moves it to its place in the cache.
func (s *stream) commit(tmp, dir string) error {
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	if err := writeAtomic(filepath.Join(tmp, clipName), data); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return cacheError("make "+filepath.Dir(dir), err)
	}
	s.dir = dir
	if err := os.Rename(tmp, dir); err == nil {
		return nil
	}
	if _, err := loadStream(dir); err == nil {
		return nil // another build was faster
	}
	if err := os.RemoveAll(dir); err != nil { // a damaged stream lies there
		return cacheError("replace "+dir, err)
	}
	return cacheError("move a stream to "+dir, os.Rename(tmp, dir))
}

// open opens the files of a clip and reads their indexes. The returned function closes them, also after an error.
func (l *Library) open(c *Clip) (sources []Source, closeAll func(), err error) {
	var files []fs.File
	closeAll = func() {
		for _, f := range files {
			_ = f.Close() // read only
		}
	}
	var errs []error
	for _, name := range c.Sources() {
		f, err := l.Site.Open(name)
		if err != nil {
			errs = append(errs, problemAt(c, name, err))
			continue
		}
		files = append(files, f)
		s, err := readSource(name, f)
		if err != nil {
			errs = append(errs, problemAt(c, name, err))
			continue
		}
		sources = append(sources, s)
	}
	return sources, closeAll, errors.Join(errs...)
}

const headSize = 4096

// readSource reads the index of an open file. A file of another format is a Source without a Movie.
func readSource(name string, f fs.File) (Source, error) {
	info, err := f.Stat()
	if err != nil {
		return Source{}, err
	}
	data, ok := f.(io.ReaderAt)
	if !ok {
		return Source{}, fmt.Errorf("cannot be read at random")
	}
	s := Source{Path: name, Data: data, Size: info.Size(), Head: make([]byte, min(headSize, info.Size()))}
	if _, err := data.ReadAt(s.Head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Source{}, err
	}
	s.Movie, err = mp4.Read(data, s.Size)
	if errors.Is(err, mp4.ErrNotMP4) {
		return s, nil
	}
	return s, err
}
