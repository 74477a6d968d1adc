package group

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// sendRequest writes a request to an idle thread without waiting. The caller holds
// sending, which it gives up.
func (t *thread) sendRequest(frame []byte) error {
	packet := frame[:min(len(frame), wire.MaxPacket)]
	rest, err := frame[len(packet):], error(nil)
	if len(rest) > 0 {
		// First, so that the thread finds it there and does not wait again.
		rest, err = t.tryWrite(rest)
	}
	if err == nil {
		err = t.sendPacket(packet)
	}
	if err == nil && len(rest) > 0 {
		return t.sendHolding(rest)
	}
	if err != nil {
		// Of a thread that is idle and still has no room, too: it answers without
		// receiving.
		t.setSendFailed()
	}
	t.sending.Unlock()
	return err
}

// sendPacket writes a packet whole, or not at all. The caller holds sending.
func (t *thread) sendPacket(packet []byte) error {
	if t.closed {
		return syscall.EPIPE
	}
	for {
		_, err := syscall.Write(t.requests, packet)
		if err != syscall.EINTR {
			return err
		}
	}
}

// takeUnread takes back what the worker has not received and returns how many packets
// that were: of those that were sent, the last. The caller holds sending.
func (t *thread) takeUnread() (packets int) {
	if t.closed {
		return 0
	}
	var first [1]byte // of a packet; the rest of it goes with that
	for {
		n, err := recv(t.unread, first[:])
		switch {
		case err == syscall.EINTR:
		case err != nil || n == 0:
			return packets
		default:
			packets++
		}
	}
}

// recv receives without waiting from a descriptor that is not set to that.
func recv(fd int, p []byte) (int, error) {
	n, _, err := unix.Recvfrom(fd, p, unix.MSG_DONTWAIT)
	return n, err
}

// cutShort reports whether err says that the process had not read all of a request
// that is larger than a packet: a stream socket that is closed with unread bytes in it
// resets its peer.
func (j *job) cutShort(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) && j.body == nil && j.frame != nil && len(j.frame.Bytes) > wire.MaxPacket
}
