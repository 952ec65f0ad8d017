package mp4

// A bitReader reads the bit fields of codec headers. Reading past the end yields zeros and sets short.
type bitReader struct {
	b     []byte
	pos   int // in bits
	short bool
}

func (r *bitReader) left() int { return 8*len(r.b) - r.pos }

// u reads an unsigned number of n ≤ 32 bits.
func (r *bitReader) u(n int) uint32 {
	if n > r.left() {
		r.short = true
		r.pos = 8 * len(r.b)
		return 0
	}
	v := uint32(0)
	for range n {
		v = v<<1 | uint32(r.b[r.pos/8]>>(7-r.pos%8)&1)
		r.pos++
	}
	return v
}

func (r *bitReader) flag() bool { return r.u(1) == 1 }

// ue reads an unsigned Exp-Golomb code (ISO/IEC 14496-10 §9.1).
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.short && !r.flag() {
		if zeros++; zeros > 31 {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

// se reads a signed Exp-Golomb code (ISO/IEC 14496-10 §9.1.1).
func (r *bitReader) se() int32 {
	k := r.ue()
	if k%2 == 1 {
		return int32(k/2) + 1
	}
	return -int32(k / 2)
}
