package conformance_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/certificate"
)

// limit bounds every wait: for the first answer, for a response, for a line in the
// log. It is long, since the machine may be busy, and no test needs it to pass.
const limit = 30 * time.Second

// TestMain builds wsgid once, unless WSGID_TEST_BINARY names one.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("WSGID_TEST_BINARY") != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "wsgid-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "wsgid")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/wsgid/wsgid/cmd/wsgid").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build wsgid: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv("WSGID_TEST_BINARY", binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// config is a site; the zero value serves the application with every default.
type config struct {
	app   string // file of apps, or an absolute path
	top   string // keys of the top level
	group string // keys of [group.main]
	env   string // environment variables of the processes, as NAME = "value", …
	mount string // keys of [[mount]]
	more  string // further tables
	path  string // of the mount; "" means "/"
	tls   bool   // the site's address speaks TLS
}

func (c config) text(t *testing.T) string {
	t.Helper()
	python, path := os.Getenv("WSGID_TEST_PYTHON"), c.path
	if python == "" {
		python = "/usr/bin/python3"
	}
	if path == "" {
		path = "/"
	}
	return fmt.Sprintf("listen = \"127.0.0.1:0\"\n%s\n[group.main]\npython = %q\nenv = { %s }\n%s\n[[mount]]\npath = %q\nscript = %q\ngroup = \"main\"\n%s\n%s\n",
		c.top, python, c.env, c.group, path, appFile(t, c.app), c.mount, c.more)
}

func appFile(t *testing.T, name string) string {
	t.Helper()
	if filepath.IsAbs(name) {
		return name
	}
	path, err := filepath.Abs(filepath.Join("apps", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// gateway is a running `wsgid run`.
type gateway struct {
	t       *testing.T
	address string
	file    string // the site file
	log     *book
	tls     bool
}

// in is the same gateway for a subtest.
func (g *gateway) in(t *testing.T) *gateway {
	sub := *g
	sub.t = t
	return &sub
}

var servingPattern = regexp.MustCompile(`^wsgid: serving .* at https?://(\S+) with`)

// serve starts a site and waits until it says that it serves. The end of the test ends it.
func serve(t *testing.T, c config) *gateway {
	t.Helper()
	g := &gateway{t: t, file: filepath.Join(t.TempDir(), "conformance.toml"), log: newBook(), tls: c.tls}
	if c.tls {
		c.more += tlsTable(t, filepath.Dir(g.file))
	}
	if err := os.WriteFile(g.file, []byte(c.text(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Getenv("WSGID_TEST_BINARY"), "run", "--log-format", "json", "--config", g.file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = g.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if m := servingPattern.FindStringSubmatch(lines.Text()); m != nil && len(found) == 0 {
				found <- m[1]
			}
		}
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		stop(t, cmd, ended)
		if t.Failed() {
			t.Logf("%s\n%s", c.text(t), g.log)
		}
	})
	select {
	case g.address = <-found:
	case <-time.After(limit):
		t.Fatalf("not served within %v", limit)
	}
	return g
}

func stop(t *testing.T, cmd *exec.Cmd, ended <-chan error) {
	_ = cmd.Process.Signal(os.Interrupt)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("wsgid after SIGINT: %v", err)
		}
	case <-time.After(limit):
		_ = cmd.Process.Kill()
		t.Errorf("wsgid still runs %v after SIGINT", limit)
	}
}

// reply is a response as far as it came; err says how it was cut.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

// send makes one exchange on a connection of its own. A request that a test writes
// without Connection is followed by nothing, so that the next one would be served, too.
func (g *gateway) send(request string) *reply {
	g.t.Helper()
	conn, err := net.DialTimeout("tcp", g.address, limit)
	if err != nil {
		g.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	if g.tls {
		// Whose certificate it is, other tests ask.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "site.example"})
	}
	sent := make(chan error, 1)
	go func() { _, err := io.WriteString(conn, request); sent <- err }()
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		g.t.Fatalf("no response to %.100q: %v", request, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return &reply{response.StatusCode, response.Header, string(body), err}
}

// tlsTable has the site's address speak TLS, with a certificate made for it.
func tlsTable(t *testing.T, dir string) string {
	t.Helper()
	chain, key, err := certificate.New(1, "site.example")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"chain.pem": chain, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("[tls]\nlisten = \"127.0.0.1:0\"\ncertificate = %q\nkey = %q\n", filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem"))
}

// get is the head of a GET, with field lines.
func get(target string, fields ...string) string { return request("GET", target, "", fields...) }

// request is a request of HTTP/1.1; a body that is not empty has its Content-Length.
func request(method, target, body string, fields ...string) string {
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: site.example"}, fields...)
	if body != "" {
		lines = append(lines, fmt.Sprint("Content-Length: ", len(body)))
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// book is the log as it comes.
type book struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed, and replaced, at each write
}

func newBook() *book { return &book{grown: make(chan struct{})} }

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.grown)
	b.grown = make(chan struct{})
	return b.text.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// await waits until the log holds what the pattern matches.
func (b *book) await(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(limit)
	for {
		b.mu.Lock()
		text, grown := b.text.String(), b.grown
		b.mu.Unlock()
		if re.MatchString(text) {
			return
		}
		select {
		case <-grown:
		case <-late:
			t.Errorf("the log has nothing like %q", pattern)
			return
		}
	}
}
