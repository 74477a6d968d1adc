package http1

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listener is a listening socket with what is known of it.
type Listener struct {
	// Port is the TCP port, "" for a UNIX socket.
	Port string
	// Unix says that it is a UNIX socket.
	Unix bool

	source net.Listener
	file   *os.File // the same socket, open to raw calls, which package net forbids on listeners
	raw    syscall.RawConn
}

// NewListener takes over a TCP or UNIX listener.
func NewListener(source net.Listener) (*Listener, error) {
	l := &Listener{source: source}
	switch a := source.Addr().(type) {
	case *net.TCPAddr:
		l.Port = strconv.Itoa(a.Port)
	case *net.UnixAddr:
		l.Unix = true
	}
	filer, ok := source.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, fmt.Errorf("cannot serve %s: it is no socket", source.Addr())
	}
	var err error
	if l.file, err = filer.File(); err != nil {
		return nil, fmt.Errorf("cannot serve %s: %w", source.Addr(), err)
	}
	if l.raw, err = l.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot serve %s: %w", source.Addr(), err), l.file.Close())
	}
	return l, nil
}

// Addr is the address listened at.
func (l *Listener) Addr() net.Addr { return l.source.Addr() }

// Close ends Serve and closes the socket.
func (l *Listener) Close() error { return errors.Join(l.file.Close(), l.source.Close()) }

// accept waits for a connection. Options of the listening socket, such as
// TCP_NODELAY, are inherited (tcp(7)).
func (l *Listener) accept() (fd int, address unix.Sockaddr, err error) {
	waitErr := l.raw.Read(func(listener uintptr) bool {
		for {
			fd, address, err = unix.Accept4(int(listener), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != unix.EINTR {
				return err != unix.EAGAIN
			}
		}
	})
	if waitErr != nil {
		return -1, nil, waitErr
	}
	return fd, address, err
}
