package service

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/wsgid/wsgid/units/site"
)

// warnOfAddresses says at which addresses of the site file nobody listens: systemd
// opens the sockets of a unit when that starts, and never afterwards, whatever the
// file and the unit say by then (systemd.socket(5)).
func (s *service) warnOfAddresses(file *site.Site) {
	missing := missingAddresses(file.Listen, s.sockets)
	if len(missing) == 0 {
		return
	}
	s.log.Warn("nobody listens at addresses of the site file: systemd opens them when it starts their unit\n"+
		"hint: systemctl daemon-reload; systemctl stop wsgi@"+s.Site+"; systemctl restart wsgi@"+s.Site+".socket; systemctl start wsgi@"+s.Site,
		"listen", strings.Join(missing, ", "))
}

// missingAddresses are those for which there is no socket.
func missingAddresses(wanted []site.Listener, sockets []net.Listener) []string {
	var missing []string
	for _, l := range wanted {
		if !slices.ContainsFunc(sockets, func(have net.Listener) bool { return listensAt(have.Addr(), l) }) {
			missing = append(missing, l.String())
		}
	}
	return missing
}

// listensAt knows a socket at all addresses by its port: where the kernel has no IPv6
// it is one of IPv4.
func listensAt(have net.Addr, wanted site.Listener) bool {
	if wanted.Network == "unix" {
		path := wanted.Address
		if below, ok := strings.CutPrefix(path, "/var/run/"); ok {
			path = "/run/" + below // as the unit has it
		}
		return have.Network() == "unix" && have.String() == path
	}
	at, err := netip.ParseAddrPort(have.String())
	if err != nil || have.Network() != "tcp" {
		return false
	}
	if port, ok := strings.CutPrefix(wanted.Address, ":"); ok {
		wanted.Address = "[::]:" + port
	}
	want, err := netip.ParseAddrPort(wanted.Address)
	if err != nil || at.Port() != want.Port() {
		return false
	}
	if want.Addr() == netip.IPv6Unspecified() {
		return at.Addr().IsUnspecified()
	}
	return at.Addr().Unmap().WithZone("") == want.Addr().Unmap().WithZone("")
}
