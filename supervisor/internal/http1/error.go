package http1

import "strconv"

// Error is a refusal of what a client sent. The connection cannot be used after
// one: where the next message would begin is no longer known.
type Error struct {
	// Status is the HTTP status to answer with: 400, 403, 413, 414, 417, 431, 501 or 505.
	Status int
	// Reason is one short sentence saying what was wrong, fit for the client and
	// for the log: it never repeats bytes of the message.
	Reason string
}

// Error returns the status and the reason, "400: two Host fields".
func (e *Error) Error() string { return strconv.Itoa(e.Status) + ": " + e.Reason }

// refuse returns an error and not an *Error, so that no caller can return a
// typed nil.
func refuse(status int, reason string) error {
	return &Error{Status: status, Reason: reason}
}

// bad is a refusal with status 400.
func bad(reason string) error { return refuse(400, reason) }
