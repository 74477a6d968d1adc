package leader

import (
	"slices"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

func TestOutput(t *testing.T) {
	t.Parallel()
	r := lead(t, `
import os, sys, traceback
print('one'); print('two \u20ac')
print('to stderr', file=sys.stderr)
os.write(2, b'from a library\n')
def deep():
    raise KeyError('lost')
try:
    deep()
except KeyError:
    traceback.print_exc()
print('no end of line', end='')
sys.stdout.flush()
`+hello+`
    environ['wsgi.errors']
`, nil)
	r.ready(1)
	for text, level := range map[string]string{
		"one stream=stdout": "INFO ", "two \u20ac stream=stdout": "INFO ",
		"to stderr stream=stderr": "WARN ", "from a library stream=stderr": "WARN ",
	} {
		text, stream, _ := strings.Cut(text, " stream=")
		if record := r.log.wait(t, text); !strings.HasPrefix(record, level+text+" site=rig group=main generation=1 process=1 ") || !strings.HasSuffix(record, "stream="+stream) {
			t.Errorf("logged: %s", record)
		}
	}
	record := r.log.wait(t, "KeyError: 'lost'")
	if !strings.HasPrefix(record, "WARN Traceback (most recent call last):\n") || !strings.Contains(record, "in deep") {
		t.Errorf("the traceback is no single record: %s", record)
	}
	r.tell(wire.Message{Type: wire.StopProcess, Process: 1})
	r.expect(wire.ProcessExited)
	if len(r.log.with("INFO no end of line")) != 1 {
		t.Errorf("the last line is not logged before the exit is reported:\n%s", r.log)
	}
}

func TestErrorsOfRequests(t *testing.T) {
	t.Parallel()
	r := lead(t, `
def application(environ, start_response):
    environ['wsgi.errors'].write('careful\n')
    raise ValueError('no')
`, nil)
	threads, pid := r.ready(1)
	threads[0].request([]byte{})
	if h, head, _, err := threads[0].frame(); err != nil || h.Kind != wire.Failed || string(head) != "ValueError: no" {
		t.Errorf("got %+v %q, %v", h, head, err)
	}
	if record := r.log.wait(t, "careful"); !strings.HasPrefix(record, "ERROR careful site=rig") {
		t.Errorf("logged: %s", record)
	}
	if record := r.log.wait(t, "ValueError: no"); !strings.HasPrefix(record, "ERROR Traceback") || !strings.Contains(record, "process=1") || pid == 0 {
		t.Errorf("logged: %s", record)
	}
}

func TestTracebackLines(t *testing.T) {
	t.Parallel()
	traceback := tracebackStart + "\n  File \"a.py\", line 1, in f\n    g()\nValueError: no"
	long := strings.Repeat(strings.Repeat(" ", 1000)+"\n", 300)
	for _, c := range []struct {
		name, text string
		want       []string // "..." stands for any record of at most twice maxLine
	}{
		{"lines", "one\ntwo\n", []string{"one", "two"}},
		{"empty lines", "one\n\ntwo\n", []string{"one", "two"}},
		{"indented lines", "  one\n  two\n", []string{"  one", "  two"}},
		{"traceback", "before\n" + traceback + "\nafter\n", []string{"before", traceback, "after"}},
		{"two tracebacks", traceback + "\n" + traceback + "\n", []string{traceback, traceback}},
		{"empty line within", tracebackStart + "\n  a\n\n  b\nE: x\n", []string{tracebackStart + "\n  a\n\n  b\nE: x"}},
		{"without an end", tracebackStart + "\n  a\n", []string{tracebackStart + "\n  a"}},
		{"that never ends", tracebackStart + "\n" + long, []string{"...", "...", "..."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var block tracebackLines
			var got []string
			for line := range strings.Lines(c.text) {
				if record, whole := block.add(strings.TrimSuffix(line, "\n"), true); whole && !lineOfEndless(c.name, record) {
					got = append(got, record)
				}
			}
			if rest := block.flush(); rest != "" {
				got = append(got, rest)
			}
			if c.want[0] == "..." {
				checkBounded(t, got)
				return
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// lineOfEndless tells the lines that follow a record that was cut.
func lineOfEndless(name, record string) bool {
	return name == "that never ends" && !strings.HasPrefix(record, tracebackStart)
}

func checkBounded(t *testing.T, records []string) {
	t.Helper()
	if len(records) == 0 {
		t.Fatal("no record")
	}
	for _, record := range records {
		if len(record) > 2*maxLine {
			t.Errorf("a record of %d bytes", len(record))
		}
	}
}

func TestLongLine(t *testing.T) {
	t.Parallel()
	r := lead(t, "print('x' * 200000)\nprint('after')\n"+hello, nil)
	r.ready(1)
	r.log.wait(t, "INFO after")
	total := 0
	for _, record := range r.log.with("INFO xxxx") {
		n := strings.Count(record, "x")
		if n > maxLine+10 {
			t.Errorf("a record of %d bytes", n)
		}
		total += strings.Count(strings.Fields(record)[1], "x")
	}
	if total != 200000 {
		t.Errorf("%d bytes are logged", total)
	}
}
