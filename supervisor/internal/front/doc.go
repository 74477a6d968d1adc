// Package front is the front end of a site: it decides which daemon group gets
// a request, builds the environ from the parsed bytes, receives the body so
// that a slow sender holds no thread, and writes the access log.
//
// What it keeps true:
//
//   - A request reaches an application only with a path that is decoded once,
//     without empty, "." or ".." segments, so that no mount can be reached by a
//     second spelling of another's path.
//   - Redirects and rewrites come before the place of a request is chosen; what they
//     take from it stays in its part of an address, of which the host is never one.
//   - Nothing is compressed by a goroutine that others wait for.
//   - A header name that two programs could read differently never reaches the
//     environ (names outside [A-Za-z0-9-], Proxy).
//   - What a client says about itself is believed only from trusted proxies.
//   - A request body is received before a thread is asked to look at it, up to
//     the spool limit; only a client that waits for "100 Continue", and what
//     exceeds the limit, is read while the application runs.
package front
