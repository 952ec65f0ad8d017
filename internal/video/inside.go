package video

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
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/text/language"

	"matinee/internal/caption"
	"matinee/internal/diag"
	"matinee/internal/mp4"
)

// An Extractor finds what else than picture and sound a file holds. It is asked once about each content.
type Extractor interface {
	// Extract looks into the file that the author knows as path, and writes what it finds into the empty folder dir. Its
	// error is a *Refused where the file is to blame, which will not be asked about again, and, by errors.Is, ErrNoProgram
	// where only a program is missing.
	Extract(ctx context.Context, path, dir string) (Extras, error)
}

// ErrNoProgram is in the errors of an Extractor whose program is not installed.
var ErrNoProgram = errors.New("not installed")

// Extras are what an Extractor finds.
type Extras struct {
	Subtitles []Subtitles
	Chapters  []Chapter
}

// Subtitles are one text track of a file.
type Subtitles struct {
	Lang string // as the file says, ISO 639 or BCP 47; "" when it does not
	File string // WebVTT, in the folder that the Extractor was given
}

// A Transcriber writes down what is said in a film.
type Transcriber interface {
	// Transcribe writes captions of the film that the author knows as path into dir, and returns the name of the file,
	// which is of a kind that package caption reads. It takes no longer than limit.
	Transcribe(ctx context.Context, path, dir string, limit time.Duration) (file string, err error)
	// Key tells this Transcriber and its settings from others.
	Key() string
}

// extras are Extras in the cache: subtitles are blobs.
type extras struct {
	Subtitles []extraText `json:"subtitles"`
	Chapters  []Chapter   `json:"chapters"`
	Problem   string      `json:"problem,omitempty"` // why there is nothing, or not everything

	again bool // the problem may be gone in the next build
}

type extraText struct {
	Lang string `json:"lang"`
	Blob string `json:"blob"`
}

// inside is what the Extractor finds in the first file of a clip. Nothing of it is needed to play the clip, so whatever
// goes wrong is a warning. It looks into one file at a time, since that is a matter of the disk.
func (l *Library) inside(ctx context.Context, c *Clip) (extras, error) {
	src, err := l.sources.look(c.Src, nil)
	if err != nil {
		return extras{}, problemAt(c, c.Src, err)
	}
	known := l.extrasFile(src.SHA256)
	if found, err := loadExtras(known, l.blobs); err == nil {
		return found, nil
	}
	l.looking.Lock()
	defer l.looking.Unlock()
	found, err := loadExtras(known, l.blobs)
	if err == nil {
		return found, nil
	}
	found = extras{}
	if l.mayHoldText(c.Src) {
		if found, err = l.extract(ctx, c); err != nil || found.again {
			return found, err
		}
	}
	data, err := json.Marshal(found)
	return found, errors.Join(err, writeAtomic(known, data))
}

const missingProgram = "ffmpeg is not installed"

// extrasFile is where it is kept what was found in the file of a digest.
func (l *Library) extrasFile(sum string) string { return filepath.Join(l.Cache, "inside", sum+".json") }

func loadExtras(name string, b blobs) (found extras, err error) {
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, &found)
	}
	for _, s := range found.Subtitles {
		if len(s.Blob) != hexDigest {
			return extras{}, fmt.Errorf("%s is damaged", name)
		}
		_, statErr := os.Stat(b.path(s.Blob, ".vtt"))
		err = errors.Join(err, statErr)
	}
	return found, err
}

// mayHoldText tells files that may have subtitles from MP4s whose index shows that they have none, so that for these no
// program is started.
func (l *Library) mayHoldText(name string) bool {
	f, err := l.Site.Open(name)
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // read only
	data, ok := f.(io.ReaderAt)
	info, err := f.Stat()
	if !ok || err != nil {
		return false
	}
	movie, err := mp4.Read(data, info.Size())
	if err != nil {
		return true
	}
	return slices.ContainsFunc(movie.Tracks, func(t *mp4.Track) bool {
		return t.Kind == mp4.Text && t.Codec != "text" // the kind that holds titles of chapters
	})
}

func (l *Library) extract(ctx context.Context, c *Clip) (extras, error) {
	if l.Extractor == nil {
		return extras{Problem: missingProgram, again: true}, nil
	}
	dir, err := l.tempDir()
	if err != nil {
		return extras{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is removed by a later build
	got, err := l.Extractor.Extract(ctx, c.Src, dir)
	switch {
	case ctx.Err() != nil:
		return extras{}, ctx.Err()
	case errors.Is(err, ErrNoProgram):
		return extras{Problem: missingProgram, again: true}, nil
	case err != nil:
		_, final := errors.AsType[*Refused](err)
		return extras{Problem: err.Error(), again: !final}, nil
	}
	found := extras{Chapters: got.Chapters}
	for _, s := range got.Subtitles {
		track, err := readWritten(dir, s.File)
		if err != nil {
			found.Problem = err.Error()
			continue
		}
		if len(track.Cues) == 0 {
			continue
		}
		_, sum, err := l.blobs.put(".vtt", track.WebVTT())
		if err != nil {
			return extras{}, err
		}
		found.Subtitles = append(found.Subtitles, extraText{Lang: s.Lang, Blob: sum})
	}
	return found, nil
}

// subtitles reads subtitles that were found in a clip.
func (l *Library) subtitles(s extraText) (words, error) {
	tag, err := language.Parse(cmp.Or(s.Lang, l.language()))
	if err != nil {
		return words{}, err
	}
	track, err := readBlob(l.blobs.path(s.Blob, ".vtt"))
	return words{tag: tag, track: track}, err
}

func readBlob(name string) (*caption.Track, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, cacheError("read "+name, err)
	}
	return caption.Read(name, data)
}

// transcribed is what the Transcriber makes of a clip, once for each content and each Transcriber. One works at a time:
// they use all processors.
func (l *Library) transcribed(ctx context.Context, v *Video, c *Clip) ([]words, error) {
	if l.Transcriber == nil {
		return nil, nil
	}
	src, err := l.sources.look(c.Src, nil)
	if err != nil {
		return nil, problemAt(c, c.Src, err)
	}
	key := sha256.Sum256([]byte(l.Transcriber.Key()))
	known := filepath.Join(l.Cache, "transcribed", src.SHA256+"-"+hex.EncodeToString(key[:8])+".vtt")
	track, err := readBlob(known)
	if err != nil {
		if track, err = l.listen(ctx, v, c, known); err != nil {
			return nil, err
		}
	}
	if len(track.Cues) == 0 {
		return nil, nil // nobody speaks
	}
	tag, err := language.Parse(l.language())
	return []words{{tag: tag, track: track}}, err
}

// listen has a clip transcribed, unless it was while others were, and keeps the captions as the file known.
func (l *Library) listen(ctx context.Context, v *Video, c *Clip, known string) (*caption.Track, error) {
	l.listening.Lock()
	defer l.listening.Unlock()
	if track, err := readBlob(known); err == nil {
		return track, nil
	}
	track, err := l.transcribe(ctx, v, c)
	if err != nil {
		return nil, err
	}
	return track, writeAtomic(known, track.WebVTT())
}

// transcribe runs the Transcriber. Its limit allows for one that is much slower than the film.
func (l *Library) transcribe(ctx context.Context, v *Video, c *Clip) (*caption.Track, error) {
	dir, err := l.tempDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is removed by the next build
	name, err := l.Transcriber.Transcribe(ctx, c.Src, dir, 10*time.Minute+20*v.Duration)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, diag.At(c.File, c.Line, "%s: captions.command: %v", c.Src, err).
			WithHint("run it by hand to see all it says, or put captions beside the clip: %s.%s.vtt", stem(c.Src), l.language())
	}
	track, err := readWritten(dir, name)
	if p, ok := errors.AsType[*diag.Problem](err); ok {
		return nil, diag.At(c.File, c.Line, "%s: captions.command wrote captions with a mistake at %s", c.Src, p.Error())
	}
	if err != nil {
		return nil, diag.At(c.File, c.Line, "%s: captions.command wrote no captions that can be read: %v", c.Src, err)
	}
	return track, nil
}

// readWritten reads captions that a program wrote into a folder. None at all are no mistake.
func readWritten(dir, name string) (*caption.Track, error) {
	name = filepath.Base(name)
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("there is no file %s", name)
	}
	if info.Size() > caption.MaxSize {
		return nil, fmt.Errorf("%s: %d MB are too much for captions", name, info.Size()>>20)
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, cacheError("read "+name, err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return &caption.Track{}, nil
	}
	return caption.Read(name, data)
}

// warn keeps a warning for Warnings, once.
func (l *Library) warn(p *diag.Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.ContainsFunc(l.warnings, func(o *diag.Problem) bool { return *o == *p }) {
		l.warnings = append(l.warnings, p)
	}
}

// Warnings are about clips that were prepared all the same, ordered by file.
func (l *Library) Warnings() []*diag.Problem {
	l.mu.Lock()
	defer l.mu.Unlock()
	warnings := slices.Clone(l.warnings)
	diag.Sort(warnings)
	return warnings
}
