// Reload counts what clients lose while a web server takes on new code: wsgid beside
// Apache with mod_wsgi, nginx with uWSGI, uWSGI alone and gunicorn, each from Debian's
// packages and each by its own ways to reload.
//
//	go run ./tests/reload [-reloads N] [-interval D] [-import D] [-only REGEXP]
//	                      [-seed N] [-wsgid PATH]
//
// What holds in every run:
//
//   - Every server runs the very same application (tests/apps/load), with two processes
//     of fifteen threads, and is driven by the very same load (tests/load): kept
//     connections and others, small requests, uploads, streams and requests that sleep,
//     far below what any of them can serve. uWSGI has no uploads without a length, since
//     its applications would have to know of them.
//   - One server is up at a time. The table says what the client itself missed of
//     its time, and a time in which nothing is done shows the machine's own noise.
//   - A new generation of the code is there before each reload, and the row says how
//     many of them answered. nginx's own reload changes no code.
//   - Reloads follow each other at a fixed interval, or later where a reload that is
//     waited for takes longer, or no answer of the new code has come.
//   - Every process started here is ended by its process id, also after an error or a
//     signal (tests/peers); a machine goes with all that is in it (tests/boot).
//
// wsgid runs as systemd runs it, on a booted machine, and is reloaded by `systemctl
// reload`, upgraded and restarted. Without root, or where no machine can be booted, it is
// `wsgid run --reload` instead, which reloads when it sees a file change.
//
// # Columns
//
// Failed are the requests that a user would have seen fail, and the next two columns say
// how: closed under a request is the end of a kept connection after the request was sent,
// before any answer. Closed idle, before anything was sent, is no failure: a client
// connects again, if it notices in time. Wait is the longest that a request of those that are
// answered at once waited for its right answer; silence is the longest that some waited
// and none was answered. Both are without the time in which the client itself was not
// run, and for the reloads only; "at rest" is the longer of the two before the first of
// them. Late is the longest that the client's own timers were late.
package main
