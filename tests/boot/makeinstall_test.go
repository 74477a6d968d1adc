package boot_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsgid/wsgid/tests/boot"
)

// shipped are the unit files that are installed.
func shipped() (system, user []string) {
	return []string{"wsgi.slice", "wsgi@.service", "wsgi@.socket"}, []string{"wsgi@.service", "wsgi@.socket"}
}

// TestMakeInstall installs into an empty directory, under every kind of PREFIX, on a
// host that does not say where its systemd reads. What is installed is there, nothing
// else is, and `make uninstall` takes exactly that away.
func TestMakeInstall(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("no make: not proved that `make install` and `make uninstall` agree")
	}
	for _, c := range []struct {
		prefix, units string // units: what the units are below
		variables     []string
		systemUnits   string // where the variables put them; empty means below units
	}{
		{prefix: "/usr", units: "/usr"},
		{prefix: "/usr/local", units: "/usr/local"},
		{prefix: "/opt/wsgid", units: "/usr"},
		{prefix: "/usr", units: "/usr", variables: []string{"systemunitdir=/lib/systemd/system"}, systemUnits: "/lib/systemd/system"},
	} {
		t.Run(strings.Join(append([]string{c.prefix}, c.variables...), " "), func(t *testing.T) {
			if c.systemUnits == "" {
				c.systemUnits = c.units + "/lib/systemd/system"
			}
			dir, bin := t.TempDir(), fakePrograms(t)
			args := append([]string{"BIN=" + bin, "DESTDIR=" + dir, "PREFIX=" + c.prefix, "PKG_CONFIG=false"}, c.variables...)
			run(t, append(args, "install"))

			want := wanted(t, c.prefix, c.units, c.systemUnits)
			assertFiles(t, dir, want)
			unit := read(t, filepath.Join(dir, c.systemUnits, "wsgi@.service"))
			if !strings.Contains(unit, "="+c.prefix+"/bin/wsgid ") || strings.Contains(unit, "@bindir@") {
				t.Errorf("the unit does not start %s/bin/wsgid:\n%s", c.prefix, unit)
			}
			// Root may have no Go: what was built is installed as it is.
			if got := read(t, filepath.Join(dir, c.prefix, "bin/wsgid")); got != "wsgid" {
				t.Errorf("the program was built again: %d bytes", len(got))
			}

			write(t, filepath.Join(dir, "etc/wsgi/blog.toml"), "")
			run(t, append(args, "uninstall"))
			assertFiles(t, dir, map[string]string{"/etc/wsgi/blog.toml": ""})
		})
	}
}

// wanted are the files below the root, and what the links among them lead to.
func wanted(t *testing.T, prefix, units, systemUnits string) map[string]string {
	t.Helper()
	generator := prefix + "/lib/wsgid/wsgid-generator"
	want := map[string]string{
		prefix + "/bin/wsgid": "",
		generator:             "",
		units + "/lib/systemd/system-generators/wsgid-generator":    generator,
		units + "/lib/systemd/user-generators/wsgid-user-generator": generator,
		"/usr/share/dbus-1/system.d/org.wsgid.Site1.conf":           "",
		units + "/lib/sysusers.d/wsgid.conf":                        "",
		units + "/lib/tmpfiles.d/wsgid.conf":                        "",
		"/etc/logrotate.d/wsgid":                                    "",
		prefix + "/share/bash-completion/completions/wsgid":         "",
		prefix + "/share/zsh/site-functions/_wsgid":                 "",
		prefix + "/share/fish/vendor_completions.d/wsgid.fish":      "",
		prefix + "/share/doc/wsgid/README.md":                       "",
		prefix + "/share/doc/wsgid/CHANGELOG.md":                    "",
	}
	for _, page := range globbed(t, "../../packaging/man/*.[0-9]") {
		want[prefix+"/share/man/man"+page[len(page)-1:]+"/"+filepath.Base(page)] = ""
	}
	for _, dir := range []string{"apparmor", "selinux"} {
		for _, file := range globbed(t, "../../packaging/"+dir+"/wsgid*") {
			want[prefix+"/share/wsgid/"+dir+"/"+filepath.Base(file)] = ""
		}
	}
	for _, file := range copied(t) {
		want[prefix+"/share/doc/wsgid/examples/"+file] = ""
	}
	system, user := shipped()
	for _, unit := range system {
		want[systemUnits+"/"+unit] = ""
	}
	for _, unit := range user {
		want[units+"/lib/systemd/user/"+unit] = ""
	}
	return want
}

func globbed(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

// copied are the files of contrib that people copy, without what tests them, by the
// names that they have below the documentation's examples.
func copied(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS("../../contrib"), ".", func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		test := strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "test_") || strings.HasSuffix(name, ".pyc")
		if err == nil && !entry.IsDir() && !test {
			files = append(files, strings.TrimPrefix(path, "examples/"))
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("contrib has %d files: %v", len(files), err)
	}
	return files
}

func fakePrograms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"wsgid", "wsgid-generator"} {
		write(t, filepath.Join(dir, name), name)
	}
	return dir
}

func run(t *testing.T, args []string) {
	t.Helper()
	if err := boot.Make(args...); err != nil {
		t.Fatal(err)
	}
}

// assertFiles compares everything below dir that is no directory.
func assertFiles(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		target := ""
		if entry.Type() == fs.ModeSymlink {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		if leads, ok := want[name]; !ok {
			t.Errorf("%s is there", name)
		} else if leads != target {
			t.Errorf("%s leads to %q, want %q", name, target, leads)
		}
		delete(want, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		t.Errorf("%s is not there", name)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
