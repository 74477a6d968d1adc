"""The worker process: set up, import, serve, and what it tells its leader."""

import os
import sys
import threading
import _signal  # signal without what that imports
from _signal import SIGXCPU
from _socket import (
    AF_UNIX, SO_SNDBUF, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET, SCM_RIGHTS, socket, socketpair,
)
from _thread import start_new_thread
from struct import pack
from time import perf_counter_ns

from _wsgid import application, interrupt, lazy, restrict, surroundings, warmup
from _wsgid.exchange import Exchange, FileWrapper, RequestTimeout
from _wsgid.link import Link
from _wsgid.thread import Errors, Thread

# Threads offered by one message, with three descriptors each; the kernel takes
# 253 (SCM_MAX_FD).
BATCH = 80

# A log record is cut into pieces of this many characters: one message of the
# control socket holds about 200 KB.
LOG_PIECE = 30000


class Process:

    def __init__(self, control, config):
        self.control = control
        self.config = config
        self.application = None
        self.guards = None          # of access control; None until a request needs them
        self.threads = []
        self.started = 0            # threads that have a system thread
        self.lock = threading.Lock()
        self.renewed = threading.Condition(self.lock)
        self.stopping = False
        self.watching = config['watch'] == '1'
        self.observer = None        # of requests, once mod_wsgi was imported
        self.raise_in = None        # see interrupt.raiser(); None where nothing is interrupted
        self.interrupt_age = 0      # of a request, in nanoseconds
        self.modules_seen = 0
        self.files_seen = set()
        self.environ = {
            'SCRIPT_FILENAME': config['script'],
            'SERVER_SOFTWARE': config['software'],
            'wsgi.version': (1, 0),
            'wsgi.multithread': config['multithread'] == '1',
            'wsgi.multiprocess': config['multiprocess'] == '1',
            'wsgi.run_once': config['run-once'] == '1',
            'wsgi.input_terminated': True,
            'wsgi.file_wrapper': FileWrapper,
            'mod_wsgi.version': (6, 0, 5),
            'mod_wsgi.process_group': config['group'],
            'mod_wsgi.application_group': config['application-group'],
            'mod_wsgi.callable_object': config['callable'],
            'mod_wsgi.handler_script': '',
            'mod_wsgi.request_handler': 'wsgi-script',
            'mod_wsgi.server_pid': str(os.getpid()),
        }
        if not config['script'] or config['applications']:
            del self.environ['SCRIPT_FILENAME']

    # What it says to the leader: NUL-separated fields, one message each.

    def tell(self, *fields, fds=()):
        ancillary = ((SOL_SOCKET, SCM_RIGHTS, pack('%di' % len(fds), *fds)),) if fds else ()
        text = '\0'.join(fields)
        try:
            self.control.sendmsg((text.encode('utf-8', 'backslashreplace'),), ancillary)
        except OSError:
            # The leader has gone: main() sees the end of the connection and
            # ends this process once its requests are done.
            pass

    def log(self, level, request_id, text):
        for start in range(0, len(text), LOG_PIECE):
            self.tell('log', level, request_id, text[start:start + LOG_PIECE].replace('\0', '\\x00'))

    def report(self, err, request_id):
        """Log an exception with its traceback as one record; one line of it."""
        try:
            if isinstance(err, MemoryError):
                forget_locals(err)
            import traceback
            # The two frames of the gateway itself say nothing to a reader.
            frames = err.__traceback__
            while frames is not None and frames.tb_frame.f_code.co_filename.startswith('<wsgid>'):
                frames = frames.tb_next
            lines = traceback.format_exception(type(err), err, frames)
            self.log('error', request_id, ''.join(lines).rstrip('\n'))
            return summary(err)
        except MemoryError:
            # Somebody else has what there was.
            self.log('error', request_id, 'MemoryError, and no memory to say where')
            return 'MemoryError'

    def report_files(self):
        """Name the source files that were imported since the last call."""
        if len(sys.modules) == self.modules_seen:
            return
        with self.lock:
            self.modules_seen = len(sys.modules)
            fresh = []
            for module in list(sys.modules.values()):
                path = getattr(module, '__file__', None)
                if path and path not in self.files_seen:
                    self.files_seen.add(path)
                    fresh.append(path)
        for start in range(0, len(fresh), 100):
            self.tell('files', *fresh[start:start + 100])

    # Access control.

    def guard(self):
        if self.guards is None:
            self.guards = lazy.load('access').Guards(self)
        return self.guards

    def admits(self, environ, exchange):
        """Whether the application may have a request that has a rule; if not, it is
        refused. Raises what a script raises."""
        return self.guard().admit(environ, exchange)

    # Threads.

    def make_threads(self):
        count = int(self.config['threads'])
        for first in range(0, count, BATCH):
            links = []
            for index in range(first, min(first + BATCH, count)):
                links.append(self.pair())
                self.threads.append(Thread(self, index, links[-1][0]))
            self.offer(first, links)

    def pair(self):
        """A thread's connection, and the far ends of it."""
        requests, far_requests = socketpair(AF_UNIX, SOCK_SEQPACKET)
        stream, far_stream = socketpair(AF_UNIX, SOCK_STREAM)
        # Room for one large block, so that a thread can give it away and go on.
        stream.setsockopt(SOL_SOCKET, SO_SNDBUF, 1 << 19)
        return Link(requests, stream), (far_requests, far_stream)

    def offer(self, first, links):
        """Offer connections, with their far ends, of threads from first on."""
        fds = [end.fileno() for link, far_ends in links for end in (*far_ends, link.ends[0])]
        self.tell('threads', str(first), str(len(links)), fds=fds)
        for _, far_ends in links:
            for end in far_ends:
                end.close()

    def next_link(self, thread, served):
        """The connection that follows one that has ended; None when there is to
        be none. After a request the thread makes it; else it waits until the
        leader asks for it."""
        with self.lock:
            thread.sock.close()
            if served and not thread.fresh and not self.stopping:
                try:
                    pair = self.pair()
                    self.offer(thread.index, [pair])
                    return pair[0]
                except OSError as err:
                    self.log('error', '', 'cannot make a new connection for a worker thread: %s' % err)
            while not thread.fresh and not self.stopping:
                self.renewed.wait()
            link, thread.fresh = thread.fresh, None
            if link and self.stopping:
                link.close()
            return None if self.stopping else link

    def renew(self, number):
        """Make new connections in the place of those that a supervisor had who
        has gone. A thread with a request makes its own when that is over."""
        with self.lock:
            first, links = 0, []
            for thread in self.threads:
                if thread.busy:
                    continue
                if links and (thread.index != first + len(links) or len(links) == BATCH):
                    self.offer(first, links)
                    links = []
                try:
                    pair = self.pair()
                except OSError as err:
                    self.log('error', '', 'cannot make new connections for worker threads: %s' % err)
                    break
                if not links:
                    first = thread.index
                links.append(pair)
                self.hand_over(thread, pair[0])
            if links:
                self.offer(first, links)
            self.renewed.notify_all()
        self.tell('renewed', number)

    def hand_over(self, thread, link):
        """Give a thread its next connection and have it notice."""
        if not thread.started:
            thread.sock.close()
            thread.sock = link
            return
        if thread.fresh:
            thread.fresh.close()
        thread.fresh = link
        # Closed only with the lock held, so this is no other's descriptor.
        thread.sock.shut()

    def start_next(self):
        """Start one more system thread, if there is a slot without one. The
        last started thread calls this when it gets a request, and the front
        end gives requests to the lowest new slot: so the thread is there when
        its first request is."""
        with self.lock:
            if self.started == len(self.threads):
                return
            # Counted before it runs: it looks at the count to know that it is
            # the last.
            self.started += 1
            try:
                self.threads[self.started - 1].start()
            except RuntimeError as err:
                self.started -= 1
                self.give_up_threads(err)

    def give_up_threads(self, err):
        """Go on with the threads there are when the system grants no more of
        them; the front end sees the ends of the others' connections."""
        if not self.started:
            raise err
        self.log('error', '', 'cannot start worker thread %d: %s; this process goes on with %d threads'
                 % (self.started + 1, err, self.started))
        for thread in self.threads[self.started:]:
            thread.sock.close()
        del self.threads[self.started:]

    def thread_started(self, thread):
        self.tell('ident', str(thread.index), str(threading.get_ident()))

    # Requests that take too long.

    def interrupt(self, index, request_id):
        """Raise RequestTimeout in a thread, if it is in the application with that
        request, and have the thread make a new connection after it.

        This holds the lock that the thread needs to get a new connection, and the
        present one yields no further request: so a thread that was seen in the
        application with this request cannot be in another one when the exception
        is raised, and one that is out of the application will see that it was
        interrupted, and settle() that."""
        thread = self.threads[index] if 0 <= index < len(self.threads) else None
        with self.lock:
            if thread is None or thread.sock is None or thread.errors.request_id != request_id:
                return
            thread.interrupted = True
            thread.sock.take_no_more()
            # A script of access control is as much the application's own.
            inside = interrupt.in_application(thread.ident, (Exchange.run.__code__, Process.admits.__code__))
            if (inside and thread.errors.request_id == request_id
                    and perf_counter_ns() - thread.wall >= self.interrupt_age):
                self.raise_in(thread.ident, RequestTimeout)

    def settle(self, thread):
        """Take back what has not been raised yet."""
        with self.lock:
            if self.raise_in:
                self.raise_in(thread.ident)
            thread.interrupted = False

    # Life.

    def set_up(self):
        config = self.config
        surroundings.set_up(config)
        if int(config['stack-size']):
            threading.stack_size(int(config['stack-size']))
        restrict.apply(config['restrict'].split(), self)
        sys.meta_path.insert(0, lazy.Finder(lambda: lazy.load('modwsgi').begin(self)))
        if config['interrupt']:
            self.interrupt_age = float(config['interrupt']) * 1e9
            self.raise_in = interrupt.raiser()

    def start(self):
        """Import the application and offer the threads; False if it cannot be
        imported."""
        self.tell('hello', '.'.join(map(str, sys.version_info[:3])), sys.prefix)
        try:
            self.set_up()
            loaded = {}
            self.application = application.load(self.config, loaded)
            if self.config['dispatch'] or self.config['dispatched'] == '1':
                self.application = lazy.load('dispatch').Dispatch(self.config, self.application, loaded)
            if self.config['access']:
                self.guard().load(self.config['access'])
            if self.config['warm-up']:
                self.tell('warming')
                warmup.warm_up(self.application, self.environ, Errors(self), self.config)
        except warmup.Unfit as err:
            self.tell('failed', str(err))
            return False
        except BaseException as err:
            if isinstance(err, MemoryError):
                forget_locals(err)
            import traceback
            self.report_files()
            frames = err.__traceback__
            while frames is not None and not is_application(frames.tb_frame.f_code.co_filename):
                frames = frames.tb_next
            text = ''.join(traceback.format_exception(type(err), err, frames)).rstrip('\n')
            self.tell('failed', text[-LOG_PIECE:].replace('\0', '\\x00'))
            return False
        if self.watching:
            self.report_files()
        if self.watches_time() and SIGXCPU in _signal.sigpending():
            self.tell('failed', 'cpu-time-limit was used up by the import of the application')
            return False
        self.make_threads()
        self.start_next()
        self.tell('ready')
        if self.watches_time():
            start_new_thread(self.watch_time, ())
        return True

    def end_threads(self):
        """Make no further connections: threads end with those that they have."""
        with self.lock:
            self.stopping = True
            self.renewed.notify_all()

    # CPU time.

    def watches_time(self):
        return self.config['cpu-time-limit'] == '1'

    def watch_time(self):
        """Tell the leader when the CPU time is used up. Every other thread has
        the signal blocked, see main(): so it waits here, neither for a main
        thread that sits in recv() nor on what an application has signal() do."""
        _signal.sigwait((SIGXCPU,))
        self.tell('expired')

    def serve_until_told(self):
        """Do as the leader says, until it wants the end or has gone."""
        reason = b''
        # The figures of a group are the one long message.
        size = 1 << 18 if self.config['server-metrics'] == '1' else 4096
        while True:
            try:
                word, _, rest = self.control.recv(size).partition(b'\0')
            except OSError:
                break
            if word == b'ping':
                # Nothing to do: that this thread runs is the answer.
                self.tell('pong')
            elif word == b'interrupt' and self.raise_in:
                index, _, request_id = rest.decode('latin-1').partition('\0')
                if index.isdigit():
                    self.interrupt(int(index), request_id)
            elif word == b'metrics' and self.observer:
                self.observer.server_answers(rest)
            elif word == b'renew':
                self.renew(rest.decode())
            elif word in (b'stop', b''):
                reason = rest
                break
        if self.observer:
            self.observer.stopping(reason.decode() or 'shutdown_signal')
        self.end_threads()
        # 0 means no limit.
        deadline = float(self.config['shutdown-timeout']) or float('inf')
        step = 0.02
        while deadline > 0 and any(thread.busy for thread in self.threads):
            threading.Event().wait(step)
            deadline -= step


def forget_locals(err):
    """Free what the functions held that an exception has ended, so that there is
    memory to go on with."""
    for _ in range(100):  # the chain may be a circle
        frames = err.__traceback__
        while frames is not None:
            try:
                frames.tb_frame.clear()
            except RuntimeError:
                pass  # it runs: it is of the gateway
            frames = frames.tb_next
        err = err.__cause__ or err.__context__
        if err is None:
            break


def is_application(filename):
    return not filename.startswith('<')


def summary(err):
    """The type and the first line of the message; notes and further lines are
    for the traceback."""
    kind = type(err)
    name = kind.__qualname__ if kind.__module__ in ('builtins', '__main__') else kind.__module__ + '.' + kind.__qualname__
    try:
        text = str(err).strip().partition('\n')[0]
    except Exception:
        text = '(its __str__() fails)'
    return name + ': ' + text if text else name


def block_time_signal():
    """Have all threads, those that are to come as well, pass SIGXCPU over."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, (SIGXCPU,))


def main():
    control = socket(fileno=3)
    # Programs that the application starts have no business with these.
    os.set_inheritable(3, False)
    os.set_inheritable(4, False)
    process = Process(control, surroundings.read_config(control.recv(1 << 18)))
    import faulthandler
    # The leader asks for the stacks of all threads with this signal; the
    # handler runs in C and needs neither the GIL nor the interpreter's help.
    faulthandler.register(int(process.config['stack-signal']), file=4, all_threads=True, chain=False)
    if process.watches_time():
        block_time_signal()
    surroundings.set_title(process.config['title'])
    surroundings.buffer_lines()
    if not process.start():
        sys.exit(1)
    process.serve_until_told()
