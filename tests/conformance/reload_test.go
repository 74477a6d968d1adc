package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// script writes a script that answers a word; it is renamed into its place, so that
// nobody reads half of it.
func script(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func answering(word string) string {
	return fmt.Sprintf("import os\n\n\ndef application(environ, start_response):\n"+
		"    start_response('200 OK', [('X-Process', str(os.getpid()))])\n    return [b'%s']\n", word)
}

// awaitBody asks until the body is as wanted; every answer until then must be one of the
// others.
func (g *gateway) awaitBody(want string, others ...string) *reply {
	g.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		r := g.send(get("/"))
		if r.status == 200 && r.body == want {
			return r
		}
		known := false
		for _, other := range others {
			known = known || r.status == 200 && r.body == other
		}
		if !known || time.Now().After(end) {
			g.t.Fatalf("status %d, body %q while waiting for %q", r.status, r.body, want)
		}
	}
}

// testReload: WSGIScriptReloading. Unlike there, no request waits for the new code or
// fails, and a script that cannot be loaded changes nothing.
func testReload(t *testing.T) {
	t.Run("on", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "app.py")
		script(t, file, answering("one"))
		g := serve(t, config{app: file, mount: "script-reloading = true", group: "processes = 1"})
		first := g.awaitBody("one").header.Get("X-Process")
		t.Run("changed", func(t *testing.T) {
			script(t, file, answering("two"))
			if second := g.in(t).awaitBody("two", "one").header.Get("X-Process"); second == first {
				t.Error("the same process answers with both scripts")
			}
		})
		t.Run("touched", func(t *testing.T) {
			g := g.in(t)
			before := g.awaitBody("two").header.Get("X-Process")
			now := time.Now().Add(time.Minute)
			if err := os.Chtimes(file, now, now); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(limit); g.awaitBody("two").header.Get("X-Process") == before; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("no new process")
				}
			}
		})
		t.Run("broken", func(t *testing.T) {
			g := g.in(t)
			script(t, file, "def application(:\n")
			g.log.await(t, "SyntaxError")
			g.awaitBody("two")
		})
		t.Run("missing", func(t *testing.T) {
			g := g.in(t)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			g.awaitBody("two")
		})
		t.Run("back again", func(t *testing.T) {
			script(t, file, answering("three"))
			g.in(t).awaitBody("three", "two")
		})
	})
	t.Run("off", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "app.py")
		script(t, file, answering("one"))
		g := serve(t, config{app: file, mount: "script-reloading = false"})
		g.awaitBody("one")
		script(t, file, answering("two"))
		// A restart in between would have to come from the change, which is then old news.
		for range 20 {
			g.awaitBody("one")
		}
	})
}
