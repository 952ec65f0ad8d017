package dir

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// System error codes of winerror.h.
const (
	errNotDir           = syscall.Errno(267) // ERROR_DIRECTORY
	errSharingViolation = syscall.Errno(32)
)

// tryLock takes the lock by opening the file without sharing it; Windows closes it with the process, so there are no
// stale locks.
func tryLock(root *os.Root, name string) (unlock func(), err error) {
	path, err := syscall.UTF16PtrFromString(filepath.Join(root.Name(), filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	const unshared = 0
	handle, err := syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, unshared, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = syscall.CloseHandle(handle) }, nil
}
