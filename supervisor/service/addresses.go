package service

import (
	"net"
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
		if !slices.ContainsFunc(sockets, func(have net.Listener) bool { return l.Names(have.Addr().Network(), have.Addr().String()) }) {
			missing = append(missing, l.String())
		}
	}
	return missing
}
