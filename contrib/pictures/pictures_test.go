package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

// TestPictures: the files are what is drawn, and well-formed.
func TestPictures(t *testing.T) {
	for name, want := range pictures() {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s is not what is drawn now (%v)\nhint: make pictures", name, err)
		}
		decoder := xml.NewDecoder(strings.NewReader(want))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}
