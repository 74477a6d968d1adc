package units

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// analyzer runs systemd-analyze on the units of one site, beside those that are
// shipped.
type analyzer struct {
	tool    string
	version int
	user    bool
	shipped string // directory with the shipped units, installed
	made    string // directory with the generator's
	tasks   string // directory with copies of what is to be looked at
	files   []File
}

// newAnalyzer skips the test where systemd-analyze is missing, or too old for the
// question; loss says what is not proved then.
func newAnalyzer(t *testing.T, oldest int, loss string, g *golden, files []File) *analyzer {
	t.Helper()
	a := &analyzer{user: g.options.User, files: files}
	var err error
	if a.tool, err = exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze: " + loss)
	}
	out, err := exec.Command(a.tool, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(out), "systemd %d", &a.version); err != nil {
		t.Fatalf("version %s: %v", out, err)
	}
	if a.version < oldest {
		t.Skipf("systemd-analyze is version %d, not %d: %s", a.version, oldest, loss)
	}
	dir := t.TempDir()
	a.shipped, a.made, a.tasks = filepath.Join(dir, "shipped"), filepath.Join(dir, "made"), filepath.Join(dir, "tasks")
	installShipped(t, a.shipped, a.user)
	for _, f := range files {
		writeTestFile(t, filepath.Join(a.made, f.Path), f)
	}
	if err := os.MkdirAll(a.tasks, 0o755); err != nil {
		t.Fatal(err)
	}
	return a
}

// testWsgid is a program that is there.
func testWsgid(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// installShipped does what make install does with the shipped units.
func installShipped(t *testing.T, dir string, user bool) {
	t.Helper()
	from := "shipped"
	if user {
		from = "shipped/user"
	}
	paths, err := filepath.Glob(from + "/wsgi*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("shipped units: %v, %v", paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("@bindir@/wsgid"), []byte(testWsgid(t)))
		writeTestFile(t, filepath.Join(dir, filepath.Base(path)), File{Content: text})
	}
}

func writeTestFile(t *testing.T, path string, f File) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil && f.Link != "" {
		err = os.Symlink(f.Link, path)
	} else if err == nil {
		err = os.WriteFile(path, f.Content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// run gives everything that systemd-analyze says, and its exit status.
func (a *analyzer) run(arguments ...string) (string, error) {
	if a.user {
		arguments = append([]string{"--user"}, arguments...)
	}
	cmd := exec.Command(a.tool, arguments...)
	// The colon at the end adds systemd's own units.
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+a.made+":"+a.shipped+":", "SYSTEMD_LOG_LEVEL=notice", "XDG_RUNTIME_DIR="+a.tasks)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// instances are the units of a site by the names that systemd starts them under,
// each with the file of its template.
func (a *analyzer) instances(site string) map[string]string {
	list := map[string]string{}
	for _, kind := range []string{"socket", "service"} {
		list["wsgi@"+site+"."+kind] = filepath.Join(a.shipped, "wsgi@."+kind)
	}
	for _, f := range a.files {
		switch {
		case f.Link != "" || strings.Contains(f.Path, "/"):
		case strings.Contains(f.Path, "@."):
			for _, slot := range slots() {
				list[strings.Replace(f.Path, "@.", "@"+slot+".", 1)] = filepath.Join(a.made, f.Path)
			}
		default:
			list[f.Path] = filepath.Join(a.made, f.Path)
		}
	}
	return list
}

// task copies a unit to where systemd-analyze takes it by its own name. A name
// with a colon cannot be given as a path: what is behind the colon is another name
// for the file (since version 250).
func (a *analyzer) task(t *testing.T, n int, name, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path, argument := filepath.Join(a.tasks, name), filepath.Join(a.tasks, name)
	if strings.Contains(name, ":") && a.version >= 250 {
		path = filepath.Join(a.tasks, strconv.Itoa(n)+filepath.Ext(name))
		argument = path + ":" + name
	}
	writeTestFile(t, path, File{Content: text})
	return argument
}

func (a *analyzer) tasksFor(t *testing.T, site string) []string {
	t.Helper()
	var arguments []string
	for name, file := range a.instances(site) {
		arguments = append(arguments, a.task(t, len(arguments), name, file))
	}
	return arguments
}

// TestVerify has systemd read every unit. Its exit status says nothing about
// unknown directives and bad values, so every line it prints is a failure.
func TestVerify(t *testing.T) {
	const loss = "not proved that systemd reads every unit without a complaint"
	check := func(t *testing.T, g *golden, files []File, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		a := newAnalyzer(t, 0, loss, g, files)
		out, err := a.run(append([]string{"verify", "--man=no"}, a.tasksFor(t, g.name)...)...)
		if err != nil || out != "" {
			t.Errorf("systemd-analyze verify: %v\n%s", err, out)
		}
	}
	for _, kind := range []string{"generate", "broken"} {
		eachGolden(t, kind, func(t *testing.T, g *golden) {
			g.options.Wsgid = testWsgid(t)
			if kind == "broken" {
				files, err := g.broken()
				check(t, g, files, err)
				return
			}
			files, err := Generate(g.site(t), g.options)
			check(t, g, files, err)
		})
	}
}

// TestVerifyComplains makes sure that the other test would see a mistake in each
// of the files.
func TestVerifyComplains(t *testing.T) {
	g := readGolden(t, "testdata/generate/smallest.txtar")
	g.options.Wsgid = testWsgid(t)
	files, err := Generate(g.site(t), g.options)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		if f.Link != "" {
			continue
		}
		spoiled := append([]File(nil), files...)
		spoiled[i].Content = append(append([]byte(nil), f.Content...), "NoSuchDirective=1\n"...)
		a := newAnalyzer(t, 0, "not proved that a mistake in a unit is seen", g, spoiled)
		out, _ := a.run(append([]string{"verify", "--man=no"}, a.tasksFor(t, g.name)...)...)
		if !strings.Contains(out, "NoSuchDirective") {
			t.Errorf("a mistake in %s is not seen: %q", f.Path, out)
		}
	}
}

// TestSecurity holds the units to a level of exposure, in tenths. That the site
// file can raise it shows that drop-ins are counted.
func TestSecurity(t *testing.T) {
	const supervisor, leader = "wsgi@blog.service", "wsgi-blog:main@a.service"
	for _, c := range []struct {
		name, more, unit, threshold string
		passes                      bool
	}{
		{"supervisor", "", supervisor, "5", true},
		{"group", "", leader, "20", true},
		{"weaker supervisor", "[site.systemd]\nPrivateNetwork = false\n", supervisor, "5", false},
		{"weaker group", "[group.main.systemd]\nNoNewPrivileges = false\nPrivateDevices = false\nProtectProc = \"default\"\n", leader, "20", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := readGolden(t, "testdata/generate/smallest.txtar")
			g.options.Wsgid = testWsgid(t)
			g.inputs[0].Data = append([]byte(c.more), g.inputs[0].Data...)
			files, err := Generate(g.site(t), g.options)
			if err != nil {
				t.Fatal(err)
			}
			a := newAnalyzer(t, 250, "not proved that the units are confined as far as they can be", g, files)
			out, verdict, err := a.exposure(t, c.unit, c.threshold)
			if (err == nil) != c.passes || !strings.Contains(verdict, c.unit) {
				t.Errorf("%s, limit %s: %v\n%s", c.unit, c.threshold, err, out)
			}
			t.Log(verdict)
		})
	}
}

// exposure gives an error above the threshold. Here names with a colon are taken
// as they are.
func (a *analyzer) exposure(t *testing.T, unit, threshold string) (out, verdict string, err error) {
	t.Helper()
	file := filepath.Join(a.tasks, unit)
	if err := os.Symlink(a.instances("blog")[unit], file); err != nil {
		t.Fatal(err)
	}
	out, err = a.run("security", "--no-pager", "--offline=true", "--threshold="+threshold, file)
	lines := strings.Split(out, "\n")
	return out, lines[len(lines)-1], err
}
