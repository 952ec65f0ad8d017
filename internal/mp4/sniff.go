package mp4

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Sniff names what a file is by its first bytes (4 KiB are plenty): "MP4", "QuickTime", "WebM", "Matroska", "AVI",
// "WAV", "FLV", "MPEG-TS", "MPEG-PS", "Ogg", "MP3", "AAC", "FLAC", "WMV", "RealMedia", "JPEG", "PNG", "GIF", "PDF",
// "ZIP", "HTML", "text", "empty", or "" for none of these.
func Sniff(head []byte) string {
	if len(head) == 0 {
		return "empty"
	}
	for _, m := range magic {
		if len(head) >= m.at && strings.HasPrefix(string(head[m.at:min(len(head), m.at+len(m.bytes))]), m.bytes) {
			return m.name
		}
	}
	switch {
	case len(head) >= 8 && opensFile(string(head[4:8])):
		return isoBrand(head)
	case strings.HasPrefix(string(head), "\x1a\x45\xdf\xa3"):
		if bytes.Contains(head[:min(len(head), 64)], []byte("webm")) {
			return "WebM"
		}
		return "Matroska"
	case head[0] == 0x47 && (len(head) <= 188 || head[188] == 0x47):
		return "MPEG-TS"
	case len(head) > 196 && head[4] == 0x47 && head[196] == 0x47:
		return "MPEG-TS"
	case len(head) > 1 && head[0] == 0xff && head[1]&0xf6 == 0xf0:
		return "AAC"
	case len(head) > 1 && head[0] == 0xff && head[1]&0xe0 == 0xe0 && head[1]&0x06 != 0:
		return "MP3"
	}
	return textKind(head)
}

var magic = []struct {
	at          int
	bytes, name string
}{
	{8, "AVI ", "AVI"},
	{8, "WAVE", "WAV"},
	{0, "FLV\x01", "FLV"},
	{0, "\x00\x00\x01\xba", "MPEG-PS"},
	{0, "\x00\x00\x01\xb3", "MPEG-PS"},
	{0, "OggS", "Ogg"},
	{0, "ID3", "MP3"},
	{0, "fLaC", "FLAC"},
	{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMV"},
	{0, ".RMF", "RealMedia"},
	{0, "\xff\xd8\xff", "JPEG"},
	{0, "\x89PNG", "PNG"},
	{0, "GIF8", "GIF"},
	{0, "%PDF-", "PDF"},
	{0, "PK\x03\x04", "ZIP"},
}

// isoBrand tells QuickTime from MP4 by the major brand (§4.3).
func isoBrand(head []byte) string {
	if string(head[4:8]) == "ftyp" && len(head) >= 12 && string(head[8:12]) != "qt  " {
		return "MP4"
	}
	return "QuickTime"
}

func textKind(head []byte) string {
	for len(head) > 0 && !utf8.RuneStart(head[len(head)-1]) { // the last character may be cut
		head = head[:len(head)-1]
	}
	if len(head) > 0 && head[len(head)-1] >= utf8.RuneSelf {
		head = head[:len(head)-1]
	}
	if !utf8.Valid(head) || bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1b", r) }) {
		return ""
	}
	start := strings.ToLower(strings.TrimSpace(string(head[:min(len(head), 64)])))
	if strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") {
		return "HTML"
	}
	return "text"
}
