// Package group is a daemon group as the supervisor sees it: its generations,
// their processes and threads, the queue in front of them, and the deadlines.
//
// What it keeps true:
//
//   - A request is given to a thread that is idle, or waits in one queue; it
//     never waits behind another request in a process while a thread of any
//     process is idle.
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
