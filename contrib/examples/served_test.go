package examples_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// example is an example as its README installs it, below a directory of the test: code,
// virtual environment, data and site file.
type example struct {
	t          *testing.T
	root, name string
	python     string // the interpreter of its environment
	siteFile   string
}

// place installs an example. The environment sees the system's packages in the place of
// those that pip would fetch; users are left out, because `wsgid run` changes none.
func place(t *testing.T, name, needs string) *example {
	t.Helper()
	interpreter := os.Getenv("WSGID_TEST_PYTHON")
	if interpreter == "" {
		interpreter = "/usr/bin/python3"
	}
	if exec.Command(interpreter, "-c", "import venv, "+needs).Run() != nil {
		t.Skipf("%s has no %s: not proved that the example %s works", interpreter, needs, name)
	}
	e := &example{t: t, root: t.TempDir(), name: name}
	srv := e.path("/srv/" + name)
	if err := os.CopyFS(srv, os.DirFS(name)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(e.path("/var/lib/"+name), 0o755); err != nil {
		t.Fatal(err)
	}
	e.run(interpreter, "-m", "venv", "--without-pip", "--system-site-packages", srv+"/venv")
	e.python = srv + "/venv/bin/python"
	if _, err := os.Stat(name + "/" + name + ".env"); err == nil {
		e.write("/etc/wsgi/"+name+".env", e.read(name+"/"+name+".env"))
	}
	text := regexp.MustCompile(`(?m)^user = .*$`).ReplaceAllString(e.moved(e.read(name+"/"+name+".toml")), "")
	e.siteFile = e.write("/etc/wsgi/"+name+".toml", text)
	return e
}

// path is where an absolute path of the example is for the test.
func (e *example) path(absolute string) string { return filepath.Join(e.root, absolute) }

// moved has the paths of a text be those of the test.
func (e *example) moved(text string) string {
	return regexp.MustCompile(`/(srv|var/lib|etc/wsgi)/`).ReplaceAllString(text, e.root+"$0")
}

func (e *example) read(path string) string {
	e.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(text)
}

func (e *example) write(absolute, text string) string {
	e.t.Helper()
	path := e.path(absolute)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
	return path
}

func (e *example) run(name string, args ...string) string {
	e.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "DATA="+e.path("/var/lib/"+e.name), "PYTHONDONTWRITEBYTECODE=1")
	output, err := cmd.CombinedOutput()
	if err != nil {
		e.t.Fatalf("%s %q: %v\n%s", name, args, err, output)
	}
	return string(output)
}

// wsgid is the program: the one that make test built, or one of its own.
func (e *example) wsgid() string {
	e.t.Helper()
	if built := os.Getenv("WSGID_TEST_BINARY"); built != "" {
		return built
	}
	path := e.path("/wsgid")
	e.run("go", "build", "-o", path, "github.com/wsgid/wsgid/cmd/wsgid")
	return path
}

// serve checks the site file and serves it until the test ends. It gives the site's URL.
func (e *example) serve() string {
	e.t.Helper()
	wsgid := e.wsgid()
	e.run(wsgid, "check", "--run", e.siteFile)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cmd := exec.CommandContext(ctx, wsgid, "run", "--config", e.siteFile, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		cancel()
		cmd.Wait() //nolint:errcheck // it was told to end
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := regexp.MustCompile(`http://\S+`).FindString(lines.Text()); found != "" {
			go io.Copy(io.Discard, out) // until it ends
			return found
		}
	}
	e.t.Fatal("it does not say where it serves")
	return ""
}

// TestFlask: an entry that was posted is there for every process.
func TestFlask(t *testing.T) {
	e := place(t, "flask", "flask")
	at := e.serve()
	response, err := http.Post(at+"/", "text/plain", strings.NewReader("I was here"))
	if err != nil || response.StatusCode != 201 {
		t.Fatalf("%v, %v", response, err)
	}
	for range 4 {
		if body := get(t, http.DefaultClient, at+"/"); !strings.Contains(body, `"I was here"`) {
			t.Errorf("the entries are %q", body)
		}
	}
}

// TestDjango: sessions work over the database, and collectstatic puts the page's style
// sheet where nginx.conf has it.
func TestDjango(t *testing.T) {
	e := place(t, "django", "django")
	manage := e.path("/srv/django/manage.py")
	e.run(e.python, manage, "collectstatic", "--no-input")
	e.run(e.python, manage, "migrate", "--verbosity", "0")
	at := e.serve()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	get(t, client, at+"/")
	page := get(t, client, at+"/")
	if !strings.Contains(page, "been here 2 times") {
		t.Errorf("the second visit: %s", page)
	}
	style := regexp.MustCompile(`href="(/static/[^"]+)"`).FindStringSubmatch(page)
	if style == nil {
		t.Fatalf("no style sheet in %s", page)
	}
	alias := regexp.MustCompile(`location (/static/) \{\s+alias ([^;]+);`).FindStringSubmatch(e.moved(e.read("django/nginx.conf")))
	if alias == nil {
		t.Fatal("nginx.conf has no alias for /static/")
	}
	if text := e.read(filepath.Join(alias[2], strings.TrimPrefix(style[1], alias[1]))); text != e.read("django/mysite/static/site.css") {
		t.Errorf("the style sheet that nginx has is %q", text)
	}
}

func get(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		t.Fatalf("%s: %v %v\n%s", address, response.Status, err, body)
	}
	return string(body)
}
