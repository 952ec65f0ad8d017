package schema

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// dateLayouts are the ways to write a moment, each of them with the zones of zoneLayouts.
var dateLayouts = []string{
	"2006-1-2", "2006-1-2 15:04", "2006-1-2 15:04:05", "2006-1-2T15:04", "2006-1-2T15:04:05", "2006-1-2t15:04:05",
}

var zoneLayouts = []string{"", "Z07:00", " Z07:00", "-0700", " -0700"}

// errImpossible is the error of a date in the right form that no calendar has.
var errImpossible = errors.New("no such day or time")

// parseDate reads a moment in any of the usual forms. One without a zone is in loc.
func parseDate(s string, loc *time.Location) (time.Time, error) {
	impossible := false
	s = strings.TrimSpace(s)
	if utc, ok := strings.CutSuffix(s, " UTC"); ok {
		s = utc + "Z"
	}
	for _, zone := range zoneLayouts {
		for _, layout := range dateLayouts {
			t, err := time.ParseInLocation(layout+zone, s, loc)
			if err == nil {
				return t, nil
			}
			impossible = impossible || strings.Contains(err.Error(), "out of range")
		}
	}
	if impossible {
		return time.Time{}, errImpossible
	}
	return time.Time{}, errors.New("not a date")
}

// ParseDuration reads a length of time or a place in a film: "1:30", "1:02:03.5", "90", "1m30s". It is never negative.
func ParseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	d, err := clock(s)
	if err != nil {
		d, err = time.ParseDuration(s)
	}
	if err != nil || d < 0 {
		return 0, errors.New("not a length of time")
	}
	return d, nil
}

// clock reads "90", "1:30" and "1:02:03", the last part with decimals where wanted.
func clock(s string) (time.Duration, error) {
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return 0, errors.New("too many parts")
	}
	total := 0.0
	for i, part := range parts {
		last := i == len(parts)-1
		v, err := clockPart(part, last)
		if err != nil || (i > 0 && v >= 60) {
			return 0, errors.New("not a time")
		}
		total = total*60 + v
	}
	const longest = 1000 * 3600 // a film of a thousand hours is a slip of the pen
	if total > longest {
		return 0, errors.New("too long")
	}
	return time.Duration(math.Round(total*1e6)) * time.Microsecond, nil
}

// clockPart reads digits, with decimals only where allowed: no signs, exponents or names.
func clockPart(s string, decimals bool) (float64, error) {
	if strings.Trim(s, "0123456789") != "" && !decimals || strings.Trim(s, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(s, 64)
}

// parseInteger reads a whole number as YAML 1.2, TOML and JSON write it. A leading zero does not make it octal.
func parseInteger(s string) (int, error) {
	s = strings.ReplaceAll(strings.TrimPrefix(s, "+"), "_", "")
	base := 10
	if digits := strings.TrimPrefix(s, "-"); len(digits) > 1 && digits[0] == '0' && strings.ContainsRune("xob", rune(digits[1])) {
		base = 0
	}
	n, err := strconv.ParseInt(s, base, strconv.IntSize)
	return int(n), err
}

// parseFloat reads a number, and neither infinities nor "not a number".
func parseFloat(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
		err = strconv.ErrRange
	}
	return v, err
}
