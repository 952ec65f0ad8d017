package mp4

import (
	"encoding/binary"
	"fmt"
)

var be = binary.BigEndian

// A box is the unit of the format (§4.2): a type and a body, which may be boxes again.
type box struct {
	typ  string
	body []byte
}

// eachBox calls f for the boxes of b in order. Fewer than 8 bytes at the end are ignored: QuickTime ends some lists of
// atoms with a 32-bit zero.
func eachBox(parent string, b []byte, f func(box) error) error {
	for len(b) >= 8 {
		size, head := uint64(be.Uint32(b)), uint64(8)
		typ := string(b[4:8])
		switch {
		case size == 1 && len(b) >= 16:
			size, head = be.Uint64(b[8:]), 16
		case size == 0: // to the end of what encloses it
			size = uint64(len(b))
		}
		if size < head || size > uint64(len(b)) {
			return &FormatError{parent, fmt.Sprintf("the box %q in it claims %d bytes of %d", typ, size, len(b))}
		}
		if err := f(box{typ, b[head:size]}); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// find is the body of the first box of that path below b, nil when there is none.
func find(b []byte, path ...string) []byte {
	for _, typ := range path {
		var hit []byte
		// A damaged sibling is for the reader of that level to complain about.
		_ = eachBox("", b, func(x box) error {
			if hit == nil && x.typ == typ {
				hit = x.body
			}
			return nil
		})
		b = hit
	}
	return b
}

// fields reads the big-endian fields of a box in order. Reading past the end yields zeros and sets short, so that a
// parser checks once.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.short = true
		f.b = nil
		return make([]byte, min(max(n, 0), 64))
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

func (f *fields) skip(n int)  { f.take(n) }
func (f *fields) u8() uint8   { return f.take(1)[0] }
func (f *fields) u16() uint16 { return be.Uint16(f.take(2)) }
func (f *fields) u32() uint32 { return be.Uint32(f.take(4)) }
func (f *fields) u64() uint64 { return be.Uint64(f.take(8)) }

// full reads the head of a FullBox (§4.2): version and flags.
func (f *fields) full() (version uint8, flags uint32) {
	v := f.u32()
	return uint8(v >> 24), v & 0xffffff
}

// word reads a field that is 32 bits wide in version 0 of its box and 64 in version 1.
func (f *fields) word(version uint8) uint64 {
	if version == 1 {
		return f.u64()
	}
	return uint64(f.u32())
}

// entries reads a 32-bit count of records of the given width and checks that the box holds them.
func (f *fields) entries(width int) int {
	n := f.u32()
	if uint64(n)*uint64(width) > uint64(len(f.b)) {
		f.short = true
		f.b = nil
		return 0
	}
	return int(n)
}

// A writer builds boxes in memory.
type writer struct {
	b []byte
}

func (w *writer) bytes(p ...byte) { w.b = append(w.b, p...) }
func (w *writer) str(s string)    { w.b = append(w.b, s...) }
func (w *writer) u16(v uint16)    { w.b = be.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32)    { w.b = be.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)    { w.b = be.AppendUint64(w.b, v) }
func (w *writer) zeros(n int)     { w.b = append(w.b, make([]byte, n)...) }

// box writes a box whose body is what f writes.
func (w *writer) box(typ string, f func()) {
	at := len(w.b)
	w.u32(0)
	w.str(typ)
	f()
	be.PutUint32(w.b[at:], uint32(len(w.b)-at))
}

// full writes a FullBox.
func (w *writer) full(typ string, version uint8, flags uint32, f func()) {
	w.box(typ, func() {
		w.u32(uint32(version)<<24 | flags)
		f()
	})
}

// word writes a field that is 32 bits wide in version 0 and 64 in version 1.
func (w *writer) word(version uint8, v uint64) {
	if version == 1 {
		w.u64(v)
		return
	}
	w.u32(uint32(v))
}

// wide is the lowest version of a box whose time fields hold all of the values.
func wide(values ...uint64) uint8 {
	for _, v := range values {
		if v > 1<<32-1 {
			return 1
		}
	}
	return 0
}
