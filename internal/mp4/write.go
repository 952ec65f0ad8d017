package mp4

import (
	"bufio"
	"fmt"
	"io"
)

// bufferSize is how much is handed to the destination at once. It fits a processor's cache, and larger pieces make
// Linux look for larger pieces of memory for its page cache: 1 MB at a time took three times as long.
const bufferSize = 256 << 10

// WriteTo writes the file to w in one pass, reading the samples from src, the file the movie was read from. It
// returns the number of bytes written, which is l.Size unless there is an error.
func (l *Layout) WriteTo(w io.Writer, src io.ReaderAt) (int64, error) {
	out := &counter{w: w}
	b := bufio.NewWriterSize(out, bufferSize)
	err := l.write(b, &blocks{src: src, size: l.movie.size})
	if err == nil {
		err = b.Flush()
	}
	if err == nil && out.n != l.Size {
		err = fmt.Errorf("wrote %d bytes of a planned %d", out.n, l.Size)
	}
	return out.n, err
}

// A counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func (l *Layout) write(w *bufio.Writer, src *blocks) error {
	if _, err := w.Write(l.head); err != nil {
		return err
	}
	if _, err := w.Write(l.init); err != nil {
		return err
	}
	for i := range l.parts {
		if err := l.writePart(w, src, i); err != nil {
			return err
		}
	}
	return nil
}

// writePart writes segment i.
func (l *Layout) writePart(w *bufio.Writer, src *blocks, i int) error {
	s := &l.parts[i]
	head := writer{b: l.moof(s, uint32(i)+1)}
	head.u32(uint32(s.data) + 8)
	head.str("mdat")
	if _, err := w.Write(head.b); err != nil {
		return err
	}
	at := append([]cursor(nil), s.from...)
	for _, k := range l.chunks[s.lo:s.hi] {
		if err := copyChunk(w, src, &at[k.track], k.samples); err != nil {
			return err
		}
	}
	return nil
}

// copyChunk copies n samples from c on, those that lie together in the source at once.
func copyChunk(w *bufio.Writer, src *blocks, c *cursor, n uint32) error {
	for n > 0 {
		off, length := c.off, int64(0)
		for n > 0 && c.off == off+length {
			length += int64(c.size())
			c.next()
			n--
		}
		if err := src.copy(w, off, length); err != nil {
			return err
		}
	}
	return nil
}

// Blocks of the source are read whole and kept until others push them out. Picture and sound lie near each other in
// most files, so that every byte is read once; where they lie apart each track has blocks of its own. A block is small
// enough to be still in the processor's cache when it is copied.
const (
	blockSize  = 64 << 10
	blocksKept = 64
)

// blocks reads a file through a small cache of blocks.
type blocks struct {
	src   io.ReaderAt
	size  int64
	kept  [blocksKept]block
	clock int64
}

type block struct {
	number int64 // of the block in the file, counted from 1; 0: empty
	used   int64 // when it was last read from
	data   []byte
}

// copy writes n bytes of the source from off on.
func (b *blocks) copy(w *bufio.Writer, off, n int64) error {
	for n > 0 {
		data, err := b.get(off / blockSize)
		if err != nil {
			return err
		}
		part := data[off%blockSize:]
		part = part[:min(int64(len(part)), n)]
		if _, err := w.Write(part); err != nil {
			return err
		}
		off += int64(len(part))
		n -= int64(len(part))
	}
	return nil
}

// get returns a block of the source.
func (b *blocks) get(number int64) ([]byte, error) {
	b.clock++
	oldest := &b.kept[0]
	for i := range b.kept {
		k := &b.kept[i]
		if k.number == number+1 {
			k.used = b.clock
			return k.data, nil
		}
		if k.used < oldest.used {
			oldest = k
		}
	}
	if oldest.data == nil {
		oldest.data = make([]byte, blockSize)
	}
	oldest.number = 0 // not valid unless it is read whole
	oldest.data = oldest.data[:min(blockSize, b.size-number*blockSize)]
	if err := readFull(b.src, oldest.data, number*blockSize); err != nil {
		return nil, err
	}
	oldest.number, oldest.used = number+1, b.clock
	return oldest.data, nil
}
