// Package group is a daemon group as the supervisor sees it: its generations,
// their processes and threads, the queue in front of them, and the deadlines.
//
// What it keeps true:
//
//   - A request is given to a thread that is idle, or waits in one queue, and not
//     behind another request in a process but in one case: where requests take
//     microseconds, the next ones are sent to a thread before it is through. They
//     wait there as in the queue. What the thread has not received is taken back,
//     and so has certainly not begun, when the thread is still at the same request
//     after a millisecond, which is looked at every millisecond, when the client
//     goes away, and when the process ends.
//   - Which request a thread works on is known at any moment: the deadlines of one
//     that is ahead of its turn begin when the one before has ended.
//   - A thread stays idle while requests queue only if its process computes with as
//     many others as can profit, and not for longer than a millisecond in which
//     that finishes nothing.
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
