// Package dir is a bucket in a folder: any web server can serve what is published there, and rsync can bring it
// elsewhere.
//
// An object is a file at its key. It is written under a temporary name and renamed into place, so readers see the old
// file or the new one. Directories keep no headers: what serves them has to know types and lifetimes itself.
// Everything that is not for readers lies in the folder .matinee, which nobody but its owner may open: the state of
// package bucket, temporary files, and a lock file that makes conditional writes of several processes one after the
// other. Keys never lead out of the folder, also not through symbolic links.
package dir

import (
	"context"
	"crypto/md5" //nolint:gosec // the ETag of S3
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"matinee/internal/bucket"
)

const (
	stateDir = ".matinee"
	tempDir  = stateDir + "/tmp"
	lockFile = stateDir + "/write.lock"
)

// A Store is a bucket.Store in a folder. Close it after use.
type Store struct {
	root *os.Root
	name string
}

var _ bucket.Store = (*Store)(nil)

// Open makes the folder when there is none, and removes temporary files that were left there more than a day ago.
func Open(name string) (*Store, error) {
	if err := os.MkdirAll(name, 0o777); err != nil {
		return nil, failure("create", name, err)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, failure("open", name, err)
	}
	s := &Store{root: root, name: name}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

func (s *Store) prepare() error {
	for _, dir := range []string{stateDir, tempDir} {
		if err := s.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return failure("create", dir, err)
		}
	}
	left, err := fs.ReadDir(s.root.FS(), tempDir)
	if err != nil {
		return failure("read", tempDir, err)
	}
	for _, entry := range left {
		info, err := entry.Info()
		if err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = s.root.Remove(path.Join(tempDir, entry.Name())) // tried again by the next one
		}
	}
	return nil
}

// Close lets go of the folder.
func (s *Store) Close() error { return s.root.Close() }

// A fileError is a failure of the file system, which another try would not mend.
type fileError struct {
	op, key string
	err     error // the system's own error, without the repetitions of os.PathError
}

func (e *fileError) Error() string   { return e.op + " " + e.key + ": " + e.err.Error() }
func (e *fileError) Unwrap() []error { return []error{bucket.ErrRefused, e.err} }

func failure(op, key string, err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		err = e
	}
	return &fileError{op, key, err}
}

// missingOr is a failure, or ErrNotFound for a file that is not there, also because a folder on the way is a file.
func missingOr(op, key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotDir) {
		return fmt.Errorf("%s %s: %w", op, key, bucket.ErrNotFound)
	}
	return failure(op, key, err)
}

// Get implements bucket.Store.
func (s *Store) Get(ctx context.Context, key string) (*bucket.Content, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, info, err := s.open(key)
	if err != nil {
		return nil, missingOr("read", key, err)
	}
	now, err := s.now()
	sum := ""
	if err == nil {
		sum, err = etagOf(file)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, failure("read", key, errors.Join(err, file.Close()))
	}
	return &bucket.Content{ReadCloser: file, ETag: sum, Age: max(0, now.Sub(info.ModTime()))}, nil
}

// open opens a regular file.
func (s *Store) open(key string) (*os.File, fs.FileInfo, error) {
	file, err := s.root.Open(key)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// now is the time by the clock that dates files, which on a network drive is another machine's.
func (s *Store) now() (time.Time, error) {
	file, name, err := s.temporary()
	if err != nil {
		return time.Time{}, err
	}
	info, err := file.Stat()
	if err := errors.Join(err, file.Close(), s.root.Remove(name)); err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (s *Store) temporary() (*os.File, string, error) {
	name := tempDir + "/" + rand.Text()
	file, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	return file, name, err
}

// Put implements bucket.Store.
func (s *Store) Put(ctx context.Context, key string, body bucket.Body, options bucket.PutOptions) (bucket.Stored, error) {
	temporary, sum, err := s.write(ctx, key, body)
	if err != nil {
		return bucket.Stored{}, failure("write", key, err)
	}
	if sum != hex.EncodeToString(body.MD5[:]) {
		_ = s.root.Remove(temporary) // swept up by a later Open at the latest
		return bucket.Stored{}, fmt.Errorf("write %s: the content changed on its way", key)
	}
	if options.IfAbsent || options.IfMatch != "" {
		unlock, err := s.lock(ctx)
		if err != nil {
			return bucket.Stored{}, failure("lock", lockFile, errors.Join(err, s.root.Remove(temporary)))
		}
		defer unlock()
		if err := s.check(key, options); err != nil {
			return bucket.Stored{}, fmt.Errorf("write %s: %w", key, errors.Join(err, s.root.Remove(temporary)))
		}
	}
	if err := s.place(temporary, key); err != nil {
		return bucket.Stored{}, err
	}
	return bucket.Stored{ETag: sum}, nil
}

// write writes a temporary file and returns its ETag. What the program goes by later must survive a power failure.
func (s *Store) write(ctx context.Context, key string, r io.Reader) (temporary, sum string, err error) {
	file, temporary, err := s.temporary()
	if err != nil {
		return "", "", err
	}
	sums := md5.New() //nolint:gosec // the ETag of S3
	_, err = io.Copy(file, io.TeeReader(cancellable{ctx, r}, sums))
	if err == nil && strings.HasPrefix(key, stateDir+"/") {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", "", errors.Join(err, s.root.Remove(temporary))
	}
	return temporary, hex.EncodeToString(sums.Sum(nil)), nil
}

// A cancellable ends a copy when its context does.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// check holds the conditions of a Put against what is there.
func (s *Store) check(key string, options bucket.PutOptions) error {
	file, _, err := s.open(key)
	if errors.Is(err, fs.ErrNotExist) {
		if options.IfAbsent {
			return nil
		}
		return bucket.ErrPrecondition
	}
	if err != nil {
		return err
	}
	sum, err := etagOf(file)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if options.IfAbsent || sum != options.IfMatch {
		return bucket.ErrPrecondition
	}
	return nil
}

// place renames a temporary file to where it belongs. Delete may remove a folder in the moment after it was made.
func (s *Store) place(temporary, key string) error {
	err := s.mkdirAndRename(temporary, key)
	for range 10 {
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		err = s.mkdirAndRename(temporary, key)
	}
	if err == nil {
		return nil
	}
	_ = s.root.Remove(temporary)
	if errors.Is(err, errNotDir) || errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.EISDIR) {
		return &fileError{"write", key, errors.New("a file is where a folder has to be, or the other way round; move it away")}
	}
	return failure("write", key, err)
}

func (s *Store) mkdirAndRename(temporary, key string) error {
	if dir := path.Dir(key); dir != "." {
		if err := s.root.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	return s.root.Rename(temporary, key)
}

// Copy implements bucket.Store.
func (s *Store) Copy(ctx context.Context, key string, from bucket.Source, _ bucket.Headers) (bucket.Stored, error) {
	file, _, err := s.open(from.Key)
	if err != nil {
		return bucket.Stored{}, missingOr("copy", from.Key, err)
	}
	defer file.Close() //nolint:errcheck // only read
	if key == from.Key {
		sum, err := etagOf(file)
		if err != nil {
			return bucket.Stored{}, failure("copy", key, err)
		}
		return bucket.Stored{ETag: sum}, nil
	}
	temporary, sum, err := s.write(ctx, key, file)
	if err != nil {
		return bucket.Stored{}, failure("copy", key, err)
	}
	return bucket.Stored{ETag: sum}, s.place(temporary, key)
}

// Delete implements bucket.Store. Folders that become empty go too.
func (s *Store) Delete(ctx context.Context, keys []string) (failed []bucket.KeyError, err error) {
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return failed, err
		}
		err := s.root.Remove(key)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotDir) {
			failed = append(failed, bucket.KeyError{Key: key, Err: failure("remove", key, err)})
			continue
		}
		for dir := path.Dir(key); dir != "." && s.root.Remove(dir) == nil; dir = path.Dir(dir) {
			continue
		}
	}
	return failed, nil
}

// List implements bucket.Store. It reads what it lists: a folder remembers no ETags.
func (s *Store) List(ctx context.Context, prefix, after string) (page []bucket.Listed, more bool, err error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, false, failure("list", s.name, err)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		if len(page) == 1000 {
			return page, true, nil
		}
		listed, err := s.listed(ctx, key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // since the walk
		}
		if err != nil {
			return nil, false, failure("read", key, err)
		}
		page = append(page, listed)
	}
	return page, false, nil
}

// keys returns the keys of all objects, sorted by their bytes.
func (s *Store) keys(ctx context.Context) ([]string, error) {
	var keys []string
	err := fs.WalkDir(s.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // since its folder was read
		case err != nil:
			return err
		case name == tempDir:
			return fs.SkipDir
		case d.Type().IsRegular() && name != lockFile:
			keys = append(keys, name)
		}
		return ctx.Err()
	})
	slices.Sort(keys)
	return keys, err
}

func (s *Store) listed(ctx context.Context, key string) (bucket.Listed, error) {
	file, info, err := s.open(key)
	if err != nil {
		return bucket.Listed{}, err
	}
	sum, err := etagOf(cancellable{ctx, file})
	return bucket.Listed{Key: key, Size: info.Size(), ETag: sum}, errors.Join(err, file.Close())
}

func etagOf(r io.Reader) (string, error) {
	sums := md5.New() //nolint:gosec // the ETag of S3
	_, err := io.Copy(sums, r)
	return hex.EncodeToString(sums.Sum(nil)), err
}

// lock makes conditional writes wait for each other, across processes.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	for {
		unlock, err = tryLock(s.root, lockFile)
		if !errors.Is(err, errLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

var errLocked = errors.New("locked")
