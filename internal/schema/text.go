package schema

import (
	"bytes"
	"unicode/utf8"

	"matinee/internal/diag"
)

// Text returns a file's bytes as this program reads them: UTF-8 without a byte order mark and with LF line ends. What is
// not UTF-8 is a problem that names the first offending byte.
func Text(file string, data []byte) ([]byte, *diag.Problem) {
	const remedy = "save the file as UTF-8 (in most editors: Save with encoding)"
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return nil, diag.At(file, 1, "UTF-16, not UTF-8").WithHint(remedy)
	}
	if !utf8.Valid(data) {
		at := invalidByte(data)
		line := 1 + bytes.Count(unixLines(data[:at]), []byte{'\n'})
		return nil, diag.At(file, line, "not UTF-8: byte 0x%02x at offset %d", data[at], at).WithHint(remedy)
	}
	return unixLines(bytes.TrimPrefix(data, []byte("\uFEFF"))), nil
}

// invalidByte returns the offset of the first byte that is not part of a UTF-8 sequence.
func invalidByte(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// unixLines replaces CR LF, and the lone CR of old, by LF, so that the count of lines stays what an editor shows.
func unixLines(data []byte) []byte {
	if bytes.IndexByte(data, '\r') < 0 {
		return data
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte{'\n'})
	return bytes.ReplaceAll(data, []byte{'\r'}, []byte{'\n'})
}
