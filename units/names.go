package units

import (
	"github.com/wsgid/wsgid/units/site"
	"github.com/wsgid/wsgid/units/unitfile"
)

// dropIn is the name of every drop-in.
const dropIn = "10-wsgi.conf"

// siteUnit is one of the two units of a site; kind is "socket" or "service".
func siteUnit(name, kind string) string { return "wsgi@" + name + "." + kind }

// slotUnit is a unit of a daemon group; slot is "a" or "b", or "" for the
// template. No name of a site or group has a colon.
func slotUnit(name, group, slot, kind string) string {
	return "wsgi-" + name + ":" + group + "@" + slot + "." + kind
}

// scriptUnit is the service of a service script.
func scriptUnit(site, group string) string { return "wsgi-" + site + ":" + group + ".service" }

func siteSlice(name string) string { return "wsgi-" + unitfile.EscapeName(name) + ".slice" }

func groupSlice(name, group string) string {
	return "wsgi-" + unitfile.EscapeName(name) + "-" + unitfile.EscapeName(group) + ".slice"
}

// siteSocketPath is where every site listens, below the directory of sockets.
func siteSocketPath(runtime, name string) string { return runtime + "/wsgi/" + name + ".sock" }

// slotSocketPath is where a slot's leader is activated.
func slotSocketPath(s *site.Site, runtime, group, slot string) string {
	return s.SlotPrefix(runtime+"/wsgi", group) + "." + slot + ".sock"
}

// SlotSocket is the path of the socket of a group's slot, "a" or "b".
func SlotSocket(s *site.Site, o Options, group, slot string) string {
	return slotSocketPath(s, o.runtime(), group, slot)
}

// slotSocketValue is slotSocketPath for all slots, as the units of a slot have it.
func slotSocketValue(s *site.Site, group string) string {
	if s.Socket.Prefix == "" {
		return slotSocketPath(s, "%t", group, "%i")
	}
	return unitfile.Specifiers(s.SlotPrefix("", group)) + ".%i.sock"
}
