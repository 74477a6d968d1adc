package load

import "fmt"

// Kind says how a request, or the connection between two requests, ended.
type Kind int

const (
	OK Kind = iota

	// Failures.
	Slow         // complete and right, but later than Options.SlowAfter (the client's own stalls taken off)
	WrongStatus  // a complete answer with another status than 200
	ClosedReused // the connection had answered before; it ended under the request, without a byte of an answer
	ClosedFresh  // a new connection ended (FIN) without a byte of an answer
	Reset        // ECONNRESET, but for what is ClosedReused
	Truncated    // the connection ended (FIN) in the middle of an answer
	Malformed    // what came is not an HTTP/1.1 response
	WrongContent // a complete answer that is not the one asked for: its length, a byte of it, a digest
	Foreign      // an answer to another request, or one given before
	Unasked      // bytes behind a complete answer
	Timeout      // no end within the limit
	Refused      // connect: ECONNREFUSED
	ConnectError // connect: anything else; a UNIX socket that is not there, a full backlog
	OtherError   // any other error of the connection

	// Not failures: no request was lost.
	ClosedIdle // the server closed before anything of the next request had been sent; it went out on a new connection
	LeftOpen   // the server did not close after the answer to "Connection: close" (RFC 9112, section 9.6)
	Abandoned  // cut off by the end of Start's context

	kinds
)

// names of kinds, for people.
func (k Kind) String() string {
	names := [kinds]string{
		"ok", "slow", "wrong status", "closed under a request", "closed without an answer", "reset", "truncated",
		"malformed", "wrong content", "foreign", "unasked", "timeout", "refused", "connect error", "other error",
		"closed while idle", "left open", "abandoned",
	}
	if k < 0 || k >= kinds {
		return fmt.Sprintf("kind %d", int(k))
	}
	return names[k]
}

// Failed reports whether a user would have seen a failure.
func (k Kind) Failed() bool { return k > OK && k < ClosedIdle }
