"""wsgi.input for a body that did not come with its request.

The front end keeps such a body until the application reads it: spooled in a
file whose descriptor is handed over, or, for what exceeds the spool limit or
waits for "100 Continue", as frames.
"""

import io
import os
from _socket import CMSG_SPACE

from _wsgid.link import (
    ABORTED, BODY_FILE, DESCRIPTOR, HEADER, LAST, SIZE, WANT,
    receive, receive_into, send,
)

ASK = HEADER.pack(WANT, 0, 0, 0, 0, 0, 0)

# Why a body cannot be read; the first two begin as mod_wsgi's message does,
# which frameworks know.
INCOMPLETE = 'mod_wsgi request data read error: the client did not send the whole request body'
GONE = 'mod_wsgi request data read error: the front end has gone away'
OVER = 'the request of this wsgi.input is over'


class Body(io.RawIOBase):
    """The raw stream; the application sees a BufferedReader over it."""

    def __init__(self, sock):
        self.sock = sock
        self.asked = False
        self.file = -1
        self.offset = 0      # position in the file
        self.left = 0        # bytes left of the file, or of the current frame
        self.more = True     # further frames follow
        self.broken = ''     # why the body ended before its end

    def readable(self):
        return True

    def ask(self):
        self.asked = True
        send(self.sock, ASK)
        head, ancillary, _, _ = self.sock.recvmsg(SIZE, CMSG_SPACE(DESCRIPTOR.size))
        for _, _, data in ancillary:
            self.file = DESCRIPTOR.unpack_from(data)[0]
        if len(head) < SIZE:
            head += receive(self.sock, SIZE - len(head))
        self.accept(head)

    def accept(self, head):
        kind, flags, _, _, size, low, high = HEADER.unpack(head)
        self.left = high << 32 | low if kind == BODY_FILE else size
        self.more = not flags & LAST
        if flags & ABORTED:
            self.more = False
            self.broken = INCOMPLETE
            raise OSError(self.broken)

    def available(self):
        """Make left positive, or return False at the end of the body."""
        if not self.asked:
            self.ask()
        while not self.left:
            self.release()
            if self.broken:
                # An application that tries again must not take what it has
                # for the whole.
                raise OSError(self.broken)
            if not self.more:
                return False
            self.accept(receive(self.sock, SIZE))
        return True

    def readinto(self, target):
        if not self.available():
            return 0
        view = memoryview(target).cast('B')[:self.left]
        if self.file >= 0:
            n = os.preadv(self.file, (view,), self.offset)
            if not n:
                raise OSError('the spooled request body is shorter than announced')
            self.offset += n
        else:
            n = self.sock.recv_into(view)
            if not n:
                self.left, self.more = 0, False
                self.broken = GONE
                raise OSError(self.broken)
        self.left -= n
        return n

    def readall(self):
        parts = []
        while self.available():
            # A spooled body is one piece of known size: read it at one go.
            piece = bytearray(min(self.left, 1 << 24))
            del piece[self.readinto(piece):]
            parts.append(piece)
        return b''.join(parts)

    def close(self):
        self.release()
        super().close()

    def release(self):
        """Close the file; what was not read of it is given up."""
        if self.file >= 0:
            os.close(self.file)
            self.file, self.left = -1, 0

    def streaming(self):
        """Whether frames of the body may still arrive on the connection."""
        return self.asked and (self.more or self.left > 0 and self.file < 0)

    def drain(self):
        """Pass over what was sent and not read, so that the next request is
        what the thread reads next."""
        self.release()
        if not self.asked:
            # Whoever kept wsgi.input beyond its request must not ask now.
            self.asked, self.more, self.broken = True, False, OVER
            return
        scratch = memoryview(bytearray(65536))
        while self.left or self.more:
            if not self.left:
                try:
                    self.accept(receive(self.sock, SIZE))
                except OSError:
                    if self.more:
                        raise
                continue
            piece = scratch[:self.left]
            receive_into(self.sock, piece)
            self.left -= len(piece)
        self.broken = self.broken or OVER
