"""The module mod_wsgi for applications that import it, as mod_wsgi 6 has it.

What cannot be known here, because there is no Apache httpd, is None. Requests are
observed from the first import on: it puts Observed in the place of Exchange.
"""

import sys
import time
from io import BufferedReader, BytesIO
from resource import RUSAGE_THREAD, getrusage
from threading import Event, Lock, current_thread, get_ident, main_thread

from _wsgid import lazy
from _wsgid.exchange import Exchange, FileWrapper, RequestTimeout
from _wsgid.link import OFFSET_AND_LENGTH, Disconnected

# How long server_metrics() waits for an answer, in seconds.
ANSWER = 2


def begin(process):
    """Observe the requests of the process from now on; what applications see."""
    observer = Observer(process)
    process.observer = observer
    Observed.observer = observer
    sys.modules['_wsgid.thread'].Exchange = Observed
    names = ('active_requests', 'subscribe_events', 'subscribe_shutdown', 'request_data',
             'start_recording_metrics', 'request_metrics', 'process_metrics', 'server_metrics')
    return {
        '__doc__': 'What an application can learn from its process, as with mod_wsgi.',
        'version': process.environ['mod_wsgi.version'],
        'process_group': process.environ['mod_wsgi.process_group'],
        'application_group': process.environ['mod_wsgi.application_group'],
        'maximum_processes': int(process.config['processes']),
        'threads_per_process': int(process.config['threads']),
        'FileWrapper': FileWrapper,
        'RequestTimeout': RequestTimeout,
        **{name: getattr(observer, name) for name in names},
    }


class Observer:
    """Who wants to know about requests, and what there is to know."""

    def __init__(self, process):
        self.process = process
        self.active_requests = {}   # what request_started said, by request id
        self.current = {}           # requests by the ident of their thread
        self.early = {}             # data of requests older than this, likewise
        self.event_callbacks = []
        self.shutdown_callbacks = []
        self.recorder = None
        # Questions for the front end's figures, one at a time.
        self.asking, self.answered = Lock(), Event()
        self.asked = 0
        self.answer = None

    def subscribe_events(self, callback):
        """Have callback(name, **event) called for every event; returns it."""
        return add(self.event_callbacks, callback)

    def subscribe_shutdown(self, callback):
        """Have callback(name, **event) called when the process is to end; returns it."""
        return add(self.shutdown_callbacks, callback)

    def request_data(self):
        """A dict for the data of the request that this thread serves."""
        ident = get_ident()
        request = self.current.get(ident)
        if request is not None:
            return request.data
        for thread in self.process.threads:
            if thread.ident == ident and thread.busy:
                # It began before anybody imported mod_wsgi.
                if self.early.get(ident, (0,))[0] != thread.wall:
                    self.early[ident] = thread.wall, {}
                return self.early[ident][1]
        raise RuntimeError('no active request for thread')

    def start_recording_metrics(self):
        """Have request_metrics() and process_metrics() return something."""
        if self.recorder is None:
            self.recorder = lazy.load('metrics').Recorder(self.process, self.current)

    def request_metrics(self):
        """What was recorded since the last call; None without a recording."""
        return self.recorder and self.recorder.drain()

    def process_metrics(self):
        """What was recorded in all; None without a recording."""
        return self.recorder and self.recorder.total()

    def server_metrics(self):
        """The processes of the group and what their threads do; None without the key
        server-metrics, before the process is ready, and when nobody answers."""
        process = self.process
        if process.config['server-metrics'] != '1' or not process.started or current_thread() is main_thread():
            return None
        with self.asking:
            self.asked += 1
            self.answer = None
            self.answered.clear()
            process.tell('metrics', str(self.asked))
            self.answered.wait(ANSWER)
            text = self.answer
        if not text:
            return None
        from json import loads
        return loads(text)

    def server_answers(self, message):
        """Take an answer, if it is still waited for. This is the main thread."""
        number, _, text = message.partition(b'\0')
        if number == str(self.asked).encode():
            self.answer = text
            self.answered.set()

    def publish(self, event_name, event, callbacks=None):
        """Tell subscribers; what they return is added to the event. A name of the
        event may be anything, so that of the parameter is not one of them."""
        for callback in list(self.event_callbacks if callbacks is None else callbacks):
            try:
                answer = callback(event_name, **event)
            except BaseException as err:
                self.process.report(err, event.get('request_id', ''))
                continue
            if isinstance(answer, dict):
                event.update(answer)

    def stopping(self, reason):
        """Tell everybody that the process is to end."""
        self.publish('process_stopping', {'shutdown_reason': reason}, self.event_callbacks + self.shutdown_callbacks)


def add(callbacks, callback):
    if not callable(callback):
        raise TypeError('a callback must be callable, not %s' % type(callback).__name__)
    callbacks.append(callback)
    return callback


class Request:
    """One request and what it has cost."""

    def __init__(self, thread, environ):
        self.thread = thread
        self.id = environ.get('mod_wsgi.request_id', '')
        self.data = {}
        self.input = None           # counts what is read
        self.status = 0
        self.writes = self.length = 0
        self.output_time = 0.0
        self.start = int(environ.get('mod_wsgi.request_start', 0)) / 1e6
        # When the process began to read it, by the clock that events go by.
        self.clock = time.perf_counter_ns()
        now = time.time()
        self.daemon_start = now - (self.clock - thread.wall) / 1e9
        self.application_start = now
        self.application_finish = 0.0
        self.counted = self.clock   # recorded until then
        self.usage = getrusage(RUSAGE_THREAD)
        environ['mod_wsgi.queue_start'] = environ.get('mod_wsgi.request_start', '0')
        environ['mod_wsgi.daemon_start'] = str(int(self.daemon_start * 1e6))
        environ['mod_wsgi.application_start'] = str(int(now * 1e6))

    def common(self):
        return {'request_id': self.id, 'thread_id': self.thread.index + 1, 'request_data': self.data}

    def times(self):
        # The front end queues a request when it has arrived, and says no more.
        return {'request_start': self.start, 'queue_start': self.start,
                'daemon_start': self.daemon_start, 'application_start': self.application_start}

    def count_input(self, environ):
        kind = type(environ['wsgi.input'])
        if kind is BytesIO:
            self.input = CountedBytes(environ['wsgi.input'].getvalue())
        else:
            self.input = CountedReader(environ['wsgi.input'].detach(), 65536)
        environ['wsgi.input'] = self.input

    def cpu(self):
        """User and system time, in seconds."""
        now = getrusage(RUSAGE_THREAD)
        return now.ru_utime - self.usage.ru_utime, now.ru_stime - self.usage.ru_stime

    def finished(self):
        """What the event request_finished says."""
        user, system = self.cpu()
        counted = self.input
        return {
            **self.common(), **self.times(),
            'application_finish': self.application_finish,
            'application_time': self.application_finish - self.application_start,
            'input_reads': counted.reads if counted else 0,
            'input_length': counted.length if counted else 0,
            'input_time': counted.seconds if counted else 0.0,
            'output_writes': self.writes, 'output_length': self.length, 'output_time': self.output_time,
            'status': self.status,
            'cpu_user_time': user, 'cpu_system_time': system, 'cpu_time': user + system,
        }


class Observed(Exchange):
    """An exchange that subscribers are told about."""

    __slots__ = ('request',)

    observer = None  # that of the process

    def __init__(self, thread, head_only):
        super().__init__(thread, head_only)
        self.request = None

    def run(self, application, environ):
        observer = self.observer
        request = self.request = Request(self.thread, environ)
        event = {**request.common(), **request.times(), 'daemon_connects': 1, 'daemon_restarts': 0,
                 'request_environ': environ, 'application_object': application}
        observer.active_requests[request.id] = event
        observer.current[get_ident()] = request
        if observer.event_callbacks or observer.recorder:
            request.count_input(environ)
        observer.publish('request_started', event)
        try:
            super().run(event['application_object'], environ)
        except Disconnected:
            self.finish()
            raise
        except BaseException:
            # fail() follows.
            observer.publish('request_exception', {'request_id': request.id, 'request_data': request.data,
                                                   'exception_info': sys.exc_info()})
            raise
        self.finish()

    def start_response(self, status, headers, exc_info=None):
        write = super().start_response(status, headers, exc_info)
        request = self.request
        request.status = int(status[:3])
        self.observer.publish('response_started', {
            'request_id': request.id, 'request_data': request.data, 'response_status': status,
            'response_headers': headers, 'exception_info': exc_info})
        return write

    def fail(self, summary, status=0):
        try:
            super().fail(summary, status)
        finally:
            self.finish()

    def finish(self):
        observer, request = self.observer, self.request
        if observer.current.pop(get_ident(), None) is None:
            return
        request.application_finish = time.time()
        if observer.event_callbacks or observer.recorder:
            event = request.finished()
            if observer.recorder:
                observer.recorder.add(request, event)
            observer.publish('request_finished', event)
        observer.active_requests.pop(request.id, None)

    # What is sent, counted.

    def sending(self, size, send, *arguments):
        began = time.perf_counter()
        try:
            return send(*arguments)
        finally:
            self.request.output_time += time.perf_counter() - began
            if size and not self.head_only:
                self.request.writes += 1
                self.request.length += size

    def write(self, block):
        size = len(block) if type(block) is bytes else 0
        return self.sending(size, super().write, block)

    def complete(self, block):
        return self.sending(len(block), super().complete, block)

    def hand_over(self, fd, where):
        return self.sending(OFFSET_AND_LENGTH.unpack(where)[1], super().hand_over, fd, where)


class Counted:
    """Counts what is read of wsgi.input; goes before the class that reads."""

    reads = length = 0
    seconds = 0.0

    def counted(self, read, arguments):
        began = time.perf_counter()
        data = b''
        try:
            data = read(*arguments)
        finally:
            self.seconds += time.perf_counter() - began
            self.reads += 1
        if data:
            self.length += len(data)
        return data

    def read(self, *arguments):
        return self.counted(super().read, arguments)

    def read1(self, *arguments):
        return self.counted(super().read1, arguments)

    def readline(self, *arguments):
        return self.counted(super().readline, arguments)


class CountedBytes(Counted, BytesIO):
    """A body that came with its request. BytesIO iterates without readline()."""

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def readlines(self, hint=-1):
        lines, size = [], 0
        for line in self:
            lines.append(line)
            size += len(line)
            if hint is not None and 0 < hint <= size:
                break
        return lines


class CountedReader(Counted, BufferedReader):
    """A body that is read from the front end. BufferedReader iterates by readline()
    in a class derived from it."""
