package output

import (
	"errors"
	"syscall"
)

// System error codes of winerror.h.
const (
	errNotDir           = syscall.Errno(267) // ERROR_DIRECTORY
	errCrossDevice      = syscall.Errno(17)  // ERROR_NOT_SAME_DEVICE
	errSharingViolation = syscall.Errno(32)
)

// lock takes the lock for as long as the process lives or until unlock: the file is opened without sharing, and
// Windows closes it with the process, so there are no stale locks.
func lock(name string) (unlock func(), err error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	const unshared = 0
	handle, err := syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, unshared, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, ErrBusy
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = syscall.CloseHandle(handle) }, nil
}
