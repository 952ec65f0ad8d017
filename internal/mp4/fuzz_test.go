package mp4

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"
)

// film is a small film made by hand: 25 pictures a second with a keyframe every 2 s and reordering, and sound with
// priming that comes 0.5 s late. The returned bytes are its samples.
func film(pictures int) (Selection, []byte) {
	m := &Movie{timescale: 1000}
	avcC := []byte{1, 66, 0xC0, 11, 0xFF, 0xE1, 0, 8, 0x67, 66, 0xC0, 11, 0xD9, 0x0C, 0x5B, 0x80, 0}
	w := writer{b: make([]byte, 78)}
	w.b[7], w.b[25], w.b[27] = 1, 96, 72
	w.box("avcC", func() { w.bytes(avcC...) })
	video := &Track{ID: 1, Kind: Video, enabled: true, timescale: 12800, entry: sampleEntry{typ: "avc1", body: w.b}}
	video.header = trackHeader{matrix: unity, width: 96 << 16, height: 72 << 16, language: 0x55C4}
	video.edit = edit{present: true, mediaTime: 1024}
	audio := &Track{ID: 2, Kind: Audio, enabled: true, timescale: 48000, Channels: 1, SampleRate: 48000}
	audio.header = trackHeader{volume: 1 << 8, matrix: unity, language: 0x15C7}
	audio.edit = edit{present: true, empty: 500, shift: 24000, mediaTime: 1024}
	esds := []byte{0, 0, 0, 0, 3, 22, 0, 0, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x11, 0x88}
	audio.writeSound("mp4a", "esds", esds)
	m.Tracks = []*Track{video, audio}

	var data []byte
	sample := func(t *Track, size, duration uint32, offset int32, sync bool) {
		t.table.chunks = append(t.table.chunks, int64(len(data)))
		t.table.perChunk.add(1, 1)
		flags := uint32(flagsDelta)
		if sync {
			flags = flagsSync
		}
		t.table.append(fragmentDefaults{duration: duration, size: size, flags: flags}, offset)
		for range size {
			data = append(data, byte(len(data)))
		}
	}
	for i := range pictures {
		sample(video, uint32(20+i%7), 512, []int32{1024, 1536, 512}[min(i%50, 1)+i%2*min(i%50, 1)], i%50 == 0)
		for range 2 {
			sample(audio, uint32(9+i%3), 1024, 0, true)
		}
	}
	m.size = int64(len(data))
	for _, t := range m.Tracks {
		if err := t.finish(m); err != nil {
			panic(err)
		}
	}
	return Selection{m, video, audio}, data
}

// packaged is the film as a hybrid file, and the stream in it as a fragmented file.
func packaged(t testing.TB, pictures int) (hybrid, stream []byte) {
	sel, data := film(pictures)
	l, err := Plan(sel, sel.Cuts())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := l.WriteTo(&b, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), b.Bytes()[l.Init.Offset:]
}

func TestFilmMadeByHand(t *testing.T) {
	hybrid, _ := packaged(t, 200)
	m, err := Read(bytes.NewReader(hybrid), int64(len(hybrid)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Tracks[0].Samples, 200; got != want {
		t.Errorf("%d pictures, want %d", got, want)
	}
	if got := m.Tracks[1].Start; got != 500*time.Millisecond {
		t.Errorf("sound starts at %v", got)
	}
	again := m.Select()
	l, err := Plan(again, again.Cuts())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := l.WriteTo(&b, bytes.NewReader(hybrid)); err != nil {
		t.Fatal(err)
	}
	checkHybrid(t, again, l, bytes.NewReader(hybrid), b.Bytes())
	if !bytes.Equal(b.Bytes(), hybrid) {
		t.Error("packaging a packaged file changes it")
	}
}

// Whatever the bytes, Read does not panic and allocates no more than a multiple of them. What it accepts and Plan can
// package comes out with the samples it went in with, in both readings.
func FuzzRead(f *testing.F) {
	hybrid, stream := packaged(f, 12)
	f.Add(hybrid)
	f.Add(stream)
	f.Add(hybrid[:len(hybrid)/2])
	f.Add(compactSizes(f, append([]byte(nil), hybrid...)))
	f.Add(av1Film(f, hybrid))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Read(bytes.NewReader(b), int64(len(b)))
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+64*len(b)); got > most {
			t.Fatalf("%d bytes allocated for a file of %d", got, len(b))
		}
		if err != nil {
			return
		}
		m.Refusals()
		sel := m.Select()
		l, err := Plan(sel, sel.Cuts())
		if err != nil {
			return
		}
		var out bytes.Buffer
		if _, err := l.WriteTo(&out, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		checkHybrid(t, sel, l, bytes.NewReader(b), out.Bytes())
	})
}

// av1Film is a hybrid file whose picture claims to be AV1.
func av1Film(t testing.TB, hybrid []byte) []byte {
	return operate(t, append([]byte(nil), hybrid...), func(body []byte) []byte {
		w := writer{b: append([]byte(nil), body[:8]...)}
		w.box("av01", func() {
			w.bytes(body[16 : 16+78]...)
			w.box("av1C", func() { w.bytes(0x81, 0x08, 0x0c, 0) })
		})
		w.box("free", func() { w.zeros(len(body) - len(w.b)) }) // the file must keep its length
		return w.b
	}, inTable("stsd")...)
}

// A destination that fails has its error told, wherever it fails.
func TestDestinationFails(t *testing.T) {
	sel, _ := film(2000)
	for _, tr := range sel.tracks() {
		for i := range tr.table.sizes.list {
			tr.table.sizes.list[i] *= 500
		}
	}
	sel.Movie.size = 1 << 30
	l, err := Plan(sel, sel.Cuts())
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	for _, room := range []int64{0, 1, bufferSize, 5*bufferSize + 1, l.Size - 1} {
		if n, err := l.WriteTo(&disk{room, full}, headed{}); !errors.Is(err, full) || n != room {
			t.Errorf("room for %d: wrote %d, %v", room, n, err)
		}
	}
	if n, err := l.WriteTo(&disk{l.Size, full}, headed{}); err != nil || n != l.Size {
		t.Errorf("wrote %d of %d: %v", n, l.Size, err)
	}
}

// A disk has room for some bytes.
type disk struct {
	room int64
	full error
}

func (d *disk) Write(b []byte) (int, error) {
	n := min(int64(len(b)), d.room)
	d.room -= n
	if n < int64(len(b)) {
		return int(n), d.full
	}
	return int(n), nil
}

// A film of more than 4 GB needs 64-bit offsets and a 64-bit mdat. Its samples are read from nowhere.
func TestLargeFilm(t *testing.T) {
	sel, _ := film(2000)
	for _, tr := range sel.tracks() {
		for i := range tr.table.sizes.list {
			tr.table.sizes.list[i] *= 70_000
		}
	}
	l, err := Plan(sel, sel.Cuts())
	if err != nil {
		t.Fatal(err)
	}
	if l.Size <= 1<<32 {
		t.Fatalf("the film takes only %d bytes", l.Size)
	}
	m, err := Read(headed{l.head}, l.Size)
	if err != nil {
		t.Fatal(err)
	}
	for i, tr := range m.Tracks {
		s := 0
		for c := tr.table.cursor(); c.more(); c.next() {
			for c.off >= l.Segments[s].Offset+l.Segments[s].Length {
				s++
			}
			if c.off < l.Segments[s].Offset+l.parts[s].moof+8 || c.size() != sel.tracks()[i].table.sizes.at(c.i) {
				t.Fatalf("sample %d of track %d lies at %d, its segment at %+v", c.i, tr.ID, c.off, l.Segments[s])
			}
		}
		if last := tr.table.chunks[len(tr.table.chunks)-1]; last <= 1<<32 {
			t.Errorf("the last chunk of track %d lies at %d", tr.ID, last)
		}
	}
}

// headed is a file of zeros after its head.
type headed struct{ head []byte }

func (h headed) ReadAt(b []byte, at int64) (int, error) {
	clear(b)
	if at < int64(len(h.head)) {
		copy(b, h.head[at:])
	}
	return len(b), nil
}

// Every way of damaging a file has an error of the right kind.
func TestHostileFiles(t *testing.T) {
	hybrid, stream := packaged(t, 200)
	put32 := func(at int, v uint32) func([]byte) []byte {
		return func(body []byte) []byte { be.PutUint32(body[at:], v); return body }
	}
	table := func(box string, f func([]byte) []byte) []byte {
		return operate(t, append([]byte(nil), hybrid...), f, inTable(box)...)
	}
	var format *FormatError
	var truncated *TruncatedError
	for name, test := range map[string]struct {
		b    []byte
		want any
	}{
		"empty":                        {nil, ErrNotMP4},
		"text":                         {[]byte("Dear diary, today I filmed a cat."), ErrNotMP4},
		"seven bytes":                  {[]byte("\x00\x00\x00\x08fty"), ErrNotMP4},
		"only ftyp":                    {[]byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"), &format},
		"size 7":                       {[]byte("\x00\x00\x00\x07ftypisom"), &format},
		"size 1 without a size":        {[]byte("\x00\x00\x00\x01ftypisom"), &format},
		"size 1 with size 0":           {[]byte("\x00\x00\x00\x01ftyp\x00\x00\x00\x00\x00\x00\x00\x00"), &format},
		"size 2^63":                    {[]byte("\x00\x00\x00\x01mdat\x80\x00\x00\x00\x00\x00\x00\x00"), &format},
		"mdat to the end":              {[]byte("\x00\x00\x00\x00mdat"), &format},
		"moov cut off":                 {hybrid[:300], &truncated},
		"mdat cut off":                 {hybrid[:len(hybrid)-1], &truncated},
		"stream cut off":               {stream[:len(stream)-1], &truncated},
		"only a fragment":              {stream[bytes.Index(stream, []byte("moof"))-4:], &format},
		"no time in a second":          {operate(t, hybrid, put32(12, 0), "moov", "mvhd"), &format},
		"no time in the media":         {operate(t, hybrid, put32(12, 0), "moov", "trak", "mdia", "mdhd"), &format},
		"more sizes than bytes":        {table("stsz", put32(8, 1<<31)), &format},
		"fixed size, absurd count":     {table("stsz", func(b []byte) []byte { put32(4, 1000)(b); return put32(8, 1<<32-1)(b) }), &truncated},
		"a sample of 4 GB":             {table("stsz", put32(12, 1<<32-1)), &truncated},
		"more times than bytes":        {table("stts", put32(4, 1<<31)), &format},
		"negative duration":            {table("stts", put32(12, 1<<31)), &format},
		"more offsets than bytes":      {table("ctts", put32(4, 1<<30)), &format},
		"more keyframes than bytes":    {table("stss", put32(4, 1<<30)), &format},
		"chunks out of order":          {table("stsc", put32(8, 9)), &format},
		"chunks beyond the end":        {table("stco", put32(8, 1<<31)), &truncated},
		"no chunks":                    {table("stco", func(b []byte) []byte { return put32(4, 0)(b)[:8] }), &format},
		"no sample table":              {rename(t, append([]byte(nil), hybrid...), "free", "moov", "trak", "mdia", "minf", "stbl"), &format},
		"no description":               {table("stsd", func(b []byte) []byte { return put32(4, 0)(b)[:8] }), &format},
		"box larger than its parent":   {table("stsd", put32(8, 1<<20)), &format},
		"edit of a million years":      {operate(t, hybrid, put32(8, 1<<32-2), "moov", "trak", "edts", "elst"), nil},
		"edit before the beginning":    {operate(t, hybrid, put32(12, 1<<32-7), "moov", "trak", "edts", "elst"), &format},
		"more edits than bytes":        {operate(t, hybrid, put32(4, 1<<30), "moov", "trak", "edts", "elst"), &format},
		"trun with an absurd count":    {operate(t, stream, put32(4, 1<<31), "moof", "traf", "trun"), &format},
		"trun beyond the end":          {operate(t, stream, put32(8, 1<<30), "moof", "traf", "trun"), &truncated},
		"trun before the beginning":    {operate(t, stream, put32(8, 1<<31), "moof", "traf", "trun"), &truncated},
		"tfdt in an absurd future":     {operate(t, stream, put32(4, 1<<31-1), "moof", "traf", "tfdt"), &format},
		"two tracks with one number":   {bytes.Replace(hybrid, []byte("\x00\x00\x00\x02\x00\x00\x00\x00"), []byte("\x00\x00\x00\x01\x00\x00\x00\x00"), 1), &format},
		"compressed index":             {rename(t, append([]byte(nil), hybrid...), "cmov", "moov", "mvhd"), new(*UnsupportedError)},
		"16 EB of moov":                {append([]byte("\x00\x00\x00\x01moov\xff\xff\xff\xff\xff\xff\xff\xff"), hybrid...), &format},
		"trailing zeros after the end": {append(append([]byte(nil), hybrid...), 0, 0, 0, 0, 0, 0, 0, 0, 0), nil},
	} {
		m, err := Read(bytes.NewReader(test.b), int64(len(test.b)))
		switch want := test.want.(type) {
		case nil:
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else {
				m.Refusals()
			}
		case error:
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
		default:
			if !errors.As(err, want) {
				t.Errorf("%s: got %v, want a %T", name, err, want)
			}
		}
	}
}

// A file that is cut off after its index was read must not be packaged to the end.
func TestSourceShrinks(t *testing.T) {
	hybrid, _ := packaged(t, 200)
	m, err := Read(bytes.NewReader(hybrid), int64(len(hybrid)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Plan(m.Select(), m.Select().Cuts())
	if err != nil {
		t.Fatal(err)
	}
	var truncated *TruncatedError
	if _, err := l.WriteTo(&bytes.Buffer{}, bytes.NewReader(hybrid[:len(hybrid)-100])); !errors.As(err, &truncated) {
		t.Errorf("got %v", err)
	}
}
