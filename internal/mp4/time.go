package mp4

import (
	"math/bits"
	"time"
)

// longest bounds every time in a file, so that arithmetic in nanoseconds cannot overflow. Nobody films for ten years.
const longest = 10 * 365 * 24 * time.Hour

// seconds converts ticks at scale ticks per second, rounding down. Rounding down is monotone and maps equal times of
// tracks with different scales to equal durations, so comparing the results is as good as comparing fractions.
func seconds(ticks int64, scale uint32) time.Duration {
	if ticks < 0 {
		return -time.Duration(mulDiv(uint64(-ticks), uint64(time.Second), uint64(scale), uint64(scale)-1))
	}
	return time.Duration(mulDiv(uint64(ticks), uint64(time.Second), uint64(scale), 0))
}

// rescale converts ticks from one scale to another, to the nearest.
func rescale(ticks uint64, from, to uint32) uint64 {
	return mulDiv(ticks, uint64(to), uint64(from), uint64(from)/2)
}

// mulDiv is (a*b+round)/c without overflow in between; a result beyond 63 bits becomes the largest such number.
func mulDiv(a, b, c, round uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, round, 0)
	hi += carry
	if hi >= c {
		return 1<<63 - 1
	}
	q, _ := bits.Div64(hi, lo, c)
	return min(q, 1<<63-1)
}

// fits says whether ticks at scale stay below the longest time.
func fits(ticks uint64, scale uint32) bool {
	return mulDiv(ticks, uint64(time.Second), uint64(scale), 0) <= uint64(longest)
}
