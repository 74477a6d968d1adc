// Package group is a daemon group as the supervisor sees it: its generations,
// their processes and threads, the queue in front of them, and the deadlines.
//
// What it keeps true:
//
//   - A request is given to a thread that is idle, or waits in one queue, never
//     behind another request in a process. A thread stays idle while requests
//     queue only if its process computes with as many others as can profit, and
//     not for longer than a millisecond in which that finishes nothing.
//   - A generation takes requests only after every one of its processes has
//     imported the application. At most two generations are alive.
//   - A client that goes away while its request is queued never reaches the
//     application.
//   - Deadlines are kept here, by the supervisor's clock: neither the GIL nor a
//     stuck process can put an answer off.
//   - A worker is not trusted: a frame out of order or out of bounds ends its
//     process and is answered with 502.
//   - Every abnormal end of a request is logged once, with its cause.
//
// Nothing outside this package knows how requests reach a process.
package group
