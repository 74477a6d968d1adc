package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/units/site"
)

// listenAll opens the listening sockets, all or none. Under systemd this is the
// work of the socket unit.
func listenAll(addresses []site.Listener, how site.Socket) (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
		}
	}()
	for _, a := range addresses {
		if a.Network == "unix" {
			if err := removeStale(a.Address); err != nil {
				return listeners, err
			}
		}
		config := net.ListenConfig{KeepAlive: -1, Control: func(network, _ string, raw syscall.RawConn) error {
			return controlFD(raw, func(fd int) error { return setOptions(fd, network, how) })
		}}
		l, err := config.Listen(context.Background(), a.Network, a.Address)
		if err != nil {
			return listeners, fmt.Errorf("cannot listen at %s: %w", a, rootCause(err))
		}
		listeners = append(listeners, l)
		if err := finish(l, a, how); err != nil {
			return listeners, err
		}
	}
	return listeners, nil
}

// setOptions prepares a socket before it is bound.
func setOptions(fd int, network string, how site.Socket) error {
	if network == "unix" {
		// bind(2) gives the path the mode of the socket, so nobody but this user
		// connects before the owner is set.
		return os.NewSyscallError("fchmod", unix.Fchmod(fd, 0o200))
	}
	// Accepted connections inherit these. A response that takes several writes
	// must not wait for the client's acknowledgement of the first.
	err := os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	return errors.Join(err,
		setBuffer(fd, "send-buffer-size", how.SendBuffer, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, "wmem_max"),
		setBuffer(fd, "receive-buffer-size", how.ReceiveBuffer, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, "rmem_max"))
}

// setBuffer sets a buffer size, 0 for none. The kernel takes less than it is
// told without a word unless the process may pass its bound, socket(7).
func setBuffer(fd int, key string, size int64, option, force int, bound string) error {
	if size == 0 || unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, int(size)) == nil {
		return nil
	}
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, int(size))
	got := 0
	if err == nil {
		got, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	}
	switch {
	case err != nil:
		return fmt.Errorf("cannot set %s: %w", key, err)
	case int64(got) < 2*size: // the kernel doubles it for its own bookkeeping
		return fmt.Errorf("cannot set %s to %s: the kernel allows %s\nhint: raise net.core.%s with sysctl", key, site.FormatSize(size), site.FormatSize(int64(got/2)), bound)
	}
	return nil
}

// finish gives a bound socket its owner, its mode and its backlog.
func finish(l net.Listener, a site.Listener, how site.Socket) error {
	if a.Network == "unix" {
		if err := setOwner(a.Address, how); err != nil {
			return err
		}
		if err := os.Chmod(a.Address, os.FileMode(how.Mode)); err != nil {
			return fmt.Errorf("cannot set the mode of %s: %w", a, reason(err))
		}
	}
	conn, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("cannot set listen-backlog of %s: %T has no descriptor", a, l)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		// A second listen(2) changes the backlog alone.
		err = controlFD(raw, func(fd int) error { return unix.Listen(fd, how.Backlog) })
	}
	if err != nil {
		return fmt.Errorf("cannot set listen-backlog of %s: %w", a, err)
	}
	return nil
}

// setOwner changes what socket-user and socket-group name, which takes root
// unless nothing changes.
func setOwner(path string, how site.Socket) error {
	uid, gid := -1, -1
	var err error
	if how.User != "" {
		if uid, err = site.UserID(how.User); err != nil {
			return fmt.Errorf("socket-user: %w", err)
		}
	}
	if how.Group != "" {
		if gid, err = site.GroupID(how.Group); err != nil {
			return fmt.Errorf("socket-group: %w", err)
		}
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("cannot give unix:%s to socket-user and socket-group: %w", path, reason(err))
	}
	return nil
}

// controlFD runs f on the descriptor.
func controlFD(raw syscall.RawConn, f func(fd int) error) error {
	var err error
	controlErr := raw.Control(func(fd uintptr) { err = f(int(fd)) })
	return errors.Join(controlErr, err)
}

// removeStale removes the socket of a server that has gone. One that somebody
// listens at stays, and so does anything that is no socket.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return nil // listen says what is wrong, if anything is
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return fmt.Errorf("cannot listen at unix:%s: another program is listening there", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return nil
	}
	return os.Remove(path)
}

func rootCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
