package units

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

// siteSocket adds the addresses of the site to its socket unit, and how their
// sockets are made.
func (b *builder) siteSocket() {
	d := b.unit(siteUnit(b.site.Name, "socket")+".d/"+dropIn, "")
	d.section("Socket")
	dual, specific := false, false
	for _, l := range b.site.Listen {
		if b.isOwnSocket(l) {
			continue
		}
		d.add("ListenStream", listenStream(l))
		if addr, tcp := tcpAddress(l); tcp {
			specific = specific || !addr.Addr().IsUnspecified()
			dual = dual || addr.Addr() == netip.IPv6Unspecified()
		}
	}
	if specific {
		// At boot the address may come after the socket.
		d.add("FreeBind", "yes")
	}
	if dual {
		// The sysctl net.ipv6.bindv6only could say otherwise.
		d.add("BindIPv6Only", "both")
	}
	b.socketOptions(d)
	// Else systemd makes a slice of its own for each template.
	d.add("Slice", siteSlice(b.site.Name))
	if b.broken {
		b.brokenSocket(d)
	}
	d.done()
}

func (b *builder) socketOptions(d *draft) {
	o := b.site.Socket
	if o.User != "" {
		d.add("SocketUser", site.UnitAccount(o.User))
		// Takes back the template's, so that it becomes that of the user.
		d.add("SocketGroup", "")
	}
	if o.Group != "" {
		d.add("SocketGroup", site.UnitAccount(o.Group))
	}
	d.add("SocketMode", octal(o.Mode))
	d.add("Backlog", strconv.Itoa(o.Backlog))
	if o.SendBuffer > 0 {
		d.add("SendBuffer", strconv.FormatInt(o.SendBuffer, 10))
	}
	if o.ReceiveBuffer > 0 {
		d.add("ReceiveBuffer", strconv.FormatInt(o.ReceiveBuffer, 10))
	}
}

func octal(mode int) string { return fmt.Sprintf("%04o", mode) }

// isOwnSocket knows the socket that the template has already.
func (b *builder) isOwnSocket(l site.Listener) bool {
	return l.Network == "unix" && socketPath(l) == siteSocketPath(b.options.runtime(), b.site.Name)
}

// socketPath gives the path by the name that systemd uses: /var/run is a link to
// /run, and systemd warns of it.
func socketPath(l site.Listener) string {
	if below, ok := strings.CutPrefix(l.Address, "/var/run/"); ok {
		return "/run/" + below
	}
	return l.Address
}

// tcpAddress reads the address of a TCP listener. ":80" is all addresses, IPv4 and
// IPv6, which is how the unspecified one of IPv6 works, too.
func tcpAddress(l site.Listener) (netip.AddrPort, bool) {
	text := l.Address
	if strings.HasPrefix(text, ":") {
		text = "[::]" + text
	}
	addr, err := netip.ParseAddrPort(text)
	return addr, err == nil && l.Network == "tcp"
}

// listenStream writes an address as systemd.socket(5) wants it.
func listenStream(l site.Listener) string {
	addr, tcp := tcpAddress(l)
	switch {
	case !tcp:
		return unitfile.Specifiers(socketPath(l))
	case addr.Addr() == netip.IPv6Unspecified():
		// A bare port falls back to IPv4 where the kernel has no IPv6.
		return strconv.Itoa(int(addr.Port()))
	case addr.Addr().Zone() != "":
		// The interface comes last.
		plain := netip.AddrPortFrom(addr.Addr().WithZone(""), addr.Port())
		return plain.String() + "%%" + unitfile.Specifiers(addr.Addr().Zone())
	}
	return addr.String()
}
