// Package http1 is the HTTP/1.1 engine: a strict parser of requests, the loop
// that serves a connection, and the writer of responses (RFC 9110, RFC 9112).
//
// What it keeps true:
//
//   - A connection on which a message's framing was in doubt is closed after
//     the answer; nothing that follows on it is read as a request.
//   - A connection that waits, for a request or for the rest of one, holds no
//     buffer it does not need and nobody else's thread.
//   - Every response ends in exactly one of three ways: complete; an error
//     status of the engine's own; an aborted connection that cannot be taken
//     for a complete response (no final chunk, fewer bytes than
//     Content-Length, or a reset).
//   - The application's pace does not depend on the client's: what the client
//     does not take at once is spooled, in memory and then in an unlinked
//     file, up to bounds.
//   - "100 Continue" is sent when somebody reads the body, and not before.
//
// A connection has two sides that may run at the same time: the reading side
// is one goroutine that owns the parser and the request body; the writing side
// belongs to whoever produces the response, one goroutine at a time.
package http1
