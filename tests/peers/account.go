package peers

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

// Account is who the servers' workers run as.
type Account struct {
	Root        bool // the caller is root and Name is another user; else Name is the caller
	Name, Group string
	uid, gid    int
}

// WorkAccount is www-data for root, and the caller for anybody else.
func WorkAccount() (Account, error) {
	root := os.Geteuid() == 0
	who, err := user.Current()
	if root {
		who, err = user.Lookup(workUser)
	}
	if err != nil {
		return Account{}, fmt.Errorf("cannot find user: %w", err)
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		return Account{}, fmt.Errorf("cannot find group: %w", err)
	}
	uid, err := strconv.Atoi(who.Uid)
	if err != nil {
		return Account{}, fmt.Errorf("cannot read user id: %w", err)
	}
	gid, err := strconv.Atoi(who.Gid)
	if err != nil {
		return Account{}, fmt.Errorf("cannot read group id: %w", err)
	}
	return Account{Root: root, Name: who.Username, Group: group.Name, uid: uid, gid: gid}, nil
}

// apply has a command start as the account; a no-op without root.
func (a Account) apply(cmd *exec.Cmd) {
	if a.Root {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
}

// Own gives a file or directory to the account; a no-op without root.
func (a Account) Own(path string) error {
	if !a.Root {
		return nil
	}
	if err := os.Chown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("cannot give a file away: %w", err)
	}
	return nil
}
