package conformance_test

import (
	"strings"
	"testing"
)

// testRestrict: WSGIRestrictStdin, WSGIRestrictStdout and WSGIRestrictSignal.
func testRestrict(t *testing.T) {
	t.Run("on", func(t *testing.T) {
		play(t, serve(t, config{app: "restrict.py", group: "restrict-stdin = true\nrestrict-stdout = true"}), []exchange{
			{"stdin.read", get("/stdin/read"), []check{body("OSError")}},
			{"stdin.readline", get("/stdin/readline"), []check{body("OSError")}},
			{"stdin.fileno", get("/stdin/fileno"), []check{body("OSError")}},
			{"stdin iterated", get("/stdin/iterate"), []check{body("OSError")}},
			{"stdout.write", get("/stdout/write"), []check{body("OSError")}},
			{"print", get("/stdout/print"), []check{body("OSError")}},
			{"stdout.flush", get("/stdout/flush"), []check{body("OSError")}},
		})
	})
	t.Run("off", func(t *testing.T) {
		g := serve(t, config{app: "restrict.py"})
		play(t, g, []exchange{
			{"stdin is at its end", get("/stdin/read"), []check{body("done ''")}},
			{"stdout", get("/stdout/write"), []check{body("done 17")}},
			{"print", get("/stdout/print"), []check{body("done None")}},
		})
		g.log.await(t, "a line of output")
	})
	// The process must end when it is told to all the same, which the end of the test sees to.
	t.Run("signal", func(t *testing.T) {
		g := serve(t, config{app: "restrict.py", env: `EARLY = "yes"`, group: "shutdown-timeout = 20"})
		g.log.await(t, `registration for signal 15 ignored`)
		// Python itself refuses it in threads; here nobody gets as far.
		play(t, g, []exchange{{"in a request", get("/signal"), []check{status(200), did}}})
		g.log.await(t, `registration for signal 10 ignored`)
	})
	t.Run("signal off", func(t *testing.T) {
		g := serve(t, config{app: "restrict.py", group: "restrict-signal = false"})
		play(t, g, []exchange{{"in a request", get("/signal"), []check{body("ValueError")}}})
	})
}

// did is an attempt that raised nothing.
func did(r *reply) string {
	if !strings.HasPrefix(r.body, "done ") {
		return "it raised something"
	}
	return ""
}
