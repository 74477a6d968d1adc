// Package leader starts, watches and stops the Python processes of one daemon
// group. It is what `wsgid leader` runs: a child of the supervisor in direct
// mode, a systemd service of its own otherwise.
//
// What it keeps true:
//
//   - A process is offered to the supervisor only when it has imported the
//     application.
//   - A process that ends without having been told to is replaced: at once if
//     it had been serving for a while, else after a delay that doubles with
//     every failure up to a bound. There is never a busy loop. Under systemd a
//     start that fails before the leader was ever ready ends the leader instead:
//     the next one is started with the units as they are then.
//   - Every exit is reported with its cause: exit code, signal, the limit that
//     was reached, or want of memory.
//   - One supervisor at a time is attached. It gets every process that the
//     leader has, and nobody else's descriptors of them stay open: a thread's
//     connection ends with the supervisor that had it, and the next one gets
//     another.
//   - A supervisor that goes without a word leaves the processes warm for
//     orphan-timeout. Whatever ends the leader, every process is stopped before
//     Run returns; nothing is left behind.
//   - A supervisor is let in only if its user is the one that the socket's file
//     belongs to, the leader's own, or root.
//   - The event loop waits for no process and, but for seconds, for no
//     supervisor. systemd's watchdog is fed from that loop alone.
//   - The leader never carries requests: those go from the supervisor to the
//     threads' own connections.
package leader
