package front

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/units/site"
)

// written is the time of all files of a staticTree.
var written = time.Date(2024, 2, 29, 12, 0, 0, 500, time.UTC)

const writtenText = "Thu, 29 Feb 2024 12:00:00 GMT"

// staticTree makes a directory of what could be asked for, beside something secret.
func staticTree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secret.txt": "secret", "www/a.txt": "0123456789", "www/sub/index.html": "<p>index</p>", "www/empty.css": "",
		"www/bare/x.js": "x", "www/.hidden/x.txt": "hidden", "www/.env": "hidden", "www/a b\u00e9?.txt": "odd",
		"www/big.bin": strings.Repeat("0123456789abcdef", 40<<10), "www/z.css": "plain", "www/z.css.gz": "zipped", "www/z.css.br": "broken",
		"www/old.css": "plain", "www/old.css.gz": "older", "www/only.css.gz": "no plain one",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
	}
	www := filepath.Join(dir, "www")
	for name, target := range map[string]string{
		"in.txt": "sub/../a.txt", "out.txt": "../secret.txt", "abs.txt": filepath.Join(www, "a.txt"), "outdir": "..", "indir": "sub", "loop": "loop",
		"sub/up.txt": "../a.txt", "proc": "/proc/self/root", "dead": "nothing",
	} {
		if err := os.Symlink(target, filepath.Join(www, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(www, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	earlier := written.Add(-time.Minute)
	if err := os.Chtimes(filepath.Join(www, "old.css.gz"), earlier, earlier); err != nil {
		t.Fatal(err)
	}
	return www
}

// staticFront serves a tree at /s, with more keys for it, beside an application at /app.
func staticFront(t testing.TB, keys, more string) net.Addr {
	t.Helper()
	text := "[[mount]]\npath = \"/app\"\nmodule = \"a\"\n[[static]]\npath = \"/s\"\ndirectory = %q\n" + keys + "\n" + more
	parsed := parseSite(t, fmt.Sprintf(text, staticTree(t)))
	return serveAt(t, newFront(t, func(s *site.Site) { *s = *parsed }), "tcp")
}

func get(target, fields string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + fields + "\r\n"
}

// TestStaticPaths: what is below the directory is served, and nothing else is, however it
// is asked for; the same without openat2(2).
func TestStaticPaths(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	deep := strings.Repeat("/d", 2500)
	for _, test := range []struct {
		target, keys string
		status       int
		want         string // body, or Location
	}{
		{"/s/a.txt", "", 200, "0123456789"},
		{"/s/%61.txt?v=1", "", 200, "0123456789"},
		{"/s//sub/../a.txt", "", 200, "0123456789"},
		{"/s/a%20b%C3%A9%3f.txt", "", 200, "odd"},
		{"/s", "", 301, "./s/"},
		{"/s/sub?a=b", "", 301, "./sub/?a=b"},
		{"/s/sub/", "", 200, "<p>index</p>"},
		{"/s/sub/", "index = \"\"", 403, ""},
		{"/s/sub/", "index = \"none\"", 403, ""},
		{"/s/bare/", "", 403, ""},
		{"/s/none/", "", 404, ""},
		{"/s/a.txt/", "", 404, ""},
		{"/s/a.txt/x", "", 404, ""},
		{"/s/none", "", 404, ""},
		{"/s/../secret.txt", "", 404, ""},
		{"/s/../../secret.txt", "", 400, ""},
		{"/s/%2e%2e/secret.txt", "", 404, ""},
		{"/s/%2e%2e%2fsecret.txt", "", 404, ""},
		{"/s/sub%2f..%2f..%2fsecret.txt", "", 404, ""},
		{"/s/..%5csecret.txt", "", 404, ""},
		{"/s/%252e%252e/secret.txt", "", 404, ""},
		{"/s/.../secret.txt", "hidden-files = true", 404, ""},
		{"/s/a.txt%00.html", "", 400, ""},
		{"/s/%00", "", 400, ""},
		{"/s/" + long, "", 404, ""},
		{"/s" + deep, "", 404, ""},
		{"/s/.env", "", 404, ""},
		{"/s/.hidden/x.txt", "", 404, ""},
		{"/s/.hidden/x.txt", "hidden-files = true", 200, "hidden"},
		{"/s/fifo", "", 404, ""},
		{"/s/in.txt", "", 200, "0123456789"},
		{"/s/sub/up.txt", "", 200, "0123456789"},
		{"/s/indir/index.html", "", 200, "<p>index</p>"},
		{"/s/out.txt", "", 403, ""},
		{"/s/abs.txt", "", 403, ""},
		{"/s/outdir/secret.txt", "", 403, ""},
		{"/s/outdir/", "", 403, ""},
		{"/s/proc/etc/passwd", "", 403, ""},
		{"/s/loop", "", 403, ""},
		{"/s/dead", "", 404, ""},
		{"/s/in.txt", "symlinks = \"never\"", 403, ""},
		{"/s/indir/index.html", "symlinks = \"never\"", 403, ""},
		{"/s/out.txt", "symlinks = \"never\"", 403, ""},
		{"/s/sub/index.html", "symlinks = \"never\"", 200, "<p>index</p>"},
		{"/s/a.txt/x", "symlinks = \"never\"", 404, ""},
		{"/st/a.txt", "", 404, ""},
	} {
		for _, without := range []bool{false, true} {
			text := fmt.Sprintf("limit-request-line = 9000\n[[mount]]\npath = \"/app\"\nmodule = \"a\"\n[[static]]\npath = \"/s\"\ndirectory = %q\n%s\n", staticTree(t), test.keys)
			parsed := parseSite(t, text)
			f := newFront(t, func(s *site.Site) { *s = *parsed })
			if without {
				f.conf.Load().hosts.all[0].places.byPath["/s"].static.tree.openat2 = func(int, string, *unix.OpenHow) (int, error) { return -1, unix.ENOSYS }
			}
			r, body := ask(t, serveAt(t, f, "tcp"), get(test.target, ""))
			if r.StatusCode == 301 {
				body = r.Header.Get("Location")
			}
			if r.StatusCode != test.status || test.want != "" && body != test.want || strings.Contains(body, "secret") {
				t.Errorf("%.60s with %q (without openat2 %t): %s %.60q, want %d %q", test.target, test.keys, without, r.Status, body, test.status, test.want)
			}
		}
	}
}

// TestStaticAnswer: the head of a file, whole and large ones, and other methods.
func TestStaticAnswer(t *testing.T) {
	t.Parallel()
	address := staticFront(t, "expires = \"1h\"\nresponse-headers = \"X-A: 1\"\n", "[[location]]\npath = \"/s/sub\"\ndeny = \"all\"\n")
	r, _ := ask(t, address, get("/s/a.txt", ""))
	tag := r.Header.Get("ETag")
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "Content-Length": "10", "Last-Modified": writtenText, "Accept-Ranges": "bytes",
		"Cache-Control": "max-age=3600", "X-A": "1", "Server": "test", "Vary": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(tag) < 4 || tag[0] != '"' {
		t.Errorf("ETag is %q, which is no strong one", tag)
	}
	r, body := ask(t, address, strings.Replace(get("/s/big.bin", ""), "GET", "HEAD", 1))
	if r.StatusCode != 200 || r.ContentLength != 16*40<<10 || body != "" {
		t.Errorf("HEAD: %s %d %d", r.Status, r.ContentLength, len(body))
	}
	if r, body := ask(t, address, get("/s/big.bin", "")); len(body) != 16*40<<10 || r.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("large: %s %d", r.Status, len(body))
	}
	if r, body := ask(t, address, get("/s/empty.css", "")); r.StatusCode != 200 || r.Header.Get("Content-Length") != "0" || body != "" {
		t.Errorf("empty: %v %q", r, body)
	}
	for _, method := range []string{"POST", "OPTIONS", "DELETE", "get"} {
		request := strings.Replace(get("/s/a.txt", "Content-Length: 2\r\n"), "GET", method, 1) + "ab"
		if r, _ := ask(t, address, request); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %s, Allow %q", method, r.Status, r.Header.Get("Allow"))
		}
	}
	if r, _ := ask(t, address, get("/s/sub/", "")); r.StatusCode != 403 || r.Header.Get("X-A") != "1" {
		t.Errorf("denied by a location: %v", r)
	}
}

// TestStaticKeepsConnection: answers with a file, and without one, leave the connection
// in a state for the next request.
func TestStaticKeepsConnection(t *testing.T) {
	t.Parallel()
	address := staticFront(t, "enable-sendfile = false", "")
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: within}
	defer client.CloseIdleConnections()
	for range 3 {
		for _, target := range []string{"/s/a.txt", "/s/big.bin", "/s/none", "/s/empty.css", "/s/sub/"} {
			r, err := client.Get("http://" + address.String() + target)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if _, err := b.ReadFrom(r.Body); err != nil {
				t.Errorf("%s: %v", target, err)
			}
			r.Body.Close()
		}
	}
}

// TestStaticPlaces: the longest path wins, of mounts and of files; a fallback goes where
// the request would go without the files, and its keys count.
func TestStaticPlaces(t *testing.T) {
	t.Parallel()
	text := `[[mount]]
path = "/"
module = "a"
[[mount]]
path = "/s/app"
module = "a"
[[static]]
path = "/s"
directory = %[1]q
[[static]]
path = "/"
directory = %[1]q
fallback = true
[[location]]
path = "/bare"
deny = "all"
`
	parsed := parseSite(t, fmt.Sprintf(text, staticTree(t)))
	f := newFront(t, func(s *site.Site) { *s = *parsed })
	for path, want := range map[string]string{
		"/a.txt": "file", "/none": "app", "/s/none": "404", "/s/a.txt": "file", "/s/app": "app", "/s/app/a.txt": "app", "/s/appx": "404",
		"/sub/": "file", "/sub": "301", "/sub/none": "app", "/": "app", "/dead": "app", "/out.txt": "403", "/bare/x.js": "403", "/bare/y": "403",
	} {
		s := sessionFor(t, f, get(path, ""))
		s.begin()
		status, _, _ := s.objection()
		got := fmt.Sprint(status)
		if status == 0 && s.place.static == nil {
			got = "app"
		} else if status == 0 {
			file, err := s.place.static.find(s.path, nil)
			switch {
			case err == nil:
				file.close()
				got = "file"
			case s.place.static.fallback && (err == errNoFile || err == errNoIndex):
				if status, _, _ = s.fallBack(); status == 0 && s.place.static == nil && s.place.group != nil {
					got = "app"
				}
			default:
				got = map[error]string{errNoFile: "404", errForbidden: "403", errDirectory: "301"}[err]
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestStaticReload: a directory that is not there is an error of a reload, and of the
// start only a message.
func TestStaticReload(t *testing.T) {
	t.Parallel()
	f := newFront(t, nil)
	next := parseSite(t, "[[mount]]\npath = \"/\"\nmodule = \"a\"\n[[static]]\npath = \"/s\"\ndirectory = \"/nowhere/at/all\"\n")
	if _, err := f.Prepare(next, f.options.Groups); err == nil || !strings.Contains(err.Error(), "cannot open directory /nowhere/at/all") {
		t.Errorf("Prepare: %v", err)
	}
	address := serveAt(t, newFront(t, func(s *site.Site) { *s = *next }), "tcp")
	if r, _ := ask(t, address, get("/s/a", "")); r.StatusCode != 404 {
		t.Errorf("without the directory: %s", r.Status)
	}
}

// FuzzStaticPath: whatever is asked for, what is sent is a file below the directory.
func FuzzStaticPath(f *testing.F) {
	www := staticTree(f)
	for _, seed := range []string{"/a.txt", "/../secret.txt", "/%2e%2e/secret.txt", "/outdir/secret.txt", "/in.txt", "/sub/", "//a.txt/.", "/\x00", "/proc/self"} {
		f.Add(seed, true)
	}
	both := map[bool]*static{}
	for _, links := range []bool{true, false} {
		both[links] = &static{index: "index.html", hidden: true, tree: newTree(www, links)}
	}
	slow := map[bool]*static{}
	for links, st := range both {
		copied := *st
		copied.tree.openat2 = func(int, string, *unix.OpenHow) (int, error) { return -1, unix.ENOSYS }
		slow[links] = &copied
	}
	f.Fuzz(func(t *testing.T, raw string, links bool) {
		path, err := cleanPath(nil, []byte("/"+raw))
		if err != nil {
			return
		}
		file, err := both[links].find(path, nil)
		other, otherErr := slow[links].find(path, nil)
		if err != otherErr {
			t.Errorf("%q: %v, and without openat2 %v", raw, err, otherErr)
		}
		if otherErr == nil {
			other.close()
		}
		if err != nil {
			return
		}
		defer file.close()
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.fd))
		if err != nil || !strings.HasPrefix(name, www+"/") {
			t.Errorf("%q leads to %q, %v", raw, name, err)
		}
	})
}
