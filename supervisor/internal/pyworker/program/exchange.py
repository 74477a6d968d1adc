"""One request and its response: the gateway side of PEP 3333."""

import os
import stat

from _wsgid.link import (
    DATA, END, FAILED, FILE, HEADER, LAST, OFFSET_AND_LENGTH, PIECE, REFUSED, RESPONSE, SIZE, USER,
    Disconnected, receive, send, send_descriptor,
)

# A file up to this size goes as bytes: fewer steps than handing over its
# descriptor.
SMALL_FILE = 65536

# A list or tuple up to this size goes as one block.
SMALL_BODY = 1 << 18

# Status and fields take at most this many bytes; the front end ends a worker
# that sends more.
LARGEST_HEAD = 1 << 20

# Names of response fields that were found good, so that each is checked once.
GOOD_NAMES = set()

TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789"
                  'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')


class FileWrapper:
    """wsgi.file_wrapper. A file of the file system is sent by the front end
    with sendfile(2), after the thread is free; anything else is read here."""

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, 'close'):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def plain_file(self):
        """(descriptor, offset, bytes left) of an unfiltered regular file that
        is open for reading bytes, else None."""
        # Only exact types: GzipFile, text files and others have a fileno() too,
        # but what they read is not what stands in the file.
        import io
        stream = getattr(self.filelike, 'file', self.filelike)
        raw = getattr(stream, 'raw', stream)
        if type(stream) not in (io.FileIO, io.BufferedReader, io.BufferedRandom) or type(raw) is not io.FileIO:
            return None
        try:
            fd, offset = stream.fileno(), stream.tell()
            info = os.fstat(fd)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(info.st_mode) or not raw.readable():
            return None
        return fd, offset, max(0, info.st_size - offset)


class RequestTimeout(BaseException):
    """Raised in a request that has taken longer than request-timeout, if the key
    interrupt-timeout allows that. Its base is BaseException, so that "except
    Exception" lets it pass; who catches it to clean up should raise it again."""


RequestTimeout.__module__ = 'mod_wsgi'  # where applications find it


def check_status(status):
    if type(status) is not str:
        raise TypeError('status must be a str, not %s' % type(status).__name__)
    if status[3:4] != ' ' or not (status[:3].isascii() and status[:3].isdigit()):
        raise ValueError('status must be three digits, a space and a reason, not %r' % status)
    if status[0] in '01':
        raise ValueError('status must be 200 or above, not %r' % status)


def check_name(name):
    if not name or not TOKEN.issuperset(name):
        raise ValueError('header name %r is not a token (RFC 9110 5.1)' % name)
    if len(GOOD_NAMES) < 1000:
        GOOD_NAMES.add(name)


def check_text(parts):
    """Refuse control characters, which would end the field or the head."""
    for part in parts:
        for char in part:
            code = ord(char)
            if code < 32 and code != 9 or code == 127:
                raise ValueError('control character %r in status or header value %r' % (char, part))


class Exchange:
    """start_response, write() and the sending of what the application returns."""

    __slots__ = ('thread', 'sock', 'head', 'count', 'sent', 'head_only')

    def __init__(self, thread, head_only):
        self.thread = thread
        self.sock = thread.sock
        self.head = None        # encoded status and fields, once known
        self.count = 0          # of fields
        self.sent = False       # the head is on its way
        self.head_only = head_only

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise AssertionError('start_response() was called a second time without exc_info')
        check_status(status)
        if type(headers) is not list:
            raise TypeError('headers must be a list, not %s' % type(headers).__name__)
        parts = [status]
        for item in headers:
            if type(item) is not tuple or len(item) != 2:
                raise TypeError('each header must be a tuple of name and value, not %r' % (item,))
            name, value = item
            if type(name) is not str or type(value) is not str:
                raise TypeError('header names and values must be str, not %r' % (item,))
            if name not in GOOD_NAMES:
                check_name(name)
            parts += item
        if not ''.join(parts).isprintable():
            check_text(parts)
        try:
            self.head = '\0'.join(parts).encode('latin-1')
        except UnicodeEncodeError as err:
            raise ValueError('status and headers must be latin-1: %s' % err) from None
        if len(self.head) > LARGEST_HEAD:
            self.head = None
            raise ValueError('status and headers exceed %d bytes' % LARGEST_HEAD)
        self.count = len(headers)
        return self.write

    def write(self, block):
        if type(block) is not bytes:
            raise TypeError('response blocks must be bytes, not %s' % type(block).__name__)
        if not self.sent:
            self.send_head(block[:PIECE])
            block = block[PIECE:]
        if self.head_only:
            return
        while block:
            piece = block if len(block) <= PIECE else block[:PIECE]
            send(self.sock, HEADER.pack(DATA, 0, 0, 0, len(piece), 0, 0), piece)
            block = block[PIECE:]

    def send_head(self, block=b''):
        if self.head is None:
            raise AssertionError('the application did not call start_response() before its first block')
        self.sent = True
        send(self.sock, HEADER.pack(RESPONSE, 0, self.count, len(self.head), len(block), 0, 0), self.head, block)

    def complete(self, block):
        """Send the whole response and its end as one frame."""
        if self.head is None:
            raise AssertionError('the application did not call start_response()')
        self.sent = True
        cpu, wall = self.thread.times()
        send(self.sock, HEADER.pack(RESPONSE, LAST, self.count, len(self.head), len(block), cpu, wall), self.head, block)

    def end(self):
        if not self.sent:
            self.complete(b'')
            return
        cpu, wall = self.thread.times()
        send(self.sock, HEADER.pack(END, LAST, 0, 0, 0, cpu, wall))

    def fail(self, summary, status=0):
        """Tell the front end that the application failed; summary is one line, and
        status what to answer, 0 for the usual."""
        cpu, wall = self.thread.times()
        text = summary.encode('utf-8', 'replace')[:4096]
        send(self.sock, HEADER.pack(FAILED, LAST, status, len(text), 0, cpu, wall), text)

    def refuse(self, status, *fields):
        """Have the front end answer with a page of its own, and with fields."""
        cpu, wall = self.thread.times()
        head = '\0'.join([str(status), *(part for field in fields for part in field)]).encode('latin-1')
        send(self.sock, HEADER.pack(REFUSED, LAST, len(fields), len(head), 0, cpu, wall), head)

    def identify(self, user):
        """Tell the front end who the client is, for its log."""
        name = user.encode('utf-8')[:1000]
        send(self.sock, HEADER.pack(USER, 0, 0, len(name), 0, 0, 0), name)

    def run(self, application, environ):
        """Call the application and send what it returns."""
        result = application(environ, self.start_response)
        kind = type(result)
        if kind is list or kind is tuple:
            self.send_blocks(result)
            return
        try:
            if kind is not FileWrapper or not self.send_file(result):
                for block in result:
                    # An empty block says nothing yet (PEP 3333, "Middleware
                    # Handling of Block Boundaries").
                    if block or type(block) is not bytes:
                        self.write(block)
                        if self.head_only:
                            break
                if not self.sent:
                    self.send_head()
        finally:
            close = getattr(result, 'close', None)
            if close is not None:
                close()
        self.end()

    def send_blocks(self, blocks):
        if len(blocks) == 1:
            block = blocks[0]
            if type(block) is not bytes:
                raise TypeError('response blocks must be bytes, not %s' % type(block).__name__)
        else:
            size = 0
            for block in blocks:
                if type(block) is not bytes:
                    raise TypeError('response blocks must be bytes, not %s' % type(block).__name__)
                size += len(block)
            if size > SMALL_BODY or self.sent:
                for block in blocks:
                    if block:
                        self.write(block)
                self.end()
                return
            block = b''.join(blocks)
        if self.sent or len(block) > PIECE:
            if block:
                self.write(block)
            self.end()
            return
        self.complete(block)

    def send_file(self, wrapper):
        """Hand a plain file over; False if it is not one."""
        found = wrapper.plain_file()
        if found is None or self.sent or self.head is None:
            return False
        body = self.thread.body
        if body is not None and body.streaming():
            # The answer to the announcement would come amid the frames of the
            # request's body.
            return False
        fd, offset, left = found
        if left <= SMALL_FILE:
            block = wrapper.filelike.read(left)
            if block:
                self.write(block)
            return True
        if b'\0content-length\0' not in self.head.lower():
            self.head += b'\0Content-Length\0%d' % left
            self.count += 1
        self.send_head()
        if self.head_only:
            return True
        self.hand_over(fd, OFFSET_AND_LENGTH.pack(offset, left))
        return True

    def hand_over(self, fd, where):
        send(self.sock, HEADER.pack(FILE, 0, 0, len(where), 0, 0, 0), where)
        receive(self.sock, SIZE)  # Take
        send_descriptor(self.sock, b'F', fd)

