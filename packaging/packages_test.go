package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDebFiles compares the deb with what `make install` puts in place.
func TestDebFiles(t *testing.T) {
	deb, _ := packages(t)
	want := installed(t)
	relative(t, want)
	want = packed(want, map[string]string{
		"/usr/share/zsh/site-functions/_wsgid": "/usr/share/zsh/vendor-completions/_wsgid",
		"/usr/share/doc/wsgid/CHANGELOG.md":    "/usr/share/doc/wsgid/changelog.gz",
	})
	for _, name := range []string{"copyright", "changelog.Debian.gz"} {
		want["/usr/share/doc/wsgid/"+name] = file{mode: "644"}
	}
	want["/usr/share/lintian/overrides/wsgid"] = file{mode: "644"}
	got := inDeb(t, deb)
	assertSame(t, got, want)

	// Conffiles are what is in /etc, all of it.
	var etc []string
	for name := range got {
		if strings.HasPrefix(name, "/etc/") {
			etc = append(etc, name)
		}
	}
	slices.Sort(etc)
	if conffiles := strings.Fields(command(t, "dpkg-deb", "-I", deb, "conffiles")); !slices.Equal(conffiles, etc) {
		t.Errorf("conffiles are %q, want %q", conffiles, etc)
	}
}

// TestRpmFiles compares the rpm with the deb: the same files, modes, owners and links,
// but for what each distribution has in a place or form of its own.
func TestRpmFiles(t *testing.T) {
	need(t, "rpm")
	deb, rpm := packages(t)
	const query = `[%{FILENAMES}|%{FILEMODES:octal}|%{FILEUSERNAME}:%{FILEGROUPNAME}|%{FILEFLAGS:fflags}|%{FILELINKTOS}\n]`
	got, flags, directories := map[string]file{}, map[string]string{}, map[string]bool{}
	for line := range strings.Lines(command(t, "rpm", "-qp", "--qf", query, rpm)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if f[2] != "root:root" {
			t.Errorf("%s belongs to %s", f[0], f[2])
		}
		kind := strings.TrimLeft(f[1], "0")
		if strings.HasPrefix(kind, "4") {
			directories[f[0]] = true
			continue
		}
		flags[f[0]] = f[3]
		got[f[0]] = file{link: f[4]}
		if f[4] == "" {
			got[f[0]] = file{mode: kind[len(kind)-3:]}
		}
	}
	want := packed(inDeb(t, deb), map[string]string{
		"/usr/share/zsh/vendor-completions/_wsgid": "/usr/share/zsh/site-functions/_wsgid",
		"/usr/share/doc/wsgid/changelog.gz":        "/usr/share/doc/wsgid/CHANGELOG.md",
		"/usr/share/doc/wsgid/copyright":           "/usr/share/licenses/wsgid/LICENSE",
	})
	delete(want, "/usr/share/doc/wsgid/changelog.Debian.gz")
	delete(want, "/usr/share/lintian/overrides/wsgid")
	assertSame(t, got, want)
	for name := range got {
		assertRemoved(t, directories, filepath.Dir(name))
	}
	for name, flag := range flags {
		if wanted := rpmFlag(name); flag != wanted {
			t.Errorf("%s is marked %q, want %q", name, flag, wanted)
		}
	}
	assertRequirements(t, deb, rpm)
}

// assertRemoved wants a directory of the rpm's own files to be one of the rpm, and its
// parents: rpm leaves others behind when it removes the package.
func assertRemoved(t *testing.T, directories map[string]bool, dir string) {
	t.Helper()
	for ; strings.Contains(dir, "wsgid"); dir = filepath.Dir(dir) {
		if !directories[dir] {
			t.Errorf("the rpm has files in %s, and not the directory", dir)
			directories[dir] = true
		}
	}
}

// rpmFlag is how the rpm is to mark a file: configuration that is not replaced (cn),
// documentation (d), license (l).
func rpmFlag(name string) string {
	switch {
	case strings.HasPrefix(name, "/etc/logrotate.d/"):
		return "cn"
	case strings.HasPrefix(name, "/usr/share/doc/"), strings.HasPrefix(name, "/usr/share/man/"):
		return "d"
	case strings.HasPrefix(name, "/usr/share/licenses/"):
		return "l"
	}
	return ""
}

// assertRequirements compares what the packages ask for: "a >= 1" is "a (>= 1)".
func assertRequirements(t *testing.T, deb, rpm string) {
	t.Helper()
	for field, option := range map[string]string{"Depends": "--requires", "Recommends": "--recommends"} {
		var wanted []string
		for _, one := range strings.Split(strings.TrimSpace(command(t, "dpkg-deb", "-f", deb, field)), ",") {
			wanted = append(wanted, strings.NewReplacer("(", "", ")", "").Replace(strings.TrimSpace(one)))
		}
		var got []string
		for line := range strings.Lines(command(t, "rpm", "-qp", option, rpm)) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "manual: ")
			if !strings.HasPrefix(line, "rpmlib(") && line != "/bin/sh" && line != "" {
				got = append(got, line)
			}
		}
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: the rpm has %q, the deb %q", field, got, wanted)
		}
	}
}

// TestPrograms runs what is in the deb: it needs nothing of the system, and says which
// version it is.
func TestPrograms(t *testing.T) {
	deb, _ := packages(t)
	dir := t.TempDir()
	command(t, "dpkg-deb", "-x", deb, dir)
	wsgid := filepath.Join(dir, "usr/bin/wsgid")
	if got, want := command(t, wsgid, "version"), "wsgid "+release+"\n"; got != want {
		t.Errorf("wsgid version: %q, want %q", got, want)
	}
	for _, program := range []string{wsgid, filepath.Join(dir, "usr/lib/wsgid/wsgid-generator")} {
		if out, _ := exec.Command("ldd", program).CombinedOutput(); !strings.Contains(string(out), "not a dynamic executable") {
			t.Errorf("ldd %s: %s", program, out)
		}
		if strings.Contains(string(contents(t, program)), root(t)) {
			t.Errorf("%s names the directory it was built in", program)
		}
	}
	// The generator finds the program of its package, through the link that systemd runs.
	config, units := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "blog.toml"), []byte("[group.web]\n[[mount]]\npath = \"/\"\nscript = \"/srv/app.py\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "usr/lib/systemd/system-generators/wsgid-generator"), units, units, units)
	cmd.Env = append(os.Environ(), "WSGID_CONFIG_DIRECTORY="+config)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if unit := contents(t, filepath.Join(units, "wsgi-blog:web@.service")); !strings.Contains(string(unit), "ExecStart="+wsgid+" ") {
		t.Errorf("the units do not start %s:\n%s", wsgid, unit)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestScriptsAreShell reads the maintainer scripts with the shell, and the rpm's are what
// the deb's are made of.
func TestScriptsAreShell(t *testing.T) {
	deb, rpm := packages(t)
	dir := t.TempDir()
	command(t, "dpkg-deb", "-e", deb, dir)
	for _, name := range []string{"preinst", "postinst", "prerm", "postrm"} {
		path := filepath.Join(dir, name)
		command(t, "sh", "-n", path)
		if text := string(contents(t, path)); strings.Contains(text, "#SITES#") || !strings.HasPrefix(text, "#!/bin/sh\nset -e\n") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	need(t, "rpm")
	common := string(contents(t, "scripts/sites.sh"))
	for tag, calls := range map[string]string{"POSTIN": "hand_over_sites", "PREUN": "stop_sites", "POSTUN": "daemon-reload"} {
		text := command(t, "rpm", "-qp", "--qf", "%{"+tag+"}", rpm)
		if !strings.Contains(text, calls) || (tag != "POSTUN" && !strings.Contains(text, strings.TrimSpace(common))) {
			t.Errorf("%s:\n%s", tag, text)
		}
		path := filepath.Join(dir, tag)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		command(t, "sh", "-n", path)
	}
}

// TestLint: lintian and rpmlint find nothing that their files of exceptions do not explain.
func TestLint(t *testing.T) {
	deb, rpm := packages(t)
	t.Run("lintian", func(t *testing.T) {
		need(t, "lintian")
		out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", deb).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("rpmlint", func(t *testing.T) {
		need(t, "rpmlint", "rpm2cpio", "cpio")
		// nfpm's names in the archive are absolute, and rpmlint has cpio unpack them there.
		bin := t.TempDir()
		wrapper := "#!/bin/sh\nPATH=${PATH#*:} exec cpio --no-absolute-filenames \"$@\"\n"
		if err := os.WriteFile(filepath.Join(bin, "cpio"), []byte(wrapper), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("rpmlint", "-c", "rpm/rpmlint.toml", rpm)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), " 0 errors, 0 warnings") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
