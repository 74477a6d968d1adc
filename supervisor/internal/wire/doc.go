// Package wire is the language between the supervisor, the leaders and the
// Python workers.
//
// What it keeps true:
//
//   - Frames are bounded. A length that exceeds its bound is an error before a
//     byte of the payload is read or memory for it is taken: a worker is not
//     trusted.
//   - A complete exchange of a small request and a small response is one frame
//     each way, so one send and one receive on either side.
//   - A file descriptor is only ever sent when the receiver has asked for it.
//     A stream socket glues consecutive writes together and drops descriptors
//     that a plain read passes over (unix(7)); asking first makes that
//     impossible, and lets both ends use plain reads for everything else.
//
// There are two links. The worker link is two sockets for each worker thread,
// and carries [Header] frames: a socket of packets (SOCK_SEQPACKET, unix(7)) for
// requests, and a stream socket for all else, in both directions. A request is
// one packet; of one that is larger than MaxPacket the rest follows on the stream.
// Two, because a thread that waits for a request in recv(2) would be woken, for
// nothing, whenever the supervisor reads what the thread has sent on the same
// socket (unix_write_space in the kernel wakes every waiter of a stream socket).
// Packets, because the supervisor has a copy of the thread's end as well, and
// takes back by it, whole, what the thread has not received. The control link is
// one stream socket from supervisor to leader and carries [Message] values as
// length-prefixed JSON with descriptors beside them.
package wire
