package output

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
)

// disk is every operation that changes something, so that tests can fail each of them.
type disk struct {
	before func(op, name string) error
}

func (d disk) may(op, name string) error {
	if d.before == nil {
		return nil
	}
	return d.before(op, name)
}

func (d disk) mkdirAll(dir string) error {
	if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
		return nil
	}
	if err := d.may("mkdir", dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o777)
}

// create makes a file that must not exist; the umask decides who may read it, web servers included.
func (d disk) create(name string) (*os.File, error) {
	if err := d.may("create", name); err != nil {
		return nil, err
	}
	return os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
}

func (d disk) write(file *os.File, data []byte) error {
	if err := d.may("write", file.Name()); err != nil {
		_, _ = file.Write(data[:len(data)/2]) // what a full disk leaves behind
		return err
	}
	_, err := file.Write(data)
	return err
}

func (d disk) rename(from, to string) error {
	if err := d.may("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

func (d disk) link(from, to string) error {
	if err := d.may("link", to); err != nil {
		return err
	}
	return os.Link(from, to)
}

func (d disk) remove(name string) error {
	if _, err := os.Lstat(name); isMissing(err) {
		return nil
	}
	if err := d.may("remove", name); err != nil {
		return err
	}
	return os.Remove(name)
}

func (d disk) removeAll(name string) error {
	if _, err := os.Lstat(name); isMissing(err) {
		return nil
	}
	if err := d.may("removeAll", name); err != nil {
		return err
	}
	return os.RemoveAll(name)
}

// writeFile makes or replaces a file in one step that survives a power failure.
func (d disk) writeFile(name string, data []byte) error {
	temporary := name + ".new"
	if err := d.remove(temporary); err != nil { // left by a build that died
		return err
	}
	file, err := d.create(temporary)
	if err != nil {
		return err
	}
	err = d.write(file, data)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return d.rename(temporary, name)
}

// copyFile copies a file to a name that does not exist yet.
func (d disk) copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	target, err := d.create(to)
	if err != nil {
		return err
	}
	if err = d.may("write", to); err == nil {
		_, err = io.Copy(target, source)
	}
	if closeErr := target.Close(); err == nil {
		err = closeErr
	}
	return err
}

// moveAcross puts the file from at to, which lies on another file system, by way of a temporary name beside it.
func (d disk) moveAcross(from, to, temporary string) error {
	if err := d.remove(temporary); err != nil {
		return err
	}
	if err := d.copyFile(from, temporary); err != nil {
		return err
	}
	return d.rename(temporary, to)
}

func hashFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // only read
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// besides is a name beside a file of the folder, for the moment in which it is copied from another file system. It
// depends on the file's path alone, so that the build after one that died finds it.
func besides(dir, path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(dir, filepath.FromSlash(parent(path)), ".matinee-"+hex.EncodeToString(sum[:8]))
}
