"""An exception for a request that takes too long."""

import random
import sys
import time
import unittest
import unittest.mock

from support import PATIENCE, Worker, link, wsgid
from test_process import Program

RequestTimeout = wsgid.exchange.RequestTimeout


def interrupting(application, threads=1):
    """A worker that interrupts, as set_up() makes it."""
    worker = Worker(application, threads)
    worker.process.raise_in = wsgid.interrupt.raiser()
    return worker


class Interrupt(unittest.TestCase):

    def test_computing(self):
        caught = []

        def application(environ, start_response):
            if environ['PATH_INFO'] == '/quick':
                start_response('200 OK', [])
                return [b'quick']
            try:
                began.append(1)
                while True:
                    pass
            except Exception:
                caught.append('as Exception')
            finally:
                caught.append('finally')

        began = []
        worker = interrupting(application)
        self.addCleanup(worker.close)
        worker.front.request(PATH_INFO='/slow', **{'mod_wsgi.request_id': 'one'})
        wait_for(began)
        worker.process.interrupt(0, 'one')
        response = worker.front.response()
        self.assertEqual((response.last.kind, response.last.count), (link.FAILED, 504))
        self.assertIn('mod_wsgi.RequestTimeout', response.failure)
        self.assertEqual(caught, ['finally'])
        self.assertEqual(worker.log()[:2], ('info', 'one'))
        # The connection has ended, and there is another.
        self.assertEqual(worker.front.stream.recv(1), b'')
        index, front = worker.reconnected()
        self.assertEqual(index, 0)
        front.request(PATH_INFO='/quick', **{'mod_wsgi.request_id': 'two'})
        self.assertEqual(front.response().body, b'quick')
        self.assertEqual(len(worker.running()), 1)

    def test_another_request(self):
        def application(environ, start_response):
            began.append(1)
            while not finish:
                pass
            start_response('200 OK', [])
            return [b'whole']

        began, finish = [], []
        worker = interrupting(application)
        self.addCleanup(worker.close)
        worker.front.request(**{'mod_wsgi.request_id': 'two'})
        wait_for(began)
        worker.process.interrupt(0, 'one')
        worker.process.interrupt(7, 'two')
        worker.process.interrupt(-1, 'two')
        worker.process.interrupt_age = 10 ** 15
        worker.process.interrupt(0, 'two')  # it is too young
        finish.append(1)
        self.assertEqual(worker.front.response().body, b'whole')

    def test_between_requests(self):
        def application(environ, start_response):
            start_response('200 OK', [])
            return [environ['mod_wsgi.request_id'].encode()]

        worker = interrupting(application)
        self.addCleanup(worker.close)
        worker.front.request(**{'mod_wsgi.request_id': 'one'})
        self.assertEqual(worker.front.response().body, b'one')
        worker.rest()
        worker.process.interrupt(0, 'one')
        _, front = worker.reconnected()
        front.request(**{'mod_wsgi.request_id': 'two'})
        self.assertEqual(front.response().body, b'two')

    def test_swallowed(self):
        def application(environ, start_response):
            try:
                began.append(1)
                while True:
                    pass
            except RequestTimeout:
                start_response('200 OK', [])
                return [b'swallowed']

        began = []
        worker = interrupting(application)
        self.addCleanup(worker.close)
        worker.front.request(**{'mod_wsgi.request_id': 'one'})
        wait_for(began)
        worker.process.interrupt(0, 'one')
        self.assertEqual(worker.front.response().body, b'swallowed')
        worker.reconnected()

    def test_while_reading(self):
        def application(environ, start_response):
            environ['wsgi.input'].read()

        worker = interrupting(application)
        self.addCleanup(worker.close)
        worker.front.request(deferred=True, **{'mod_wsgi.request_id': 'one'})
        self.assertEqual(worker.front.frame().kind, link.WANT)
        worker.process.interrupt(0, 'one')
        worker.reconnected()

    def test_moments(self):
        """Whenever it comes, the thread goes on, on another connection, and nothing
        is left over for the next request."""
        def application(environ, start_response):
            began.append(1)
            end = time.perf_counter() + float(environ['TAKES'])
            while time.perf_counter() < end:
                pass
            start_response('200 OK', [('X-Id', environ['mod_wsgi.request_id'])])
            return [b'x', b'y'] if environ['IN'] == 'pieces' else iter([b'x', b'y'])

        chance = random.Random(7)
        interval = sys.getswitchinterval()
        self.addCleanup(sys.setswitchinterval, interval)
        worker = interrupting(application)
        self.addCleanup(worker.close)
        front, ended = worker.front, set()
        for n in range(400):
            sys.setswitchinterval(chance.choice((1e-6, 1e-5, interval)))
            began = []
            name, how = str(n), chance.choice(('pieces', 'iterator'))
            front.request(TAKES=str(chance.uniform(0, 0.001)), IN=how, **{'mod_wsgi.request_id': name})
            wait_for(began)
            end = time.perf_counter() + chance.uniform(0, 0.0015)
            while time.perf_counter() < end:
                pass
            worker.process.interrupt(0, name)
            answer = b''
            try:
                while True:
                    answer += front.take(1)
            except EOFError:
                pass
            ended.add(answer[0])
            front.close()
            _, front = worker.reconnected()
            worker.leader.unread.clear()
            front.request(TAKES='0', IN=how, **{'mod_wsgi.request_id': 'next' + name})
            response = front.response()
            self.assertEqual((response.headers, response.body), ([('X-Id', 'next' + name)], b'xy'))
            self.assertFalse(worker.process.threads[0].interrupted)
        self.assertEqual(ended, {link.RESPONSE, link.FAILED})
        self.assertEqual(len(worker.running()), 1)


class OfTheProcess(unittest.TestCase):

    def test_word(self):
        program = Program(self, '''
            def application(environ, start_response):
                if environ['mod_wsgi.request_id'] == 'late':
                    while True:
                        pass
                start_response('200 OK', [])
                return [b'hello']
        ''', interrupt='0.01', threads='2')
        program.ready()
        program.fronts[0].request(**{'mod_wsgi.request_id': 'late'})
        program.leader.expect('ident')
        time.sleep(0.05)
        program.leader.sock.send(b'interrupt\x000\x00late')
        self.assertEqual(program.fronts[0].response().last.count, 504)
        program.leader.sock.send(b'interrupt\0nonsense')
        program.leader.sock.send(b'ping')
        program.leader.expect('pong')

    def test_without_ctypes(self):
        with unittest.mock.patch.dict(sys.modules, ctypes=None):
            with self.assertRaisesRegex(ImportError, 'interrupt-timeout needs the module ctypes'):
                wsgid.interrupt.raiser()


def wait_for(began):
    end = time.monotonic() + PATIENCE
    while not began:
        assert time.monotonic() < end, 'the request does not begin'
        time.sleep(0)


if __name__ == '__main__':
    unittest.main()
