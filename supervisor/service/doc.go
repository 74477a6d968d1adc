// Package service is a supervisor under systemd (`wsgid serve`): it takes the
// sockets of wsgi@SITE.socket, serves the site with [supervisor.App], and tells
// systemd how it goes.
//
// What it keeps true:
//
//   - READY=1 is said once a request would be answered, also after a reload that
//     failed.
//   - The watchdog is fed only after a turn of every loop that carries requests.
//   - The sockets are systemd's: nothing here unlinks or changes one.
//   - An end that another supervisor follows leaves the leaders and their
//     processes as they are; any other ends them, after the requests under way.
package service
