// Package unitfile writes and reads unit files of systemd, and quotes what goes
// into them (systemd.syntax(7), systemd.unit(5)).
//
// What this package keeps:
//
//   - [Parse] reads from what [File.Print] writes exactly the file it was given.
//     A value that no line can hold is refused, never changed: systemd cuts
//     blanks at both ends, and takes a backslash at the end of a line as the wish
//     to go on in the next one.
//   - Text that came through [Word], [Argument] or [Assignment] reaches the
//     program as it was: no specifier, variable, quote or escape in it works.
package unitfile
