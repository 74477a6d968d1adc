package site

import (
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// maxSocketPath is sizeof(sun_path) less the final NUL, unix(7).
const maxSocketPath = 107

// Listener is one address the front end listens on.
type Listener struct {
	// Network is "tcp" or "unix".
	Network string
	// Address is "127.0.0.1:8000", "[::1]:80", ":8000" (all addresses, IPv4 and
	// IPv6) or a socket's path.
	Address string
}

// ParseListener reads "ADDRESS:PORT", ":PORT", "[IPv6]:PORT" or "unix:PATH". A
// host name is refused: it would make the start depend on name service. Port 0
// leaves the choice to the kernel. A relative path is accepted here, for command
// lines; a site file refuses it.
func ParseListener(s string) (Listener, error) {
	if socket, ok := strings.CutPrefix(s, "unix:"); ok {
		return parseUnixListener(socket)
	}
	if isDigits(s) {
		return Listener{}, &fault{
			msg:  strconv.Quote(s) + " is a port without an address",
			hint: `write "127.0.0.1:` + s + `" for this machine only, ":` + s + `" for every address`,
		}
	}
	if port, ok := strings.CutPrefix(s, ":"); ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || !isDigits(port) {
			return Listener{}, &fault{msg: "port " + strconv.Quote(port) + " is not a number from 0 to 65535"}
		}
		return Listener{Network: "tcp", Address: ":" + strconv.FormatUint(n, 10)}, nil
	}
	addr, err := netip.ParseAddrPort(s)
	if err != nil {
		return Listener{}, listenFault(s)
	}
	return Listener{Network: "tcp", Address: addr.String()}, nil
}

func parseUnixListener(socket string) (Listener, error) {
	switch {
	case socket == "":
		return Listener{}, &fault{msg: "unix: without a path"}
	case strings.HasPrefix(socket, "@"):
		return Listener{}, &fault{
			msg:  "abstract socket " + strconv.Quote(socket) + " has no owner and no mode, so every local user could connect",
			hint: "use a socket with a path",
		}
	case strings.ContainsFunc(socket, isControl):
		return Listener{}, &fault{msg: strconv.Quote(socket) + " contains a control character"}
	case len(socket) > maxSocketPath:
		return Listener{}, &fault{
			msg:  "socket path is longer than " + strconv.Itoa(maxSocketPath) + " bytes",
			hint: "use a shorter one; under systemd every site listens on /run/wsgi/SITE.sock in any case",
		}
	}
	return Listener{Network: "unix", Address: path.Clean(socket)}, nil
}

// listenFault finds out which of the usual mistakes s is.
func listenFault(s string) *fault {
	forms := `use "127.0.0.1:8000", "[::1]:8000", ":8000" or "unix:/path"`
	host, port, found := cutLast(s, ":")
	switch {
	case strings.HasPrefix(s, "/"):
		return &fault{msg: strconv.Quote(s) + " is a path", hint: `write "unix:` + s + `"`}
	case strings.Contains(s, "://"):
		return &fault{msg: strconv.Quote(s) + " is a URL, not an address", hint: forms}
	case host == "localhost" && isDigits(port):
		return &fault{msg: "localhost is a host name, not an address", hint: `write "127.0.0.1:` + port + `" or "[::1]:` + port + `"`}
	case host == "*" && isDigits(port):
		return &fault{msg: `"*" is not an address`, hint: `write ":` + port + `"`}
	case !found || port == "":
		return &fault{msg: strconv.Quote(s) + " has no port", hint: forms}
	}
	return &fault{msg: strconv.Quote(s) + " is not an address with a port", hint: forms}
}

// Port is the TCP port; "" for a UNIX socket.
func (l Listener) Port() string {
	if l.Network == "unix" {
		return ""
	}
	_, port, _ := cutLast(l.Address, ":")
	return port
}

// String gives the form that ParseListener reads.
func (l Listener) String() string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	return l.Address
}

// Names reports whether a socket is that of the address: network and address are of
// its net.Addr. Port 0 stands for any. One at all addresses is known by its port: where the kernel has no
// IPv6 it is one of IPv4.
func (l Listener) Names(network, address string) bool {
	if network != l.Network {
		return false
	}
	if network == "unix" {
		path := l.Address
		if below, ok := strings.CutPrefix(path, "/var/run/"); ok {
			path = "/run/" + below // as the unit has it
		}
		return address == path
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	text := l.Address
	if strings.HasPrefix(text, ":") {
		text = "[::]" + text
	}
	own, err := netip.ParseAddrPort(text)
	if err != nil || own.Port() != 0 && at.Port() != own.Port() {
		return false
	}
	if own.Addr() == netip.IPv6Unspecified() {
		return at.Addr().IsUnspecified()
	}
	return at.Addr().Unmap().WithZone("") == own.Addr().Unmap().WithZone("")
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
