package output

// WithBefore returns f with a function that is asked before every operation that changes the disk.
func (f Folder) WithBefore(before func(op, name string) error) Folder {
	f.before = before
	return f
}

// ValidOnWindows is tested on every system.
var ValidOnWindows = validOnWindows
