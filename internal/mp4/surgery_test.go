package mp4

import "testing"

// operate returns b with the body of the first box of that path replaced by what f makes of it, and the sizes of all
// the boxes around it corrected. Chunk offsets are not: use files whose moov comes last.
func operate(t testing.TB, b []byte, f func(body []byte) []byte, path ...string) []byte {
	t.Helper()
	for at := 0; at+8 <= len(b); {
		size := int(be.Uint32(b[at:]))
		if size < 8 || size > len(b)-at {
			break
		}
		if string(b[at+4:at+8]) != path[0] {
			at += size
			continue
		}
		body := b[at+8 : at+size]
		if len(path) == 1 {
			body = f(append([]byte(nil), body...))
		} else {
			skip := 0
			switch path[0] {
			case "stsd":
				skip = 8
			case "avc1":
				skip = 78
			}
			body = append(append([]byte(nil), body[:skip]...), operate(t, body[skip:], f, path[1:]...)...)
		}
		w := writer{b: append([]byte(nil), b[:at]...)}
		if path[len(path)-1] != "" {
			w.box(path[0], func() { w.bytes(body...) })
		}
		return append(w.b, b[at+size:]...)
	}
	t.Fatalf("no box %q", path[0])
	return nil
}

// rename gives the first box of that path another type.
func rename(t testing.TB, b []byte, typ string, path ...string) []byte {
	t.Helper()
	parent := path[:len(path)-1]
	return operate(t, b, func(body []byte) []byte {
		for at := 0; at+8 <= len(body); at += int(be.Uint32(body[at:])) {
			if string(body[at+4:at+8]) == path[len(path)-1] {
				copy(body[at+4:], typ)
				return body
			}
		}
		t.Fatalf("no box %q", path[len(path)-1])
		return nil
	}, parent...)
}

var videoTable = []string{"moov", "trak", "mdia", "minf", "stbl"}

func inTable(box string) []string { return append(append([]string(nil), videoTable...), box) }

// compactSizes makes stz2 of stsz (§8.7.3.3).
func compactSizes(t testing.TB, b []byte) []byte {
	b = operate(t, b, func(body []byte) []byte {
		w := writer{}
		w.u32(0)
		w.u32(16)
		w.u32(be.Uint32(body[8:]))
		for at := 12; at < len(body); at += 4 {
			if be.Uint32(body[at:]) > 1<<16-1 {
				t.Fatal("a sample is too large for stz2")
			}
			w.u16(uint16(be.Uint32(body[at:])))
		}
		return w.b
	}, inTable("stsz")...)
	return rename(t, b, "stz2", inTable("stsz")...)
}

// largeOffsets makes co64 of stco and a 64-bit mdat of the free box and the 32-bit mdat ffmpeg writes.
func largeOffsets(t testing.TB, b []byte) []byte {
	b = operate(t, b, func(body []byte) []byte {
		w := writer{}
		w.u32(0)
		w.u32(be.Uint32(body[4:]))
		for at := 8; at < len(body); at += 4 {
			w.u64(uint64(be.Uint32(body[at:])))
		}
		return w.b
	}, inTable("stco")...)
	b = rename(t, b, "co64", inTable("stco")...)
	for at := 0; at < len(b); at += int(be.Uint32(b[at:])) {
		if string(b[at+4:at+16]) == "free"+string(b[at+8:at+12])+"mdat" && be.Uint32(b[at:]) == 8 {
			size := be.Uint32(b[at+8:])
			w := writer{}
			w.u32(1)
			w.str("mdat")
			w.u64(uint64(size) + 8)
			copy(b[at:], w.b)
			return b
		}
	}
	t.Fatal("no free box before mdat")
	return nil
}

// secondDescription says that the last chunk's samples have a description of their own.
func secondDescription(t testing.TB, b []byte) []byte {
	b = operate(t, b, func(body []byte) []byte {
		be.PutUint32(body[4:], 2)
		return append(body, body[8:]...)
	}, inTable("stsd")...)
	return operate(t, b, func(body []byte) []byte {
		n := be.Uint32(body[4:])
		be.PutUint32(body[4:], n+1)
		chunk, samples := be.Uint32(body[len(body)-12:]), be.Uint32(body[len(body)-8:])
		body = be.AppendUint32(body, chunk+1)
		body = be.AppendUint32(body, samples)
		return be.AppendUint32(body, 2)
	}, inTable("stsc")...)
}

// editFromZero begins the edit of the picture before its first one.
func editFromZero(t testing.TB, b []byte) []byte {
	return operate(t, b, func(body []byte) []byte {
		if be.Uint32(body[12:]) == 0 {
			t.Fatal("there is no reordering delay to forget")
		}
		be.PutUint32(body[12:], 0)
		return body
	}, "moov", "trak", "edts", "elst")
}
