package http1

import (
	"errors"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// spliceAll sends size bytes that come from a socket, as a worker thread's
// carrier does: spliced where that is possible, copied where it is not. It
// returns how many were spliced.
func (x *exchange) spliceAll(from, size int) (spliced int, err error) {
	r := &x.conn.Response
	room := make(chan struct{}, 1)
	for left := size; left > 0; {
		moved, over, ok, err := r.Splice(x.serial, from, left)
		spliced += moved
		left -= moved
		switch {
		case err != nil || over:
			return spliced, err
		case !ok:
			n, err := x.copySome(from, min(left, 64<<10))
			if err != nil {
				return spliced, err
			}
			left -= n
		case moved == 0:
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(from), Events: unix.POLLIN}}, int(within.Milliseconds())); err != nil && err != unix.EINTR {
				return spliced, err
			}
		}
		for r.Full(x.serial, func() { room <- struct{}{} }) {
			<-room
		}
	}
	return spliced, nil
}

func (x *exchange) copySome(from, n int) (int, error) {
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(from), Events: unix.POLLIN}}, int(within.Milliseconds())); err != nil && err != unix.EINTR {
		return 0, err
	}
	buf := make([]byte, headRoom+n+tailRoom)
	n, err := unix.Read(from, buf[headRoom:headRoom+n])
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	_, err = x.conn.Response.Data(x.serial, Piece{Buf: buf, Start: headRoom, End: headRoom + n})
	return n, err
}

// source is a non-blocking socket from which text comes.
func source(t *testing.T, text string) int {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for rest := []byte(text); len(rest) > 0; {
			n, err := unix.SendmsgN(fds[1], rest, nil, nil, unix.MSG_NOSIGNAL)
			if err != nil {
				return // the reading end was closed
			}
			rest = rest[n:]
		}
	}()
	t.Cleanup(func() {
		unix.Close(fds[0])
		<-written
		unix.Close(fds[1])
	})
	return fds[0]
}

func TestSplice(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	text := pattern(size)
	for _, test := range []struct {
		name   string
		fields []string
		want   string // of text
		splice bool   // some of it goes that way
	}{
		{"whole", []string{"Content-Length", strconv.Itoa(size)}, text, true},
		{"longer than declared", []string{"Content-Length", strconv.Itoa(size - 12345)}, text[:size-12345], true},
		{"chunked", nil, text, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			from := source(t, text)
			counts := make(chan int, 1)
			s := serve(t, &app{answer: func(x *exchange) {
				r := &x.conn.Response
				over, err := r.Start(x.serial, head("200 OK", test.fields...), tight(""))
				if err != nil || over {
					t.Errorf("over %t, %v", over, err)
				}
				n, err := x.spliceAll(from, size)
				counts <- n
				if err != nil {
					t.Error(err)
				}
				if len(test.want) == size && test.fields == nil {
					if err := r.End(x.serial); err != nil {
						t.Error(err)
					}
				}
			}}, nil)
			c := s.dial(t)
			if r := c.exchange(get); r.body != test.want {
				t.Errorf("%d bytes came, of %d, or others than those", len(r.body), len(test.want))
			}
			if n := await(t, "the end of the response", counts); (n > 0) != test.splice {
				t.Errorf("%d bytes were spliced", n)
			}
		})
	}
}

// A client that goes away in the middle ends the producer, and no pipe with
// bytes in it is used again.
func TestSpliceClientGone(t *testing.T) {
	t.Parallel()
	const size = 32 << 20
	text := pattern(1 << 20)
	long := ""
	for len(long) < size {
		long += text
	}
	ended := make(chan error, 2)
	from := []int{source(t, long), source(t, long[:1<<20])}
	turn := make(chan int, 2)
	turn <- 0
	turn <- 1
	s := serve(t, &app{answer: func(x *exchange) {
		i := <-turn
		n := []int{size, 1 << 20}[i]
		_, err := x.conn.Response.Start(x.serial, head("200 OK", "Content-Length", strconv.Itoa(n)), tight(""))
		if err == nil {
			_, err = x.spliceAll(from[i], n)
		}
		ended <- err
	}}, nil)
	gone := s.dial(t)
	gone.send(get)
	if _, err := gone.in.Peek(100); err != nil {
		t.Fatal(err)
	}
	gone.Close()
	if err := await(t, "the end of the first response", ended); !errors.Is(err, ErrGone) {
		t.Errorf("the producer heard %v", err)
	}
	if r := s.dial(t).exchange(get); r.body != long[:1<<20] {
		t.Errorf("%d bytes came after another client had gone, or others", len(r.body))
	}
}
