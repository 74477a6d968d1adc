package leader

import (
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// hoarder keeps as many mebibytes as it is asked for.
const hoarder = `
kept = []
def application(environ, start_response):
    kept.append(b'x' * (int(environ['wsgi.input'].read() or 0) << 20))
    start_response('200 OK', [])
    return [b'kept']
`

// TestMaximumMemory: a process that has grown is reported once, with figures, and
// serves on; so is it to a supervisor that comes later.
func TestMaximumMemory(t *testing.T) {
	t.Parallel()
	r := serve(t, hoarder, func(o *Options) { o.Group.Processes, o.Group.MaximumMemory = 2, 100<<20 })
	first := r.attach(1)
	r.ready(1)
	threads, pid := r.ready(2)
	threads[0].get("20")
	threads[0].get("120")
	m := r.expect(wire.Expired)
	if m.Process != 2 || m.PID != pid || !strings.HasPrefix(m.Text, "maximum-memory: 1") || !strings.HasSuffix(m.Text, " MiB resident, 100.0 MiB allowed") {
		t.Errorf("got %+v", m)
	}
	time.Sleep(2 * weighEvery) // it is weighed again
	if got := threads[0].get(""); got != "kept" {
		t.Errorf("got %q", got)
	}
	for _, m := range r.unread {
		if m.Type == wire.Expired {
			t.Errorf("reported as well: %+v", m)
		}
	}
	first.die()
	r.attach(2)
	r.ready(2)
	if m := r.expect(wire.Expired); m.Process != 2 {
		t.Errorf("got %+v", m)
	}
}

// TestMaximumMemoryOfNewProcess: one that exceeds it from the start is not replaced for
// ever, and the log says so once.
func TestMaximumMemoryOfNewProcess(t *testing.T) {
	t.Parallel()
	r := lead(t, "ballast = b'x' * (80 << 20)\n"+hoarder, func(o *Options) { o.Group.Processes, o.Group.MaximumMemory = 2, 50<<20 })
	threads, _ := r.ready(1)
	r.ready(2)
	r.log.wait(t, "allow more than ")
	time.Sleep(2 * weighEvery)
	threads[0].get("1")
	for _, m := range r.unread {
		if m.Type == wire.Expired {
			t.Errorf("reported: %+v", m)
		}
	}
	if n := strings.Count(r.log.String(), "maximum-memory is less than"); n != 1 {
		t.Errorf("said %d times", n)
	}
}
