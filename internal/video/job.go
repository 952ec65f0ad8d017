package video

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// A Job is one film to encode.
type Job struct {
	Wish
	Sources []Source // at least one; several are encodes of the same film
	Dir     string   // an empty folder on disk, which goes when the job ends

	// Report is told how far the encoding has come, in time of the film, and how many times faster than it plays; total
	// is 0 when nobody knows. It may be nil.
	Report func(done, total time.Duration, speed float64)

	// Damage is for Encode to say what in the sources could not be decoded and is missing from what it made; "": nothing.
	Damage string

	kept         string // folder of what outlives an interruption; "": nothing does
	open         []*os.File
	made, reused atomic.Int64
}

// Keep makes a part of the work that is not lost when the build is interrupted. It returns the folder of that name which
// an earlier attempt at the same job finished, or has do fill an empty one. Only what is finished gets the name: the
// folder is written down to the disk and renamed.
func (j *Job) Keep(name string, do func(dir string) error) (dir string, err error) {
	kept := filepath.Join(j.kept, name)
	if j.kept != "" && isDir(kept) {
		j.reused.Add(1)
		return kept, nil
	}
	dir, err = os.MkdirTemp(j.Dir, "part-")
	if err != nil {
		return "", cacheError("make a folder", err)
	}
	if err := do(dir); err != nil {
		_ = os.RemoveAll(dir) // goes with j.Dir at the latest
		return "", err
	}
	j.made.Add(1)
	if j.kept == "" {
		return dir, nil
	}
	if err := syncFiles(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(j.kept, 0o755); err != nil {
		return "", cacheError("make "+j.kept, err)
	}
	if err := os.Rename(dir, kept); err != nil && !isDir(kept) { // if it is there now, another build was faster
		return "", cacheError("keep "+name, err)
	}
	return kept, nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// syncFiles has the files of a folder written down to the disk.
func syncFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return cacheError("read "+dir, err)
	}
	for _, e := range entries {
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		if err != nil {
			return cacheError("write "+e.Name(), err)
		}
		err = f.Sync()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return cacheError("write "+e.Name(), err)
		}
	}
	return nil
}

// Open opens a file that was made for the job and reads its index. It stays open until its stream is packaged.
func (j *Job) Open(name string) (Source, error) {
	f, err := os.Open(name)
	if err != nil {
		return Source{}, cacheError("read "+filepath.Base(name), err)
	}
	j.open = append(j.open, f)
	return readSource(filepath.Base(name), fs.File(f))
}

// close closes what Open opened.
func (j *Job) close() {
	for _, f := range j.open {
		_ = f.Close() // read only
	}
	j.open = nil
}
