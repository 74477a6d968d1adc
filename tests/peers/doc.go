// Package peers starts wsgid and the servers whose place it takes, from Debian's
// packages, each with a complete configuration of its own, made for one run.
//
// Invariants:
//
//   - Every server has the same number of processes and threads of Debian's python3,
//     serves the same file, and listens on 127.0.0.1 only.
//   - Configurations stay close to what the packages ship: access logs off, keep-alive
//     without limit on requests, no limit on bodies, room for 256 connections.
//   - What was started is ended by process id, with all that descends from it, also
//     what has left its parent (see AdoptOrphans) or does not obey.
//
// Started by root, the peers keep a root parent where they have one, and their workers
// are www-data; wsgid and gunicorn, which need no root, are started as www-data.
package peers
