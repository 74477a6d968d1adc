"""The module mod_wsgi, as an application sees it."""

import io
import os
import sys
import time
import types
import unittest

from support import PATIENCE, Worker, link, wsgid
from test_process import HELLO, Program


class Module(unittest.TestCase):
    """Each test imports the module anew, in this process."""

    def setUp(self):
        exchange = wsgid.thread.Exchange
        self.addCleanup(setattr, wsgid.thread, 'Exchange', exchange)
        for name in ('_wsgid.modwsgi', '_wsgid.metrics'):
            self.addCleanup(sys.modules.pop, name, None)

    def serve(self, application, threads=1, **config):
        worker = Worker(lambda *arguments: application(*arguments), threads, **config)
        self.addCleanup(worker.close)
        self.process = worker.process
        return worker, self.module()

    def module(self):
        module = types.ModuleType('mod_wsgi')
        wsgid.lazy.Finder(lambda: wsgid.lazy.load('modwsgi').begin(self.process)).exec_module(module)
        return module

    def get(self, worker, **environ):
        environ = {'mod_wsgi.request_id': 'id', 'mod_wsgi.request_start': str(int(time.time() * 1e6)), **environ}
        worker.front.request(**environ)
        response = worker.front.response()
        worker.rest()
        return response

    def test_constants(self):
        _, module = self.serve(hello, 3, processes='2', group='shop')
        self.assertEqual(module.version, (6, 0, 5))
        self.assertEqual((module.process_group, module.application_group), ('shop', ''))
        self.assertEqual((module.maximum_processes, module.threads_per_process), (2, 3))
        self.assertIs(module.FileWrapper, wsgid.exchange.FileWrapper)
        self.assertFalse(issubclass(module.RequestTimeout, Exception))
        self.assertEqual(repr(module.RequestTimeout), "<class 'mod_wsgi.RequestTimeout'>")
        self.assertIsNone(module.server_metrics())

    def test_events(self):
        events = []

        def application(environ, start_response):
            environ['wsgi.input'].read(2)
            environ['wsgi.input'].read()
            module.request_data()['by'] = 'application'
            write = start_response('201 Created', [('X-A', 'b')])
            write(b'12')
            return [b'345', b'6']

        worker, module = self.serve(application)
        record = lambda name, **event: events.append((name, event))
        self.assertIs(module.subscribe_events(record), record)
        worker.front.request(b'body', PATH_INFO='/p', **{'mod_wsgi.request_id': 'one', 'mod_wsgi.request_start': '1500000000000000'})
        self.assertEqual(worker.front.response().body, b'123456')
        worker.rest()
        self.assertEqual([name for name, _ in events], ['request_started', 'response_started', 'request_finished'])
        started, response, finished = (event for _, event in events)
        self.assertEqual(set(started), {
            'request_id', 'thread_id', 'request_data', 'request_environ', 'application_object', 'request_start', 'queue_start',
            'daemon_start', 'application_start', 'daemon_connects', 'daemon_restarts'})
        self.assertEqual((started['request_id'], started['thread_id'], started['request_start']), ('one', 1, 1.5e9))
        self.assertEqual(started['request_environ']['PATH_INFO'], '/p')
        self.assertLessEqual(started['daemon_start'], started['application_start'])
        self.assertEqual(response['response_status'], '201 Created')
        self.assertEqual(response['response_headers'], [('X-A', 'b')])
        self.assertIsNone(response['exception_info'])
        self.assertEqual(finished['request_data'], {'by': 'application'})
        for name, value in {'status': 201, 'input_reads': 2, 'input_length': 4, 'output_writes': 3, 'output_length': 6}.items():
            self.assertEqual(finished[name], value, name)
        self.assertAlmostEqual(finished['cpu_time'], finished['cpu_user_time'] + finished['cpu_system_time'])
        for name in ('application_time', 'input_time', 'output_time', 'cpu_time'):
            self.assertGreaterEqual(finished[name], 0, name)
        self.assertEqual(module.active_requests, {})

    def test_answers_of_subscribers(self):
        def wrap(name, *, application_object=None, **event):
            if name == 'request_started':
                def wrapped(environ, start_response):
                    return [b'<'] + application_object(environ, start_response) + [b'>']
                return {'application_object': wrapped, 'marker': 'm'}

        seen = []
        worker, module = self.serve(hello)
        module.subscribe_events(wrap)
        module.subscribe_events(lambda name, **event: seen.append((name, event.get('marker'))))
        self.assertEqual(self.get(worker).body, b'<hello>')
        self.assertEqual(seen, [('request_started', 'm'), ('response_started', None), ('request_finished', None)])

    def test_broken_subscriber(self):
        worker, module = self.serve(hello)

        @module.subscribe_events
        def broken(name, **event):
            raise SystemExit('broken subscriber')

        self.assertEqual(self.get(worker).body, b'hello')
        self.assertIn('broken subscriber', worker.log()[2])
        with self.assertRaises(TypeError):
            module.subscribe_events('no function')

    def test_exception(self):
        seen = []

        def application(environ, start_response):
            seen.append(list(module.active_requests))
            raise LookupError('nothing')

        worker, module = self.serve(application)
        module.subscribe_events(lambda name, **event: seen.append((name, event)))
        self.assertEqual(self.get(worker).failure, 'LookupError: nothing')
        (_, started), active, (name, event), (last, finished) = seen
        self.assertEqual((name, event['exception_info'][0], str(event['exception_info'][1])), ('request_exception', LookupError, 'nothing'))
        self.assertIs(event['request_data'], started['request_data'])
        self.assertEqual((active, last, finished['status']), (['id'], 'request_finished', 0))
        self.assertEqual(module.active_requests, {})

    def test_client_goes_away(self):
        events = []

        def application(environ, start_response):
            start_response('200 OK', [])
            yield b'begun'
            environ['wsgi.input'].read()

        worker, module = self.serve(application)
        module.subscribe_events(lambda name, **event: events.append(name))
        worker.front.request(deferred=True, **{'mod_wsgi.request_id': 'id'})
        self.assertEqual(worker.front.frame().body, b'begun')
        worker.front.close()
        worker.reconnected()
        self.assertEqual(events[-1], 'request_finished')
        self.assertEqual(module.active_requests, {})

    def test_request_data(self):
        seen = []

        def application(environ, start_response):
            seen.append(module.request_data())
            seen.append(module.request_data())
            return hello(environ, start_response)

        worker, module = self.serve(application)
        self.get(worker)
        self.get(worker)
        self.assertIs(seen[0], seen[1])
        self.assertIsNot(seen[1], seen[2])
        with self.assertRaisesRegex(RuntimeError, 'no active request'):
            module.request_data()

    def test_imported_by_a_request(self):
        seen = []

        def application(environ, start_response):
            if not seen:
                module = self.module()
            else:
                module = seen[0][0]
            seen.append((module, module.request_data()))
            self.assertIs(module.request_data(), seen[-1][1])
            return hello(environ, start_response)

        worker = Worker(application)
        self.addCleanup(worker.close)
        self.process = worker.process
        self.assertEqual(self.get(worker).body, b'hello')
        self.assertEqual(self.get(worker).body, b'hello')
        self.assertIsNot(seen[0][1], seen[1][1])

    def test_request_timeout(self):
        def application(environ, start_response):
            raise module.RequestTimeout('enough')

        worker, module = self.serve(application)
        last = self.get(worker).last
        self.assertEqual((last.kind, last.count, last.head), (link.FAILED, 504, b'mod_wsgi.RequestTimeout: enough'))

    def test_environ(self):
        def application(environ, start_response):
            start_response('200 OK', [])
            return [' '.join(environ['mod_wsgi.' + name] for name in ('queue_start', 'daemon_start', 'application_start')).encode()]

        worker, module = self.serve(application)
        queue, daemon, start = self.get(worker, **{'mod_wsgi.request_start': '5'}).body.split()
        self.assertEqual(queue, b'5')
        self.assertLessEqual(int(daemon), int(start))
        self.assertLess(abs(int(start) / 1e6 - time.time()), 60)

    def test_input_stays_what_it_is(self):
        """Counting changes nothing of what is read."""
        body = b'one\ntwo\nthree'
        reads = {
            'iterate': lambda stream: list(stream), 'readlines': lambda stream: stream.readlines(),
            'hint': lambda stream: stream.readlines(5) + stream.readlines(0), 'readline': lambda stream: [stream.readline(2), stream.readline(), stream.read()],
            'text': lambda stream: [io.TextIOWrapper(stream).read().encode()], 'read1': lambda stream: [stream.read1(100), stream.read1(1)],
            'past the end': lambda stream: [stream.read(), stream.read(), stream.read(5), stream.readline()],
        }
        for deferred in (False, True):
            for name, read in reads.items():
                with self.subTest(name, deferred=deferred):
                    seen, events = [], []

                    def application(environ, start_response):
                        seen.append(read(environ['wsgi.input']))
                        return hello(environ, start_response)

                    worker, module = self.serve(application)
                    module.subscribe_events(lambda name, **event: events.append(event))
                    if deferred:
                        worker.front.request(deferred=True)
                        self.assertEqual(worker.front.frame().kind, link.WANT)
                        worker.front.send_file(body)
                    else:
                        worker.front.request(body)
                    self.assertEqual(worker.front.response().body, b'hello')
                    worker.rest()
                    plain = read(io.BufferedReader(io.BytesIO(body)) if deferred else io.BytesIO(body))
                    self.assertEqual(seen, [plain])
                    self.assertEqual(events[-1]['input_length'], len(body))
                    self.assertGreaterEqual(events[-1]['input_reads'], 1)

    def test_file(self):
        events = []

        def application(environ, start_response):
            start_response('200 OK', [])
            return environ['wsgi.file_wrapper'](open('/proc/self/exe', 'rb'))

        worker, module = self.serve(application)
        module.subscribe_events(lambda name, **event: events.append(event))
        size = os.stat('/proc/self/exe').st_size
        self.assertEqual(len(self.get(worker).body), size)
        self.assertEqual(events[-1]['output_length'], size)

    def test_metrics(self):
        worker, module = self.serve(lambda environ, start_response: (time.sleep(0.02), hello(environ, start_response))[1], 2)
        self.assertIsNone(module.request_metrics())
        self.assertIsNone(module.process_metrics())
        module.start_recording_metrics()
        module.start_recording_metrics()
        for _ in range(3):
            self.get(worker)
        first, second = module.request_metrics(), module.request_metrics()
        self.assertEqual((first['request_count'], second['request_count']), (3, 0))
        self.assertEqual(first['stop_time'], second['start_time'])
        self.assertEqual((first['request_threads_maximum'], first['request_threads_completed']), (2, [3, 0]))
        self.assertEqual((first['status_2xx'], first['status_5xx'], first['request_threads_active']), (3, 0, 1))
        self.assertGreaterEqual(first['application_time'], 0.02)
        self.assertGreaterEqual(first['application_time_min_us'], 20000)
        self.assertGreaterEqual(first['request_threads_max_duration'][0], 0.02)
        self.assertGreaterEqual(first['request_threads_busy_time'][0], 0.06)
        self.assertGreater(first['capacity_utilization'], 0)
        self.assertLessEqual(first['capacity_utilization'], 1)
        self.assertEqual(sum(first['application_time_buckets']), 3)
        self.assertEqual(len(first['queue_time_buckets']), 65)
        self.assertIsNone(first['server_time'])
        self.assertIsNone(second['application_time_min_us'])
        total = module.process_metrics()
        self.assertEqual((total['pid'], total['request_count'], total['active_requests']), (os.getpid(), 3, 0))
        self.assertGreaterEqual(total['request_busy_time'], 0.06)
        self.assertEqual(total['threads'][0], {'thread_id': 1, 'request_count': 3})
        self.assertGreater(total['memory_max_rss'], 1 << 20)
        self.assertGreaterEqual(total['memory_max_rss'] * 1.1, total['memory_rss'])
        self.assertLess(abs(total['current_time'] - total['restart_time'] - total['running_time']), 1)

    def test_metrics_of_one_in_flight(self):
        finish = []

        def application(environ, start_response):
            while not finish:
                time.sleep(0.001)
            return hello(environ, start_response)

        worker, module = self.serve(application)
        module.start_recording_metrics()
        worker.front.request(**{'mod_wsgi.request_id': 'id'})
        end = time.monotonic() + PATIENCE
        while not module.active_requests:
            self.assertLess(time.monotonic(), end)
        time.sleep(0.05)
        during = module.request_metrics()
        finish.append(1)
        worker.front.response()
        worker.rest()
        after = module.request_metrics()
        self.assertEqual((during['request_count'], after['request_count']), (0, 1))
        self.assertGreaterEqual(during['request_threads_current_elapsed'][0], 0.05)
        self.assertGreaterEqual(during['request_threads_busy_time'][0], 0.05)
        # Nothing counts twice.
        self.assertLess(after['request_threads_busy_time'][0], after['request_threads_max_duration'][0])

    def test_buckets(self):
        metrics = wsgid.lazy.load('metrics')
        for milliseconds, want in [(0, 0), (0.99, 0), (1, 0), (1.25, 1), (1.99, 3), (2, 4), (3, 6), (1000, 39), (65535, 63), (65536, 64), (1e9, 64)]:
            self.assertEqual(metrics.bucket(milliseconds), want, milliseconds)


class Import(unittest.TestCase):
    """In a process of its own."""

    def test_nothing_without_it(self):
        program = Program(self, '''
            import sys
            def application(environ, start_response):
                start_response('200 OK', [])
                names = [name for name in ('mod_wsgi', '_wsgid.modwsgi', '_wsgid.metrics', 'resource', 'ctypes', 'signal') if name in sys.modules]
                return [repr((names, sys.modules['_wsgid.thread'].Exchange.__name__)).encode()]
        ''')
        program.ready()
        self.assertEqual(program.get().body, b"([], 'Exchange')")

    def test_shutdown(self):
        for word, reason in [(b'stop', 'shutdown_signal'), (b'stop\0maximum_requests', 'maximum_requests')]:
            program = Program(self, '''
                import mod_wsgi
                @mod_wsgi.subscribe_shutdown
                def end(name, *, shutdown_reason, **event):
                    print('shutdown', name, shutdown_reason)
                @mod_wsgi.subscribe_events
                def every(name, **event):
                    print('event', name, event['shutdown_reason'])
            ''' + HELLO.replace('\n', '\n' + ' ' * 16))
            program.ready()
            program.leader.sock.send(word)
            self.assertEqual(program.wait(), (0, 'event process_stopping %s\nshutdown process_stopping %s\n' % (reason, reason), ''))

    def test_server_metrics(self):
        program = Program(self, '''
            import json, mod_wsgi
            at_import = mod_wsgi.server_metrics()
            def application(environ, start_response):
                start_response('200 OK', [])
                return [json.dumps([at_import, mod_wsgi.server_metrics()]).encode()]
        ''', **{'server-metrics': '1'})
        program.ready()
        for number in (b'1', b'2'):
            program.fronts[0].request()
            self.assertEqual(program.leader.expect('metrics')[0], ['metrics', number.decode()])
            program.leader.sock.send(b'metrics\x000\x00{"an": "answer to another question"}')
            text = b'{"processes": "' + b'x' * 60000 + b'"}'
            program.leader.sock.send(b'metrics\x00' + number + b'\x00' + text)
            self.assertEqual(program.fronts[0].response().body, b'[null, ' + text + b']')

    def test_server_metrics_without_answer(self):
        program = Program(self, '''
            import mod_wsgi
            import sys
            sys.modules['_wsgid.modwsgi'].ANSWER = 0.05
            def application(environ, start_response):
                start_response('200 OK', [])
                return [repr(mod_wsgi.server_metrics()).encode()]
        ''', **{'server-metrics': '1'})
        program.ready()
        self.assertEqual(program.get().body, b'None')

    def test_in_front_of_a_package(self):
        program = Program(self, '''
            import os, sys
            directory = os.path.dirname(__file__)
            os.makedirs(directory + '/mod_wsgi/server')
            for name in ('', 'server/'):
                open(directory + '/mod_wsgi/%s__init__.py' % name, 'w').write('found = True')
            import mod_wsgi, mod_wsgi.server
            def application(environ, start_response):
                start_response('200 OK', [])
                return [repr((mod_wsgi.process_group, mod_wsgi.server.found, hasattr(mod_wsgi, 'found'))).encode()]
        ''')
        program.ready()
        self.assertEqual(program.get().body, b"('web', True, False)")

    def test_no_package(self):
        program = Program(self, '''
            try:
                import mod_wsgi.server
            except ImportError as err:
                text = str(err)
            def application(environ, start_response):
                start_response('200 OK', [])
                return [text.encode()]
        ''')
        program.ready()
        self.assertIn(b"'mod_wsgi' is not a package", program.get().body)


def hello(environ, start_response):
    start_response('200 OK', [])
    return [b'hello']


if __name__ == '__main__':
    unittest.main()
