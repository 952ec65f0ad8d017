//go:build !windows

package output

import (
	"errors"
	"os"
	"syscall"
)

const (
	errNotDir      = syscall.ENOTDIR
	errCrossDevice = syscall.EXDEV
)

// lock takes the lock for as long as the process lives or until unlock. The kernel drops it with the process, so
// there are no stale locks; the file stays, because removing it would let two processes lock two files of one name.
func lock(name string) (unlock func(), err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}
