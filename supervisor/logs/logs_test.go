package logs

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// write logs what the golden texts show.
func write(l *slog.Logger) {
	l.Debug("not written")
	l.Info("plain")
	l.Warn("with attributes", "path", "/a", "empty", "", "space", "a b", "quote", `a"b`, "equals", "a=b", "line", "a\nb", "n", 3, "d", 1500*time.Millisecond)
	l.Error("failed", "err", errors.New("cannot do it"))
	l.Error("request failed\nTraceback:\n  File \"x.py\"\n\nValueError\n", "request_id", "1")
	derived := l.With("site", "blog").WithGroup("g").With("a", 1)
	derived.Info("derived", "b", 2, slog.Group("in", "c", 3))
	l.Info("underived", slog.Attr{}, slog.Any("who", valuer{}))
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.StringValue("resolved") }

const goldenText = `TIME INFO  plain
TIME WARN  with attributes path=/a empty="" space="a b" quote="a\"b" equals="a=b" line="a\nb" n=3 d=1.5s
TIME ERROR failed err="cannot do it"
TIME ERROR request failed request_id=1
    Traceback:
      File "x.py"
    
    ValueError
TIME INFO  derived site=blog g.a=1 g.b=2 g.in.c=3
TIME INFO  underived who=resolved
`

const goldenJSON = `{"time":"TIME","level":"INFO","msg":"plain"}
{"time":"TIME","level":"WARN","msg":"with attributes","path":"/a","empty":"","space":"a b","quote":"a\"b","equals":"a=b","line":"a\nb","n":3,"d":1500000000}
{"time":"TIME","level":"ERROR","msg":"failed","err":"cannot do it"}
{"time":"TIME","level":"ERROR","msg":"request failed\nTraceback:\n  File \"x.py\"\n\nValueError\n","request_id":"1"}
{"time":"TIME","level":"INFO","msg":"derived","site":"blog","g":{"a":1,"b":2,"in":{"c":3}}}
{"time":"TIME","level":"INFO","msg":"underived","who":"resolved"}
`

var times = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3}|\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`)

func TestGolden(t *testing.T) {
	for format, want := range map[string]string{"text": goldenText, "json": goldenJSON} {
		var b bytes.Buffer
		l, err := New(format, &b, slog.LevelInfo)
		if err != nil {
			t.Fatal(err)
		}
		write(l)
		if got := times.ReplaceAllString(b.String(), "TIME"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", format, got, want)
		}
	}
}

// A file has what text has, with the date, and no record can look like two.
func TestFile(t *testing.T) {
	var b bytes.Buffer
	l := slog.New(NewFile(&b, slog.LevelInfo))
	write(l)
	if got := times.ReplaceAllString(b.String(), "TIME"); got != goldenText {
		t.Errorf("got\n%s\nwant\n%s", got, goldenText)
	}
	b.Reset()
	l.Info("a\r2006-01-02 INFO forged\n2006-01-02 INFO forged\r\n\x1b[2J\tcaf\u00e9 \xe9 \ufffd \u0085")
	const want = "TIME INFO  a\\x0d2006-01-02 INFO forged\n    2006-01-02 INFO forged\n    \\x1b[2J\tcaf\u00e9 \\xe9 \ufffd \\xc2\\x85\n"
	if got := times.ReplaceAllString(b.String(), "TIME"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := New("xml", new(bytes.Buffer), slog.LevelInfo); err == nil || !strings.Contains(err.Error(), "xml") {
		t.Errorf("got %v", err)
	}
}

// What an application says must not steer the terminal of whoever reads it.
func TestControlCharactersAreQuoted(t *testing.T) {
	var b bytes.Buffer
	l, err := New("text", &b, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	l.Info("x", "path", "/\x1b[2J")
	if strings.ContainsRune(b.String(), '\x1b') {
		t.Errorf("got %q", b.String())
	}
}

// onlyWhole fails when a record comes in pieces.
type onlyWhole struct{ t *testing.T }

func (w onlyWhole) Write(p []byte) (int, error) {
	if !bytes.HasSuffix(p, []byte("end\n")) || bytes.Count(p, []byte("\n")) != 2 {
		w.t.Errorf("a write of %q", p)
	}
	return len(p), nil
}

func TestRecordsAreWrittenWhole(t *testing.T) {
	l, err := New("text", onlyWhole{t}, slog.LevelInfo)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				l.With("i", i).Info("begin\nend")
			}
		})
	}
	all.Wait()
}
