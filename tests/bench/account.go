package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// workUser is the user that servers started by root work as.
const workUser = "www-data"

// account is who the servers' workers run as.
type account struct {
	Root        bool // bench runs as root and Name is another user; else Name is the caller
	Name, Group string
	uid, gid    int
}

func workAccount() (account, error) {
	root := os.Geteuid() == 0
	who, err := user.Current()
	if root {
		who, err = user.Lookup(workUser)
	}
	if err != nil {
		return account{}, fmt.Errorf("cannot find user: %w", err)
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		return account{}, fmt.Errorf("cannot find group: %w", err)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return account{}, fmt.Errorf("cannot read user id: %w", err)
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return account{}, fmt.Errorf("cannot read group id: %w", err)
	}
	return account{Root: root, Name: who.Username, Group: group.Name, uid: uid, gid: gid}, nil
}

// apply has a command start as the account; a no-op without root.
func (a account) apply(cmd *exec.Cmd) {
	if a.Root {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
}

// own gives a directory to the account; a no-op without root.
func (a account) own(dir string) error {
	if !a.Root {
		return nil
	}
	if err := os.Chown(dir, a.uid, a.gid); err != nil {
		return fmt.Errorf("cannot give directory away: %w", err)
	}
	return nil
}
