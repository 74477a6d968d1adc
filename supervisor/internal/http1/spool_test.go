package http1

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// dupFile makes a file and returns a descriptor of it that the engine may own.
func dupFile(t testing.TB, content string) int {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// pattern is n bytes of which no part looks like another.
func pattern(n int) string {
	b := make([]byte, 0, n+32)
	for i := uint64(0); len(b) < n; i++ {
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, i))
		b = append(b, sum[:]...)
	}
	return string(b[:n])
}

// data produces like a thread: while the response is full it waits for room.
func (x *exchange) data(p Piece) error {
	r := &x.conn.Response
	if _, err := r.Data(x.serial, p); err != nil {
		return err
	}
	room := make(chan struct{}, 1)
	for r.Full(x.serial, func() { room <- struct{}{} }) {
		<-room
	}
	return nil
}

// A client that does not read stops the application only when memory and file
// are full, and gets everything in order when it does.
func TestSlowReader(t *testing.T) {
	const memory, file, chunk, size = 256 << 10, 2 << 20, 100_000, 24 << 20
	text := pattern(size)
	progress := make(chan int, size/chunk+1)
	s := serve(t, &app{answer: func(x *exchange) {
		x.conn.Response.SetMemory(memory)
		if _, err := x.conn.Response.Start(x.serial, head("200 OK"), tight("")); err != nil {
			t.Error(err)
		}
		for at := 0; at < size; at += chunk {
			if err := x.data(roomy(text[at:min(at+chunk, size)])); err != nil {
				t.Errorf("at %d: %v", at, err)
			}
			progress <- at + chunk
		}
		if err := x.conn.Response.End(x.serial); err != nil {
			t.Error(err)
		}
	}}, func(o *Options) { o.ResponseSpool = file })
	c := s.dial(t)
	c.send(get)
	produced := stopsAt(progress)
	// Beside the spool the system's own buffers take some megabytes.
	if produced < memory+file-chunk || produced > memory+file+chunk+12<<20 {
		t.Errorf("the application was stopped after %d bytes", produced)
	}
	// A client that takes a little moves it on by a little.
	const little = 1 << 20
	start := make([]byte, little)
	if _, err := io.ReadFull(c.in, start); err != nil {
		t.Fatal(err)
	}
	if more := stopsAt(progress); more > produced+little+6<<20 {
		t.Errorf("%d bytes were produced after the client took %d", more-produced, little)
	}
	c.in = bufio.NewReader(io.MultiReader(bytes.NewReader(start), c.in))
	if r := c.receive("GET"); r.body != text {
		t.Errorf("%d bytes came that are not those that were sent", len(r.body))
	}
}

// stopsAt returns the last of what is reported before a pause.
func stopsAt(progress <-chan int) (last int) {
	for {
		select {
		case last = <-progress:
		case <-time.After(300 * time.Millisecond):
			return last
		}
	}
}

// From memory to the file and back to direct writing, many times over.
func TestSlowReaderCatchesUp(t *testing.T) {
	const rounds, burst = 6, 6 << 20
	text := pattern(burst)
	next := make(chan struct{})
	s := serve(t, &app{answer: func(x *exchange) {
		_, _ = x.conn.Response.Start(x.serial, head("200 OK"), tight(""))
		for range rounds {
			<-next
			if err := x.data(roomy(text)); err != nil {
				t.Errorf("Data: %v", err)
				return
			}
		}
		if err := x.conn.Response.End(x.serial); err != nil {
			t.Error(err)
		}
	}}, func(o *Options) { o.ResponseSpool, o.SendTimeout = 64<<20, 400*time.Millisecond })
	c := s.dial(t)
	c.send(get)
	if _, err := c.in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	for line := "x"; line != "\r\n"; {
		var err error
		if line, err = c.in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	chunk := "600000\r\n" + text + "\r\n"
	got := make([]byte, len(chunk))
	for i := range rounds {
		next <- struct{}{}
		time.Sleep(10 * time.Millisecond)
		if _, err := io.ReadFull(c.in, got); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if string(got) != chunk {
			t.Fatalf("round %d: the content is not what was sent", i)
		}
		if i == 1 {
			// The application is silent for longer than a client may be.
			time.Sleep(600 * time.Millisecond)
		}
	}
	if end, err := c.in.Peek(5); err != nil || string(end) != "0\r\n\r\n" {
		t.Errorf("the end: %q, %v", end, err)
	}
}

func TestSendTimeout(t *testing.T) {
	result := make(chan error, 1)
	s := serve(t, &app{answer: func(x *exchange) {
		_, _ = x.conn.Response.Start(x.serial, head("200 OK"), tight(""))
		for {
			if err := x.data(tight(strings.Repeat("x", 1<<20))); err != nil {
				result <- err
				return
			}
		}
	}}, func(o *Options) { o.SendTimeout = 100 * time.Millisecond })
	s.dial(t).send(get)
	if err := await(t, "the end of the response", result); !errors.Is(err, ErrGone) {
		t.Errorf("Data: %v", err)
	}
	eventually(t, "the connection to end", func() bool { return s.server.Open() == 0 })
}

// An abort ends a response at once although the client takes nothing of it.
func TestAbortWhileSpooled(t *testing.T) {
	for range 30 {
		s := serve(t, &app{answer: func(x *exchange) {
			r := &x.conn.Response
			_, _ = r.Start(x.serial, head("200 OK"), tight(strings.Repeat("x", 8<<20)))
			r.Abort(x.serial)
		}}, func(o *Options) { o.ResponseSpool, o.SendTimeout = 64<<20, 0 })
		c := s.dial(t)
		c.send(get)
		if _, err := c.in.Peek(1); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the connection to end", func() bool { return s.server.Open() == 0 })
		if r, err := c.tryReceive("GET"); err == nil {
			t.Fatalf("an aborted response of %d bytes looks complete", len(r.body))
		}
		s.stop()
	}
}

func TestSendFile(t *testing.T) {
	for name, copied := range map[string]bool{"sendfile": false, "copied": true} {
		t.Run(name, func(t *testing.T) { testSendFile(t, copied) })
	}
}

// TestCopyFiles: a file that sendfile(2) does not take, here the memory of this process
// (proc(5)), is sent all the same when files are copied.
func TestCopyFiles(t *testing.T) {
	text := []byte(pattern(1 << 20))
	for _, copied := range []bool{false, true} {
		s := serve(t, &app{answer: func(x *exchange) {
			r := &x.conn.Response
			r.SetCopyFiles(copied)
			fd, err := unix.Open("/proc/self/mem", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = r.Start(x.serial, head("200 OK", "Content-Length", strconv.Itoa(len(text))), Piece{})
			if r.SendFile(x.serial, fd, int64(uintptr(unsafe.Pointer(&text[0]))), int64(len(text))) == nil {
				_ = r.End(x.serial)
			}
		}}, nil)
		c := s.dial(t)
		c.send(get)
		r, err := c.tryReceive("GET")
		if whole := err == nil && r.body == string(text); whole != copied {
			t.Errorf("copied: %v; %d bytes, error %v", copied, len(r.body), err)
		}
		c.Close()
	}
}

func testSendFile(t *testing.T, copied bool) {
	text := pattern(5 << 20)
	tests := []struct {
		name           string
		first          string
		declared       string
		offset, length int64
		request, want  string
		broken         bool
	}{
		{name: "whole", declared: "5242880", length: 5 << 20, request: get, want: text},
		{name: "a part behind data", first: "data", declared: "1004", offset: 77, length: 1000, request: get, want: "data" + text[77:1077]},
		{name: "more than declared", declared: "10", length: 1000, request: get, want: text[:10]},
		{name: "head request", declared: "10", length: 10, request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{name: "empty", first: "x", declared: "1", request: get, want: "x"},
		{name: "shorter than declared", declared: "10", length: 5, request: get, broken: true},
		{name: "cut file", declared: "5242890", length: 5<<20 + 10, request: get, broken: true},
		{name: "no length", length: 10, request: get, broken: true},
		{name: "negative", declared: "10", offset: -1, length: 10, request: get, broken: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, &app{answer: func(x *exchange) {
				r := &x.conn.Response
				if x.target == "/warm" {
					_ = x.complete("200 OK", "")
					return
				}
				r.SetCopyFiles(copied)
				h := head("200 OK")
				if test.declared != "" {
					h = head("200 OK", "Content-Length", test.declared)
				}
				over, err := r.Start(x.serial, h, tight(test.first))
				if err != nil || over {
					return
				}
				if err := r.SendFile(x.serial, dupFile(t, text), test.offset, test.length); err == nil {
					_ = r.End(x.serial)
				}
			}}, nil)
			s.warm(t)
			before := descriptors(t)
			c := s.dial(t)
			c.send(test.request)
			time.Sleep(5 * time.Millisecond)
			r, err := c.tryReceive(test.request[:strings.IndexByte(test.request, ' ')])
			if (err != nil) != test.broken || err == nil && r.body != test.want {
				t.Errorf("got %d bytes, error %v", len(r.body), err)
			}
			if !test.broken {
				c.exchange("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n") // the connection goes on
			}
			c.Close()
			eventually(t, "the descriptors to be closed", func() bool { return descriptors(t) <= before })
		})
	}
}
