package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Direct launches leaders as child processes, where no systemd does it.
type Direct struct {
	// Executable is the wsgid program; "" is the one that is running.
	Executable string
	// SiteFile is the site, as TOML; leaders read it from a descriptor, so that
	// a site made from a command line needs no file.
	SiteFile []byte
	// Name and Path are the site's name and the file its messages should name.
	Name, Path string
	// Arguments are further arguments of `wsgid leader`.
	Arguments []string
	Logger    *slog.Logger

	running sync.WaitGroup
}

// Descriptors of a leader in direct mode.
const (
	// LeaderControlFD is the control connection to the supervisor.
	LeaderControlFD = 3
	// LeaderSiteFD is the site file.
	LeaderSiteFD = 4
)

// Launch implements Launcher.
func (d *Direct) Launch(_ context.Context, group, _ string) (*net.UnixConn, error) {
	ours, theirs, err := streamPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	siteFile, err := d.siteFile()
	if err != nil {
		return nil, errors.Join(err, ours.Close())
	}
	defer siteFile.Close()
	executable := d.executable()
	arguments := append([]string{"leader", "--direct", "--path", d.Path}, d.Arguments...)
	command := exec.Command(executable, append(arguments, d.Name, group)...)
	command.Args[0] = "wsgid"
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.ExtraFiles = []*os.File{theirs, siteFile}
	// A group of its own: Ctrl-C in a terminal goes to the supervisor alone,
	// which drains before it ends the others.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start %s leader: %w", executable, err), ours.Close())
	}
	d.running.Go(func() {
		if err := command.Wait(); err != nil {
			d.Logger.Error("the leader failed", "group", group, "err", err)
		}
	})
	return ours, nil
}

// Wait waits for every leader that was launched to end.
func (d *Direct) Wait() { d.running.Wait() }

// siteFile returns the site as a file without a name.
func (d *Direct) siteFile() (*os.File, error) {
	fd, err := unix.MemfdCreate("wsgid-site", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make room for the site file: %w", err)
	}
	file := os.NewFile(uintptr(fd), "site file")
	if _, err := file.WriteAt(d.SiteFile, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot write the site file: %w", err), file.Close())
	}
	return file, nil
}

// streamPair makes a control connection: our end and the leader's.
func streamPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a socket pair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "control, leader's end")
	file := os.NewFile(uintptr(fds[0]), "control")
	conn, err := net.FileConn(file)
	file.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("cannot use a socket pair: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil
}
