// Package conformance asks whether wsgid is the gateway that PEP 3333 describes, and
// that applications know from mod_wsgi.
//
// One test, TestConformance, has a subtest for each subject, under the name that
// mod_wsgi's own tests give it, so that `go test -run 'TestConformance/file_wrapper'` is
// that subject:
//
//   - A subject has an application of its own, in apps, whose answer says what it was
//     given; the application itself is never asked for its opinion.
//   - Requests are bytes on a connection, responses are read as a client reads them, and
//     a response that was cut is never taken for one that ended.
//   - Applications that keep to the standard themselves are served a second time behind
//     wsgiref.validate, which raises where the server does not.
//   - A subject that is not built yet is not listed.
//
// WSGID_TEST_PYTHON and WSGID_TEST_BINARY choose what is tested, as in tests/serve.
package conformance
