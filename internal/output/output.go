// Package output makes a folder equal to a list of files.
//
// The folder is the built site, and people and web servers look at it while it is being rebuilt. So a build is one
// change as far as a file system allows: everything that may fail because of what an author wrote happens first, into
// a staging folder beside the manifest; then finished files are renamed into place in the order of the list; then
// files of earlier builds that are no longer wanted are removed; and the manifest, written last, is the commit point.
//
//	check → render and compare (staging) → journal → rename into place → remove → manifest
//
// Three rules follow the package around:
//
//   - What did not change is not touched. A file whose key is that of the manifest, and whose size and time on disk
//     are those the manifest remembers, costs one stat: it is neither rendered, nor read, nor written.
//   - What is not ours is not lost. A file is ours when the manifest (or the journal of a build that died) names it.
//     Any other file in the folder stays, and where the site has a file of the same name the build stops and says so,
//     unless the two are identical. An outdated file of ours that someone edited is kept, and reported.
//   - A build that dies anywhere leaves a folder that the next one completes. The journal, written before the first
//     rename, lists the digests of what is about to be put in place; that is how files that were placed by a build
//     that never wrote its manifest are known again.
//
// The package knows nothing of pages, clips or addresses, and it publishes nothing.
package output

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
)

// A File is one file the folder is to have. Either Write or Source is set.
type File struct {
	Path  string // slash-separated, from the folder's root: "a-walk/index.html"
	Class string // what kind of file it is; copied to the manifest for whoever publishes it
	Key   string // digest of everything Write depends on; "" when unknown, then Write runs in every build

	// Write renders the file. It is called at most once a build, at the same time as the Write of other files.
	Write func(io.Writer) error

	// Source is the path of a finished file that never changes again, such as an encoded clip of the cache. It is
	// hard-linked where the file system allows and copied elsewhere. Size and SHA256 (hexadecimal) are its own.
	Source string
	Size   int64
	SHA256 string
}

// A Folder is a folder this package keeps equal to a list of files.
type Folder struct {
	Dir      string // the folder; made when missing
	Manifest string // path of the manifest; staging folder, journal and lock lie beside it under longer names

	before func(op, name string) error // tests let file operations fail here; nil otherwise
}

// A Result counts what Sync did.
type Result struct {
	Written   Tally // rendered or copied, and put in place
	Linked    Tally // hard-linked from their Source
	Unchanged Tally // left as they were
	Removed   Tally // of an earlier build, no longer in the list

	Rendered int // calls of Write
	Read     int // files read, to compare or to copy them

	// Kept are outdated files of an earlier build that were edited since: paths in the folder, sorted. They stay and
	// are no longer ours.
	Kept []string
}

// A Tally is a number of files and the bytes in them.
type Tally struct {
	Files int
	Bytes int64
}

func (t *Tally) add(size int64) {
	t.Files++
	t.Bytes += size
}

// ErrBusy is returned by Sync while another Sync of the same manifest runs, in this process or another.
var ErrBusy = errors.New("another build is writing this site")

// A WriteError is a failure of the file system (disk full, no permission …) as opposed to one of the content.
type WriteError struct {
	Op   string // "write", "remove" …
	Path string
	Err  error // the system's own error, without the repetitions of os.PathError
}

func (e *WriteError) Error() string { return e.Op + " " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the system's error.
func (e *WriteError) Unwrap() error { return e.Err }

// writeError makes a WriteError of an error that the os package wrapped with names of its own.
func writeError(op, path string, err error) *WriteError {
	if e, ok := errors.AsType[*WriteError](err); ok {
		return e
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		err = e
	}
	return &WriteError{Op: op, Path: path, Err: err}
}

// Sync makes the folder equal to the list of files, whose order is the order in which they are put in place: what is
// referred to should come before what refers to it. Size is bounded by the number of files, not by their content.
//
// An error in the list, in rendering (all of them, joined, in the order of the list) or a file of someone else's in
// the way leaves the folder as it was. So does ctx when it is cancelled before the first file is put in place; after
// that the build completes. Findings are diag.Problems, failures of the file system a [*WriteError].
func (f Folder) Sync(ctx context.Context, files []File) (Result, error) {
	if err := checkList(files); err != nil {
		return Result{}, err
	}
	disk := disk{before: f.before}
	if err := disk.mkdirAll(filepath.Dir(f.Manifest)); err != nil {
		return Result{}, writeError("create", filepath.Dir(f.Manifest), err)
	}
	unlock, err := lock(f.Manifest + ".lock")
	if err != nil {
		if errors.Is(err, ErrBusy) {
			return Result{}, err
		}
		return Result{}, writeError("lock", f.Manifest+".lock", err)
	}
	defer unlock()

	b := &build{folder: f, disk: disk, files: files}
	if err := b.load(); err != nil {
		return Result{}, err
	}
	err = b.stage(ctx)
	if err == nil {
		err = b.commit()
	}
	if cleanErr := b.disk.removeAll(b.stagingDir()); err == nil && cleanErr != nil {
		err = writeError("remove", b.stagingDir(), cleanErr)
	}
	if err != nil {
		return Result{}, err
	}
	return b.result(), nil
}

// forEach calls do for 0 … n-1 from as many goroutines as there are processors and joins the errors in that order.
// It stops early when ctx ends or the file system fails: a full disk would fail a thousand times.
func forEach(ctx context.Context, n int, do func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var broken atomic.Bool
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for ctx.Err() == nil && !broken.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[i] = do(i)
				if _, ok := errors.AsType[*WriteError](errs[i]); ok {
					broken.Store(true)
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(errs...)
}

// isMissing reports whether err says that there is no such file, also because a folder on the way is a file.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir)
}
