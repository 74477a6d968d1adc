package site

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	durationForms = `use "500ms", "60s", "5m", "1h" or a bare number of seconds`
	sizeForms     = `use "64K", "512M", "2G" (powers of 1024), or a bare number of bytes`
)

// ParseDuration reads one number with one unit: us, ms, s, m, h. A bare number
// is seconds, as in mod_wsgi; a fraction is allowed down to the microsecond.
// Negative values, trailing junk and overflow are errors.
func ParseDuration(s string) (time.Duration, error) {
	digits, unit := splitUnit(s)
	scale, ok := map[string]time.Duration{
		"": time.Second, "us": time.Microsecond, "ms": time.Millisecond,
		"s": time.Second, "m": time.Minute, "h": time.Hour,
	}[unit]
	if !ok || digits == "" {
		return 0, notQuantity(s, "duration", durationForms)
	}
	whole, fraction, dot := strings.Cut(digits, ".")
	if dot && (whole == "" || fraction == "") || strings.Contains(fraction, ".") {
		return 0, notQuantity(s, "duration", durationForms)
	}
	d, ok := decimal(whole, fraction, int64(scale))
	switch {
	case !ok:
		return 0, &fault{msg: "duration " + strconv.Quote(s) + " is too large", hint: durationForms}
	case d%int64(time.Microsecond) != 0:
		return 0, &fault{msg: "duration " + strconv.Quote(s) + " is finer than a microsecond", hint: durationForms}
	}
	return time.Duration(d), nil
}

// decimal computes whole.fraction * scale exactly; a rest below 1 is reported
// as 1, which no caller takes for a whole microsecond.
func decimal(whole, fraction string, scale int64) (int64, bool) {
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > math.MaxInt64/scale-1 {
		return 0, false
	}
	total, step := n*scale, scale
	for _, digit := range strings.TrimRight(fraction, "0") {
		if step%10 != 0 {
			return 1, true
		}
		step /= 10
		total += int64(digit-'0') * step
	}
	return total, true
}

// ParseSize reads a number of bytes with one unit of K, M, G, T or KiB, MiB,
// GiB, TiB, all of them powers of 1024. Negative values, fractions, trailing
// junk and overflow are errors.
func ParseSize(s string) (int64, error) {
	digits, unit := splitUnit(s)
	letter := strings.TrimSuffix(unit, "iB")
	shift, ok := map[string]int{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[letter]
	if !ok || digits == "" || letter == "" && unit != "" || strings.Contains(digits, ".") {
		return 0, notQuantity(s, "size", sizeForms)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64>>shift {
		return 0, &fault{msg: "size " + strconv.Quote(s) + " is too large", hint: sizeForms}
	}
	return n << shift, nil
}

func splitUnit(s string) (digits, unit string) {
	n := len(s) - len(strings.TrimLeft(s, "0123456789."))
	return s[:n], s[n:]
}

// notQuantity says which part of s cannot be read.
func notQuantity(s, what, forms string) *fault {
	digits, rest := splitUnit(s)
	msg := strconv.Quote(s) + " is not a " + what
	switch {
	case strings.HasPrefix(s, "-"):
		msg = strconv.Quote(s) + " is negative"
	case isDigits(digits) && rest != "":
		msg += ": " + strconv.Quote(rest) + " is not a unit"
	case digits != "":
		msg += ": " + strconv.Quote(digits) + " is not a number it can have"
	}
	return &fault{msg: msg, hint: forms}
}

// FormatDuration gives the shortest form that ParseDuration reads back exactly.
func FormatDuration(d time.Duration) string {
	switch {
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	case d%time.Millisecond == 0:
		return strconv.FormatInt(int64(d/time.Millisecond), 10) + "ms"
	case d%time.Microsecond == 0:
		return strconv.FormatInt(int64(d/time.Microsecond), 10) + "us"
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}
