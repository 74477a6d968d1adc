package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/confine"
)

// TestAppArmor compiles the profiles. Where the kernel has AppArmor and root runs the
// test, they are loaded as well, and a program that is confined by one cannot do what
// the other processes of the machine can.
func TestAppArmor(t *testing.T) {
	parser, err := exec.LookPath("/usr/sbin/apparmor_parser")
	if err != nil {
		t.Skip("no apparmor_parser: not proved that the AppArmor profiles compile")
	}
	for _, name := range []string{"wsgid-supervisor", "wsgid-leader"} {
		profile := "apparmor/" + name
		// -Q: nothing is loaded; -K: nothing is cached.
		if output, err := exec.Command(parser, "-QK", profile).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", profile, err, output)
		}
		names, err := exec.Command(parser, "-N", profile).Output()
		if err != nil || strings.TrimSpace(string(names)) != name {
			t.Errorf("%s has the profiles %q (%v)", profile, names, err)
		}
	}
	t.Run("enforced", func(t *testing.T) { testEnforced(t, parser) })
}

// TestAppArmorDenies: what neither front end nor application has any business with is in no
// rule, or denied by one. tests/boot has the test of what they are allowed.
func TestAppArmorDenies(t *testing.T) {
	parser, err := exec.LookPath("/usr/sbin/apparmor_parser")
	if err != nil {
		t.Skip("no apparmor_parser: not proved what the AppArmor profiles deny")
	}
	for name, denied := range map[string]map[string]string{
		"wsgid-supervisor": {
			"/etc/shadow": "rw", "/etc/wsgi/blog.toml": "w", "/etc/ssl/private/blog.key": "r", "/root/x": "rw", "/home/joe/x": "rw",
			"/srv/blog/data": "w", "/var/lib/blog/data": "rw", "/usr/bin/python3": "x", "/usr/bin/wsgid": "w", "/bin/sh": "x",
			"/run/credentials/other.service/key": "r", "/proc/sys/kernel/core_pattern": "w", "/dev/mem": "r",
		},
		"wsgid-leader": {
			"/etc/shadow": "rw", "/etc/wsgi/blog.env": "r", "/etc/passwd": "w", "/root/x": "rwx", "/boot/vmlinuz": "r",
			"/run/wsgi/blog:web.a.sock": "w", "/proc/sys/kernel/core_pattern": "w", "/usr/bin/wsgid": "w", "/usr/lib/systemd/system/x": "w",
			"/sys/fs/cgroup/x": "w", "/dev/mem": "r", "/dev/sda": "rw",
		},
	} {
		text := command(t, parser, "--preprocess", "apparmor/"+name)
		profile, err := confine.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for path, perms := range denied {
			if lacks := profile.Lacks(path, perms); lacks != perms {
				t.Errorf("%s: of %s to %s only %q is refused", name, perms, path, lacks)
			}
		}
	}
}

func testEnforced(t *testing.T, parser string) {
	if enabled, err := os.ReadFile("/sys/module/apparmor/parameters/enabled"); err != nil || strings.TrimSpace(string(enabled)) != "Y" || os.Getuid() != 0 {
		t.Skip("no AppArmor in the kernel, or not root: not proved that the profiles confine anything")
	}
	need(t, "aa-exec")
	profile := "apparmor/wsgid-leader"
	command(t, parser, "-rK", profile)
	t.Cleanup(func() { command(t, parser, "-R", profile) })
	if output, err := exec.Command("aa-exec", "-p", "wsgid-leader", "cat", "/etc/hostname").CombinedOutput(); err != nil {
		t.Errorf("what every program may read: %v\n%s", err, output)
	}
	if output, err := exec.Command("aa-exec", "-p", "wsgid-leader", "cat", "/etc/shadow").CombinedOutput(); err == nil {
		t.Errorf("root reads /etc/shadow under the profile:\n%s", output)
	}
}

// TestSELinux builds the module with the development files of the reference policy. That
// a kernel enforces it, nothing proves: it wants a machine that was booted with SELinux and
// labelled.
func TestSELinux(t *testing.T) {
	const devel = "/usr/share/selinux/devel/Makefile"
	need(t, "make", "checkmodule", "semodule_package")
	if _, err := os.Stat(devel); err != nil {
		t.Skip("no selinux-policy-dev: not proved that the SELinux module builds")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("selinux")); err != nil {
		t.Fatal(err)
	}
	command(t, "env", "MAKEFLAGS=", "make", "-s", "-C", dir, "-f", devel, "wsgid.pp")
	info, err := os.Stat(filepath.Join(dir, "wsgid.pp"))
	if err != nil || info.Size() == 0 {
		t.Errorf("no module was built: %v", err)
	}
	// What has a context is what is installed, or made by systemd for sites.
	contexts := string(contents(t, "selinux/wsgid.fc"))
	for _, path := range []string{"/usr/bin/wsgid", "/etc/wsgi", "/run/wsgi", "/var/log/wsgi"} {
		if !strings.Contains("\n"+contexts, "\n"+path) {
			t.Errorf("%s has no context", path)
		}
	}
}
