package http1

import "errors"

// A response can be the order to answer with something else of this server: one of status
// 200 with a Location that is a path (RFC 3875, 6.2.2).

// SetLocal gives f the Location of such a response in place of the client. f is called with
// the response's lock held, so that the exchange cannot end meanwhile; it must not use the
// response. What it returns, if not nil, is called without the lock and sees to another
// response for the exchange; whoever made the first one is told that it is complete.
func (r *Response) SetLocal(f func(location []byte) (next func())) { r.local = f }

// Again has set prepare the response for another producer, with the Set methods. It
// reports whether the exchange is still under way, with nothing sent.
func (r *Response) Again(serial uint64, set func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overLocked(serial) || r.started {
		return false
	}
	set()
	return true
}

// elsewhere is the error of a response that another one comes in place of.
type elsewhere struct{ next func() }

func (*elsewhere) Error() string { return "the response is made elsewhere" }

// localLocked returns an *elsewhere for a parsed head that is one of those.
func (r *Response) localLocked() error {
	location := r.head.location
	if r.local == nil || r.head.Status != 200 || len(location) == 0 || location[0] != '/' {
		return nil
	}
	next := r.local(location)
	if next == nil {
		return nil
	}
	clear(r.head.Fields) // the buffer is the producer's
	r.head = ResponseHead{Fields: r.head.Fields[:0]}
	return &elsewhere{next}
}

// goElsewhere calls what an *elsewhere has; false for other errors.
func goElsewhere(err error) bool {
	var e *elsewhere
	if err == nil || !errors.As(err, &e) {
		return false
	}
	e.next()
	return true
}
