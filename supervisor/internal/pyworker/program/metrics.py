"""What mod_wsgi.start_recording_metrics() records."""

import os
import time
from math import log2
from resource import RUSAGE_SELF, getrusage
from threading import Lock

PHASES = ('queue_time', 'daemon_time', 'application_time', 'request_time', 'input_read_time', 'output_write_time')

# Phases that cannot be seen from here.
UNSEEN = ('server_time', 'gil_wait_time')

# 16 octaves from a millisecond on, four parts each, and one for what is longer.
BUCKETS = 65


class Phase:
    """The durations of one phase of requests."""

    def __init__(self):
        self.total = 0.0
        self.count = 0
        self.least = self.most = None
        self.buckets = [0] * BUCKETS

    def add(self, seconds):
        seconds = max(0.0, seconds)
        micro = int(seconds * 1e6)
        self.total += seconds
        self.count += 1
        self.least = micro if self.least is None else min(self.least, micro)
        self.most = micro if self.most is None else max(self.most, micro)
        self.buckets[bucket(seconds * 1000)] += 1

    def describe(self, name):
        mean = self.total / self.count if self.count else 0.0
        return {name: mean, name + '_min_us': self.least, name + '_max_us': self.most, name + '_buckets': self.buckets}


def bucket(milliseconds):
    if milliseconds < 1:
        return 0
    octave = int(log2(milliseconds))
    if octave >= 16:
        return BUCKETS - 1
    return octave * 4 + int((milliseconds / (1 << octave) - 1) * 4)


class Window:
    """What happened between two calls of request_metrics()."""

    def __init__(self, threads):
        self.start = time.time()
        self.usage = getrusage(RUSAGE_SELF)
        self.phases = {name: Phase() for name in PHASES}
        self.completed = [0] * threads
        self.busy = [0.0] * threads
        self.cpu = [0.0] * threads
        self.longest = [0.0] * threads
        self.classes = [0] * 5
        self.input_bytes = self.input_reads = self.output_bytes = self.output_writes = 0


class Recorder:

    def __init__(self, process, current):
        self.process = process
        self.current = current      # requests by the ident of their thread
        self.lock = Lock()
        self.threads = int(process.config['threads'])
        self.counts = [0] * self.threads
        self.busy_time = 0.0        # of requests that are over
        self.window = Window(self.threads)

    def add(self, request, event):
        """Record a request that is over; event is what request_finished says."""
        now, index = time.perf_counter_ns(), request.thread.index
        end = time.time()
        with self.lock:
            window = self.window
            phases = {
                'queue_time': event['daemon_start'] - event['queue_start'],
                'daemon_time': end - event['daemon_start'],
                'application_time': event['application_time'],
                'request_time': end - event['request_start'],
                'input_read_time': event['input_time'],
                'output_write_time': event['output_time'],
            }
            for name, seconds in phases.items():
                window.phases[name].add(seconds)
            duration = (now - request.clock) / 1e9
            window.completed[index] += 1
            window.busy[index] += (now - request.counted) / 1e9
            window.cpu[index] += event['cpu_time']
            window.longest[index] = max(window.longest[index], duration)
            # Without a status the front end has answered for the application.
            window.classes[min(max(event['status'] // 100, 1), 5) - 1 if event['status'] else 4] += 1
            window.input_bytes += event['input_length']
            window.input_reads += event['input_reads']
            window.output_bytes += event['output_length']
            window.output_writes += event['output_writes']
            request.counted = now
            self.counts[index] += 1
            self.busy_time += duration

    def drain(self):
        with self.lock:
            window, self.window = self.window, Window(self.threads)
            now = time.perf_counter_ns()
            elapsed = [0.0] * self.threads
            for request in list(self.current.values()):
                index = request.thread.index
                elapsed[index] = (now - request.clock) / 1e9
                window.busy[index] += (now - request.counted) / 1e9
                request.counted = now
        return self.describe(window, elapsed)

    def describe(self, window, elapsed):
        stop = self.window.start
        period = max(stop - window.start, 1e-6)
        count = sum(window.completed)
        user = (self.window.usage.ru_utime - window.usage.ru_utime) / period
        system = (self.window.usage.ru_stime - window.usage.ru_stime) / period
        answer = {
            'pid': os.getpid(), 'start_time': window.start, 'stop_time': stop, 'sample_period': period,
            'request_count': count, 'request_throughput': count / period,
            'request_threads_maximum': self.threads,
            'request_threads_started': self.process.started,
            'request_threads_active': sum(1 for done, now in zip(window.completed, elapsed) if done or now),
            'capacity_utilization': sum(window.busy) / (period * self.threads),
            'request_threads_completed': window.completed, 'request_threads_buckets': window.completed,
            'request_threads_busy_time': window.busy, 'request_threads_cpu_time': window.cpu,
            'request_threads_current_elapsed': elapsed, 'request_threads_max_duration': window.longest,
            'gil_wait_count': 0,
            'input_bytes': window.input_bytes, 'input_reads': window.input_reads,
            'output_bytes': window.output_bytes, 'output_writes': window.output_writes,
            'cpu_user_utilization': user, 'cpu_system_utilization': system, 'cpu_utilization': user + system,
            'cpu_user_time': user, 'cpu_system_time': system, 'cpu_time': user + system,
            **memory(),
        }
        answer.update(('status_%dxx' % (i + 1), n) for i, n in enumerate(window.classes))
        for name in UNSEEN:
            answer.update({**Phase().describe(name), name: None})
        for name, phase in window.phases.items():
            answer.update(phase.describe(name))
        return answer

    def total(self):
        """What process_metrics() returns. Requests count from the start of the
        recording on."""
        usage, now, restart = getrusage(RUSAGE_SELF), time.time(), started()
        with self.lock:
            counts, busy = list(self.counts), self.busy_time
            active = list(self.current.values())
        return {
            'pid': os.getpid(), 'restart_time': restart, 'current_time': now, 'running_time': int(now - restart),
            'request_count': sum(counts),
            'request_busy_time': busy + sum((time.perf_counter_ns() - request.clock) / 1e9 for request in active),
            'request_threads': self.process.started, 'active_requests': len(active),
            'cpu_user_time': usage.ru_utime, 'cpu_system_time': usage.ru_stime, 'cpu_time': usage.ru_utime + usage.ru_stime,
            'threads': [{'thread_id': i + 1, 'request_count': n} for i, n in enumerate(counts[:self.process.started])],
            **memory(),
        }


def memory():
    """Resident memory in bytes, now and at most; None where /proc is not to be seen."""
    resident = None
    try:
        with open('/proc/self/statm', 'rb') as file:
            resident = int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except OSError:
        pass
    return {'memory_rss': resident, 'memory_max_rss': getrusage(RUSAGE_SELF).ru_maxrss * 1024}


def started():
    """When the process began, in seconds of the epoch; proc(5), field 22 of stat,
    counts from the start of the machine."""
    try:
        with open('/proc/self/stat', 'rb') as file:
            ticks = int(file.read().rpartition(b')')[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf('SC_CLK_TCK')
    except OSError:
        age = time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)  # it has lived for that long at least
    return time.time() - age
