// Package loop waits for sockets with epoll(7) and calls whoever is to act.
//
// The Go runtime has a poller of its own, but it wakes a goroutine for each
// event, and it asks for writability of every descriptor: a UNIX socket
// reports that whenever its peer has read, which would be one useless wake-up
// for each request given to a worker. Here one goroutine, in one system call
// most of its life, takes a batch of events and handles them itself.
//
// Invariant: a Handler is called by its loop's goroutine alone and does not
// wait for anything but the processor. What must wait runs elsewhere and comes
// back by Post.
package loop

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Event says what a socket may have to offer.
type Event uint32

// Readable reports bytes, or the end of input.
func (e Event) Readable() bool {
	return e&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
}

// Writable reports room for output, or an error that a write would find.
func (e Event) Writable() bool { return e&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 }

// HungUp reports that the peer has closed the connection or its sending side.
func (e Event) HungUp() bool { return e&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 }

// Handler is called when its source has events.
type Handler interface{ Ready(Event) }

// Mode is how a source is watched.
type Mode uint32

const (
	// Reading reports new input once; what is left unread is not reported again.
	Reading Mode = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	// Both reports room for output as well.
	Both Mode = Reading | unix.EPOLLOUT
	// Accepting reports as long as there is a connection to accept.
	Accepting Mode = unix.EPOLLIN
	// Nothing keeps the source without watching it.
	Nothing Mode = unix.EPOLLET
)

// Loop is a set of watched sockets and the goroutine that waits for them.
type Loop struct {
	epoll, wake int
	sleeping    atomic.Bool
	done        chan struct{}

	mu      sync.Mutex
	sources []*Source // by descriptor
	serial  uint32
	posted  []func()
	closed  bool
}

// Source is a watched descriptor. It belongs to whoever added it, who also
// closes the descriptor, after Remove.
type Source struct {
	loop    *Loop
	fd      int
	serial  uint32
	handler Handler
}

// New starts a loop.
func New() (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make an epoll instance: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("cannot make an event descriptor: %w", err)
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(wake)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, wake, &event); err != nil {
		unix.Close(epoll)
		unix.Close(wake)
		return nil, fmt.Errorf("cannot watch an event descriptor: %w", err)
	}
	l := &Loop{epoll: epoll, wake: wake, done: make(chan struct{})}
	go l.run()
	return l, nil
}

// Add watches fd, which must be non-blocking unless it is only accepted from.
func (l *Loop) Add(fd int, mode Mode, h Handler) (*Source, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("cannot watch a descriptor: the loop is closed")
	}
	l.serial++
	s := &Source{loop: l, fd: fd, serial: l.serial, handler: h}
	for len(l.sources) <= fd {
		l.sources = append(l.sources, make([]*Source, max(64, len(l.sources)))...)
	}
	l.sources[fd] = s
	if err := s.control(unix.EPOLL_CTL_ADD, mode); err != nil {
		l.sources[fd] = nil
		return nil, err
	}
	return s, nil
}

// Watch changes what is reported. Input or room that is there already is
// reported again.
func (s *Source) Watch(mode Mode) error { return s.control(unix.EPOLL_CTL_MOD, mode) }

func (s *Source) control(operation int, mode Mode) error {
	event := unix.EpollEvent{Events: uint32(mode), Fd: int32(s.fd), Pad: int32(s.serial)}
	if err := unix.EpollCtl(s.loop.epoll, operation, s.fd, &event); err != nil {
		return fmt.Errorf("cannot watch descriptor %d: %w", s.fd, err)
	}
	return nil
}

// Remove stops the watching. A call of the handler may still be under way in
// the loop's goroutine, but none begins after it. Closing the descriptor takes
// it out of the kernel's set (epoll(7)), so that costs no system call here.
func (s *Source) Remove() {
	s.loop.mu.Lock()
	defer s.loop.mu.Unlock()
	if s.loop.sources[s.fd] == s {
		s.loop.sources[s.fd] = nil
	}
}

// RemoveShared is Remove for a descriptor that has copies elsewhere: closing this
// one would leave it in the kernel's set.
func (s *Source) RemoveShared() {
	s.Remove()
	_ = s.control(unix.EPOLL_CTL_DEL, 0) // it is not there if the loop has ended
}

// Loop is the loop that watches the source.
func (s *Source) Loop() *Loop { return s.loop }

// Post has the loop's goroutine call f soon, after the calls under way. After
// Close it does nothing.
func (l *Loop) Post(f func()) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	if l.sleeping.Load() {
		l.rouse()
	}
}

func (l *Loop) rouse() {
	one := [8]byte{1}
	_, _ = unix.Write(l.wake, one[:]) // full means that a wake-up is due already
}

// Close ends the loop and waits for its goroutine. It must not be called from
// a Handler.
func (l *Loop) Close() {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	if !already {
		l.rouse()
	}
	<-l.done
}

// batch is how many events one system call fetches.
const batch = 128

func (l *Loop) run() {
	defer close(l.done)
	events := make([]unix.EpollEvent, batch)
	sources := make([]*Source, batch)
	var calls []func()
	var turn schedulerTurn
	n := 0
	for {
		n = l.wait(events, turn.keep(time.Now(), n > 0))
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			unix.Close(l.epoll)
			unix.Close(l.wake)
			return
		}
		for i := range n {
			sources[i] = l.find(&events[i])
		}
		calls, l.posted = l.posted, calls[:0]
		l.mu.Unlock()
		for i := range n {
			if s := sources[i]; s != nil && l.current(s, i) {
				s.handler.Ready(Event(events[i].Events))
			}
			sources[i] = nil
		}
		for i, call := range calls {
			call()
			calls[i] = nil
		}
	}
}

// schedulerTurn keeps the scheduler from taking the loop for a goroutine that
// runs too long. One that has not been scheduled for 10 ms loses its processor
// in its next system call, however short, and while that goes on the runtime's
// monitor looks every 20 µs (runtime.sysmon, retake): as much work again as the
// loop has with a slow stream of requests.
//
// A loop that waits in a system call for 10 ms loses its processor as well, and the
// monitor that has taken it begins again to look every 20 µs when the loop comes back.
// So one that has events time and again waits for a little less at once.
type schedulerTurn struct {
	last  time.Time // when others had a turn
	event time.Time // when there were events
	brisk bool      // the latest came within brisk time of each other
}

// briskTime is how long after its events a loop may expect others.
const briskTime = 64 * time.Millisecond

// keep is called before each wait, and told whether the last one ended with events. It
// returns how long to wait, in milliseconds; -1 without end.
func (t *schedulerTurn) keep(now time.Time, events bool) int {
	const half, most = 5 * time.Millisecond, 8
	if now.Sub(t.last) > half {
		t.last = now
		runtime.Gosched()
	}
	recent := now.Sub(t.event) < briskTime
	if events {
		t.brisk, t.event = recent, now
	} else if !recent {
		t.brisk = false
	}
	if t.brisk {
		return most
	}
	return -1
}

// current reports whether a source that was found is still watched: an earlier
// call of the same batch may have removed it.
func (l *Loop) current(s *Source, position int) bool {
	if position == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sources[s.fd] == s
}

func (l *Loop) find(e *unix.EpollEvent) *Source {
	if int(e.Fd) == l.wake || int(e.Fd) >= len(l.sources) {
		return nil
	}
	// A descriptor that was closed and is in use again has another serial.
	if s := l.sources[e.Fd]; s != nil && s.serial == uint32(e.Pad) {
		return s
	}
	return nil
}

// wait fetches events, for which it waits for timeout milliseconds, and not when
// something was posted.
func (l *Loop) wait(events []unix.EpollEvent, timeout int) int {
	l.sleeping.Store(true)
	l.mu.Lock()
	if len(l.posted) > 0 || l.closed {
		timeout = 0
	}
	l.mu.Unlock()
	n, err := unix.EpollWait(l.epoll, events, timeout)
	l.sleeping.Store(false)
	if err != nil {
		return 0 // EINTR; nothing else can happen to a valid descriptor
	}
	return n
}
