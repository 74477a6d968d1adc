// Package serve holds the black-box tests of `wsgid run`.
//
// Every test starts the built program over one of the applications of
// tests/apps and talks to it the way a client does: over real sockets, with real
// Python processes behind. What the program promises is asserted from outside
// (answers, bytes on the wire, processes in /proc); its log is only waited for,
// where a promise is about the log itself.
//
// The environment chooses what is tested:
//
//   - WSGID_TEST_PYTHON: the interpreter, /usr/bin/python3 when it is not set;
//   - WSGID_TEST_BINARY: a wsgid built before; when it is not set, TestMain
//     builds one, with WSGID_TEST_BUILDFLAGS (for example -race).
//
// `go test -short` leaves out what moves gigabytes or waits for seconds.
package serve
