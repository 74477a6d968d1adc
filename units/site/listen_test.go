package site

import "testing"

func TestParseListener(t *testing.T) {
	tests := map[string]Listener{
		"127.0.0.1:8000": {"tcp", "127.0.0.1:8000"},
		":8000":          {"tcp", ":8000"},
		":0":             {"tcp", ":0"},
		"[::]:80":        {"tcp", "[::]:80"},
		"[0:0::1]:80":    {"tcp", "[::1]:80"},
		"unix:/run/x":    {"unix", "/run/x"},
		"unix:./x.sock":  {"unix", "x.sock"},
	}
	for text, want := range tests {
		got, err := ParseListener(text)
		if err != nil || got != want {
			t.Errorf("ParseListener(%q) = %v, %v, want %v", text, got, err, want)
			continue
		}
		if again, err := ParseListener(got.String()); err != nil || again != got {
			t.Errorf("ParseListener(%q) = %v, %v, want %v again", got.String(), again, err, got)
		}
	}
}

func TestParseListenerRefuses(t *testing.T) {
	long := "unix:/"
	for len(long) <= maxSocketPath+len("unix:") {
		long += "x"
	}
	for _, text := range []string{"", ":", "8000", ":65536", ":+80", "127.0.0.1", "::1:80x", "localhost:80", "*:80", "/run/x", "unix:", "unix:@x", "unix:/a\nb", "http://127.0.0.1:80", "127.0.0.1:-1", long} {
		if l, err := ParseListener(text); err == nil {
			t.Errorf("ParseListener(%q) = %v, want an error", text, l)
		}
	}
}
