package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Connect connects to a bus, without a word said to it. It returns when ctx ends.
type Connect func(ctx context.Context) (net.Conn, error)

// SystemBus connects to the system's bus: that of DBUS_SYSTEM_BUS_ADDRESS or, as
// nearly always, the one at its usual place.
func SystemBus(ctx context.Context) (net.Conn, error) {
	address := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS")
	if address == "" {
		address = "unix:path=/run/dbus/system_bus_socket"
	}
	return BusAt(address)(ctx)
}

// UserBus connects to the bus of the user's own systemd: that of
// DBUS_SESSION_BUS_ADDRESS or else of XDG_RUNTIME_DIR.
func UserBus(ctx context.Context) (net.Conn, error) {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" {
		address = "unix:path=" + dbus.EscapeBusAddressValue(os.Getenv("XDG_RUNTIME_DIR")+"/bus")
	}
	return BusAt(address)(ctx)
}

// BusAt connects to the bus at an address of the D-Bus specification ("Server
// Addresses"), of which only the UNIX sockets are known here. Of several, with
// ";" between them, the first one that answers is taken.
func BusAt(address string) Connect {
	return func(ctx context.Context) (net.Conn, error) {
		var failed error
		for one := range strings.SplitSeq(address, ";") {
			path, err := socketPath(one)
			if err == nil {
				var dialer net.Dialer
				var conn net.Conn
				if conn, err = dialer.DialContext(ctx, "unix", path); err == nil {
					return conn, nil
				}
			}
			failed = errors.Join(failed, err)
		}
		return nil, failed
	}
}

// socketPath is where the socket of one address is, with "@" at the beginning
// when it has no place among the files.
func socketPath(address string) (string, error) {
	keys, isUnix := strings.CutPrefix(address, "unix:")
	if isUnix {
		for key := range strings.SplitSeq(keys, ",") {
			name, value, _ := strings.Cut(key, "=")
			value, err := dbus.UnescapeBusAddressValue(value)
			switch {
			case err != nil:
				return "", fmt.Errorf("cannot read the bus address %q: %w", address, err)
			case name == "path":
				return value, nil
			case name == "abstract":
				return "@" + value, nil
			}
		}
	}
	return "", fmt.Errorf("cannot use the bus address %q: it names no UNIX socket", address)
}

// busTime is how long the bus has for each answer when a connection begins, and
// for each message that it is sent.
const busTime = 5 * time.Second

// busSocket is a connection that a bus that has stopped cannot hold up for
// ever. To the D-Bus package it is no more than a stream, and so the bus is not
// told that file descriptors may be sent: nobody would take or close those that
// a stranger puts into a signal.
type busSocket struct {
	net.Conn
	in *bufio.Reader
}

func (s busSocket) Read(p []byte) (int, error) { return s.in.Read(p) }

func (s busSocket) Write(p []byte) (int, error) {
	_ = s.SetWriteDeadline(time.Now().Add(busTime))
	n, err := s.Conn.Write(p)
	if err != nil {
		s.Close() // half a message may be out
	}
	return n, err
}
