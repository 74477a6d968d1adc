package boot

import (
	"fmt"
	"os"
	"path/filepath"
)

// Install runs `make install` into the running machine and what a package runs after
// it: users, /run/wsgi, and the bus's and systemd's look at what is new. Every machine
// has it done once; again is an upgrade. Variables are for make, as "PREFIX=/usr/local";
// PREFIX is /usr where they do not say otherwise.
func (m *Machine) Install(variables ...string) {
	m.t.Helper()
	m.makeInside("install", variables)
	m.MustRun("systemd-sysusers", "wsgid.conf")
	m.MustRun("systemd-tmpfiles", "--create", "wsgid.conf")
	m.MustRun("systemctl", "reload", "dbus")
	m.MustRun("systemctl", "daemon-reload")
}

// Uninstall runs `make uninstall` in the machine, with the variables of Install.
func (m *Machine) Uninstall(variables ...string) {
	m.t.Helper()
	m.makeInside("uninstall", variables)
	m.MustRun("systemctl", "daemon-reload")
}

func (m *Machine) makeInside(target string, variables []string) {
	m.t.Helper()
	args := []string{
		"-s", target, "PREFIX=/usr",
		"BIN=" + filepath.Dir(os.Getenv(binaryVariable)),
		fmt.Sprintf("DESTDIR=/proc/%d/root", m.container.run.leader),
	}
	if err := Make(append(args, variables...)...); err != nil {
		m.t.Fatal(err)
	}
}
