package video

import (
	"bytes"
	"encoding/binary"
)

// orientation reads from the beginning of a JPEG how the camera was held: 1 to 8 as Exif numbers it, 1 when the file does
// not say (Exif 3.0: an APP1 segment holds a TIFF directory, in which tag 0x0112 is the orientation).
func orientation(file []byte) int {
	if !bytes.HasPrefix(file, []byte{0xff, 0xd8}) {
		return 1
	}
	for rest := file[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		marker, size := rest[1], int(binary.BigEndian.Uint16(rest[2:]))+2
		if size < 4 || size > len(rest) || marker == 0xda { // the picture itself follows
			return 1
		}
		if tiff, ok := bytes.CutPrefix(rest[4:size], []byte("Exif\x00\x00")); marker == 0xe1 && ok {
			return tiffOrientation(tiff)
		}
		rest = rest[size:]
	}
	return 1
}

// tiffOrientation reads the orientation from the first directory of a TIFF file.
func tiffOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if tiff[0] == 'I' {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	const entry = 12
	fields := tiff[at+2:]
	for n := order.Uint16(tiff[at:]); n > 0 && len(fields) >= entry; n-- {
		if order.Uint16(fields) == 0x0112 {
			if o := order.Uint16(fields[8:]); o >= 1 && o <= 8 {
				return int(o)
			}
			return 1
		}
		fields = fields[entry:]
	}
	return 1
}
