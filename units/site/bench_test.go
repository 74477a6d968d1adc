package site

import (
	"os"
	"testing"
)

// BenchmarkParse is what the generator pays for one site at boot.
func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile("testdata/complete.toml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse("blog", "blog.toml", text); err != nil {
			b.Fatal(err)
		}
	}
}
