"""Threads: environ, wsgi.errors, connections that end, and when they start."""

import logging
import socket
import sys
import threading
import time
import traceback
import unittest
import weakref

from support import PATIENCE, Worker, call, descriptors, link, wsgid


def hello(environ, start_response):
    start_response('200 OK', [])
    return [b'hello']


class Environ(unittest.TestCase):

    def environ(self, **fields):
        seen = {}

        def application(environ, start_response):
            seen.update(environ)
            return hello(environ, start_response)
        self.assertEqual(call(application, **fields).body, b'hello')
        return seen

    def test_values(self):
        environ = self.environ(PATH_INFO='/caf\xc3\xa9', QUERY_STRING='', HTTP_X='\xff', SCRIPT_NAME='')
        self.assertEqual({name: environ[name] for name in ('PATH_INFO', 'QUERY_STRING', 'HTTP_X', 'SCRIPT_NAME')},
                         {'PATH_INFO': '/caf\xc3\xa9', 'QUERY_STRING': '', 'HTTP_X': '\xff', 'SCRIPT_NAME': ''})
        for name in ('PATH_INFO', 'REQUEST_METHOD'):
            self.assertIs(type(environ[name]), str)
        self.assertIs(type(environ), dict)

    def test_large(self):
        fields = {'HTTP_X_%d' % i: 'v' * 1000 for i in range(100)}
        environ = self.environ(**fields)
        self.assertEqual({name: environ[name] for name in fields}, fields)

    def test_gateway_keys(self):
        environ = self.environ()
        self.assertEqual(environ['wsgi.version'], (1, 0))
        self.assertIs(environ['wsgi.run_once'], False)
        self.assertIs(environ['wsgi.input_terminated'], True)
        self.assertIs(environ['wsgi.file_wrapper'], wsgid.exchange.FileWrapper)
        self.assertEqual(environ['SERVER_SOFTWARE'], 'wsgid/test')
        self.assertEqual((environ['mod_wsgi.process_group'], environ['mod_wsgi.thread_id']), ('web', 1))
        self.assertNotIn('SCRIPT_FILENAME', environ)

    def test_changes_do_not_stay(self):
        seen = []

        def application(environ, start_response):
            seen.append('spoiled' in environ or environ['wsgi.version'] != (1, 0))
            environ['spoiled'] = environ['wsgi.version'] = 1
            return hello(environ, start_response)
        worker = Worker(application)
        self.addCleanup(worker.close)
        for _ in range(2):
            worker.front.request()
            worker.front.response()
        self.assertEqual(seen, [False, False])

    def test_nothing_stays(self):
        class Kept:
            pass
        freed = threading.Event()

        def application(environ, start_response):
            environ['kept'] = kept = Kept()
            weakref.finalize(kept, freed.set)
            return hello(environ, start_response)
        worker = Worker(application)
        self.addCleanup(worker.close)
        worker.front.request()
        worker.front.response()
        self.assertTrue(freed.wait(PATIENCE), 'a thread that waits for a request holds the environ of the last')

    def test_request_in_pieces(self):
        worker = Worker(lambda environ, start_response: [hello(environ, start_response)[0] + environ['wsgi.input'].read()])
        self.addCleanup(worker.close)
        head = b'REQUEST_METHOD\0POST\0'
        data = link.HEADER.pack(link.REQUEST, link.LAST, 0, len(head), 5, 0, 0) + head + b'there'
        for packet in (1, link.SIZE, len(data) - 1):
            with self.subTest(packet=packet):
                worker.front.requests.send(data[:packet])
                for i in range(packet, len(data)):
                    worker.front.stream.sendall(data[i:i + 1])
                self.assertEqual(worker.front.response().body, b'hellothere')

    def test_large_request(self):
        worker = Worker(lambda environ, start_response: [hello(environ, start_response)[0] + environ['wsgi.input'].read()])
        self.addCleanup(worker.close)
        for size in (link.PACKET, 10 * link.PACKET):
            worker.front.request(b'x' * size)
            self.assertEqual(worker.front.response().body, b'hello' + b'x' * size)

    def test_what_is_not_received_can_be_taken_back(self):
        """The next request is in the application only when it was received."""
        gate, inside = threading.Event(), threading.Event()

        def application(environ, start_response):
            inside.set()
            gate.wait(PATIENCE)
            hello(environ, start_response)
            return [environ['PATH_INFO'].encode()]

        worker = Worker(application)
        self.addCleanup(worker.close)
        self.addCleanup(gate.set)
        worker.front.request(PATH_INFO='/first')
        self.assertTrue(inside.wait(PATIENCE))
        for path in ('/second', '/third'):
            worker.front.request(PATH_INFO=path)
        for path in (b'/second', b'/third'):
            self.assertIn(path, worker.front.unread.recv(link.PACKET, socket.MSG_DONTWAIT))
        gate.set()
        self.assertEqual(worker.front.response().body, b'/first')
        worker.front.request(PATH_INFO='/fourth')
        self.assertEqual(worker.front.response().body, b'/fourth')

    def test_requests_ahead(self):
        worker = Worker(lambda environ, start_response: hello(environ, start_response) and [environ['PATH_INFO'].encode()])
        self.addCleanup(worker.close)
        for number in range(8):
            worker.front.request(PATH_INFO='/%d' % number)
        for number in range(8):
            self.assertEqual(worker.front.response().body, b'/%d' % number)


class Errors(unittest.TestCase):

    def serve(self, use, requests=1):
        def application(environ, start_response):
            use(environ['wsgi.errors'])
            return hello(environ, start_response)
        worker = Worker(application)
        self.addCleanup(worker.close)
        for number in range(requests):
            worker.front.request(**{'mod_wsgi.request_id': 'id-%d' % number})
            worker.front.response()
        worker.process.tell('end')
        records = []
        while True:
            fields, _ = worker.leader.receive()
            if fields[0] == 'log':
                records.append(tuple(fields[1:]))
            if fields[0] == 'end':
                return records

    def test_lines(self):
        def use(errors):
            print('one', file=errors)
            errors.write('two ')
            errors.write('parts\n')
            errors.writelines(['three\n', 'four\n'])
        self.assertEqual(self.serve(use), [('error', 'id-0', line) for line in ('one', 'two parts', 'three', 'four')])

    def test_several_lines_are_one_record(self):
        self.assertEqual(self.serve(lambda errors: errors.write('one\ntwo\nrest'))[0], ('error', 'id-0', 'one\ntwo'))

    def test_flush(self):
        def use(errors):
            errors.write('now')
            errors.flush()
            errors.flush()
            errors.write(' later\n')
        self.assertEqual(self.serve(use), [('error', 'id-0', 'now'), ('error', 'id-0', ' later')])

    def test_rest_is_logged_with_its_request(self):
        self.assertEqual(self.serve(lambda errors: errors.write('no end'), requests=2)[:1], [('error', 'id-0', 'no end')])

    def test_stream_handler(self):
        def use(errors):
            handler = logging.StreamHandler(errors)
            handler.handle(logging.LogRecord('demo', logging.ERROR, 'f.py', 1, 'caf\xe9 %s', ('\u20ac',), None))
        self.assertEqual(self.serve(use), [('error', 'id-0', 'caf\xe9 \u20ac')])

    def test_not_text(self):
        def use(errors):
            try:
                errors.write(b'bytes')
            except TypeError as err:
                errors.write(str(err) + '\n')
        self.assertEqual(self.serve(use), [('error', 'id-0', 'wsgi.errors takes str, not bytes')])

    def test_traceback(self):
        def use(errors):
            errors.write('before\n')
            try:
                raise ValueError('two\nlines')
            except ValueError:
                traceback.print_exc(file=errors)
            errors.write('after\n')
        before, record, after = self.serve(use)
        self.assertEqual((before[2], after[2]), ('before', 'after'))
        self.assertTrue(record[2].startswith('Traceback (most recent call last):\n'), record)
        self.assertTrue(record[2].endswith('\nValueError: two\nlines'), record)
        self.assertIn('in use\n', record[2])

    def test_traceback_without_an_end(self):
        def use(errors):
            errors.write('Traceback (most recent call last):\n')
            for _ in range(200):
                errors.write(99 * ' ' + '\n')
        records = self.serve(use)
        self.assertEqual(sum(len(text) + 1 for _, _, text in records), 35 + 200 * 100)
        self.assertLess(max(len(text) for _, _, text in records), 17000)

    def test_odd_characters(self):
        records = self.serve(lambda errors: errors.write('nul \0 half \udc80\n'))
        self.assertEqual(records, [('error', 'id-0', 'nul \\x00 half \\udc80')])

    def test_large(self):
        text = '\u20ac' * 40000
        self.assertEqual(''.join(record[2] for record in self.serve(lambda errors: errors.write(text + '\n'))), text)

    def test_stream(self):
        worker = Worker(hello)
        self.addCleanup(worker.close)
        errors = worker.process.threads[0].errors
        self.assertEqual((errors.isatty(), errors.writable(), errors.readable(), errors.closed), (False, True, False, False))
        self.assertEqual(errors.write('abc'), 3)


class Report(unittest.TestCase):

    def test_gateway_frames_are_left_out(self):
        def application(environ, start_response):
            raise ValueError('in the application')
        worker = Worker(application)
        self.addCleanup(worker.close)
        worker.front.request(**{'mod_wsgi.request_id': 'some-id'})
        worker.front.response()
        level, request_id, text = worker.log()
        self.assertEqual((level, request_id), ('error', 'some-id'))
        self.assertRegex(text, r'^Traceback \(most recent call last\):\n  File "[^"]*test_thread.py", line \d+, in application\n')
        self.assertTrue(text.endswith('ValueError: in the application'))
        self.assertNotIn('<wsgid>', text)

    def test_gateway_frames_alone(self):
        worker = Worker(lambda environ, start_response: start_response('bad', []))
        self.addCleanup(worker.close)
        worker.front.request()
        worker.front.response()
        text = worker.log()[2]
        self.assertIn('status must be three digits', text)
        self.assertNotIn('in handle', text)

    def test_summary(self):
        class Noted(Exception):
            pass
        noted = Noted('message')
        if sys.version_info >= (3, 11):
            noted.add_note('a note')
        for err, want in [
            (ValueError(), 'ValueError'), (ValueError('a\nb'), 'ValueError: a'), (ValueError('\n'), 'ValueError'),
            (noted, __name__ + '.Report.test_summary.<locals>.Noted: message'),
        ]:
            self.assertEqual(wsgid.process.summary(err), want)

    def test_fault_of_the_gateway(self):
        # Without REQUEST_METHOD the gateway itself fails: the front end must
        # see the end of the connection, and get another.
        worker = Worker(hello)
        self.addCleanup(worker.close)
        worker.front.send(link.REQUEST, link.LAST, b'PATH_INFO\0/\0')
        with self.assertRaises(EOFError):
            worker.front.frame()
        _, front = worker.reconnected()
        self.assertRegex(worker.log()[2], "KeyError: 'REQUEST_METHOD'")
        front.request()
        self.assertEqual(front.response().body, b'hello')


class Connections(unittest.TestCase):

    def test_end_before_a_request(self):
        # The thread offers no other connection of its own accord: a front end
        # that ends each would keep it busy for ever.
        worker = Worker(hello)
        self.addCleanup(worker.close)
        worker.leader.expect('ident')
        worker.front.close()
        worker.process.tell('end')
        self.assertEqual(worker.leader.receive()[0], ['end'])
        worker.renew()
        worker.fronts[0].request()
        self.assertEqual(worker.fronts[0].response().body, b'hello')

    def test_end_after_a_request(self):
        # The front end may have let go of the exchange while the worker's last
        # bytes were on their way: the thread must not be lost by that.
        worker = Worker(hello)
        self.addCleanup(worker.close)
        worker.front.request()
        worker.front.response()
        worker.front.close()
        _, front = worker.reconnected()
        front.request()
        self.assertEqual(front.response().body, b'hello')

    def test_end_amid_a_request(self):
        worker = Worker(hello)
        self.addCleanup(worker.close)
        worker.front.requests.sendall(link.HEADER.pack(link.REQUEST, link.LAST, 0, 100, 0, 0, 0) + b'REQUEST')
        worker.front.close()
        _, front = worker.reconnected()
        front.request()
        self.assertEqual(front.response().body, b'hello')

    def test_end_amid_a_response(self):
        errors = []

        def application(environ, start_response):
            start_response('200 OK', [])
            try:
                while True:
                    yield b'x' * 100000
            except BaseException as err:
                errors.append(type(err).__name__)
                raise
        worker = Worker(application)
        self.addCleanup(worker.close)
        worker.front.request()
        worker.front.frame()
        worker.front.close()
        _, front = worker.reconnected()
        self.assertEqual(errors, ['GeneratorExit'])
        worker.process.application = hello
        front.request()
        self.assertEqual(front.response().body, b'hello')

    def test_unfinished_line_keeps_its_request(self):
        # wsgi.errors is emptied when the front end lets go as well.
        def application(environ, start_response):
            environ['wsgi.errors'].write('no end of line')
            start_response('200 OK', [])
            while True:
                yield b'x' * 100000
        worker = Worker(application)
        self.addCleanup(worker.close)
        worker.front.request(**{'mod_wsgi.request_id': 'id-1'})
        worker.front.frame()
        worker.front.close()
        worker.reconnected()
        self.assertEqual(worker.log(), ('error', 'id-1', 'no end of line'))

    def test_no_leader(self):
        worker = Worker(hello)
        worker.front.request()
        worker.front.response()
        worker.leader.close()
        worker.front.close()
        worker.close()

    def test_no_descriptors(self):
        # A thread that cannot make a connection is not lost.
        worker = Worker(hello)
        self.addCleanup(worker.close)
        pair = worker.process.pair

        def fail():
            raise OSError(24, 'Too many open files')
        worker.process.pair = fail
        worker.front.request()
        worker.front.response()
        worker.front.close()
        self.assertRegex(worker.log()[2], 'cannot make a new connection .* Too many open files')
        worker.process.pair = pair
        worker.renew()
        worker.fronts[0].request()
        self.assertEqual(worker.fronts[0].response().body, b'hello')


class Renew(unittest.TestCase):
    """Another supervisor comes."""

    def serve(self, worker, count):
        """Requests in the first count threads, one after the other."""
        for front in worker.fronts[:count]:
            front.request(b'again')
            self.assertEqual(front.response().body, b'hello')
        worker.rest()

    def test_every_thread(self):
        # Three threads run, one of them has never had a request, four do not run.
        worker = Worker(hello, threads=7)
        self.addCleanup(worker.close)
        self.serve(worker, 2)
        for how in ('the supervisor has gone', 'it is still there'):
            with self.subTest(how):
                old = worker.fronts
                if how == 'the supervisor has gone':
                    for front in old:
                        front.close()
                self.assertEqual(worker.renew(), list(range(7)))
                self.serve(worker, 7)
                for front in old:
                    front.close()

    def test_thread_with_a_request(self):
        inside, leave = threading.Event(), threading.Event()
        self.addCleanup(leave.set)

        def slow(environ, start_response):
            inside.set()
            leave.wait(PATIENCE)
            return hello(environ, start_response)
        worker = Worker(slow, threads=3)
        self.addCleanup(worker.close)
        self.addCleanup(leave.set)
        worker.fronts[1].close()
        worker.front.request()
        self.assertTrue(inside.wait(PATIENCE))
        for front in worker.fronts:
            front.close()
        self.assertEqual(worker.renew(), [1, 2])
        leave.set()
        index, front = worker.reconnected()
        self.assertEqual(index, 0)
        for front in (front, *worker.fronts[:2]):
            front.request()
            self.assertEqual(front.response().body, b'hello')

    def test_twice(self):
        # The first connections were never used.
        worker = Worker(hello, threads=2)
        self.addCleanup(worker.close)
        first = worker.fronts
        worker.renew()
        second = worker.fronts
        worker.renew('2')
        for front in first + second:
            self.assertEqual(front.stream.recv(1), b'')
            front.close()
        self.serve(worker, 2)

    def test_many(self):
        worker = Worker(hello, threads=250)
        self.addCleanup(worker.close)
        for front in worker.fronts:
            front.close()
        self.assertEqual(worker.renew(), list(range(250)))
        self.serve(worker, 1)

    def test_no_descriptors_are_left(self):
        worker = Worker(hello, threads=5)
        self.addCleanup(worker.close)
        self.serve(worker, 2)
        before = descriptors()
        for number in range(20):
            for front in worker.fronts:
                front.close()
            worker.renew(str(number))
            self.serve(worker, 2)
        # A thread that waits closes its last connection when it has noticed.
        end = time.monotonic() + PATIENCE
        while descriptors() != before:
            self.assertLess(time.monotonic(), end, '%d descriptors, not %d' % (descriptors(), before))
            time.sleep(0.001)


class Memory(unittest.TestCase):

    def test_error(self):
        # What the application held is free by the time the failure is told.
        held = []

        class Large:
            def __del__(self):
                held.append('freed')

        def application(environ, start_response):
            large = Large()
            raise MemoryError(large and 'no')
        worker = Worker(application)
        self.addCleanup(worker.close)
        told = worker.process.log
        worker.process.log = lambda *record: (held.append('told'), told(*record))
        worker.front.request()
        self.assertEqual(worker.front.response().failure, 'MemoryError: no')
        self.assertEqual(held, ['freed', 'told'])
        self.assertRegex(worker.log()[2], r'in application\n(.*\n)*MemoryError: no$')

    def test_error_amid_the_report(self):
        class Greedy(Exception):
            def __str__(self):
                raise MemoryError
        worker = Worker(lambda environ, start_response: (_ for _ in ()).throw(Greedy()))
        self.addCleanup(worker.close)
        summary = wsgid.process.summary
        self.addCleanup(setattr, wsgid.process, 'summary', summary)

        def fail(err):
            raise MemoryError
        wsgid.process.summary = fail
        worker.front.request()
        self.assertEqual(worker.front.response().failure, 'MemoryError')
        worker.process.application = hello
        worker.front.request()
        self.assertEqual(worker.front.response().body, b'hello')


class Start(unittest.TestCase):
    """Threads are started as they are needed."""

    def setUp(self):
        self.inside = threading.Semaphore(0)
        self.leave = threading.Event()
        self.addCleanup(self.leave.set)

    def slow(self, environ, start_response):
        self.inside.release()
        self.leave.wait(PATIENCE)
        start_response('200 OK', [])
        return [environ['wsgi.input'].read()]

    def entered(self, count):
        for _ in range(count):
            self.assertTrue(self.inside.acquire(timeout=PATIENCE), 'a request was not begun')

    def test_one_ahead(self):
        worker = Worker(self.slow, threads=4)
        self.addCleanup(worker.close)
        self.addCleanup(self.leave.set)
        self.assertEqual(worker.process.started, 1)
        for count in (1, 2, 3):
            worker.fronts[count - 1].request()
            self.entered(1)
            worker.leader.expect('ident')
            self.assertEqual(worker.process.started, count + 1)

    def test_idents(self):
        worker = Worker(hello, threads=2)
        self.addCleanup(worker.close)
        fields, _ = worker.leader.expect('ident')
        self.assertEqual(fields, ['ident', '0', str(worker.running()[0].ident)])

    def test_requests_at_once(self):
        # Requests that wait in slots whose threads do not run yet are served.
        worker = Worker(self.slow, threads=6)
        self.addCleanup(worker.close)
        for i, front in enumerate(worker.fronts):
            front.request(b'body %d' % i)
        self.entered(6)
        self.leave.set()
        for i, front in enumerate(worker.fronts):
            self.assertEqual(front.response().body, b'body %d' % i)
        self.assertEqual(worker.process.started, 6)

    def test_repeated_requests_start_no_more(self):
        worker = Worker(hello, threads=5)
        self.addCleanup(worker.close)
        for _ in range(5):
            worker.front.request()
            worker.front.response()
        self.assertEqual(worker.process.started, 2)

    def test_system_grants_no_more(self):
        worker = Worker(hello, threads=4)
        self.addCleanup(worker.close)

        def refuse():
            raise RuntimeError("can't start new thread")
        for thread in worker.process.threads[1:]:
            thread.start = refuse
        worker.front.request()
        self.assertEqual(worker.front.response().body, b'hello')
        self.assertEqual(worker.log(), (
            'error', '', "cannot start worker thread 2: can't start new thread; this process goes on with 1 threads"))
        for front in worker.fronts[1:]:
            self.assertEqual(front.stream.recv(1), b'')
        worker.front.request()
        self.assertEqual(worker.front.response().body, b'hello')

    def test_many(self):
        worker = Worker(hello, threads=150)
        self.addCleanup(worker.close)
        # More than one message carries.
        self.assertEqual(len(worker.fronts), 150)
        worker.front.request()
        self.assertEqual(worker.front.response().body, b'hello')


if __name__ == '__main__':
    unittest.main()
