// Package site reads the site file, the one file a person writes per site.
//
// What this package keeps:
//
//   - Nothing is ignored silently. An unknown key, a key in the wrong table, a
//     number with trailing junk, a key of later work: each is an error with
//     file, line and key, and every program that reads the file says the same,
//     because there is no other parser.
//   - All errors of a file are reported together, not the first one only.
//   - Defaults are written once, in the table that [Keys] returns. The same
//     table is the reference documentation.
//   - Reading a site never touches the machine it describes. What needs the
//     file system is in [Site.CheckFiles] and [Site.Interpreters], and what needs
//     the caller's own rights in [Site.CheckDirect].
//   - A directive for a unit of systemd is passed on by its name and never by
//     chance: one that is unknown, of another section, or in the way of what
//     wsgid promises is an error.
//   - What [Site.Encode] writes, [Parse] reads back to an equal site.
package site
