package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// testFileWrapper: wsgi.file_wrapper, PEP 3333 "Optional Platform-Specific File Handling",
// for files that are sent with the head and for those that are handed over.
func testFileWrapper(t *testing.T) {
	for _, size := range []int{0, 5000, 2_000_000} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			file, text := filepath.Join(t.TempDir(), "file"), randomText(size)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			exchanges := []exchange{
				{"plain", get("/plain"), []check{status(200), body(text)}},
				{"Content-Length", get("/length"), []check{body(text), header("Content-Length", fmt.Sprint(size))}},
				{"block size", get("/blocks"), []check{body(text)}},
				{"no file", get("/memory"), []check{body(text)}},
				{"closed", get("/closed"), []check{body("1")}},
				{"iterated", get("/iterated"), []check{body(text)}},
				{"HEAD", request("HEAD", "/length", ""), []check{status(200), header("Content-Length", fmt.Sprint(size)), body("")}},
			}
			if size > 0 {
				exchanges = append(exchanges,
					exchange{"partial", get("/partial"), []check{body(text[1000:])}},
					exchange{"less", get("/less"), []check{body(text[:100]), header("Content-Length", "100")}},
				)
			}
			c := config{app: "files.py", env: fmt.Sprintf("FILE = %q", file)}
			play(t, serve(t, c), exchanges)
			t.Run("enable-sendfile off", func(t *testing.T) {
				c.mount = "enable-sendfile = false"
				play(t, serve(t, c), exchanges)
			})
		})
	}
}
