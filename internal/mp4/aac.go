package mp4

import "fmt"

// Object type indications of esds (ISO/IEC 14496-1 table 5) and audio object types (ISO/IEC 14496-3 table 1.17).
const (
	objectMPEG4  = 0x40
	objectMP3Low = 0x69 // MPEG-2 part 3: sampling rates below 32 kHz
	objectMP3    = 0x6B // MPEG-1 part 3

	aacLC   = 2
	aacSBR  = 5  // HE-AAC
	aacPS   = 29 // HE-AAC v2
	mp3In4  = 34 // MP3 described as MPEG-4 audio
	aacUSAC = 42 // xHE-AAC, whose packets cannot all be started at
)

// readMPEGAudio reads esds (ISO/IEC 14496-14 §5.6), which QuickTime hides in a wave atom.
func (t *Track) readMPEGAudio(b []byte) error {
	esds := find(b, "esds")
	if esds == nil {
		esds = find(b, "wave", "esds")
	}
	if len(esds) < 4 {
		return &FormatError{"esds", "it is missing or too short"}
	}
	object, specific := decoderConfig(esds[4:])
	switch object {
	case objectMPEG4:
		t.specific(specific)
	case objectMP3, objectMP3Low:
		t.mp3(object)
	case 0x66, 0x67, 0x68: // MPEG-2 AAC
		t.Codec = fmt.Sprintf("mp4a.%02X", object)
	default:
		t.Codec = fmt.Sprintf("mp4a.%02X", object)
		t.unsupported(fmt.Sprintf("is in the format %q, which has to be converted", t.Codec))
	}
	t.writeSound("mp4a", "esds", esds)
	return nil
}

// mp3 notes that the track is MP3.
func (t *Track) mp3(object byte) { t.Codec = fmt.Sprintf("mp4a.%02X", object) }

// decoderConfig finds the object type and the DecoderSpecificInfo in an ES_Descriptor (ISO/IEC 14496-1 §7.2.6).
func decoderConfig(b []byte) (object byte, specific []byte) {
	f := fields{b: b}
	for len(f.b) > 2 {
		tag := f.u8()
		length := descriptorLength(&f)
		switch tag {
		case 3: // ES_Descriptor
			f.skip(2)
			flags := f.u8()
			if flags&0x80 != 0 {
				f.skip(2) // dependsOn_ES_ID
			}
			if flags&0x40 != 0 {
				f.skip(int(f.u8())) // URL
			}
			if flags&0x20 != 0 {
				f.skip(2) // OCR_ES_Id
			}
		case 4: // DecoderConfigDescriptor
			object = f.u8()
			f.skip(12)
		case 5: // DecoderSpecificInfo
			return object, f.take(min(length, len(f.b)))
		default:
			return object, nil
		}
	}
	return object, nil
}

// descriptorLength reads a length in up to four 7-bit groups (ISO/IEC 14496-1 §8.3.3).
func descriptorLength(f *fields) int {
	n := 0
	for range 4 {
		c := f.u8()
		n = n<<7 | int(c&0x7f)
		if c&0x80 == 0 {
			break
		}
	}
	return n
}

// specific reads AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
func (t *Track) specific(b []byte) {
	r := bitReader{b: b}
	object := audioObject(&r)
	rate := samplingRate(&r)
	channels := int(r.u(4))
	core := object
	if object == aacSBR || object == aacPS {
		rate = samplingRate(&r)
		core = audioObject(&r)
	} else if object == aacLC && channels != 0 {
		object, rate = backwardCompatible(&r, rate)
	}
	if r.short || len(b) == 0 {
		object, core = aacLC, aacLC // what players assume of a file that does not say
	} else {
		t.describe(object, rate, channels)
	}
	t.entry.object = object
	t.Codec = fmt.Sprintf("mp4a.%X.%d", objectMPEG4, object)
	switch {
	case core >= 1 && core <= 4 || core == mp3In4:
	default:
		t.unsupported(fmt.Sprintf("is in the format %q, which has to be converted", t.Codec))
	}
}

// describe takes rate and channels from the configuration: the sample entry's are often placeholders (§12.2.3.2).
func (t *Track) describe(object, rate, channels int) {
	if rate > 0 {
		t.SampleRate = rate
	}
	switch {
	case object == aacPS:
		t.Channels = 2
	case channels == 7:
		t.Channels = 8
	case channels > 0:
		t.Channels = channels
	}
}

// backwardCompatible looks for SBR and PS that older decoders ignore (ISO/IEC 14496-3 §1.6.5.3).
func backwardCompatible(r *bitReader, rate int) (object, newRate int) {
	look := *r
	look.flag() // frameLengthFlag
	if look.flag() {
		look.u(14) // coreCoderDelay
	}
	look.flag() // extensionFlag
	if look.left() < 17 || look.u(11) != 0x2b7 || audioObject(&look) != aacSBR || !look.flag() {
		return aacLC, rate
	}
	rate = samplingRate(&look)
	if look.left() >= 12 && look.u(11) == 0x548 && look.flag() {
		return aacPS, rate
	}
	return aacSBR, rate
}

func audioObject(r *bitReader) int {
	if v := r.u(5); v != 31 {
		return int(v)
	}
	return 32 + int(r.u(6))
}

var samplingRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

func samplingRate(r *bitReader) int {
	i := int(r.u(4))
	if i == 15 {
		return int(r.u(24))
	}
	if i < len(samplingRates) {
		return samplingRates[i]
	}
	return 0
}

// mp3Descriptor is the body of an esds for MP3, which QuickTime files do without (ISO/IEC 14496-1 §7.2.6).
func mp3Descriptor(object byte) []byte {
	w := writer{}
	w.u32(0)
	w.bytes(3, 3+15+3, 0, 0, 0)    // ES_Descriptor: no ID, no flags
	w.bytes(4, 13, object, 5<<2|1) // DecoderConfigDescriptor: AudioStream
	w.zeros(11)                    // buffer size and bit rates: unknown
	w.bytes(6, 1, 2)               // SLConfigDescriptor: as in MP4 files
	return w.b
}
