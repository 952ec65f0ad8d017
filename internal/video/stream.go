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
	"slices"
	"strings"
	"time"

	"matinee/internal/mp4"
)

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
	Damage     string        `json:"damage,omitempty"` // what of the sources could not be decoded
	Remote     *Remote       `json:"remote,omitempty"` // where the stream lies elsewhere; then there are no Files

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

// source is the digest of the first file it was made of.
func (s *stream) source() string { return filepath.Base(filepath.Dir(s.dir)) }

// video is the stream as pages know it, in the folder of a name.
func (s *stream) video(name string) *Video {
	if s.Remote != nil {
		return s.remoteVideo(name)
	}
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
		if key := c.identity(); c.Src != "" && !isStream(c.Src) && !seen[key] {
			seen[key] = true
			errs = append(errs, l.check(ctx, c))
		}
	}
	return errors.Join(errs...)
}

func (l *Library) check(ctx context.Context, c *Clip) error {
	if l.cached(ctx, c) {
		return nil
	}
	l.mu.Lock()
	l.pending = true
	l.mu.Unlock()
	sources, closeAll, err := l.open(c)
	defer closeAll()
	if err == nil {
		err = l.encoder().Check(ctx, &Job{Wish: c.Wish, Sources: sources})
	}
	if err != nil {
		return problemAt(c, c.Src, err)
	}
	return nil
}

// cached tells whether a clip lies in the cache and its files are as they were when it was put there.
func (l *Library) cached(ctx context.Context, c *Clip) bool {
	var sums []string
	for _, name := range c.Sources() {
		s, ok := l.sources.unchanged(name)
		if !ok {
			return false
		}
		sums = append(sums, s.SHA256)
	}
	recipe, err := l.encoder().Recipe(ctx, c.Wish)
	if err != nil {
		return false // it will be told
	}
	_, err = loadStream(l.streamDir(sums, recipe))
	return err == nil
}

func (l *Library) encoder() Encoder {
	if l.Encoder == nil {
		return Copy{}
	}
	return l.Encoder
}

// streamKey is the digest of the sources' digests and the recipe.
func streamKey(sums []string, recipe string) string {
	sum := sha256.Sum256([]byte(strings.Join(sums, " ") + "\n" + recipe))
	return hex.EncodeToString(sum[:])
}

func (l *Library) streamDir(sums []string, recipe string) string {
	return filepath.Join(l.Cache, sums[0], streamKey(sums, recipe))
}

// identify returns what names the stream of a clip: the digests of its sources, and the recipe.
func (l *Library) identify(ctx context.Context, c *Clip) (sums []string, recipe string, err error) {
	for _, name := range c.Sources() {
		s, err := l.sources.look(name, nil)
		if err != nil {
			return nil, "", problemAt(c, name, err)
		}
		sums = append(sums, s.SHA256)
	}
	recipe, err = l.encoder().Recipe(ctx, c.Wish)
	return sums, recipe, err
}

// prepareStream finds the stream of a clip in the cache or makes it.
func (l *Library) prepareStream(ctx context.Context, c *Clip) (*stream, error) {
	sums, recipe, err := l.identify(ctx, c)
	if err != nil {
		return nil, err
	}
	dir := l.streamDir(sums, recipe)
	if s, err := loadStream(dir); err == nil {
		s.used()
		return s, nil
	}
	s, err := l.makeHereOrElsewhere(ctx, c, sums, recipe)
	if err == nil {
		return s, cacheError("clear up", os.RemoveAll(l.keptDir(dir)))
	}
	if s, loadErr := loadStream(dir); loadErr == nil { // another build was faster, and has cleared up
		return s, nil
	}
	return nil, err
}

// keptDir is where finished parts of a stream in the making lie.
func (l *Library) keptDir(streamDir string) string {
	return filepath.Join(l.Cache, "parts", filepath.Base(streamDir))
}

// makeStream encodes a clip, packages it and puts it into the cache.
func (l *Library) makeStream(ctx context.Context, c *Clip, sums []string, recipe string) (*stream, error) {
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
	job := &Job{Wish: c.Wish, Sources: sources, Dir: filepath.Join(tmp, "work"), kept: l.keptDir(l.streamDir(sums, recipe)), Report: l.encodingReporter(c)}
	if err := os.Mkdir(job.Dir, 0o755); err != nil {
		return nil, cacheError("make a folder in "+tmp, err)
	}
	defer job.close()
	rungs, err := l.encode(ctx, job)
	if err != nil {
		return nil, err
	}
	dir := l.streamDir(sums, recipe)
	if untouched := !slices.ContainsFunc(rungs, func(r Source) bool { return !slices.ContainsFunc(sources, r.same) }); untouched && recipe != copyRecipe {
		// Nothing was encoded, so this is the stream that Copy makes: with its name, which no other encoder changes.
		dir = l.streamDir(sums, copyRecipe)
		if err := writeNote(l.streamDir(sums, recipe), filepath.Base(dir)); err != nil {
			return nil, err
		}
		if s, err := loadStream(dir); err == nil {
			return s, nil
		}
	}
	p := packager{dir: filepath.Join(tmp, "stream"), report: l.packagingReporter(c)}
	s, err := p.run(ctx, rungs)
	if err != nil {
		return nil, err
	}
	s.Key, s.Damage = filepath.Base(dir), job.Damage
	if err := s.commit(p.dir, dir); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Packaged++
	l.counts.Read += len(sources)
	return s, nil
}

// encode has a clip encoded, not too many of them at once.
func (l *Library) encode(ctx context.Context, job *Job) ([]Source, error) {
	select {
	case l.encoding <- struct{}{}:
		defer func() { <-l.encoding }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	rungs, err := l.encoder().Encode(ctx, job)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Made += int(job.made.Load())
	l.counts.Reused += int(job.reused.Load())
	return rungs, err
}

// packagingReporter makes the function that is told how many bytes of a clip are packaged.
func (l *Library) packagingReporter(c *Clip) func(done, total int64) {
	return func(done, total int64) {
		l.tell(Progress{Clip: c.Src, Step: Packaging, Done: done, Total: total})
	}
}

// encodingReporter makes the function that is told how much of a clip is encoded.
func (l *Library) encodingReporter(c *Clip) func(done, total time.Duration, speed float64) {
	return func(done, total time.Duration, speed float64) {
		l.tell(Progress{Clip: c.Src, Step: Encoding, Done: int64(done), Total: int64(total), Speed: speed})
	}
}

func (l *Library) tell(p Progress) {
	if l.Progress == nil {
		return
	}
	l.progress.Lock()
	defer l.progress.Unlock()
	l.Progress(p)
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
	s, err := readDescription(dir)
	if err == nil && len(s.Files) == 0 && s.Key != filepath.Base(dir) && isKey(s.Key) { // a note
		s, err = readDescription(filepath.Join(filepath.Dir(dir), s.Key))
	}
	if err != nil {
		return nil, err
	}
	if len(s.Renditions) == 0 || len(s.Files) == 0 && s.Remote == nil || len(s.Key) < 10 {
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

func readDescription(dir string) (*stream, error) {
	data, err := os.ReadFile(filepath.Join(dir, clipName))
	if err != nil {
		return nil, err
	}
	s := &stream{dir: dir}
	return s, json.Unmarshal(data, s)
}

// isKey tells whether s is a digest, which is safe as the name of a folder.
func isKey(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == hexDigest
}

// hexDigest is the length of a digest in hexadecimal digits.
const hexDigest = 2 * sha256.Size

// writeNote says under the name of a stream that it lies under another, of the same source.
func writeNote(dir, key string) error {
	data, err := json.Marshal(map[string]string{"key": key})
	if err != nil {
		return err
	}
	return writeAtomic(filepath.Join(dir, clipName), data)
}

// used notes that a stream is still of use, once a day.
func (s *stream) used() { noteUse(s.path(clipName)) }

// noteUse gives a file of the cache today's date.
func noteUse(name string) {
	if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
		now := time.Now()
		_ = os.Chtimes(name, now, now) // a cache that cannot be written can still be read
	}
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

// same tells whether two sources are the same open file.
func (s Source) same(t Source) bool { return s.Data == t.Data }
