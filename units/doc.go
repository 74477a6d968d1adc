// Package units turns a site into the unit files that systemd runs it with. What
// every site has in common is in the templates of units/shipped; this package
// adds what the site file says: drop-ins for the two units of the site, the units
// of its daemon groups, and their slices.
//
// What this package keeps:
//
//   - [Generate] is a function of the site and nothing else: it reads no file,
//     asks nobody, and gives the same files in the same order every time.
//   - The whole instance wsgi@SITE is never written, only drop-ins: an instance
//     in a generator's directory could not be enabled (systemd.generator(7)).
//     They are named 10-wsgi.conf, so that a drop-in of the administrator comes
//     later and wins.
//   - No directory that a service owns holds a socket, and no socket depends on
//     the life of a service: neither stopping nor failing ever closes one.
//   - Nothing runs as root.
//   - What the site file says about a unit is either in the unit or refused, with
//     the place in the file.
package units
