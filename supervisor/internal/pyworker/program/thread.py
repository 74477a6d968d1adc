"""A worker thread: takes requests from its own connection, one at a time."""

import io
import threading
from time import perf_counter_ns, thread_time_ns

from _wsgid.body import Body
from _wsgid.exchange import Exchange, RequestTimeout
from _wsgid.link import DEFERRED, HEADER, PACKET, SIZE, Disconnected, receive


class Thread:
    """A slot for one request at a time.

    Its system thread is started when the first request may come, because most
    of a generous number of threads never serves one.
    """

    def __init__(self, process, index, sock):
        self.process = process
        self.index = index
        self.sock = sock
        self.fresh = None           # the connection that is to follow, made by renew()
        self.errors = Errors(process)
        self.environ = {**process.environ, 'mod_wsgi.thread_id': index + 1, 'wsgi.errors': self.errors}
        self.body = None            # a deferred body, while its request is served
        self.busy = False
        self.started = False
        self.ident = 0              # of the system thread
        self.interrupted = False    # RequestTimeout may have been raised in it
        self.cpu = self.wall = 0

    def start(self):
        self.started = True
        threading.Thread(target=self.serve, name='wsgi-%d' % self.index, daemon=True).start()

    def times(self):
        """CPU time this thread used since it was last asked, and wall time of
        the request, in microseconds."""
        cpu = thread_time_ns()
        used, self.cpu = cpu - self.cpu, cpu
        return (used // 1000) & 0xffffffff, ((perf_counter_ns() - self.wall) // 1000) & 0xffffffff

    def serve(self):
        self.ident = threading.get_ident()
        self.process.thread_started(self)
        self.cpu = thread_time_ns()
        while True:
            self.wall = 0
            served = True
            try:
                served = self.serve_connection()
                if self.interrupted:
                    self.process.settle(self)
            except RequestTimeout:
                # It came when the application was through. It is raised once, so
                # from here on nothing is.
                self.process.settle(self)
            self.busy = False
            self.errors.flush()
            self.errors.request_id = ''
            self.sock = self.process.next_link(self, served)
            if self.sock is None:
                return

    def serve_connection(self):
        """Serve until the connection ends; whether there should be another."""
        try:
            self.take_requests()
            # Without a request the front end wants no other connection, or has
            # gone: then the leader says when there is another.
            return self.wall != 0
        except (OSError, RequestTimeout):
            return True
        except BaseException as err:
            # A fault of the gateway itself: the front end must not wait for an
            # answer on this connection.
            self.process.report(err, self.errors.request_id)
            return True

    def take_requests(self):
        """Serve until the front end closes the connection between two requests."""
        recv, unpack, base = self.sock.recv, HEADER.unpack_from, self.environ
        while True:
            data = recv(PACKET)
            if len(data) < SIZE:
                if not data:
                    return
                data += receive(self.sock, SIZE - len(data))
            self.wall = perf_counter_ns()
            self.busy = True
            _, flags, _, head, body, _, _ = unpack(data)
            size = SIZE + head + body
            if len(data) < size:
                data += receive(self.sock, size - len(data))
            head += SIZE
            fields = iter(data[SIZE:head].decode('latin-1').split('\0'))
            environ = base.copy()
            environ.update(zip(fields, fields))
            if flags & DEFERRED:
                raw = self.body = Body(self.sock)
                environ['wsgi.input'] = io.BufferedReader(raw, 65536)
                try:
                    self.handle(environ)
                finally:
                    self.body = None
                    raw.release()
                raw.drain()
            else:
                environ['wsgi.input'] = io.BytesIO(data[head:])
                self.handle(environ)
            self.busy = False
            # A request that stays until the next is there has the thread receive each
            # in another place, until all of its heap was used: 150 KiB a thread.
            del data, fields, environ

    def handle(self, environ):
        process = self.process
        if self.index == process.started - 1:
            process.start_next()
        self.errors.request_id = environ.get('mod_wsgi.request_id', '')
        exchange = Exchange(self, environ['REQUEST_METHOD'] == 'HEAD')
        try:
            if 'wsgid.access' not in environ or process.admits(environ, exchange):
                exchange.run(process.application, environ)
        except Disconnected:
            raise
        except RequestTimeout as err:
            process.log('info', self.errors.request_id, 'mod_wsgi.RequestTimeout has ended the request')
            exchange.fail('mod_wsgi.RequestTimeout: %s' % err, 504)
        except BaseException as err:
            exchange.fail(process.report(err, self.errors.request_id))
        if self.errors.pending:
            self.errors.flush()
        if process.watching:
            process.report_files()


TRACEBACK = 'Traceback (most recent call last):'

# Characters that are waited with for the end of one.
LARGEST_TRACEBACK = 16384


def in_traceback(lines):
    """Whether lines end inside a traceback, which print_exc() writes line by line
    and which is one record. What does not end is no traceback."""
    last = lines[lines.rfind('\n') + 1:]
    return last.startswith((' ', TRACEBACK)) and TRACEBACK in lines and len(lines) < LARGEST_TRACEBACK


class Errors:
    """wsgi.errors: whole lines go to the log with the request's id, a traceback as
    one record."""

    encoding = 'utf-8'
    errors = 'backslashreplace'
    closed = False

    def __init__(self, process):
        self.process = process
        self.request_id = ''
        self.pending = ''

    def write(self, text):
        if type(text) is not str:
            raise TypeError('wsgi.errors takes str, not %s' % type(text).__name__)
        self.pending += text
        if '\n' in text:
            lines, _, rest = self.pending.rpartition('\n')
            if not in_traceback(lines):
                self.pending = rest
                self.process.log('error', self.request_id, lines)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        if self.pending:
            lines, self.pending = self.pending, ''
            self.process.log('error', self.request_id, lines)

    def isatty(self):
        return False

    def writable(self):
        return True

    def readable(self):
        return False
