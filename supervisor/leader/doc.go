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
//     every failure up to a bound. There is never a busy loop.
//   - Every exit is reported with its cause: exit code or signal.
//   - When the supervisor closes the control connection, every process is
//     stopped and Run returns; nothing is left behind.
//   - The leader never carries requests: those go from the supervisor to the
//     threads' own connections.
package leader
