package mp4

import (
	"fmt"
	"math"
	"strings"
)

// A sampleEntry is the one sample description of a track (§8.5.2).
type sampleEntry struct {
	typ     string
	body    []byte // in the shape of ISO/IEC 14496-12, whatever shape the source had
	width   int    // coded size in pixels
	height  int
	aspectW uint32 // of a pixel (§12.1.4 pasp); 0 when not said
	aspectH uint32
	colour  uint32       // transfer characteristics (§12.1.5 colr), 2 when not said
	avc     []avcPicture // parameter sets of H.264
	depth   int          // bits a sample of HEVC and AV1
	object  int          // audio object type (ISO/IEC 14496-3 table 1.17) of MPEG-4 audio; 0 otherwise
}

// readDescription reads stsd (§8.5.2) and takes the entry the samples use.
func (t *Track) readDescription(stsd []byte, description uint32) error {
	f := fields{b: stsd}
	version, _ := f.full()
	f.u32()
	if f.short {
		return &FormatError{"stsd", "it is missing or too short"}
	}
	var entries uint32
	err := eachBox("stsd", f.b, func(x box) error {
		entries++
		if entries == max(description, 1) {
			t.entry.typ = x.typ
			return t.readEntry(x, version)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case description == 0:
		t.unsupported("changes its format midway (several sample descriptions)")
	case t.entry.typ == "":
		return &FormatError{"stsd", fmt.Sprintf("its samples are described by entry %d of %d", description, entries)}
	}
	return nil
}

// readEntry reads one sample entry.
func (t *Track) readEntry(x box, stsdVersion uint8) error {
	t.Codec = strings.TrimSpace(printable(x.typ))
	switch x.typ {
	case "encv", "enca", "drmi", "drms":
		t.unsupported("is encrypted (DRM)")
	}
	switch t.Kind {
	case Video:
		return t.readVisual(x)
	case Audio:
		return t.readSound(x, stsdVersion)
	}
	return nil
}

// printable replaces what is not printable ASCII.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// readVisual reads a VisualSampleEntry (§12.1.3).
func (t *Track) readVisual(x box) error {
	const fixed = 78
	if len(x.body) < fixed {
		return &FormatError{x.typ, "it is too short"}
	}
	e := &t.entry
	e.width, e.height = int(be.Uint16(x.body[24:])), int(be.Uint16(x.body[26:]))
	e.colour = transferUnsaid
	e.body = append([]byte(nil), x.body[:fixed]...)
	be.PutUint16(e.body[6:], 1) // data_reference_index: there is one dref entry
	config, err := e.readExtensions(x.typ, x.body[fixed:])
	if err != nil {
		return err
	}
	switch x.typ {
	case "avc1", "avc3":
		err = t.readAVC(x.typ, config["avcC"])
	case "hvc1", "hev1":
		err = t.readHEVC(x.typ, config["hvcC"])
	case "av01":
		err = t.readAV1(config["av1C"])
	default:
		t.unsupported(convert(x.typ))
	}
	t.applyGeometry()
	return err
}

// readExtensions reads the boxes at the end of a visual sample entry and keeps those that are well-formed.
func (e *sampleEntry) readExtensions(typ string, b []byte) (map[string][]byte, error) {
	config := map[string][]byte{}
	w := writer{b: e.body}
	err := eachBox(typ, b, func(x box) error {
		w.box(x.typ, func() { w.bytes(x.body...) })
		f := fields{b: x.body}
		switch x.typ {
		case "avcC", "hvcC", "av1C":
			config[x.typ] = x.body
		case "pasp":
			e.aspectW, e.aspectH = f.u32(), f.u32()
		case "colr":
			if kind := string(f.take(4)); kind == "nclx" || kind == "nclc" {
				f.skip(2)
				e.colour = uint32(f.u16())
			}
		}
		return nil
	})
	e.body = w.b
	return config, err
}

// readAVC reads avcC (ISO/IEC 14496-15 §5.3.3); the codec string is that of its Annex E.
func (t *Track) readAVC(typ string, avcC []byte) error {
	if len(avcC) < 7 {
		return &FormatError{"avcC", "it is missing or too short"}
	}
	t.Codec = fmt.Sprintf("%s.%02X%02X%02X", typ, avcC[1], avcC[2], avcC[3])
	t.entry.avc = avcPictures(avcC)
	return nil
}

// readHEVC reads hvcC (ISO/IEC 14496-15 §8.3.3); the codec string is that of its Annex E.3.
func (t *Track) readHEVC(typ string, hvcC []byte) error {
	if len(hvcC) < 23 {
		return &FormatError{"hvcC", "it is missing or too short"}
	}
	compatibility := uint32(0)
	for i := range 32 {
		compatibility |= be.Uint32(hvcC[2:]) >> i & 1 << (31 - i)
	}
	tier := "L"
	if hvcC[1]&0x20 != 0 {
		tier = "H"
	}
	space := [...]string{"", "A", "B", "C"}[hvcC[1]>>6]
	t.Codec = fmt.Sprintf("%s.%s%d.%X.%s%d", typ, space, hvcC[1]&31, compatibility, tier, hvcC[12])
	constraints := hvcC[6:12]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, c := range constraints {
		t.Codec += fmt.Sprintf(".%X", c)
	}
	t.entry.depth = 8 + int(max(hvcC[17]&7, hvcC[18]&7))
	return nil
}

// applyGeometry computes the display size and rotation from pasp, tkhd's size and tkhd's matrix (§6.2.2, §8.3.2).
func (t *Track) applyGeometry() {
	e := &t.entry
	w, h := float64(e.width), float64(e.height)
	if aw, ah := t.pixelAspect(); aw != ah {
		w *= float64(aw) / float64(ah)
	} else if dw, dh := float64(t.header.width)/65536, float64(t.header.height)/65536; dw >= 1 && dh >= 1 && h > 0 &&
		math.Abs(dw/dh-w/h) > 0.01*w/h {
		w, h = dw, dh
	}
	a, b := int32(be.Uint32(t.header.matrix[0:])), int32(be.Uint32(t.header.matrix[4:]))
	switch {
	case a == 0 && b > 0:
		t.Rotation = 90
	case a == 0 && b < 0:
		t.Rotation = 270
	case a < 0 && b == 0:
		t.Rotation = 180
	}
	if t.Rotation%180 == 90 {
		w, h = h, w
	}
	t.Width, t.Height = int(math.Round(w)), int(math.Round(h))
}

// pixelAspect is the aspect ratio of a pixel, from the container or else from the stream; 1:1 when neither says.
func (t *Track) pixelAspect() (w, h uint32) {
	e := &t.entry
	if e.aspectW > 0 && e.aspectH > 0 {
		return e.aspectW, e.aspectH
	}
	if len(e.avc) > 0 && e.avc[0].aspectW > 0 && e.avc[0].aspectH > 0 {
		return e.avc[0].aspectW, e.avc[0].aspectH
	}
	return 1, 1
}

// readSound reads an AudioSampleEntry (§12.2.3) or one of QuickTime's sound descriptions, versions 0 to 2 (QuickTime
// File Format Specification, "Sound Sample Descriptions"). Whatever it was, it is written as version 0.
func (t *Track) readSound(x box, stsdVersion uint8) error {
	f := fields{b: x.body}
	f.skip(8)
	version := f.u16()
	f.skip(6)
	t.Channels = int(f.u16())
	f.skip(6)
	t.SampleRate = int(f.u32() >> 16)
	switch {
	case stsdVersion != 0: // AudioSampleEntryV1: the same fields
	case version == 1:
		f.skip(16)
	case version == 2:
		f.skip(4)
		if rate := math.Float64frombits(f.u64()); rate >= 1 && rate < 1<<24 {
			t.SampleRate = int(rate)
		}
		t.Channels = int(min(f.u32(), 255))
		f.skip(20)
	}
	if f.short {
		return &FormatError{x.typ, "it is too short"}
	}
	config := f.b
	switch x.typ {
	case "mp4a":
		return t.readMPEGAudio(config)
	case ".mp3", "ms\x00\x55":
		object := byte(objectMP3)
		if t.SampleRate < 32000 {
			object = objectMP3Low
		}
		t.mp3(object)
		t.writeSound("mp4a", "esds", mp3Descriptor(object))
	case "Opus":
		return t.readOpus(config)
	default:
		t.unsupported(convert(x.typ))
	}
	return nil
}

// writeSound composes the sample entry from its parts.
func (t *Track) writeSound(typ, configType string, config []byte) {
	w := writer{}
	w.zeros(6)
	w.u16(1) // data_reference_index: there is one dref entry
	w.zeros(8)
	w.u16(uint16(t.Channels))
	w.u16(16)
	w.zeros(4)
	rate := t.SampleRate
	if rate > 1<<16-1 {
		rate = 0 // does not fit in 16 bits; the configuration has it
	}
	w.u32(uint32(rate) << 16)
	w.box(configType, func() { w.bytes(config...) })
	t.entry.typ, t.entry.body = typ, w.b
}

// readOpus reads dOps ("Encapsulation of Opus in ISO Base Media File Format" §4.3.2).
func (t *Track) readOpus(b []byte) error {
	config := find(b, "dOps")
	if len(config) < 11 {
		return &FormatError{"dOps", "it is missing or too short"}
	}
	t.Codec = "Opus"
	t.Channels = int(config[1])
	t.SampleRate = 48000
	t.writeSound("Opus", "dOps", config)
	return nil
}

// codecNames are the names authors know, of formats that are seen in MP4 and QuickTime files but not packaged.
var codecNames = map[string]string{
	"vp08": "VP8", "vp09": "VP9", "vvc1": "H.266", "mp4v": "MPEG-4 part 2", "s263": "H.263",
	"jpeg": "Motion JPEG", "mjpa": "Motion JPEG", "mjpb": "Motion JPEG", "png ": "PNG pictures", "rle ": "QuickTime Animation",
	"apco": "Apple ProRes", "apcs": "Apple ProRes", "apcn": "Apple ProRes", "apch": "Apple ProRes", "ap4h": "Apple ProRes",
	"ap4x": "Apple ProRes", "cvid": "Cinepak", "SVQ3": "Sorenson Video", "dvh1": "Dolby Vision", "dvhe": "Dolby Vision",
	"dva1": "Dolby Vision", "dvav": "Dolby Vision",
	"sowt": "uncompressed (PCM)", "twos": "uncompressed (PCM)", "lpcm": "uncompressed (PCM)", "raw ": "uncompressed (PCM)",
	"in24": "uncompressed (PCM)", "in32": "uncompressed (PCM)", "fl32": "uncompressed (PCM)", "fl64": "uncompressed (PCM)",
	"ipcm": "uncompressed (PCM)", "fpcm": "uncompressed (PCM)", "NONE": "uncompressed (PCM)",
	"ac-3": "Dolby Digital (AC-3)", "ec-3": "Dolby Digital Plus (E-AC-3)", "ac-4": "Dolby AC-4", "fLaC": "FLAC",
	"alac": "Apple Lossless", "samr": "AMR", "sawb": "AMR", "ulaw": "µ-law", "alaw": "A-law", "ima4": "IMA ADPCM",
	"dtsc": "DTS", "dtse": "DTS", "dtsh": "DTS", "dtsl": "DTS", "QDM2": "QDesign Music",
}

// convert is the clause for a codec that is not packaged.
func convert(typ string) string {
	if name, ok := codecNames[typ]; ok {
		return fmt.Sprintf("is %s, which has to be converted", name)
	}
	return fmt.Sprintf("is in the format %q, which has to be converted", printable(typ))
}
