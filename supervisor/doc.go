// Package supervisor is the program that serves a site: it owns the front end
// and the daemon groups, and brings them up, reloads them and takes them down.
//
// What it keeps true:
//
//   - A listening socket is served only once somebody can answer for it, and
//     is closed before anything behind it is.
//   - A reload that fails changes nothing.
//   - Stop gives the requests under way their time, ends everything, and is
//     bounded in time; a second signal ends at once.
package supervisor
