package mp4

// An avcPicture is what a sequence parameter set (ISO/IEC 14496-10 §7.3.2.1) says that matters to a browser.
type avcPicture struct {
	profile, level uint8
	chroma         uint32 // chroma_format_idc: 1 is 4:2:0
	depth          uint32 // bits a sample, the larger of luma and chroma
	interlaced     bool   // fields may be coded
	aspectW        uint32 // of a pixel; 0 when not said
	aspectH        uint32
	transfer       uint32 // transfer_characteristics, 2 when not said
	unreadable     bool
}

// Transfer characteristics of high dynamic range (ITU-T H.273 §8.2).
const (
	transferUnsaid = 2
	transferPQ     = 16
	transferHLG    = 18
)

// pixelAspects are the aspect ratios of ISO/IEC 14496-10 table E-1.
var pixelAspects = [...][2]uint32{
	{0, 0},
	{1, 1},
	{12, 11},
	{10, 11},
	{16, 11},
	{40, 33},
	{24, 11},
	{20, 11},
	{32, 11},
	{80, 33},
	{18, 11},
	{15, 11},
	{64, 33},
	{160, 99},
	{4, 3},
	{3, 2},
	{2, 1},
}

// avcPictures reads the parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
func avcPictures(avcC []byte) []avcPicture {
	f := fields{b: avcC}
	f.skip(5)
	var list []avcPicture
	for range f.u8() & 31 {
		nal := f.take(int(f.u16()))
		if f.short || len(nal) < 4 {
			return append(list, avcPicture{unreadable: true})
		}
		list = append(list, parseSPS(nal[1:]))
	}
	return list
}

// parseSPS reads seq_parameter_set_data.
func parseSPS(nal []byte) avcPicture {
	r := bitReader{b: unescape(nal)}
	p := avcPicture{profile: uint8(r.u(8)), chroma: 1, depth: 8, transfer: transferUnsaid}
	r.u(8) // constraint flags
	p.level = uint8(r.u(8))
	r.ue() // seq_parameter_set_id
	switch p.profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		p.highProfile(&r)
	}
	r.ue() // log2_max_frame_num_minus4
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.flag()
		r.se()
		r.se()
		for range min(r.ue(), 255) {
			r.se()
		}
	}
	r.ue()   // max_num_ref_frames
	r.flag() // gaps_in_frame_num_value_allowed_flag
	r.ue()   // pic_width_in_mbs_minus1
	r.ue()   // pic_height_in_map_units_minus1
	if !r.flag() {
		p.interlaced = true
		r.flag() // mb_adaptive_frame_field_flag
	}
	r.flag() // direct_8x8_inference_flag
	if r.flag() {
		for range 4 {
			r.ue() // frame_crop offsets
		}
	}
	if r.flag() {
		p.usability(&r)
	}
	p.unreadable = r.short
	return p
}

// highProfile reads the fields only the high profiles have.
func (p *avcPicture) highProfile(r *bitReader) {
	p.chroma = r.ue()
	lists := 8
	if p.chroma == 3 {
		r.flag() // separate_colour_plane_flag
		lists = 12
	}
	p.depth = 8 + min(max(r.ue(), r.ue()), 8)
	r.flag() // qpprime_y_zero_transform_bypass_flag
	if !r.flag() {
		return
	}
	for i := range lists {
		if r.flag() {
			skipScalingList(r, i)
		}
	}
}

// skipScalingList skips scaling_list (ISO/IEC 14496-10 §7.3.2.1.1.1).
func skipScalingList(r *bitReader, i int) {
	size := 16
	if i >= 6 {
		size = 64
	}
	last, next := int32(8), int32(8)
	for range size {
		if next != 0 {
			next = (last + r.se() + 256) % 256
		}
		if next != 0 {
			last = next
		}
	}
}

// usability reads the start of vui_parameters (ISO/IEC 14496-10 §E.1.1).
func (p *avcPicture) usability(r *bitReader) {
	if r.flag() {
		switch i := r.u(8); {
		case i == 255:
			p.aspectW, p.aspectH = r.u(16), r.u(16)
		case int(i) < len(pixelAspects):
			p.aspectW, p.aspectH = pixelAspects[i][0], pixelAspects[i][1]
		}
	}
	if r.flag() {
		r.flag() // overscan_appropriate_flag
	}
	if !r.flag() {
		return
	}
	r.u(4) // video_format, video_full_range_flag
	if r.flag() {
		r.u(8) // colour_primaries
		p.transfer = r.u(8)
	}
}

// unescape removes emulation prevention bytes (ISO/IEC 14496-10 §7.4.1).
func unescape(nal []byte) []byte {
	out := make([]byte, 0, len(nal))
	zeros := 0
	for _, c := range nal {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		out = append(out, c)
		if zeros++; c != 0 {
			zeros = 0
		}
	}
	return out
}
