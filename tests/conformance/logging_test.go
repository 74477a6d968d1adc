package conformance_test

import (
	"strings"
	"testing"
)

// testLogging: whatever an application writes gets into the log, line by line and as it
// was; what it writes to wsgi.errors names the request.
func testLogging(t *testing.T) {
	g := serve(t, config{app: "logs.py"})
	for _, test := range []struct {
		way   string
		lines []string // behind the text; nil means one line, of the text alone
		named bool     // the line has the request's id
	}{
		{way: "print"},
		{way: "stdout"},
		{way: "stdout_lines", lines: []string{" one", " two"}},
		{way: "stdout_buffer"},
		{way: "stdout_bytearray"},
		{way: "stdout_memoryview"},
		{way: "stderr"},
		{way: "stderr_lines", lines: []string{" one", " two"}},
		{way: "stderr_buffer"},
		{way: "errors", named: true},
		{way: "errors_lines", lines: []string{" one", " two"}, named: true},
		{way: "errors_unended", named: true},
		{way: "errors_in_parts", named: true},
		{way: "errors_flushed", named: true},
		{way: "several_lines", lines: []string{" one", " two"}},
		{way: "descriptor_1"},
		{way: "descriptor_2"},
		{way: "logging"},
	} {
		t.Run(test.way, func(t *testing.T) {
			g := g.in(t)
			marker := "marker of " + strings.ReplaceAll(test.way, "_", " ") + " ends"
			r := g.send(get("/" + test.way + "?" + strings.ReplaceAll(marker, " ", "+")))
			if r.status != 200 || r.body != "logged" {
				t.Fatalf("status %d, body %q", r.status, r.body)
			}
			lines := test.lines
			if lines == nil {
				lines = []string{""}
			}
			for _, line := range lines {
				text := `[^\n]*` + strings.ReplaceAll(marker, " ", `\+`) + line + `["\\][^\n]*`
				if test.named {
					text += r.header.Get("X-Request-ID")
				}
				g.log.await(t, text)
			}
		})
	}
	play(t, g, []exchange{{"raise", get("/raise?no-number-this"), []check{errorPage(500)}}})
	t.Run("traceback", func(t *testing.T) {
		g.log.await(t, `Traceback \(most recent call last\)[^\n]*logs\.py[^\n]*ValueError: invalid literal[^\n]*no-number-this`)
	})
}
