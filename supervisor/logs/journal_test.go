package logs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for anything at most.
const patience = 20 * time.Second

// fakeJournal is a test in the place of journald.
type fakeJournal struct {
	t    *testing.T
	path string
	fd   int
}

func newJournal(t *testing.T) *fakeJournal {
	t.Helper()
	dir, err := os.MkdirTemp("", "logs") // t.TempDir may be too long for a socket
	must(t, err)
	j := &fakeJournal{t: t, path: filepath.Join(dir, "socket"), fd: -1}
	t.Cleanup(func() { j.stop(); os.RemoveAll(dir) })
	j.start()
	return j
}

func (j *fakeJournal) start() {
	j.t.Helper()
	var err error
	j.fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(j.t, err)
	must(j.t, unix.Bind(j.fd, &unix.SockaddrUnix{Name: j.path}))
}

// stop leaves the path.
func (j *fakeJournal) stop() {
	if j.fd >= 0 {
		_ = unix.Close(j.fd)
	}
	j.fd = -1
}

// restart makes the socket anew, with nothing in it.
func (j *fakeJournal) restart() {
	j.t.Helper()
	j.stop()
	_ = os.Remove(j.path)
	j.start()
}

// overwhelm fills the socket's queue, from several programs, because what one
// may have in it is bounded too.
func (j *fakeJournal) overwhelm() {
	j.t.Helper()
	for room := true; room; {
		other, err := openJournal(j.path)
		must(j.t, err)
		for room = false; other.send([]byte("MESSAGE=other\n")) == nil; {
			room = true
		}
		must(j.t, other.socket.Close())
	}
}

// handler logs to this journal.
func (j *fakeJournal) handler(w io.Writer, stream bool) *journalHandler {
	j.t.Helper()
	h, err := newJournalHandler(j.path, w, stream, slog.LevelInfo)
	if err != nil {
		j.t.Fatal(err)
	}
	return h
}

// field is one of a record.
type field struct{ name, value string }

// record is what a program sent, in its order.
type record []field

// String is for golden texts: a field a line, a value of several lines quoted.
func (r record) String() string {
	var b strings.Builder
	for _, f := range r {
		if strings.Contains(f.value, "\n") {
			fmt.Fprintf(&b, "%s %q\n", f.name, f.value)
		} else {
			fmt.Fprintf(&b, "%s=%s\n", f.name, f.value)
		}
	}
	return b.String()
}

func (r record) get(name string) string {
	for _, f := range r {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// decode reads the journal's native protocol.
func decode(data []byte) (record, error) {
	var r record
	for len(data) > 0 {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		if !found {
			return nil, fmt.Errorf("no line break after %q", line)
		}
		name, value, plain := strings.Cut(string(line), "=")
		if !plain {
			if len(rest) < 8 {
				return nil, fmt.Errorf("no length of %s", name)
			}
			n := binary.LittleEndian.Uint64(rest)
			if rest = rest[8:]; uint64(len(rest)) <= n || rest[n] != '\n' {
				return nil, fmt.Errorf("the length of %s, %d, is wrong", name, n)
			}
			value, rest = string(rest[:n]), rest[n+1:]
		}
		r, data = append(r, field{name, value}), rest
	}
	return r, nil
}

// next waits for the next record; ok is false when none comes.
func (j *fakeJournal) next() (r record, ok bool) {
	j.t.Helper()
	ready := []unix.PollFd{{Fd: int32(j.fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(ready, int(patience/time.Millisecond))
		if err != unix.EINTR {
			must(j.t, err)
			if n == 0 {
				return nil, false
			}
			return j.take()
		}
	}
}

// take returns the next record if there is one.
func (j *fakeJournal) take() (r record, ok bool) {
	j.t.Helper()
	data, control := make([]byte, 1<<20), make([]byte, unix.CmsgSpace(4))
	n, c, _, _, err := unix.Recvmsg(j.fd, data, control, unix.MSG_CMSG_CLOEXEC)
	if err == unix.EAGAIN {
		return nil, false
	}
	must(j.t, err)
	data = data[:n]
	if c > 0 {
		if n != 0 {
			j.t.Errorf("a file comes with %q", data)
		}
		data = j.file(control[:c])
	}
	if r, err = decode(data); err != nil {
		j.t.Fatalf("%v in %.200q", err, data)
	}
	return r, true
}

// file reads the file that a message carries, as journald does: it must be
// sealed with just these seals (version 252 compares for equality).
func (j *fakeJournal) file(control []byte) []byte {
	j.t.Helper()
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		j.t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		j.t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	f := os.NewFile(uintptr(fds[0]), "record")
	defer f.Close()
	seals, err := unix.FcntlInt(uintptr(fds[0]), unix.F_GET_SEALS, 0)
	if want := unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE | unix.F_SEAL_SEAL; err != nil || seals != want {
		j.t.Errorf("seals %#x, %v; want %#x", seals, err, want)
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	if err != nil {
		j.t.Fatal(err)
	}
	return data
}

const goldenJournal = `MESSAGE=plain
PRIORITY=6
SYSLOG_IDENTIFIER=wsgid
SYSLOG_FACILITY=3

MESSAGE=with attributes path=/a empty="" space="a b" quote="a\"b" equals="a=b" line="a\nb" n=3 d=1.5s
PRIORITY=4
SYSLOG_IDENTIFIER=wsgid
SYSLOG_FACILITY=3
PATH=/a
EMPTY=
SPACE=a b
QUOTE=a"b
EQUALS=a=b
LINE "a\nb"
N=3
D=1.5s

MESSAGE=failed err="cannot do it"
PRIORITY=3
SYSLOG_IDENTIFIER=wsgid
SYSLOG_FACILITY=3
ERR=cannot do it

MESSAGE "request failed request_id=1\nTraceback:\n  File \"x.py\"\n\nValueError"
PRIORITY=3
SYSLOG_IDENTIFIER=wsgid
SYSLOG_FACILITY=3
REQUEST_ID=1

MESSAGE=derived site=blog g.a=1 g.b=2 g.in.c=3
PRIORITY=6
SYSLOG_IDENTIFIER=wsgid
SYSLOG_FACILITY=3
SITE=blog
G_A=1
G_B=2
G_IN_C=3

MESSAGE=underived who=resolved
PRIORITY=6
SYSLOG_IDENTIFIER=wsgid
SYSLOG_FACILITY=3
WHO=resolved

`

func TestJournal(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	var spare bytes.Buffer
	write(slog.New(j.handler(&spare, false)))
	var got strings.Builder
	for r, ok := j.take(); ok; r, ok = j.take() {
		got.WriteString(r.String() + "\n")
	}
	if got.String() != goldenJournal {
		t.Errorf("got\n%s\nwant\n%s", got.String(), goldenJournal)
	}
	if spare.Len() > 0 {
		t.Errorf("written elsewhere as well: %s", spare.String())
	}
}

func TestJournalLevels(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]int{
		slog.LevelDebug: 7, slog.LevelInfo: 6, slog.LevelInfo + 1: 6, slog.LevelWarn: 4, slog.LevelError: 3, slog.LevelError + 4: 3,
	} {
		if got := priority(level); got != want {
			t.Errorf("%s: got %d, want %d", level, got, want)
		}
	}
}

// TestJournalReads: no message is one that journalctl would not show.
func TestJournalReads(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	l := slog.New(j.handler(io.Discard, false))
	for message, want := range map[string]string{
		"a\r\nb\r\n":         "a k=v\nb",
		"bell\a":             "bell\ufffd k=v",
		"latin-1 caf\xe9":    "latin-1 caf\ufffd k=v",
		"utf-8 caf\u00e9":    "utf-8 caf\u00e9 k=v",
		"\x1b[31mred\x1b[0m": "\x1b[31mred\x1b[0m k=v",
		"a\tb\x00c":          "a\tb\ufffdc k=v",
	} {
		l.Info(message, "k", "v")
		r, ok := j.next()
		if !ok || r.get("MESSAGE") != want {
			t.Errorf("%q gives %q, want %q", message, r.get("MESSAGE"), want)
		}
	}
	l.Info("m", "k", "caf\xe9")
	if r, _ := j.next(); r.get("MESSAGE") != `m k="caf\xe9"` || r.get("K") != "caf\xe9" {
		t.Errorf("got %v", r)
	}
}

// TestLargeRecords: those that fit into no datagram arrive as a file.
func TestLargeRecords(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	var spare bytes.Buffer
	l := slog.New(j.handler(&spare, false))
	traceback := "Traceback\n" + strings.Repeat(strings.Repeat("x", 79)+"\n", 100_000) + "End"
	value := strings.Repeat("y", 1<<20)
	l.Error("large\n"+traceback, "value", value)
	r, ok := j.next()
	if !ok {
		t.Fatalf("nothing came; %d bytes went elsewhere", spare.Len())
	}
	if message := r.get("MESSAGE"); message != "large value="+value+"\n"+traceback {
		t.Errorf("a message of %d bytes", len(message))
	}
	if r.get("VALUE") != value || r.get("PRIORITY") != "3" {
		t.Errorf("got %.200s", r)
	}
	l.Info("small")
	if r, _ := j.next(); r.get("MESSAGE") != "small" {
		t.Errorf("then %s", r)
	}
}

// TestManyWriters: records from several goroutines do not mix.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	j := newJournal(t)
	var spare bytes.Buffer
	l := slog.New(j.handler(&spare, false))
	const writers, each = 8, 100
	underWay := make(chan struct{}, 8) // fewer than net.unix.max_dgram_qlen lets wait
	var all sync.WaitGroup
	for i := range writers {
		derived := l.With("writer", i)
		all.Go(func() {
			for n := range each {
				underWay <- struct{}{}
				derived.Info("first\nsecond", "n", n)
			}
		})
	}
	got := map[string]int{}
	for range writers * each {
		r, ok := j.next()
		if !ok {
			t.Fatalf("%d records came, and elsewhere %q", len(got), spare.String())
		}
		<-underWay
		key := "writer=" + r.get("WRITER") + " n=" + r.get("N")
		if r.get("MESSAGE") != "first "+key+"\nsecond" {
			t.Errorf("got %s", r)
		}
		got[key]++
	}
	all.Wait()
	if len(got) != writers*each || spare.Len() > 0 {
		t.Errorf("%d different records, and elsewhere %q", len(got), spare.String())
	}
}

// TestJournalUnreachable: what the journal does not take is written as text, and
// it gets the records again once it is back.
func TestJournalUnreachable(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*fakeJournal){
		"absent":   func(j *fakeJournal) { must(j.t, os.Remove(j.path)) },
		"stopped":  func(j *fakeJournal) { j.stop() },
		"too busy": func(j *fakeJournal) { j.overwhelm() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJournal(t)
			var spare bytes.Buffer
			l := slog.New(j.handler(&spare, false))
			away(j)
			write(l)
			if got := times.ReplaceAllString(spare.String(), "TIME"); got != goldenText {
				t.Errorf("got\n%s\nwant\n%s", got, goldenText)
			}
			spare.Reset()
			j.restart()
			l.Info("back")
			if r, ok := j.next(); !ok || r.get("MESSAGE") != "back" || spare.Len() > 0 {
				t.Errorf("then came %v, %q", r, spare.String())
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFieldName(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"site": "SITE", "request_id": "REQUEST_ID", "err": "ERR", "pid": "WORKER_PID", "g.pid": "G_PID",
		"Content-Type": "CONTENT_TYPE", "_private": "PRIVATE", "2nd": "WSGID_2ND", "": "WSGID_", "__": "WSGID_",
		"message": "WSGID_MESSAGE", "priority": "WSGID_PRIORITY", "syslog_pid": "WSGID_SYSLOG_PID", "\u00fcber": "BER",
		strings.Repeat("k", 100): strings.Repeat("K", 64),
	} {
		if got := fieldName(key); got != want {
			t.Errorf("%q: got %s, want %s", key, got, want)
		}
	}
}

// FuzzRecord: what is encoded is what a decoder reads, and its names are ones
// that journald accepts.
func FuzzRecord(f *testing.F) {
	f.Add("message\nmore", "request_id", "a\nb")
	f.Add("", "", "=\n\n=")
	f.Add("a=b", "_1", "\x00")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		name := fieldName(key)
		valid := func(r rune) bool { return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' }
		if len(name) == 0 || len(name) > 64 || name[0] < 'A' || name[0] > 'Z' || strings.ContainsFunc(name, func(r rune) bool { return !valid(r) }) {
			t.Errorf("%q gives the name %q", key, name)
		}
		got, err := decode(encode(slog.LevelWarn, message, appendField(nil, name, value)))
		want := record{{"MESSAGE", message}, {"PRIORITY", "4"}, {"SYSLOG_IDENTIFIER", "wsgid"}, {"SYSLOG_FACILITY", "3"}, {name, value}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	})
}
