// Package sd speaks systemd's protocols for services: the sockets it passes
// (sd_listen_fds(3)), the state it is told (sd_notify(3)), the watchdog it
// wants fed (sd_watchdog_enabled(3)), the job it has for a unit.
//
// What it keeps true:
//
//   - A socket that systemd passed stays systemd's: its path is never unlinked,
//     it is never shut down, and no program that is started inherits it.
//   - Sockets are known by their names alone: their order differs from one
//     version of systemd to the next when several socket units pass them.
//   - Nothing waits for systemd but Barrier and Job, which have a context. A
//     server goes on whether or not anybody listens to its notifications.
//   - A notification is a datagram of its own. While systemd is too busy to take
//     any, as during a daemon-reload, those that change the unit's state are kept
//     and then sent in their order; Watchdog's are not, for a kept one would
//     vouch for a program that may hang by then.
//   - The last status always gets through, however often Status is called.
//   - Outside a service of systemd everything here does nothing and reports
//     nothing. Errors that are returned are those of an environment that
//     contradicts itself.
package sd
