package http1

import "time"

// Pieces of a response may be held back for a moment, so that an application that
// makes it of many small ones costs fewer writes and packets.

// holdSize is how many bytes are held back at most: beyond, a write costs little for
// each byte.
const holdSize = 64 << 10

// holdState belongs to the response's lock.
type holdState struct {
	delay time.Duration // 0: nothing is held back
	held  []byte        // framed, and not yet given to the system or the spool
	flush *time.Timer   // nil while nothing is held back
}

// SetFlushDelay has the pieces of this response that do not end it wait so long for
// more of it; 0 sends each at once.
func (r *Response) SetFlushDelay(d time.Duration) { r.hold.delay = d }

// SetSendTimeout is Options.SendTimeout for this response; 0 means that one.
func (r *Response) SetSendTimeout(d time.Duration) { r.sendTimeout = d }

// SetCopyFiles has files that SendFile is given read and written, not sent with sendfile(2).
func (r *Response) SetCopyFiles(on bool) { r.copyFiles = on }

// holdLocked keeps bytes back, and reports whether it did.
func (r *Response) holdLocked(p []byte) bool {
	h := &r.hold
	if h.delay <= 0 || r.spool != nil || len(h.held)+len(p) > min(holdSize, r.limit) {
		return false
	}
	h.held = append(h.held, p...)
	if h.flush == nil {
		serial := r.serial
		h.flush = time.AfterFunc(h.delay, func() { r.flush(serial) })
	}
	return true
}

// flush sends what has been held back long enough.
func (r *Response) flush(serial uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.overLocked(serial) {
		_ = r.releaseLocked() // who makes the next piece hears of it
	}
}

// releaseLocked sends what is held back.
func (r *Response) releaseLocked() error {
	if len(r.hold.held) == 0 {
		return nil
	}
	held := r.takeHeldLocked()
	err := r.passLocked(held)
	r.hold.held = held[:0]
	return err
}

// takeHeldLocked is what is held back, which is the caller's now.
func (r *Response) takeHeldLocked() []byte {
	h := &r.hold
	held := h.held
	h.held = nil
	if h.flush != nil {
		h.flush.Stop()
		h.flush = nil
	}
	return held
}
