package boot

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// hostProblem says in a few words why this host cannot boot a machine. It is empty
// when nothing speaks against it; what only shows when it is tried (mounting, say) is
// an unavailable error later.
func hostProblem() string {
	if os.Geteuid() != 0 {
		return "not root"
	}
	for _, program := range []struct{ name, deb string }{
		{"systemd-nspawn", "systemd-container"},
		{"mmdebstrap", "mmdebstrap"},
		{"nsenter", "util-linux"},
		{"make", "make"},
	} {
		if _, err := exec.LookPath(program.name); err != nil {
			return fmt.Sprintf("no %s (Debian package %s)", program.name, program.deb)
		}
	}
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return err.Error()
	}
	if !strings.Contains(string(filesystems), "\tcgroup2\n") {
		return "a kernel without cgroup2"
	}
	return ""
}
