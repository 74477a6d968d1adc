package http1

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/loop"
)

// Listener is a listening socket with what is known of it.
type Listener struct {
	// Port is the TCP port, "" for a UNIX socket.
	Port string
	// Unix says that it is a UNIX socket.
	Unix bool

	source net.Listener
	file   *os.File // the same socket, for raw calls, which package net forbids on listeners
	fd     int      // of file
	server *Server
	done   chan struct{}
	failed chan error // capacity 1

	// accepting is held while connections are taken, and before mu: who has held it
	// after closed or paused was set knows that all that were taken are the server's.
	accepting sync.Mutex

	mu     sync.Mutex
	watch  *loop.Source
	closed bool
	paused bool
}

// NewListener takes over a TCP or UNIX listener.
func NewListener(source net.Listener) (*Listener, error) {
	l := &Listener{source: source, done: make(chan struct{}), failed: make(chan error, 1)}
	switch a := source.Addr().(type) {
	case *net.TCPAddr:
		l.Port = strconv.Itoa(a.Port)
	case *net.UnixAddr:
		l.Unix = true
	}
	filer, ok := source.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("cannot serve %s: it is no socket", source.Addr())
	}
	var err error
	if l.file, err = filer.File(); err != nil {
		return nil, fmt.Errorf("cannot serve %s: %w", source.Addr(), err)
	}
	// Not with Fd, which makes the socket blocking: the flag is shared with every
	// copy, that of another supervisor included, whose accept would wait then.
	raw, err := l.file.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { l.fd = int(fd) })
	}
	if err == nil {
		err = unix.SetNonblock(l.fd, true)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot serve %s: %w", source.Addr(), err), l.file.Close())
	}
	return l, nil
}

// Addr is the address listened at.
func (l *Listener) Addr() net.Addr { return l.source.Addr() }

// Close ends Serve and closes the socket. When it returns, every connection that was
// accepted counts as open in the server. A connection that has come since stays in the
// backlog, for whoever else has the socket.
func (l *Listener) Close() error {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if l.watch != nil {
		l.watch.RemoveShared() // systemd has it as well
	}
	close(l.done)
	return errors.Join(l.file.Close(), l.source.Close())
}

// Pause stops accepting, with what Close says of connections, until Resume.
func (l *Listener) Pause() {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	l.setPaused(true)
}

// Resume accepts again after Pause.
func (l *Listener) Resume() { l.setPaused(false) }

func (l *Listener) setPaused(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = on
	if on {
		l.watchLocked(loop.Nothing)
	} else {
		l.watchLocked(loop.Accepting)
	}
}

// serve accepts connections for a server until the listener is closed.
func (l *Listener) serve(s *Server) error {
	l.mu.Lock()
	l.server = s
	var err error
	if !l.closed {
		mode := loop.Accepting
		if l.paused {
			mode = loop.Nothing
		}
		l.watch, err = s.loops[0].Add(l.fd, mode, l)
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-l.done:
		return nil
	case <-s.stop:
		return nil
	case err := <-l.failed:
		return err
	}
}

// acceptBatch is how many connections are accepted before others have a turn.
const acceptBatch = 64

// Ready implements loop.Handler.
func (l *Listener) Ready(loop.Event) {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	if l.still() {
		return
	}
	for range acceptBatch {
		if !l.server.hasRoom() {
			l.rest(nil)
			return
		}
		// Options of the listening socket, TCP_NODELAY for one, are inherited (tcp(7)).
		fd, address, err := unix.Accept4(l.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			l.server.serve(fd, address, l)
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED, unix.EPROTO:
		case unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOBUFS:
			l.rest(err)
			return
		default:
			l.fail(fmt.Errorf("cannot accept connections at %s: %w", l.Addr(), err))
			return
		}
	}
}

// restTime is how long a listener that cannot take connections leaves them in
// the backlog before it tries again.
const restTime = 50 * time.Millisecond

// rest stops accepting for a moment; a nil error means that the server is full.
func (l *Listener) rest(err error) {
	if err != nil {
		l.server.options().Logger.Error("cannot accept connections for now", "err", err)
	}
	l.watchAs(loop.Nothing)
	time.AfterFunc(restTime, func() { l.watchAs(loop.Accepting) })
}

// still reports that nothing is to be accepted: the event came before that was said.
func (l *Listener) still() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed || l.paused
}

func (l *Listener) watchAs(mode loop.Mode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.paused {
		l.watchLocked(mode)
	}
}

func (l *Listener) watchLocked(mode loop.Mode) {
	if l.closed || l.watch == nil {
		return
	}
	if err := l.watch.Watch(mode); err != nil {
		l.fail(err)
	}
}

func (l *Listener) fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}
