package mp4

import "fmt"

// readAV1 reads av1C, the AV1CodecConfigurationRecord of "AV1 Codec ISO Media File Format Binding" (AV1-ISOBMFF)
// §2.3.3; the codec string is that of its section 5, without the optional fields, which say what is usual.
func (t *Track) readAV1(av1C []byte) error {
	const fixed, marker = 4, 0x81 // marker and version 1
	if len(av1C) < fixed || av1C[0] != marker {
		return &FormatError{"av1C", "it is missing, too short or of another version"}
	}
	profile, level := av1C[1]>>5, av1C[1]&31
	flags := av1C[2]
	tier := "M"
	if flags&0x80 != 0 {
		tier = "H"
	}
	t.entry.depth = 8
	switch {
	case flags&0x40 != 0 && flags&0x20 != 0 && profile == 2:
		t.entry.depth = 12
	case flags&0x40 != 0:
		t.entry.depth = 10
	}
	t.Codec = fmt.Sprintf("av01.%d.%02d%s.%02d", profile, level, tier, t.entry.depth)
	return nil
}
