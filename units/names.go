package units

import (
	"github.com/wsgid/wsgid/units/unitfile"
)

// dropIn is the name of every drop-in.
const dropIn = "10-wsgi.conf"

// siteUnit is one of the two units of a site; kind is "socket" or "service".
func siteUnit(site, kind string) string { return "wsgi@" + site + "." + kind }

// slotUnit is a unit of a daemon group; slot is "a" or "b", or "" for the
// template. No name of a site or group has a colon.
func slotUnit(site, group, slot, kind string) string {
	return "wsgi-" + site + ":" + group + "@" + slot + "." + kind
}

func siteSlice(site string) string { return "wsgi-" + unitfile.EscapeName(site) + ".slice" }

func groupSlice(site, group string) string {
	return "wsgi-" + unitfile.EscapeName(site) + "-" + unitfile.EscapeName(group) + ".slice"
}

// siteSocketPath is where every site listens, below the directory of sockets.
func siteSocketPath(runtime, site string) string { return runtime + "/wsgi/" + site + ".sock" }

// slotSocketPath is where a slot's leader is activated; slot may be a specifier.
func slotSocketPath(runtime, site, group, slot string) string {
	return runtime + "/wsgi/" + site + ":" + group + "." + slot + ".sock"
}
