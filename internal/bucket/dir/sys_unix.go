//go:build !windows

package dir

import (
	"errors"
	"os"
	"syscall"
)

const errNotDir = syscall.ENOTDIR

// tryLock takes the lock, which the kernel drops with the process, so there are no stale ones.
func tryLock(root *os.Root, name string) (unlock func(), err error) {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { _ = file.Close() }, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return nil, errLocked
	}
	return nil, err
}
