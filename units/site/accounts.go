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

// number looks a name up. A binary without cgo reads /etc/passwd and /etc/group
// alone; for what comes from LDAP and the like there is getent.
func (a accounts) number(name string) (int, error) {
	id, err := a.local(name)
	if err != nil {
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
	u, err := user.Lookup(name)
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
	if _, err := a.number(name); err != nil {
		c.at(asFault(err), key)
	}
}
