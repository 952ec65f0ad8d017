package mp4

import (
	"errors"
	"fmt"
	"time"
)

// Segments are about 6 s long, as Apple's authoring rules ask, but for the first ones: an HLS player shows nothing
// before it has the whole first segment, and 2 s of it come twice as fast.
const (
	segmentLength = 6 * time.Second
	leadLength    = 2 * time.Second
	leadSegments  = 3
	shortest      = time.Second // a shorter last segment is all keyframe, and would look like a peak of the bit rate
)

// Cuts are good times to cut the selection at: presentation times of keyframes, in order, without the beginning. The
// first segments are 2 s long, the others 6 s, or as near to that as the keyframes allow. Sound that goes on after the
// picture, and sound alone, is cut every 6 s.
func (s Selection) Cuts() []time.Duration {
	if s.Video == nil {
		return s.tail(leads(s.start()), s.end())
	}
	return s.tail(choose(s.Video.syncTimes(), s.pictureEnd()), s.end())
}

// leads are the cuts after the first segments of sound that begins at start.
func leads(start time.Duration) []time.Duration {
	var cuts []time.Duration
	for i := range leadSegments {
		cuts = append(cuts, start+time.Duration(i+1)*leadLength)
	}
	return cuts
}

// choose picks from times, the first of which is the beginning, those that make segments nearest to their ideal
// length in a picture that ends at end.
func choose(times []time.Duration, end time.Duration) []time.Duration {
	var cuts []time.Duration
	if len(times) == 0 {
		return nil
	}
	begin := times[0]
	for i := 1; i < len(times); i++ {
		length, next := times[i]-begin, end-begin
		if i+1 < len(times) {
			next = times[i+1] - begin
		}
		ideal := segmentLength
		if len(cuts) < leadSegments {
			ideal = leadLength
		}
		if next-ideal < ideal-length || end-times[i] < shortest {
			continue // the next one is nearer
		}
		begin = times[i]
		cuts = append(cuts, begin)
	}
	return cuts
}

// tail drops cuts too near the end and adds those of sound that goes on.
func (s Selection) tail(cuts []time.Duration, end time.Duration) []time.Duration {
	for len(cuts) > 0 && cuts[len(cuts)-1] > end-shortest {
		cuts = cuts[:len(cuts)-1]
	}
	from := s.start()
	if len(cuts) > 0 {
		from = cuts[len(cuts)-1]
	}
	if s.Video != nil {
		from = s.pictureEnd()
	}
	samples := 0
	if s.Audio != nil {
		samples = s.Audio.Samples
	}
	// More cuts than samples are only asked for by a file that claims to last for years.
	for c := from + segmentLength; c < end-segmentLength/2 && len(cuts) < samples; c += segmentLength {
		cuts = append(cuts, c)
	}
	return cuts
}

// start and end are the presentation times of the first and the end of the last sample, but not below 0.
func (s Selection) start() time.Duration {
	start := longest
	for _, t := range s.tracks() {
		first := t.table.cursor()
		start = min(start, max(t.at(first.pts()), 0))
	}
	return start
}

func (s Selection) end() time.Duration {
	end := time.Duration(0)
	for _, t := range s.tracks() {
		end = max(end, t.at(t.end))
	}
	return end
}

func (s Selection) pictureEnd() time.Duration { return s.Video.at(s.Video.end) }

// syncTimes are the presentation times of the track's sync samples, in decoding order.
func (t *Track) syncTimes() []time.Duration {
	var times []time.Duration
	for c := t.table.cursor(); c.more(); c.next() {
		if c.sync() {
			times = append(times, t.at(c.pts()))
		}
	}
	return times
}

// CommonCuts are times to cut several encodes of the same film at, so that a player can change from one to another at
// each cut: keyframes whose presentation times agree within half a picture in all of them. It fails when the films
// are not of the same length, or when a film longer than one segment has no keyframes in common but the first.
func CommonCuts(encodes ...Selection) ([]time.Duration, error) {
	if len(encodes) == 0 {
		return nil, nil
	}
	first := encodes[0]
	end := first.end()
	if first.Video == nil {
		return first.Cuts(), nil
	}
	common := first.Video.syncTimes()
	most := len(common)
	for i, s := range encodes[1:] {
		switch {
		case s.Video == nil:
			return nil, fmt.Errorf("encode %d has no picture", i+2)
		case (s.end() - first.end()).Abs() > time.Second:
			return nil, fmt.Errorf("the encodes are not of the same length: %v and %v", first.end().Round(time.Millisecond), s.end().Round(time.Millisecond))
		}
		times := s.Video.syncTimes()
		most = max(most, len(times))
		common = agree(common, times, min(first.Video.frame(), s.Video.frame())/2)
		if len(common) == 0 || common[0] != first.Video.syncTimes()[0] {
			return nil, errors.New("the encodes do not begin with the same picture")
		}
		end = max(end, s.end())
	}
	if len(common) == 1 && most > 1 && first.pictureEnd()-common[0] > segmentLength {
		return nil, errors.New("the encodes have no keyframes at the same times; encode them with the same fixed keyframe interval")
	}
	return first.tail(choose(common, first.pictureEnd()), end), nil
}

// agree keeps the times of a that b has too, within slack. Both are in order.
func agree(a, b []time.Duration, slack time.Duration) []time.Duration {
	var both []time.Duration
	j := 0
	for _, at := range a {
		for j < len(b) && b[j] < at-slack {
			j++
		}
		if j < len(b) && b[j] <= at+slack {
			both = append(both, at)
		}
	}
	return both
}
