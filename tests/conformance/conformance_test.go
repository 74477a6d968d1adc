package conformance_test

import "testing"

// TestConformance has the subjects of mod_wsgi's own tests, in their order.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: not proved that wsgid is the gateway that applications know")
	}
	for _, subject := range []struct {
		name string
		test func(*testing.T)
	}{
		{"environ", testEnviron},
		{"headers", testHeaders},
		{"method", testMethod},
		{"input", testInput},
		{"request body", testRequestBody},
		{"response", testResponse},
		{"start_response", testStartResponse},
		{"file_wrapper", testFileWrapper},
		{"https", testHTTPS},
		{"proxy headers", testProxyHeaders},
		{"slash collapse", testSlashCollapse},
		{"logging", testLogging},
		{"metrics", testMetrics},
		{"reload", testReload},
		{"interrupt timeout", testInterruptTimeout},
		{"restrict", testRestrict},
		{"access", testAccess},
		{"application groups", testApplicationGroups},
	} {
		t.Run(subject.name, func(t *testing.T) {
			t.Parallel()
			subject.test(t)
		})
	}
}
