package peers

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// AdoptOrphans has what a server leaves behind become children of this process, so
// that Stop finds it (PR_SET_CHILD_SUBREAPER, prctl(2)).
func AdoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot adopt orphans: %w", err)
	}
	return nil
}

// Backlog is 1024 or what the kernel allows: uWSGI refuses more than that.
func Backlog() int {
	const wanted = 1024
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return 128 // the kernel's own default before Linux 5.4
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 128
	}
	return min(wanted, limit)
}

// Missing gives the Debian packages, sorted, of those of the files that are not there;
// files is as Kind.Needs.
func Missing(files map[string]string) []string {
	missing := map[string]bool{}
	for file, pkg := range files {
		if _, err := os.Stat(file); err != nil {
			missing[pkg] = true
		}
	}
	return slices.Sorted(maps.Keys(missing))
}

// Version is that of an installed Debian package, "unknown" if it is not installed.
func Version(ctx context.Context, pkg string) string {
	out, err := exec.CommandContext(ctx, "dpkg-query", "--show", "--showformat=${Version}", pkg).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
