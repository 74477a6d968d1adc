package boot

import (
	"strconv"
	"strings"
)

// account is a line of the machine's passwd(5).
type account struct{ uid, gid, home string }

func (m *Machine) account(user string) account {
	m.t.Helper()
	fields := strings.Split(m.MustRun("getent", "passwd", user), ":")
	if len(fields) != 7 {
		m.t.Fatalf("user %s: not a line of passwd(5): %q", user, fields)
	}
	return account{uid: fields[2], gid: fields[3], home: fields[5]}
}

// UID is the number of a user of the machine.
func (m *Machine) UID(user string) int {
	m.t.Helper()
	uid, err := strconv.Atoi(m.account(user).uid)
	if err != nil {
		m.t.Fatal(err)
	}
	return uid
}

// UserManager starts the user's own systemd, for RunAs(user, "systemctl", "--user", …).
// It ends with the test.
func (m *Machine) UserManager(user string) {
	m.t.Helper()
	unit := "user@" + m.account(user).uid + ".service"
	m.MustRun("loginctl", "enable-linger", user)
	m.t.Cleanup(func() {
		m.Run("loginctl", "disable-linger", user)
		m.Run("systemctl", "stop", unit)
	})
	m.MustRun("systemctl", "start", unit)
}
