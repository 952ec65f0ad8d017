package mp4

import "strings"

// shortCodes pairs ISO 639-2 codes, bibliographic ones included, with the ISO 639-1 code BCP 47 prefers. A language
// without a short code keeps its long one.
const shortCodes = " aar:aa abk:ab afr:af aka:ak alb:sq amh:am ara:ar arg:an arm:hy asm:as ava:av ave:ae aym:ay aze:az bak:ba" +
	" bam:bm baq:eu bel:be ben:bn bis:bi bod:bo bos:bs bre:br bul:bg bur:my cat:ca ces:cs cha:ch che:ce chi:zh chu:cu chv:cv" +
	" cor:kw cos:co cre:cr cym:cy cze:cs dan:da deu:de div:dv dut:nl dzo:dz ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo" +
	" fas:fa fij:fj fin:fi fra:fr fre:fr fry:fy ful:ff geo:ka ger:de gla:gd gle:ga glg:gl glv:gv gre:el grn:gn guj:gu hat:ht" +
	" hau:ha heb:he her:hz hin:hi hmo:ho hrv:hr hun:hu hye:hy ibo:ig ice:is ido:io iii:ii iku:iu ile:ie ina:ia ind:id ipk:ik" +
	" isl:is ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks kat:ka kau:kr kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv kon:kg kor:ko" +
	" kua:kj kur:ku lao:lo lat:la lav:lv lim:li lin:ln lit:lt ltz:lb lub:lu lug:lg mac:mk mah:mh mal:ml mao:mi mar:mr may:ms" +
	" mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nau:na nav:nv nbl:nr nde:nd ndo:ng nep:ne nld:nl nno:nn nob:nb nor:no" +
	" nya:ny oci:oc oji:oj ori:or orm:om oss:os pan:pa per:fa pli:pi pol:pl por:pt pus:ps que:qu roh:rm ron:ro rum:ro run:rn" +
	" rus:ru sag:sg san:sa sin:si slk:sk slo:sk slv:sl sme:se smo:sm sna:sn snd:sd som:so sot:st spa:es sqi:sq srd:sc srp:sr" +
	" ssw:ss sun:su swa:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl tha:th tib:bo tir:ti ton:to tsn:tn tso:ts tuk:tk" +
	" tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi vol:vo wel:cy wln:wa wol:wo xho:xh yid:yi yor:yo zha:za zho:zh" +
	" zul:zu "

// macintosh are the first of the language codes of QuickTime files (QuickTime File Format, "Language Code Values").
var macintosh = [...]string{
	"en", "fr", "de", "it", "nl", "sv", "es", "da", "pt", "nb", "he", "ja", "ar", "fi", "el", "is", "mt", "tr", "hr",
	"zh-Hant", "ur", "hi", "th", "ko", "lt", "pl", "hu", "et", "lv", "se", "fo", "fa", "ru", "zh-Hans",
}

// languageTag is the BCP 47 tag of a track, from elng (§8.4.6) or else mdhd (§8.4.2.3); "" when undetermined.
func languageTag(packed uint16, extended string) string {
	if isTag(extended) {
		return extended
	}
	if packed < 0x400 { // too small for three letters: a Macintosh code
		if int(packed) < len(macintosh) && extended == "" && packed != 0 {
			return macintosh[packed]
		}
		return "" // 0 is English, but also what careless writers leave
	}
	code := string([]byte{byte(packed>>10&31) + 0x60, byte(packed>>5&31) + 0x60, byte(packed&31) + 0x60})
	for _, c := range code {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	switch code {
	case "und", "mis", "mul", "zxx":
		return ""
	}
	if i := strings.Index(shortCodes, " "+code+":"); i >= 0 {
		return shortCodes[i+5 : i+7]
	}
	return code
}

// isTag says whether s has the shape of a BCP 47 tag (RFC 5646 §2.1) other than "und".
func isTag(s string) bool {
	if s == "" || len(s) > 35 || s == "und" {
		return false
	}
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 || i == 0 && len(part) < 2 {
			return false
		}
		for _, c := range part {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// SetLanguage says which language a track is in: an ISO 639-2 code as other containers have it ("ger"), or a BCP 47
// tag. What is neither leaves it undetermined.
func (t *Track) SetLanguage(code string) {
	t.header.language, t.header.extended = undetermined, ""
	if len(code) == 3 && code == strings.ToLower(code) && isTag(code) {
		t.header.language = uint16(code[0]-0x60)<<10 | uint16(code[1]-0x60)<<5 | uint16(code[2]-0x60)
	} else if isTag(code) {
		t.header.extended = code
	}
	t.Language = languageTag(t.header.language, t.header.extended)
}

const undetermined = 0x55C4 // "und", as mdhd packs it (§8.4.2.3)
