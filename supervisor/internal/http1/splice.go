package http1

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// pipeSize is the capacity of the pipes that response bodies pass through, in
// bytes; the kernel's default of 64 KiB would double the system calls.
const pipeSize = 256 << 10

// pipes are kept for use again. A pipe that comes back is empty.
type pipes struct {
	mu     sync.Mutex
	free   []pipe
	closed bool
}

type pipe struct{ out, in int }

func (p *pipes) get() (pipe, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		last := p.free[n-1]
		p.free = p.free[:n-1]
		return last, nil
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, fmt.Errorf("cannot make a pipe: %w", err)
	}
	// A smaller pipe works as well: the limit for a user may be reached (pipe(7)).
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize)
	return pipe{out: fds[0], in: fds[1]}, nil
}

func (p *pipes) put(returned pipe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const kept = 4 // a loop uses one at a time
	if p.closed || len(p.free) >= kept {
		returned.close()
		return
	}
	p.free = append(p.free, returned)
}

func (p *pipes) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, each := range p.free {
		each.close()
	}
	p.free = nil
}

func (p pipe) close() {
	closeFD(p.out)
	closeFD(p.in)
}

// Splice moves up to n bytes of the body from a socket to the client without
// copying them through this process (splice(2)). It returns how many it moved;
// 0 means that the socket has none. ok is false when the bytes cannot go that
// way now, because they need framing or the client reads slowly: then Data
// sends them. over is as for Data.
func (r *Response) Splice(serial uint64, from, n int) (moved int, over, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overLocked(serial) {
		return 0, false, false, ErrGone
	}
	if err := r.releaseLocked(); err != nil {
		return 0, false, true, err
	}
	if r.spool != nil || r.skip || r.left <= 0 || len(r.scratch) > 0 {
		return 0, false, false, nil
	}
	through, err := r.conn.server.pipes.get()
	if err != nil {
		return 0, false, false, nil // out of descriptors: copying still works
	}
	const flags = unix.SPLICE_F_MOVE | unix.SPLICE_F_NONBLOCK
	taken, err := unix.Splice(from, nil, through.in, nil, int(min(int64(n), r.left, pipeSize)), flags)
	if err != nil || taken == 0 {
		r.conn.server.pipes.put(through)
		return 0, false, err == unix.EAGAIN, nil // at its end a socket is read as usual
	}
	if err := r.emptyLocked(through, int(taken)); err != nil {
		return int(taken), false, true, err
	}
	r.left -= taken
	r.sent += taken
	if r.left == 0 {
		return int(taken), true, true, r.sendLocked(Piece{}, true)
	}
	return int(taken), false, true, nil
}

// emptyLocked gives what is in the pipe to the client, or to the spool.
func (r *Response) emptyLocked(through pipe, left int) error {
	for left > 0 {
		n, err := unix.Splice(through.out, nil, r.conn.socket.fd, nil, left, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return r.spoolPipeLocked(through, left)
		case err != nil:
			through.close() // with what is in it
			r.abortLocked(ClientGone)
			return ErrGone
		}
		left -= int(n)
	}
	r.conn.server.pipes.put(through)
	return nil
}

// spoolPipeLocked copies what is left in a pipe into the spool.
func (r *Response) spoolPipeLocked(through pipe, left int) error {
	rest := make([]byte, left)
	for at := 0; at < left; {
		n, err := unix.Read(through.out, rest[at:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			through.close()
			r.abortLocked(Broken)
			return fmt.Errorf("cannot read back %d bytes of a pipe: %w", left-at, err)
		}
		at += n
	}
	r.conn.server.pipes.put(through)
	return r.writeLocked(rest)
}
