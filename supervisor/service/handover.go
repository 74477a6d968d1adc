package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// A supervisor is replaced by one of another program, after an upgrade of wsgid,
// without anybody waiting: the new one is started beside it, takes the listening
// sockets, brings up generations of its own in the free slots and becomes the
// unit's main process; the old one finishes its requests and ends.
//
// The new one must not be a child of the old: systemd would not notice its end
// (sd_notify(3), MAINPID=). So a process between the two starts it and ends.

// What the two say to each other, as control messages.
const (
	// take comes with the listening sockets; Text has the Places, as JSON.
	take wire.MessageType = "take"
	// ready says that the new supervisor could serve; PID is its own.
	ready wire.MessageType = "ready"
	// failed says why it does not; Text is the reason.
	failed wire.MessageType = "failed"
	// lead says that systemd takes the new supervisor for the main process, and
	// that the old one reads no further request.
	lead wire.MessageType = "lead"
	// client comes with the connection of a client that waits for no answer; Text is
	// what is known of the client beside, "" if nothing.
	client wire.MessageType = "client"
	// reopen has the old supervisor open its log files again, which it answers with
	// reopened; Text is why it could not, "" when it could.
	reopen   wire.MessageType = "reopen"
	reopened wire.MessageType = "reopened"
	// hurry has the old supervisor keep to graceful-timeout, from now on: something
	// needs the slots of its leaders, or everything is to end.
	hurry wire.MessageType = "hurry"
)

// handOverFD is the new supervisor's end of the connection.
const handOverFD = 3

// programReplaced reports whether another program stands where this one was
// started from, and gives the path.
func programReplaced() (path string, replaced bool) {
	path, err := os.Executable()
	if err != nil {
		return "", false
	}
	running, err := os.Stat("/proc/self/exe")
	if err != nil {
		return path, false
	}
	installed, err := os.Stat(path)
	return path, err == nil && !os.SameFile(running, installed)
}

// handOver has a new supervisor of the program take over. On failure this one
// serves on.
func (s *service) handOver(ctx context.Context, program string) error {
	conn, err := s.startSuccessor(program)
	if err != nil {
		return err
	}
	control := wire.NewConn(conn)
	pid, err := s.awaitSuccessor(ctx, conn, control)
	if err != nil {
		return errors.Join(err, control.Close())
	}
	s.notify.Ready("handing over to process " + fmt.Sprint(pid))
	s.notify.MainPID(pid)
	if err := s.notify.Barrier(ctx); err != nil {
		s.log.Warn("systemd has not confirmed the new main process", "pid", pid, "err", err)
	}
	s.notify.Close() // systemd listens to the other one now
	s.successor = control
	// From here on this supervisor reads no further request: an answer of the old
	// code never comes after one of the new.
	s.app.HandOver(s.give)
	if err := control.Send(wire.Message{Type: lead}); err != nil {
		s.log.Error("the new supervisor ended as it took over", "err", err)
	}
	s.log.Info("another supervisor serves; finishing the requests under way", "pid", pid)
	close(s.handedOver)
	s.background.Go(func() { s.obeySuccessor(control) })
	return nil
}

// startSuccessor starts the program by way of a process that ends at once.
func (s *service) startSuccessor(program string) (*net.UnixConn, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make a socket pair: %w", err)
	}
	theirs, ours := os.NewFile(uintptr(fds[1]), "hand-over"), os.NewFile(uintptr(fds[0]), "hand-over")
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		return nil, fmt.Errorf("cannot use a socket pair: %w", err)
	}
	command := exec.Command(program, "succeed", "--config-directory="+s.Config, "--runtime-directory="+s.Runtime, s.Site)
	command.Env = withoutOwn(os.Environ())
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.ExtraFiles = []*os.File{theirs}
	if err := command.Run(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot start %s: %w", program, err), conn.Close())
	}
	return conn.(*net.UnixConn), nil
}

// withoutOwn leaves out what is meant for this very process.
func withoutOwn(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "WATCHDOG_PID=") && !strings.HasPrefix(entry, "LISTEN_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// awaitSuccessor passes the sockets on and waits until they could be served.
func (s *service) awaitSuccessor(ctx context.Context, conn *net.UnixConn, control *wire.Conn) (pid int, err error) {
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	places, err := json.Marshal(s.app.Places())
	if err != nil {
		return 0, err
	}
	fds, closeAll, err := descriptors(s.sockets)
	if err != nil {
		return 0, err
	}
	defer closeAll()
	if err := control.Send(wire.Message{Type: take, Version: wire.LinkVersion, Text: string(places), Descriptors: fds}); err != nil {
		return 0, err
	}
	m, err := control.Receive()
	wire.CloseAll(m.Descriptors)
	switch {
	case err != nil:
		return 0, fmt.Errorf("the new supervisor ended before it served: %w", err)
	case m.Type != ready:
		return 0, errors.New("the new supervisor cannot serve: " + m.Text)
	}
	return m.PID, nil
}

// descriptors are copies of listening sockets.
func descriptors(listeners []net.Listener) (fds []int, closeAll func(), err error) {
	var files []*os.File
	closeAll = func() {
		for _, f := range files {
			f.Close()
		}
	}
	for _, l := range listeners {
		f, err := l.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("cannot pass on the socket %s: %w", l.Addr(), err)
		}
		files = append(files, f)
		// Not with Fd: it would make the socket blocking, which is shared.
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) })
		}
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("cannot pass on the socket %s: %w", l.Addr(), err)
		}
	}
	return fds, closeAll, nil
}

// give passes on a client's connection.
func (s *service) give(fd int, known string) error {
	return s.successor.Send(wire.Message{Type: client, Text: known, Descriptors: []int{fd}})
}
