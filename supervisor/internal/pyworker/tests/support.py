"""What the tests share: the program, loaded as the interpreter of a worker
loads it, and the front end's side of a thread's connection."""

import ast
import os
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAM = HERE.parent / 'program'
TRANSCRIPTS = HERE.parent.parent / 'wire' / 'testdata'

# Everything that waits does so for at most this many seconds.
PATIENCE = 10


def load_program():
    """Make the modules of the package _wsgid, in the order that pyworker.go
    names; return the package."""
    if '_wsgid' in sys.modules:
        return sys.modules['_wsgid']
    names = re.search(r'modules = [^{]*\{([^}]*)\}', (PROGRAM.parent / 'pyworker.go').read_text()).group(1)
    package = sys.modules['_wsgid'] = type(sys)('_wsgid')
    package.__path__ = []
    later = re.search(r'lazy = [^{]*\{([^}]*)\}', (PROGRAM.parent / 'pyworker.go').read_text()).group(1)
    package.later = {name: (PROGRAM / (name + '.py')).read_bytes() for name in ast.literal_eval('[%s]' % later)}
    for name in ast.literal_eval('[%s]' % names):
        module = sys.modules['_wsgid.' + name] = type(sys)('_wsgid.' + name)
        setattr(package, name, module)
        exec(code_of(name), module.__dict__)
    return package


def code_of(name):
    return compile((PROGRAM / (name + '.py')).read_bytes(), '<wsgid>/%s.py' % name, 'exec', dont_inherit=True)


wsgid = load_program()
link = wsgid.link

CONFIG = {
    'group': 'web', 'script': '', 'module': 'demo', 'callable': 'application', 'directory': '/',
    'home': '', 'python-path': '', 'locale': '', 'switch-interval': '', 'stack-size': '0',
    'stack-signal': '62', 'cpu-time-limit': '0', 'processes': '1', 'threads': '1', 'shutdown-timeout': '5', 'watch': '0',
    'access': '', 'server-metrics': '0', 'import-script': '', 'restrict': '', 'interrupt': '', 'applications': '', 'preload': '', 'dispatch': '', 'dispatched': '0', 'application-group': '',
    'warm-up': '', 'warm-up-status': '200', 'software': 'wsgid/test', 'multithread': '0', 'multiprocess': '0', 'run-once': '0', 'process': '1', 'title': 'wsgid: test',
}


class Leader:
    """The leader's end of a process's control connection."""

    def __init__(self):
        self.sock, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(PATIENCE)
        self.unread = []

    def receive(self):
        """The next message: its fields, and descriptors beside it."""
        data, ancillary, _, _ = self.sock.recvmsg(1 << 18, socket.CMSG_SPACE(4 * 253))
        fds = [fd for _, _, raw in ancillary for fd in struct.unpack('%di' % (len(raw) // 4), raw)]
        return data.decode().split('\0'), fds

    def expect(self, name):
        """The next message of that name; those before it are kept."""
        for i, (fields, fds) in enumerate(self.unread):
            if fields[0] == name:
                del self.unread[i]
                return fields, fds
        while True:
            fields, fds = self.receive()
            if not fields[0]:
                raise AssertionError('the process went away without %r' % name)
            if fields[0] == name:
                return fields, fds
            self.unread.append((fields, fds))

    def close(self):
        self.sock.close()
        self.far.close()
        for _, fds in self.unread:
            for fd in fds:
                os.close(fd)


class FrontEnd:
    """The front end's end of a thread's connection: a socket for requests, a stream
    for all else, and a copy of what the thread receives requests from."""

    def __init__(self, requests, stream, unread):
        self.requests, self.stream, self.unread = (socket.socket(fileno=fd) for fd in (requests, stream, unread))
        for end in (self.requests, self.stream):
            end.settimeout(PATIENCE)

    @classmethod
    def of_each(cls, fds):
        """The connections to which descriptors belong."""
        return [cls(*pair) for pair in zip(fds[::3], fds[1::3], fds[2::3])]

    def send(self, kind, flags=0, head=b'', body=b'', length=0, count=0):
        self.send_frame(link.HEADER.pack(kind, flags, count, len(head), len(body), length & 0xffffffff, length >> 32)
                        + head + body)

    def send_frame(self, data):
        if data[0] == link.REQUEST:
            self.requests.send(data[:link.PACKET])
            data = data[link.PACKET:]
        if data:  # else the thread may have ended the connection already
            self.stream.sendall(data)

    def request(self, body=b'', deferred=False, **environ):
        fields = {'REQUEST_METHOD': 'GET', **environ}
        head = ''.join('%s\0%s\0' % item for item in fields.items()).encode('latin-1')
        self.send(link.REQUEST, link.DEFERRED if deferred else link.LAST, head, body)

    def send_file(self, content, flags=link.LAST):
        """Hand over a body that stands in a file."""
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.flush()
            header = link.HEADER.pack(link.BODY_FILE, flags, 0, 0, 0, len(content), 0)
            self.send_with_descriptor(header, file.fileno())

    def send_with_descriptor(self, data, fd):
        self.stream.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack('i', fd))])

    def take(self, size):
        data = b''
        while len(data) < size:
            piece = self.stream.recv(min(size - len(data), 1 << 20))
            if not piece:
                raise EOFError('the worker closed the connection after %r' % data[:100])
            data += piece
        return data

    def frame(self):
        """The next frame of the worker."""
        return Frame(self)

    def response(self):
        """A whole exchange: status and fields, the body, and the last frame."""
        head, body, user = None, b'', None
        while True:
            frame = self.frame()
            if frame.kind == link.USER:
                user = frame.head.decode()
                continue
            if frame.kind == link.RESPONSE:
                assert head is None, 'a second response'
                head = frame.fields()
            elif frame.kind == link.FILE:
                body += self.take_file(frame)
                continue
            elif frame.kind not in (link.DATA, link.END, link.FAILED, link.REFUSED):
                raise AssertionError('a frame of kind %d' % frame.kind)
            if frame.kind != link.FAILED:
                body += frame.body
            if frame.flags & link.LAST:
                return Response(head, body, frame, user)

    def take_file(self, frame):
        offset, length = link.OFFSET_AND_LENGTH.unpack(frame.head)
        self.send(link.TAKE)
        byte, fd = self.descriptor()
        assert byte == b'F', byte
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)

    def descriptor(self):
        """The byte that a descriptor comes with, and the descriptor."""
        data, ancillary, _, _ = self.stream.recvmsg(1, socket.CMSG_SPACE(4))
        if len(ancillary) != 1:
            raise AssertionError('%r came without a descriptor' % data)
        return data, struct.unpack('i', ancillary[0][2])[0]

    def silent(self):
        """Whether the worker has sent nothing that was not read."""
        self.stream.setblocking(False)
        try:
            return not self.stream.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        finally:
            self.stream.settimeout(PATIENCE)

    def close(self):
        self.requests.close()
        self.unread.close()
        self.stream.close()


class Frame:

    def __init__(self, front):
        self.header = front.take(link.SIZE)
        self.kind, self.flags, self.count, head, body, self.cpu, self.wall = link.HEADER.unpack(self.header)
        self.head = front.take(head)
        self.body = front.take(body)

    def fields(self):
        status, *rest = self.head.decode('latin-1').split('\0')
        assert len(rest) == 2 * self.count, (self.count, rest)
        return status, list(zip(rest[::2], rest[1::2]))


class Response:

    def __init__(self, head, body, last, user):
        self.status, self.headers = head or (None, None)
        self.body = body
        self.last = last
        self.failure = last.head.decode() if last.kind == link.FAILED else None
        self.user = user        # for the access log
        # Status and fields of the page that the front end is to make.
        self.refusal = last.fields() if last.kind == link.REFUSED else None


class Worker:
    """A process with an application and with threads that serve, in this
    process; and what plays its leader and its front end."""

    def __init__(self, application, threads=1, **config):
        self.leader = Leader()
        self.process = wsgid.process.Process(self.leader.far, {**CONFIG, 'threads': str(threads), **config})
        self.process.application = application
        self.process.make_threads()
        self.fronts = []
        while len(self.fronts) < threads:
            (_, first, count), fds = self.leader.expect('threads')
            assert int(first) == len(self.fronts) and 3 * int(count) == len(fds), (first, count, fds)
            self.fronts += FrontEnd.of_each(fds)
        self.front = self.fronts[0]
        self.process.start_next()

    def reconnected(self):
        """The connection that a thread offers in the place of its last one."""
        (_, index, count), fds = self.leader.expect('threads')
        assert count == '1' and len(fds) == 3, (count, fds)
        self.fronts += FrontEnd.of_each(fds)
        return int(index), self.fronts[-1]

    def renew(self, number='1'):
        """Have the process make new connections; they are this worker's fronts
        then, in the order of the threads. Those of threads with a request stay
        away. The indexes of those that came, each once."""
        self.process.renew(number)
        newest = {}
        while True:
            fields, fds = self.leader.receive()
            if fields[0] == 'threads':
                assert 3 * int(fields[2]) == len(fds), fields
                for index, front in enumerate(FrontEnd.of_each(fds), int(fields[1])):
                    if index in newest:
                        # The thread has noticed the end before it was told.
                        newest[index].close()
                    newest[index] = front
            elif fields[0] == 'renewed':
                assert fields[1:] == [number], fields
                self.fronts = [newest[index] for index in sorted(newest)]
                return sorted(newest)

    def rest(self):
        """Wait until no thread is at work: a response may arrive before that."""
        end = time.monotonic() + PATIENCE
        while any(thread.busy for thread in self.process.threads):
            assert time.monotonic() < end, 'a thread is still at work'
            time.sleep(0.001)

    def log(self):
        """The next log record: level, request id, text."""
        return tuple(self.leader.expect('log')[0][1:])

    def running(self):
        """The system threads of this worker."""
        return [thread for thread in threading.enumerate()
                if getattr(getattr(thread, '_target', None), '__self__', None) in self.process.threads]

    def close(self):
        """End every thread, and wait for that."""
        self.process.end_threads()
        self.leader.close()
        for front in self.fronts:
            front.close()
        for thread in self.running():
            thread.join(PATIENCE)
            assert not thread.is_alive(), 'a thread did not end'
        for thread in self.process.threads:
            if thread.sock is not None:
                thread.sock.close()


def call(application, body=b'', **environ):
    """Serve one request; the response."""
    worker = Worker(application)
    try:
        worker.front.request(body, **environ)
        return worker.front.response()
    finally:
        worker.close()


def descriptors():
    """How many descriptors this process has."""
    return len(os.listdir('/proc/self/fd'))
