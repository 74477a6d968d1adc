"""The frames of the worker link.

The layout is described once, in the Go package wire; both ends are tested
against the transcripts in its testdata.
"""

from _socket import SCM_RIGHTS, SHUT_RD, SHUT_RDWR, SOL_SOCKET
from struct import Struct

HEADER = Struct('<BBHIIII')
SIZE = HEADER.size
OFFSET_AND_LENGTH = Struct('<QQ')
DESCRIPTOR = Struct('i')

# To the worker.
REQUEST, BODY, BODY_FILE, TAKE = 1, 2, 3, 4
# From the worker.
RESPONSE, DATA, END, FAILED, WANT, FILE, REFUSED, USER = 16, 17, 18, 19, 20, 21, 22, 23
# Flags.
LAST, ABORTED, DEFERRED = 1, 2, 4

# A payload up to this size is joined to its header: copying it is cheaper
# than a second element in sendmsg.
JOIN = 16384

# A request comes as one packet of at most this size; what is more follows on the
# stream.
PACKET = 81920

# A frame carries at most this much body; the front end refuses more than
# 16 MiB, and smaller pieces let it pass one on while the next is made.
PIECE = 1 << 20


class Link:
    """A thread's connection: requests come in on a socket of packets, and all
    else goes over a stream socket.

    The front end has a copy of the end that requests are received from, by which
    it takes back what this thread has not received yet. And a thread that waits
    in recv() on a UNIX stream socket is woken, for nothing, whenever the peer has
    read what the thread sent on that same socket (unix_write_space in the
    kernel): no thread waits for its next request there.
    """

    __slots__ = ('recv', 'recv_into', 'recvmsg', 'sendall', 'sendmsg', 'ends')

    def __init__(self, requests, stream):
        self.recv = requests.recv
        self.recv_into, self.recvmsg = stream.recv_into, stream.recvmsg
        self.sendall, self.sendmsg = stream.sendall, stream.sendmsg
        self.ends = (requests, stream)

    def take_no_more(self):
        """Let requests, and the body that a thread may wait for, end with what has
        arrived."""
        for end in self.ends:
            try:
                end.shutdown(SHUT_RD)
            except OSError:
                pass  # closed already

    def shut(self):
        """End the connection; a thread that waits for a request wakes."""
        for end in self.ends:
            try:
                end.shutdown(SHUT_RDWR)
            except OSError:
                pass  # closed already

    def close(self):
        for end in self.ends:
            end.close()


class Disconnected(OSError):
    """The front end let go of this exchange: the client has gone away."""


def send(sock, header, *parts):
    """Send a frame whole, or raise Disconnected."""
    try:
        size = 0
        for part in parts:
            size += len(part)
        if size <= JOIN:
            sock.sendall(b''.join((header, *parts)))
            return
        size += SIZE
        sent = sock.sendmsg((header, *parts))
        if sent < size:
            # A signal cut the call short; what is left is rare and copied.
            sock.sendall(memoryview(b''.join((header, *parts)))[sent:])
    except OSError as err:
        raise Disconnected(err.errno, 'the client has gone away') from None


def send_descriptor(sock, data, fd):
    """Send data with a file descriptor beside it, or raise Disconnected."""
    try:
        sock.sendmsg((data,), ((SOL_SOCKET, SCM_RIGHTS, DESCRIPTOR.pack(fd)),))
    except OSError as err:
        raise Disconnected(err.errno, 'the client has gone away') from None


def receive_into(sock, view):
    """Fill view from the socket, or raise Disconnected at its end."""
    got = 0
    while got < len(view):
        n = sock.recv_into(view[got:])
        if not n:
            raise Disconnected(32, 'the client has gone away')
        got += n


def receive(sock, size):
    """Read exactly size bytes, or raise Disconnected at the end."""
    data = bytearray(size)
    receive_into(sock, memoryview(data))
    return data
