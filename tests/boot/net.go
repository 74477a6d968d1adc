package boot

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// dialWithin bounds a connect, which may wait in a full backlog.
const dialWithin = 30 * time.Second

// Dial connects from the test to a server inside: "tcp" with an IP address and a
// port, or "unix" with a path of the machine. The test connects as root.
func (m *Machine) Dial(network, address string) (net.Conn, error) {
	if !m.running() {
		return nil, fmt.Errorf("cannot connect to %s: the machine is down", address)
	}
	switch network {
	case "tcp", "tcp4", "tcp6":
		return m.dialTCP(network, address)
	case "unix":
		return m.dialUnix(address)
	}
	return nil, fmt.Errorf("cannot connect to %s: unknown network %q", address, network)
}

// dialTCP makes the socket on a thread that has entered the machine's network: a
// socket stays in the namespace where it was made. The thread is never unlocked, so it
// ends with its goroutine and no other runs in there.
func (m *Machine) dialTCP(network, address string) (net.Conn, error) {
	// A name would be looked up outside, and by another thread.
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, err
	}
	type dialed struct {
		conn net.Conn
		err  error
	}
	done := make(chan dialed, 1)
	go func() {
		runtime.LockOSThread()
		if err := enterNetwork(m.container.run.leader); err != nil {
			done <- dialed{nil, err}
			return
		}
		dialer := net.Dialer{Timeout: dialWithin}
		conn, err := dialer.Dial(network, address)
		done <- dialed{conn, err}
	}()
	result := <-done
	return result.conn, result.err
}

func enterNetwork(pid int) error {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer namespace.Close()
	return os.NewSyscallError("setns", unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET))
}

// dialUnix finds the socket below the machine's root, whatever links lead there, and
// connects through a descriptor of it: the path from here would often be longer than a
// socket's address may be.
func (m *Machine) dialUnix(path string) (net.Conn, error) {
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", m.container.run.leader), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer unix.Close(root)
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	socket, err := unix.Openat2(root, path, how)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(socket)
	return net.DialTimeout("unix", fmt.Sprintf("/proc/self/fd/%d", socket), dialWithin)
}

// Client makes HTTP requests from the test: for load, and for what curl cannot do.
// Every request goes to the one server, whatever host its URL names, on a connection
// of its own.
func (m *Machine) Client(network, address string) *http.Client {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return m.Dial(network, address)
		},
	}
	return &http.Client{Transport: transport, Timeout: commandWithin}
}
