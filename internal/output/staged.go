package output

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// spill is how much of a file is held in memory before it goes to the staging folder. Most pages stay below, so one
// that turns out unchanged is never written.
const spill = 1 << 20

// A stagedFile is the content of a file while and after it is rendered.
type stagedFile struct {
	disk  disk
	name  string // in the staging folder
	shown string // where it will be, for messages

	buffer bytes.Buffer
	file   *os.File // once buffer was spilled
	hash   hash.Hash
	size   int64
	err    error // of the file system
}

// render runs a File's Write.
func (s *stagedFile) render(write func(io.Writer) error) error {
	s.hash = sha256.New()
	err := write(s)
	if s.err != nil {
		err = s.err
	}
	if s.file != nil {
		if closeErr := s.file.Close(); err == nil && closeErr != nil {
			err = writeError("write", s.shown, closeErr)
		}
	}
	return err
}

// Write implements io.Writer.
func (s *stagedFile) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.file == nil && s.buffer.Len()+len(p) > spill {
		s.fail(s.open())
	}
	if s.file == nil {
		s.buffer.Write(p)
	} else if s.err == nil {
		s.fail(s.disk.write(s.file, p))
	}
	if s.err != nil {
		return 0, s.err
	}
	s.hash.Write(p)
	s.size += int64(len(p))
	return len(p), nil
}

func (s *stagedFile) fail(err error) {
	if err != nil {
		s.err = writeError("write", s.shown, err)
	}
}

// open makes the file and moves the buffer there.
func (s *stagedFile) open() error {
	if err := s.disk.mkdirAll(filepath.Dir(s.name)); err != nil {
		return err
	}
	file, err := s.disk.create(s.name)
	if err != nil {
		return err
	}
	s.file = file
	err = s.disk.write(file, s.buffer.Bytes())
	s.buffer = bytes.Buffer{}
	return err
}

// finish sees to it that the content lies in the staging folder.
func (s *stagedFile) finish() error {
	if s.file != nil {
		return nil
	}
	err := s.open()
	if s.file != nil {
		if closeErr := s.file.Close(); err == nil {
			err = closeErr
		}
	}
	if err != nil {
		return writeError("write", s.shown, err)
	}
	return nil
}

func (s *stagedFile) sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }
