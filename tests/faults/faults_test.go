package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
	"github.com/wsgid/wsgid/units/site"
)

// TestExperiments: each can be made with both servers, has a title of its own, and what
// it is for wsgid is a site file, if a wrong one where that is what is shown.
func TestExperiments(t *testing.T) {
	known := map[string]bool{}
	for _, e := range experiments() {
		title := e.id + " " + e.title
		if known[title] || e.steps == nil || !strings.HasPrefix(e.id, "E") {
			t.Errorf("%q: known %v, steps %v", title, known[title], e.steps != nil)
		}
		known[title] = true
		_, err := site.Parse(siteName, "/etc/wsgi/faults.toml", []byte(siteText(&e)))
		if misplaced := e.id == "E8"; (err != nil) != misplaced {
			t.Errorf("%q: %v\n%s", title, err, siteText(&e))
		}
	}
	for _, id := range []string{"E1", "E2", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12", "E13", "E15, E16", "E17", "E18"} {
		found := false
		for title := range known {
			found = found || strings.HasPrefix(title, id+" ")
		}
		if !found {
			t.Errorf("there is no %s", id)
		}
	}
}

// speak listens, and answers each connection with the bytes, then waits or closes.
func speak(t *testing.T, text string, closes bool) func() (net.Conn, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended); l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 1000))
				_, _ = io.WriteString(conn, text)
				if !closes {
					<-ended
				}
			}()
		}
	}()
	return func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
}

// TestOutcome: the client can tell what came from what did not.
func TestOutcome(t *testing.T) {
	const chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
	for _, test := range []struct {
		name, text string
		closes     bool
		want       string // without the time
		body       string
	}{
		{"whole", "HTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok", false, "201 after", "ok"},
		{"until the end", "HTTP/1.1 200 OK\r\n\r\nok", true, "200 after", "ok"},
		{"chunks cut", chunks, true, "200, visibly cut after", "abc"},
		{"chunks whole", chunks + "0\r\n\r\n", false, "200 after", "abc"},
		{"length cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", true, "200, visibly cut after", "ok"},
		{"no end", chunks, false, "200, 3 bytes, and no end within", "abc"},
		{"nothing", "", false, "no answer within", ""},
		{"closed", "", true, "connection closed after", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			limit := 10 * time.Second
			if strings.Contains(test.want, "within") {
				limit = 200 * time.Millisecond
			}
			o := exchange(speak(t, test.text, test.closes), get("/"), limit)
			if !strings.HasPrefix(o.String(), test.want+" ") || o.body != test.body {
				t.Errorf("%q with body %q, want %q with %q", o, o.body, test.want, test.body)
			}
		})
	}
	refused := exchange(func() (net.Conn, error) { return nil, os.ErrPermission }, get("/"), time.Second)
	if want := "connection closed after 0 ms without an answer"; refused.String() != want {
		t.Errorf("%q, want %q", refused, want)
	}
}

func TestReport(t *testing.T) {
	r := report{
		apache: "Apache 2", wsgid: "wsgid 1",
		rows: []row{
			{id: "E1", title: "a | b", apache: cell{facts: []string{"502 after 5.0 s", "late"}}, wsgid: cell{facts: []string{"200"}}},
			{id: "E2", title: "c", apache: cell{none: "without apache2"}, wsgid: cell{none: "not\nroot"}},
		},
	}
	r.note(&r.rows[1].wsgid, "wsgid: c", []string{"half of it"}, os.ErrClosed)
	const want = `# Where things go wrong

| | what is done | Apache 2 | wsgid 1 |
|---|---|---|---|
| E1 | a \| b | 502 after 5.0 s; late | 200 |
| E2 | c | not tried here: without apache2 | not tried here: it failed, see below |

## Failures

- wsgid: c: file already closed
`
	if got := r.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestParseOptions(t *testing.T) {
	o, err := parseOptions([]string{"-only", "E13.*flight"}, io.Discard)
	if err != nil || len(o.chosen()) != 1 || o.chosen()[0].id != "E13" {
		t.Errorf("%v, %+v", err, o.chosen())
	}
	for _, test := range []struct{ args, want string }{
		{"-only [", "cannot select experiments"},
		{"-only E99", "E13 kill -9"},
		{"E13", `argument "E13"`},
	} {
		if _, err := parseOptions(strings.Fields(test.args), io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q in it", test.args, err, test.want)
		}
	}
}

func TestCommandsSay(t *testing.T) {
	for _, test := range []struct {
		result        boot.Result
		said, checked string
	}{
		{boot.Result{Stdout: "fine\n"}, "", "no error"},
		{boot.Result{Status: 1, Stderr: "x.toml:3: bad\nhint: good\n"}, "exit status 1, x.toml:3: bad", "x.toml:3: bad"},
	} {
		if got := saidBy(test.result); got != test.said {
			t.Errorf("said %q, want %q", got, test.said)
		}
		if got := checkedBy(test.result); got != test.checked {
			t.Errorf("checked %q, want %q", got, test.checked)
		}
		if err := errorOf(test.result); (err != nil) != (test.said != "") {
			t.Errorf("error %v", err)
		}
	}
}

// TestApplication: what the experiments ask of it, it does.
func TestApplication(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3: not proved that the application does what the experiments ask for")
	}
	file := filepath.Join(t.TempDir(), "app.py")
	if err := os.WriteFile(file, []byte(appSource), 0o644); err != nil {
		t.Fatal(err)
	}
	const driver = `
import importlib.util, sys
spec = importlib.util.spec_from_file_location('app', sys.argv[1])
app = importlib.util.module_from_spec(spec)
spec.loader.exec_module(app)
for target in sys.argv[2:]:
    path, _, query = target.partition('?')
    heads = []
    result = app.application({'PATH_INFO': path, 'QUERY_STRING': query}, lambda status, headers: heads.append(dict(headers)))
    body, fault = b'', ''
    try:
        for block in result:
            body += block
    except ValueError as err:
        fault = str(err)
    print(target, heads[0].get('Content-Length'), len(body), fault)
`
	cmd := exec.Command(python, "-B", "-c", driver, file, "/sleep?0", "/early?20000", "/short", "/raise", "/who")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"/early?20000 20000 20000 \n", "/short 100 10 \n", "/raise None 15 after the first block\n", "/sleep?0 None ", "/who None "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
