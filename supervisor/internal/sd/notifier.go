package sd

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// statusInterval is the least time between two datagrams for STATUS= alone.
	statusInterval = 300 * time.Millisecond
	// retryInterval is after how long systemd is asked again that had no room for
	// a datagram. A daemon-reload of many units takes it seconds.
	retryInterval = 100 * time.Millisecond
	// maxKept bounds the datagrams that wait for room. Beyond it the oldest go:
	// the latest ones say what holds.
	maxKept = 64
)

// Notifier tells systemd the state of the service (sd_notify(3)). A nil
// Notifier, as there is outside systemd, does nothing. The methods may be
// called from any goroutine. Only Barrier waits, and only it and Close return
// errors. What systemd has no room for (EAGAIN, ENOBUFS) is sent later and no
// error; any other failure is logged, once until something can be sent again.
type Notifier struct {
	log  *slog.Logger
	send func(message string, rights []byte) error // does not wait
	end  func() error

	mu       sync.Mutex
	closed   bool
	kept     []string    // for want of room, oldest first; they go before the status
	status   string      // what STATUS= is to be at last
	stale    bool        // systemd has not got status
	statusAt time.Time   // when STATUS= was sent
	timer    *time.Timer // runs wake; nil while nothing waits
	failing  bool
	unlogged error // the first of a series
}

// NewNotifier returns a Notifier for the socket that NOTIFY_SOCKET names; nil
// without one.
func NewNotifier(getenv func(string) string, log *slog.Logger) (*Notifier, error) {
	path := getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil, nil
	}
	s, err := openNotifySocket(path)
	if err != nil {
		return nil, fmt.Errorf("cannot notify systemd: %w", err)
	}
	return &Notifier{log: log, send: s.send, end: s.close}, nil
}

// Ready says that the service serves, first or again: every Reloading needs a
// Ready after it, also when the reload failed, or systemd waits for ever
// (versions 253 to 258). A status that is not "" goes into the same datagram.
func (n *Notifier) Ready(status string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.unlock()
	message := "READY=1"
	if status != "" {
		n.status, n.stale, n.statusAt = oneLine(status), false, time.Now()
		message += "\nSTATUS=" + n.status
	}
	n.tellLocked(message)
}

// Status shows text in `systemctl status`: as one line, and cut to what can be
// read there. It may be called as often as the text may have changed; at most
// about three a second are sent, and always the last one.
func (n *Notifier) Status(text string) {
	if n == nil {
		return
	}
	text = oneLine(text)
	n.mu.Lock()
	defer n.unlock()
	if text == n.status {
		return
	}
	n.status, n.stale = text, true
	n.flushLocked()
}

// Stopping says that the service ends.
func (n *Notifier) Stopping() { n.tell("STOPPING=1") }

// Reloading says that a reload begins; see Ready.
func (n *Notifier) Reloading() {
	var now unix.Timespec
	// It cannot fail: the clock exists and the address is valid (clock_gettime(2)).
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	n.tell("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
}

// ExtendTimeout asks that the start, the reload or the stop under way get at
// least d from now on. The first call must come before the unit's own timeout,
// each later one within the d before.
func (n *Notifier) ExtendTimeout(d time.Duration) {
	n.tell("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10))
}

// MainPID makes pid the unit's main process. With NotifyAccess=main systemd
// hears no more from this one after that, so Ready comes before. The process
// must be one that systemd adopted, not a child of this one, or systemd does
// not see it end.
func (n *Notifier) MainPID(pid int) { n.tell("MAINPID=" + strconv.Itoa(pid)) }

// Watchdog says that the service is alive. When systemd is too busy to take it,
// it is not kept; see WatchdogInterval for how often to call.
func (n *Notifier) Watchdog() {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.unlock()
	if !n.closed {
		_ = n.sendLocked("WATCHDOG=1", nil)
	}
}

// Close sends what can be sent at once, a waiting status too, and frees the
// socket. Barrier is for what must have arrived.
func (n *Notifier) Close() error {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.unlock()
	if n.closed {
		return nil
	}
	n.statusAt = time.Time{}
	n.flushLocked()
	n.closed = true
	if n.timer != nil {
		n.timer.Stop()
	}
	return n.end()
}

func (n *Notifier) tell(message string) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.unlock()
	n.tellLocked(message)
}

func (n *Notifier) tellLocked(message string) {
	if len(n.kept) > 0 && n.kept[len(n.kept)-1] == message {
		return
	}
	n.kept = append(n.kept, message)
	if len(n.kept) > maxKept {
		n.kept = n.kept[1:]
	}
	n.flushLocked()
}

// flushLocked sends what waits, and has wake called when something is left.
func (n *Notifier) flushLocked() {
	if n.closed {
		return
	}
	for len(n.kept) > 0 {
		if busy(n.sendLocked(n.kept[0], nil)) {
			n.wakeLocked(retryInterval)
			return
		}
		n.kept = n.kept[1:]
	}
	if !n.stale {
		return
	}
	if wait := statusInterval - time.Since(n.statusAt); wait > 0 {
		n.wakeLocked(wait)
		return
	}
	if busy(n.sendLocked("STATUS="+n.status, nil)) {
		n.wakeLocked(retryInterval)
		return
	}
	n.stale, n.statusAt = false, time.Now()
}

func (n *Notifier) wakeLocked(after time.Duration) {
	if n.timer == nil {
		n.timer = time.AfterFunc(after, n.wake)
	}
}

func (n *Notifier) wake() {
	n.mu.Lock()
	defer n.unlock()
	n.timer = nil
	n.flushLocked()
}

func (n *Notifier) sendLocked(message string, rights []byte) error {
	err := n.send(message, rights)
	if busy(err) {
		return err
	}
	if err != nil && !n.failing {
		n.unlogged = err
	}
	n.failing = err != nil
	return err
}

// unlock unlocks mu and then logs what went wrong meanwhile: the logger may
// take its time.
func (n *Notifier) unlock() {
	err := n.unlogged
	n.unlogged = nil
	n.mu.Unlock()
	if err != nil {
		n.log.Warn("cannot notify systemd", "err", err)
	}
}
