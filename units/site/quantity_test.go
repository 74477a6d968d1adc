package site

import (
	"math"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	tests := map[string]time.Duration{
		"0": 0, "60": time.Minute, "60s": time.Minute, "500ms": 500 * time.Millisecond, "5m": 5 * time.Minute, "1h": time.Hour,
		"7us": 7 * time.Microsecond, "0.005": 5 * time.Millisecond, "0.5m": 30 * time.Second, "1.50s": 1500 * time.Millisecond,
		"0.000001": time.Microsecond, "1.000": time.Second,
	}
	for text, want := range tests {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
			continue
		}
		if again, err := ParseDuration(FormatDuration(got)); err != nil || again != got {
			t.Errorf("%q reads back as %v, %v", FormatDuration(got), again, err)
		}
	}
	for _, text := range []string{"", "s", "-1", "-5s", "+5", "1 s", "1S", "1d", "1h30m", "1.", ".5", "1..5", "1e3", "0x10", "0.0000001", "1ns", "9223372037", "99999999999999999999", "NaN", "+Inf"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v, want an error", text, d)
		}
	}
}

func TestParseSize(t *testing.T) {
	tests := map[string]int64{
		"0": 0, "8190": 8190, "64K": 65536, "64KiB": 65536, "2G": 2 << 30, "3MiB": 3 << 20, "1T": 1 << 40,
		"9223372036854775807": math.MaxInt64, "8388607T": 8388607 << 40,
	}
	for text, want := range tests {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "K", "-1", "+1", "1.5G", "2Gx", "64KB", "64k", "1iB", "1B", "1 K", "8388608T", "9223372036854775808"} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, n)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"processes", "threads", "home", "path"}
	tests := map[string]string{"proceses": "processes", "prcoesses": "processes", "thread": "threads", "hoem": "home", "paths": "path", "zzz": "", "listen": ""}
	for typed, want := range tests {
		if got := nearest(typed, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}
