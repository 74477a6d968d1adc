package front

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/group"
	"github.com/wsgid/wsgid/supervisor/internal/http1"
)

// streamOf opens a connection, asks, and returns the response with a reader of its body.
func streamOf(t *testing.T, address net.Addr) (*http.Response, io.Reader, net.Conn) {
	t.Helper()
	conn, err := net.DialTimeout(address.Network(), address.String(), within)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(within))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, z, conn
}

// TestCompressFlushes: each piece arrives before the next one is made.
func TestCompressFlushes(t *testing.T) {
	t.Parallel()
	next := make(chan bool)
	address := playAt(t, compressSite, func(r group.Response, serial uint64) {
		_, err := r.Start(serial, headOf("200 OK", "Content-Type: text/event-stream"), piece("data: 0\n\n"))
		for i := 1; err == nil && <-next; i++ {
			_, err = r.Data(serial, piece(fmt.Sprintf("data: %d\n\n", i)))
		}
		if err := errors.Join(err, r.End(serial)); err != nil {
			t.Error(err)
		}
	})
	_, body, _ := streamOf(t, address)
	for i := range 5 {
		want := fmt.Sprintf("data: %d\n\n", i)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(body, got); err != nil || string(got) != want {
			t.Fatalf("event %d is %q %v", i, got, err)
		}
		next <- i < 4
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("behind the events: %q %v", rest, err)
	}
}

// TestCompressEnds: a body that is too short, or given up, never looks whole; what is too
// long is cut; and the compressors are free again.
func TestCompressEnds(t *testing.T) {
	t.Parallel()
	head := headOf("200 OK", "Content-Type: text/plain", "Content-Length: 1000")
	for name, end := range map[string]func(r group.Response, serial uint64) error{
		"short": func(r group.Response, serial uint64) error {
			if err := r.End(serial); !errors.Is(err, http1.ErrShort) {
				return fmt.Errorf("End of a short body: %w", err)
			}
			return nil
		},
		"given up": func(r group.Response, serial uint64) error { r.Error(serial, 504, "late", ""); return nil },
		"aborted":  func(r group.Response, serial uint64) error { r.Abort(serial); return nil },
		"cut": func(r group.Response, serial uint64) error {
			over, err := r.Data(serial, piece(strings.Repeat("y", 2000)))
			if !over {
				err = errors.Join(err, errors.New("the end was not reached"))
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := make(chan struct{})
			var packer *packer
			address := playAt(t, compressSite, func(r group.Response, serial uint64) {
				packer = r.(*compressed).packer
				_, err := r.Start(serial, head, piece(strings.Repeat("x", 500)))
				<-begun
				if err := errors.Join(err, end(r, serial)); err != nil {
					t.Error(err)
				}
				if name != "cut" && name != "short" {
					if _, err := r.Data(serial, piece("more")); !errors.Is(err, http1.ErrGone) {
						t.Errorf("more: %v", err)
					}
				}
			})
			_, body, _ := streamOf(t, address)
			got := make([]byte, 500)
			if _, err := io.ReadFull(body, got); err != nil {
				t.Fatal(err)
			}
			close(begun)
			rest, err := io.ReadAll(body)
			if (err == nil) != (name == "cut") || name == "cut" && len(rest) != 500 {
				t.Errorf("the rest has %d bytes, %v", len(rest), err)
			}
			eventually(t, "the compressor to be free", func() bool { return packer.open.Load() == 0 })
		})
	}
}

// TestCompressWaits: a client that reads nothing stops the application, and one that goes
// away ends it.
func TestCompressWaits(t *testing.T) {
	t.Parallel()
	full, gone := make(chan struct{}), make(chan error, 1)
	noise := make([]byte, 100<<10)
	for i := range noise {
		noise[i] = byte(i * i >> 7 * (i%251 + 1)) // hardly to be compressed
	}
	address := playAt(t, "response-spool-limit = 0\n"+compressSite, func(r group.Response, serial uint64) {
		_, err := r.Start(serial, headOf("200 OK", "Content-Type: text/plain"), piece("x"))
		for said := false; err == nil; {
			room := make(chan struct{})
			if r.Full(serial, func() { close(room) }) {
				select {
				case <-room:
				case <-time.After(100 * time.Millisecond):
					if !said {
						said = true
						close(full)
					}
					<-room
				}
				continue
			}
			_, err = r.Data(serial, http1.Piece{Buf: noise, End: len(noise)})
		}
		gone <- err
	})
	_, _, conn := streamOf(t, address)
	select {
	case <-full:
	case <-time.After(within):
		t.Fatal("the application is never stopped")
	}
	conn.Close()
	select {
	case err := <-gone:
		if !errors.Is(err, http1.ErrGone) {
			t.Errorf("the application was told %v", err)
		}
	case <-time.After(within):
		t.Fatal("the application is not told that the client has gone")
	}
}

// TestCompressFile: a file that the application sends is compressed like other bodies.
func TestCompressFile(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/f"
	text := strings.Repeat("0123456789", 100<<10)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := playAt(t, compressSite, func(r group.Response, serial uint64) {
		fd, err := os.Open(name)
		if err != nil {
			t.Error(err)
			return
		}
		defer fd.Close()
		_, err = r.Start(serial, headOf("200 OK", "Content-Type: text/plain", fmt.Sprintf("Content-Length: %d", len(text)-10)), http1.Piece{})
		own, duplicateErr := duplicate(fd)
		err = errors.Join(err, duplicateErr, r.SendFile(serial, own, 10, int64(len(text)-10)), r.End(serial))
		if err != nil {
			t.Error(err)
		}
	})
	r, body, _ := streamOf(t, address)
	got, err := io.ReadAll(body)
	if err != nil || string(got) != text[10:] || r.ContentLength >= 0 {
		t.Errorf("%d bytes, %v, Content-Length %d", len(got), err, r.ContentLength)
	}
}

// duplicate is a descriptor of an open file that somebody else will close.
func duplicate(f *os.File) (int, error) { return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0) }
