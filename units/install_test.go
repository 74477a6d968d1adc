package units

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runTool calls a tool of systemd that works on a directory tree, without systemd
// running.
func runTool(t *testing.T, loss, tool string, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Skipf("no %s: %s", tool, loss)
	}
	if out, err := exec.Command(path, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", tool, strings.Join(arguments, " "), err, out)
	}
}

// TestEnable: enabling the service enables the socket, and makes no link to
// anything of the generator.
func TestEnable(t *testing.T) {
	root := t.TempDir()
	installShipped(t, filepath.Join(root, "usr/lib/systemd/system"), false)
	runTool(t, "not proved that systemctl enable wsgi@SITE works", "systemctl", "--root="+root, "enable", "wsgi@my-blog.v2.service")
	var links []string
	err := filepath.WalkDir(filepath.Join(root, "etc"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type()&os.ModeSymlink != 0 {
			target, readErr := os.Readlink(path)
			links = append(links, strings.TrimPrefix(path, root)+" -> "+target)
			return readErr
		}
		return err
	})
	want := []string{
		"/etc/systemd/system/multi-user.target.wants/wsgi@my-blog.v2.service -> /lib/systemd/system/wsgi@.service",
		"/etc/systemd/system/sockets.target.wants/wsgi@my-blog.v2.socket -> /lib/systemd/system/wsgi@.socket",
	}
	for i := range links {
		links[i] = strings.Replace(links[i], "/usr/lib/", "/lib/", 1)
	}
	if err != nil || !slices.Equal(links, want) {
		t.Errorf("the links are\n%s\n%v, want\n%s", strings.Join(links, "\n"), err, strings.Join(want, "\n"))
	}
}

func TestSysusers(t *testing.T) {
	file, err := filepath.Abs("../packaging/sysusers/wsgid.conf")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	runTool(t, "not proved that the packages make the users", "systemd-sysusers", "--root="+root, file)
	text, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"wsgi", "wsgi-app"} {
		line := ""
		for _, l := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(l, user+":") {
				line = l
			}
		}
		if fields := strings.Split(line, ":"); len(fields) != 7 || fields[2] == "0" || !strings.HasSuffix(fields[6], "/nologin") {
			t.Errorf("user %s is %q", user, line)
		}
	}
}

func TestTmpfiles(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("not root: not proved that the packages make /run/wsgi as it has to be")
	}
	file, err := filepath.Abs("../packaging/tmpfiles/wsgid.conf")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	runTool(t, "not proved that the packages make /run/wsgi as it has to be", "systemd-tmpfiles", "--root="+root, "--create", file)
	info, err := os.Stat(filepath.Join(root, "run/wsgi"))
	if err != nil || info.Mode() != os.ModeDir|0o755 {
		t.Errorf("/run/wsgi is %v, %v", info, err)
	}
}
