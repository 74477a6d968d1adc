package site

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
)

// accounts is a database of getent(1).
type accounts string

const (
	userAccounts  accounts = "passwd"
	groupAccounts accounts = "group"
)

// UserID gives the number of a user.
func UserID(name string) (int, error) { return userAccounts.number(name) }

// GroupID gives the number of a group.
func GroupID(name string) (int, error) { return groupAccounts.number(name) }

// numeric reads mod_wsgi's form of a user or group that is known by its number,
// "#1000".
func numeric(name string) (number string, ok bool) {
	number, ok = strings.CutPrefix(name, "#")
	n, err := strconv.ParseUint(number, 10, 32)
	// The last one is none: it stands for "no change" in chown(2).
	return number, ok && err == nil && n < 1<<32-1 && strconv.FormatUint(n, 10) == number
}

// UnitAccount is a user or group as systemd.exec(5) wants it: without the "#" of a
// number.
func UnitAccount(name string) string { return strings.TrimPrefix(name, "#") }

// number looks a name up. A binary without cgo reads /etc/passwd and /etc/group
// alone; for what comes from LDAP and the like there is getent.
func (a accounts) number(name string) (int, error) {
	given, isNumber := numeric(name)
	if isNumber && a == groupAccounts {
		return strconv.Atoi(given) // it needs no entry
	}
	id, err := a.local(name)
	if err != nil {
		if isNumber {
			name = given // getent takes both
		}
		id, err = a.getent(name)
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(id)
	if err != nil {
		return 0, fmt.Errorf("cannot look up %s %q: its number is %q", a.word(), name, id)
	}
	return n, nil
}

func (a accounts) local(name string) (string, error) {
	if a == groupAccounts {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	}
	lookup := user.Lookup
	if number, ok := numeric(name); ok {
		lookup, name = user.LookupId, number
	}
	u, err := lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

func (a accounts) getent(name string) (string, error) {
	// The one limit on a directory server that does not answer.
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	line, err := exec.CommandContext(ctx, "getent", string(a), name).Output()
	fields := strings.Split(strings.TrimSpace(string(line)), ":")
	var exit *exec.ExitError
	switch {
	// 2 is "not found", and without getent there is nothing but the files.
	case errors.As(err, &exit) && exit.ExitCode() == 2, errors.Is(err, exec.ErrNotFound):
		return "", &fault{msg: fmt.Sprintf("there is no %s %q on this machine", a.word(), name)}
	case err != nil:
		return "", fmt.Errorf("cannot look up %s %q: %w", a.word(), name, err)
	case len(fields) < 3:
		return "", fmt.Errorf("cannot look up %s %q: getent says %q", a.word(), name, line)
	}
	return fields[2], nil
}

func (a accounts) word() string {
	if a == groupAccounts {
		return "group"
	}
	return "user"
}

// account reports a name that the machine does not know; "" is none.
func (c *fileCheck) account(a accounts, name, key string) {
	if name == "" {
		return
	}
	number, err := a.number(name)
	if err != nil {
		c.at(asFault(err), key)
	}
	if _, ok := numeric(name); !ok || err != nil || a != userAccounts || key == "socket-user" {
		return
	}
	// By its name it is refused when the file is read.
	if own, err := a.number(FrontEndUser); err == nil && own == number {
		c.at(checkProcessUser(FrontEndUser), key)
	}
}
