package boot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/boot"
)

// TestArm64 has qemu run the program of arm64 as the supervisor of a site in a booted
// machine. Its leaders are the machine's own: a leader starts itself again for each process,
// and an emulated program cannot without binfmt_misc, which is the host's kernel's. That
// leaves out the leader, the upgrade, and the reload, which looks whether it is to be one.
func TestArm64(t *testing.T) {
	if runtime.GOARCH == "arm64" {
		t.Skip("this is arm64: every other test proves it")
	}
	if _, err := exec.LookPath("qemu-aarch64"); err != nil {
		t.Skip("no qemu-aarch64 (Debian: qemu-user): not proved that the program of arm64 serves a site")
	}
	boot.Run(t, "the program of arm64 serves a site, also while it restarts",
		boot.Case{Name: "serves", Own: true, Run: testArm64},
	)
}

func testArm64(t *testing.T, m *boot.Machine) {
	emulate(t, m)
	// The emulator makes machine code at run time.
	s := serve(m, "blog", "access-log = \"-\"", "processes = 2\nthreads = 15", "[site.systemd]\nMemoryDenyWriteExecute = false\n")
	s.start()
	running := m.MustRun("cat", "/proc/"+m.Property(s.service(), "MainPID")+"/maps")
	if !strings.Contains(running, emulation+"wsgid\n") || !strings.Contains(running, emulation+"qemu-aarch64\n") {
		t.Errorf("the supervisor is not emulated:\n%s", running)
	}
	s.answers(t)
	client := s.load(t, busy(2*time.Second)...)
	m.MustRun("systemctl", "restart", s.service())
	unharmed(t, client)
	s.answers(t)
	m.MustRun("systemctl", "stop", s.service())
	s.awaitRest(t)
}

// emulation is the machine's directory of what an emulated supervisor needs.
const emulation = "/opt/arm64/"

// emulate puts a script in the place of wsgid, which has qemu run the program of arm64
// where it is to be a supervisor. What qemu is linked with comes from the host, because the
// machine may be older.
func emulate(t *testing.T, m *boot.Machine) {
	t.Helper()
	qemu, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "wsgid")
	cmd := exec.Command("go", "build", "-trimpath", "-o", program, "github.com/wsgid/wsgid/cmd/wsgid")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=arm64")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	linked, err := exec.Command("ldd", qemu).Output()
	if err != nil {
		t.Fatal(err)
	}
	loader := ""
	for _, path := range append(regexp.MustCompile(`/\S+\.so\S*`).FindAllString(string(linked), -1), qemu, program) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(filepath.Base(path), "ld-linux") {
			loader = filepath.Base(path)
		}
		m.WriteFile(emulation+filepath.Base(path), string(content), 0o755, "")
	}
	m.MustRun("mv", "/usr/bin/wsgid", emulation+"native")
	m.WriteFile("/usr/bin/wsgid", "#!/bin/sh\ndir="+emulation+`
case $1 in
serve) exec ${dir}`+loader+` --library-path $dir ${dir}`+filepath.Base(qemu)+` ${dir}wsgid "$@" ;;
*) exec ${dir}native "$@" ;;
esac
`, 0o755, "")
}
