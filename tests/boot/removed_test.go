package boot_test

import (
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestRemovedSockets: somebody removes the sockets of a group from the file system, a
// cleaner of /run for one. Requests do not notice, and reloads make them again.
func TestRemovedSockets(t *testing.T) {
	boot.Run(t, "sockets that were removed from the file system come back",
		boot.Case{Name: "removed", Run: func(t *testing.T, m *boot.Machine) {
			s := serve(m, "removed", "", "", "")
			s.start()
			first := s.answers(t)
			m.MustRun("rm", s.inletPath("a"), s.inletPath("b"))
			if pid := s.answers(t); pid != first {
				t.Errorf("process %s answers after %s", pid, first)
			}
			// The slot that is free gets its socket before the reload needs it, the other
			// one when it is free itself.
			seen := map[string]bool{first: true}
			for range 2 {
				m.MustRun("systemctl", "reload", s.service())
				pid := s.answers(t)
				if seen[pid] {
					t.Errorf("process %s answers again", pid)
				}
				seen[pid] = true
			}
			for _, path := range []string{s.inletPath("a"), s.inletPath("b")} {
				if !m.Exists(path) {
					t.Errorf("%s is not there", path)
				} else if owner := m.Owner(path); owner != "wsgi:wsgi 600" {
					t.Errorf("%s is %s", path, owner)
				}
			}
		}},
	)
}
