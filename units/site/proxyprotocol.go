package site

import "slices"

// proxyProtocolRules: what is said of a socket must be of one that there is, and a
// header that anybody on the network may write says nothing.
func (d *decoder) proxyProtocolRules(n *node) {
	for i, l := range d.site.Server.ProxyProtocol {
		at := n.place
		if i < len(n.list) {
			at = n.list[i].place
		}
		own := Listener{Network: "unix", Address: "/run/wsgi/" + d.site.Name + ".sock"}
		switch {
		case l != own && !slices.Contains(d.site.Listen, l):
			d.fail(at, "proxy-protocol", &fault{
				msg:  l.String() + " is none of the addresses of listen, nor the site's own socket",
				hint: "write it as listen has it, or " + quote(own.String()),
			})
		case l.Network != "unix" && len(d.site.Policy.TrustedProxies.Networks) == 0 && !d.site.Policy.TrustedProxies.All:
			d.fail(at, "proxy-protocol", &fault{
				msg:  "nobody may connect to " + l.String() + ": trusted-proxies names no network",
				hint: `trusted-proxies = "192.0.2.10" is for one proxy`,
			})
		}
	}
}
