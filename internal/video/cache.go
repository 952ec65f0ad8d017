package video

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// A CacheError is a failure of the disk the cache lies on: full, read-only, not ours.
type CacheError struct {
	Op  string // what was being done: "write 720p.mp4"
	Err error
}

func (e *CacheError) Error() string { return fmt.Sprintf("cache: %s: %v", e.Op, e.Err) }

// Unwrap is the cause, for errors.Is(err, syscall.ENOSPC) and the like.
func (e *CacheError) Unwrap() error { return e.Err }

func cacheError(op string, err error) error {
	if err == nil {
		return nil
	}
	return &CacheError{Op: op, Err: err}
}

// writeAtomic writes a file so that a reader sees the old content or the new, never a part.
func writeAtomic(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return cacheError("make "+filepath.Dir(name), err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return cacheError("write "+name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644) // it may be hard-linked into the site, which a web server reads
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return cacheError("write "+name, err)
	}
	return nil
}

// blobs are small files of the cache, named by their content.
type blobs struct{ dir string }

// put stores data and returns where it lies and its digest.
func (b blobs) put(ext string, data []byte) (path, sum string, err error) {
	digest := sha256.Sum256(data)
	sum = hex.EncodeToString(digest[:])
	path = b.path(sum, ext)
	if info, err := os.Stat(path); err == nil && info.Size() == int64(len(data)) {
		return path, sum, nil
	}
	return path, sum, writeAtomic(path, data)
}

func (b blobs) path(sum, ext string) string {
	return filepath.Join(b.dir, "blobs", sum[:2], sum+ext)
}
