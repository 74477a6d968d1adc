package packaging_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPreinst runs the deb's preinst in roots of its own, which have a merged /usr or not.
func TestPreinst(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: not proved that the deb refuses a machine on which systemd would not find its units")
	}
	deb, _ := packages(t)
	control := t.TempDir()
	command(t, "dpkg-deb", "-e", deb, control)
	apart, merged := "mkdir -p lib/systemd usr/lib/systemd", "mkdir -p usr/lib/systemd && ln -s usr/lib lib"
	for _, c := range []struct {
		name, layout, args string
		refused            bool
	}{
		{name: "apart", layout: apart, args: "install", refused: true},
		{name: "apart, after a removal", layout: apart, args: "install 1.0.0-1", refused: true},
		{name: "apart, and no systemd", layout: "mkdir -p lib usr/lib", args: "install"},
		{name: "apart, and already there", layout: apart, args: "upgrade 1.0.0-1"},
		{name: "merged", layout: merged, args: "install"},
		{name: "merged, upgrade", layout: merged, args: "upgrade 1.0.0-1"},
		{name: "an upgrade that is taken back", layout: apart, args: "abort-upgrade 1.1.0-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			command(t, "sh", "-c", `cd "$1" && `+c.layout, "sh", root)
			shellInto(t, root)
			command(t, "cp", filepath.Join(control, "preinst"), root)
			cmd := exec.Command("chroot", append([]string{root, "/shell/sh", "/preinst"}, strings.Fields(c.args)...)...)
			output, err := cmd.CombinedOutput()
			var ended *exec.ExitError
			if err != nil && !errors.As(err, &ended) {
				t.Fatal(err)
			}
			if refused := err != nil; refused != c.refused {
				t.Fatalf("refused: %v (%v)\n%s", refused, err, output)
			}
			if hinted := strings.Contains(string(output), "hint: apt-get install usrmerge"); hinted != c.refused {
				t.Errorf("it says %q", output)
			}
		})
	}
}

// shellInto copies the shell that runs maintainer scripts to /shell, and what it is linked
// with to where it looks for that.
func shellInto(t *testing.T, root string) {
	t.Helper()
	command(t, "sh", "-c", `mkdir "$1/shell" && cp "$(readlink -f /bin/sh)" "$1/shell/sh"`, "sh", root)
	for _, library := range regexp.MustCompile(`/\S+\.so\S*`).FindAllString(command(t, "ldd", "/bin/sh"), -1) {
		command(t, "sh", "-c", `mkdir -p "$2/${1%/*}" && cp -L "$1" "$2/$1"`, "sh", library, root)
	}
}
