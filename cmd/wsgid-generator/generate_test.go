package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// TestMain makes this test binary the generator that the scripts run, under both of
// its names. The kernel's log of the machine is left alone.
func TestMain(m *testing.M) {
	generate := func() {
		os.Exit(run(system{args: os.Args, getenv: os.Getenv, stdout: os.Stdout, stderr: os.Stderr, kernelLog: os.Getenv("WSGID_TEST_KERNEL_LOG")}))
	}
	testscript.Main(m, map[string]func(){"wsgid-generator": generate, "wsgid-user-generator": generate})
}

// TestScripts runs the generator as systemd does.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// TestFindWsgid: the units run the program that the generator was installed with.
func TestFindWsgid(t *testing.T) {
	prefix := t.TempDir()
	program := filepath.Join(prefix, "bin", "wsgid")
	if err := os.Mkdir(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	generator := filepath.Join(prefix, "lib", "wsgid", "wsgid-generator")
	if got := findWsgid(generator); got != "/usr/bin/wsgid" {
		t.Errorf("without %s it is %s", program, got)
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := findWsgid(generator); got != program {
		t.Errorf("with %s it is %s", program, got)
	}
	if got := findWsgid(""); got != "/usr/bin/wsgid" {
		t.Errorf("of an unknown place it is %s", got)
	}
}

// TestImports holds the generator to little: systemd waits for it at every boot
// and every daemon-reload.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	const own = "github.com/wsgid/wsgid/"
	for _, name := range strings.Fields(string(out)) {
		allowed := strings.HasPrefix(name, "github.com/BurntSushi/toml") ||
			name == own+"cmd/wsgid-generator" || name == own+"units" || strings.HasPrefix(name, own+"units/")
		if !allowed {
			t.Errorf("the generator imports %s", name)
		}
	}
}

// TestKernelLog reads what a device gets, at the other end of a pseudo-terminal.
func TestKernelLog(t *testing.T) {
	device, path := terminal(t)
	m := &messages{stderr: io.Discard}
	m.openKernelLog(path)
	if m.kernel == nil {
		t.Fatal("the device is not open")
	}
	defer m.close()
	long := strings.Repeat("é", maxRecord)
	m.error(errors.New("first\nsecond\n" + long))
	prefix := fmt.Sprintf("<3>wsgid-generator[%d]: ", os.Getpid())
	want := prefix + "first\n" + prefix + "second\n" + prefix + long[:maxRecord] + "\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(device, got); err != nil || string(got) != want {
		t.Errorf("the device got %q, %v, want %q", got, err, want)
	}
}

// terminal gives one end of a pseudo-terminal, pty(7), and the path of the other.
func terminal(t *testing.T) (*os.File, string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal (%v): not proved that messages reach the kernel's log", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Without this newlines get company.
	mode, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	mode.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, mode); err != nil {
		t.Fatal(err)
	}
	return master, fmt.Sprintf("/dev/pts/%d", number)
}

// TestNoKernelLog: what is no device gets nothing and is not made.
func TestNoKernelLog(t *testing.T) {
	dir := t.TempDir()
	missing, plain := filepath.Join(dir, "missing"), filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{missing, plain, dir} {
		m := &messages{stderr: io.Discard}
		m.openKernelLog(path)
		m.error(errors.New("message"))
		m.close()
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory has %v, %v, want only the plain file", entries, err)
	}
	if text, err := os.ReadFile(plain); err != nil || len(text) > 0 {
		t.Errorf("the plain file has %q, %v", text, err)
	}
}

// TestDeterministic: the same sites give the same bytes in the same order.
func TestDeterministic(t *testing.T) {
	config := t.TempDir()
	for i := range 3 {
		writeSite(t, config, fmt.Sprintf("site%d", i))
	}
	var outputs []string
	for range 2 {
		var out strings.Builder
		status := run(system{
			args: []string{"wsgid-generator", "--dry-run", "--config-directory", config}, getenv: func(string) string { return "" },
			stdout: &out, stderr: io.Discard,
		})
		if status != 0 {
			t.Fatalf("exit status %d", status)
		}
		outputs = append(outputs, out.String())
	}
	if outputs[0] != outputs[1] || slices.Contains(outputs, "") {
		t.Errorf("two runs differ, or are empty:\n%s\n%s", outputs[0], outputs[1])
	}
}

const twoGroups = `listen = "127.0.0.1:8000"
[group.web]
processes = 2
[group.web.env]
SETTINGS = "production"
[group.api]
user = "joe"
[[mount]]
path = "/"
script = "/srv/app.py"
group = "web"
[[mount]]
path = "/api"
module = "api.wsgi"
group = "api"
`

func writeSite(tb testing.TB, dir, name string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(dir, name+".toml"), []byte(twoGroups), 0o644); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkGenerate is a whole run for one site with two groups, but for the start
// of the program.
func BenchmarkGenerate(b *testing.B) {
	config, out := b.TempDir(), memory(b)
	writeSite(b, config, "blog")
	sys := system{
		args: []string{"wsgid-generator", "--config-directory", config, out}, getenv: func(string) string { return "" },
		stdout: io.Discard, stderr: io.Discard,
	}
	for b.Loop() {
		if status := run(sys); status != 0 {
			b.Fatalf("exit status %d", status)
		}
	}
}

// memory gives a directory in the kind of file system that /run is.
func memory(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "wsgid-generator")
	if err != nil {
		b.Logf("no tmpfs (%v): writing to disk", err)
		return b.TempDir()
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
