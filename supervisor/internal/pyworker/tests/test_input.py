"""wsgi.input: a body that came with its request, and one that is asked for."""

import unittest

from support import Worker, call, descriptors, link

BODY = b'first line\nsecond\n\n' + b'x' * 100 + b'\nlast'
LINES = BODY.splitlines(keepends=True)

# What an application may do with a body, and what it must get.
USES = {
    'read': (lambda i: [i.read()], [BODY]),
    'read all by -1': (lambda i: [i.read(-1)], [BODY]),
    'read(n)': (lambda i: [i.read(5), i.read(0), i.read(4), i.read(1000), i.read(1)],
                [BODY[:5], b'', BODY[5:9], BODY[9:], b'']),
    'read past the end': (lambda i: [i.read(), i.read(), i.read(10), i.readline()], [BODY, b'', b'', b'']),
    'readline': (lambda i: [i.readline() for _ in range(6)], LINES + [b'']),
    'readline(n)': (lambda i: [i.readline(3), i.readline(100), i.readline(0), i.readline(2)],
                    [b'fir', b'st line\n', b'', b'se']),
    'readlines': (lambda i: i.readlines(), LINES),
    'readlines(hint)': (lambda i: i.readlines(12), LINES[:2]),
    'iteration': (lambda i: list(i), LINES),
    'mixed': (lambda i: [i.readline(), i.read(3), next(i), i.read()],
              [LINES[0], b'sec', b'ond\n', BODY[18:]]),
    'nothing': (lambda i: [], []),
}


class Application:
    """Uses wsgi.input as told; keeps what it got, or the exception."""

    def __init__(self, use):
        self.use, self.got = use, []

    def __call__(self, environ, start_response):
        try:
            self.got.append(self.use(environ['wsgi.input']))
        except Exception as err:
            self.got.append(err)
        start_response('200 OK', [])
        return []


def by_file(front):
    front.send_file(BODY)


def by_frames(front):
    for start in range(0, len(BODY), 7):
        front.send(link.BODY, 0, b'', BODY[start:start + 7])
    front.send(link.BODY, link.LAST)


def by_file_and_frames(front):
    front.send_file(BODY[:20], flags=0)
    front.send(link.BODY, 0, b'', BODY[20:50])
    front.send(link.BODY, link.LAST, b'', BODY[50:])


def by_empty_file_and_frames(front):
    front.send_file(b'', flags=0)
    front.send(link.BODY, link.LAST, b'', BODY)


WAYS = (by_file, by_frames, by_file_and_frames, by_empty_file_and_frames)


class WithItsRequest(unittest.TestCase):

    def test_uses(self):
        for name, (use, want) in USES.items():
            with self.subTest(name):
                application = Application(use)
                call(application, body=BODY)
                self.assertEqual(application.got, [want])

    def test_no_body(self):
        application = Application(lambda i: [i.read(), i.readline(), list(i), i.readlines()])
        call(application)
        self.assertEqual(application.got, [[b'', b'', [], []]])


class Deferred(unittest.TestCase):

    def serve(self, application):
        worker = Worker(application)
        self.addCleanup(worker.close)
        worker.front.request(deferred=True)
        return worker

    def expect_want(self, worker):
        self.assertEqual(worker.front.frame().kind, link.WANT)

    def test_uses(self):
        for way in WAYS:
            for name, (use, want) in USES.items():
                with self.subTest(way=way.__name__, use=name):
                    application = Application(use)
                    worker = self.serve(application)
                    if name != 'nothing':
                        self.expect_want(worker)
                        way(worker.front)
                    self.assertEqual(worker.front.response().status, '200 OK')
                    self.assertEqual(application.got, [want])
                    self.check_next(worker, application)

    def check_next(self, worker, application):
        """The next request is served, and gets its own body."""
        application.use = lambda i: i.read()
        worker.front.request(b'second body')
        self.assertEqual(worker.front.response().status, '200 OK')
        self.assertEqual(application.got[-1], b'second body')

    def test_left_unread(self):
        for way in WAYS:
            with self.subTest(way.__name__):
                application = Application(lambda i: i.read(3))
                worker = self.serve(application)
                self.expect_want(worker)
                way(worker.front)
                worker.front.response()
                self.check_next(worker, application)

    def test_closed_by_the_application(self):
        for way in WAYS:
            with self.subTest(way.__name__):
                application = Application(lambda i: (i.read(3), i.close()))
                worker = self.serve(application)
                self.expect_want(worker)
                way(worker.front)
                worker.front.response()
                self.check_next(worker, application)

    def test_large(self):
        content = bytes(range(256)) * 8192
        for name, use in [('read', lambda i: i.read()), ('pieces', lambda i: b''.join(iter(lambda: i.read(50000), b'')))]:
            for way in ('file', 'frames'):
                with self.subTest(use=name, way=way):
                    application = Application(use)
                    worker = self.serve(application)
                    self.expect_want(worker)
                    if way == 'file':
                        worker.front.send_file(content)
                    else:
                        for start in range(0, len(content), 1 << 18):
                            worker.front.send(link.BODY, 0, b'', content[start:start + (1 << 18)])
                        worker.front.send(link.BODY, link.LAST)
                    worker.front.response()
                    self.assertTrue(application.got[0] == content)

    def test_failure_amid_the_body(self):
        def use(body):
            body.read(3)
            raise ValueError('enough')

        def application(environ, start_response):
            use(environ['wsgi.input'])
        worker = self.serve(application)
        self.expect_want(worker)
        by_file_and_frames(worker.front)
        self.assertEqual(worker.front.response().failure, 'ValueError: enough')
        worker.front.request(b'abcdef')
        self.assertEqual(worker.front.response().failure, 'ValueError: enough')

    def test_aborted(self):
        application = Application(lambda i: [i.read(3)] + [fails(i.read), fails(i.read, 1), fails(i.readline)])
        worker = self.serve(application)
        self.expect_want(worker)
        worker.front.send(link.BODY, 0, b'', b'abc')
        worker.front.send(link.BODY, link.LAST | link.ABORTED)
        worker.front.response()
        message = 'mod_wsgi request data read error: the client did not send the whole request body'
        self.assertEqual(application.got, [[b'abc', message, message, message]])
        self.check_next(worker, application)

    def test_aborted_behind_a_file(self):
        application = Application(lambda i: fails(i.read))
        worker = self.serve(application)
        self.expect_want(worker)
        worker.front.send_file(BODY, flags=0)
        worker.front.send(link.BODY, link.LAST | link.ABORTED)
        worker.front.response()
        self.assertRegex(application.got[0], 'did not send the whole request body')
        self.check_next(worker, application)

    def test_aborted_before_it_began(self):
        application = Application(lambda i: fails(i.read))
        worker = self.serve(application)
        self.expect_want(worker)
        worker.front.send(link.BODY, link.LAST | link.ABORTED)
        worker.front.response()
        self.assertRegex(application.got[0], 'did not send the whole request body')
        self.check_next(worker, application)

    def test_short_file(self):
        application = Application(lambda i: fails(i.read))
        worker = self.serve(application)
        self.expect_want(worker)
        with open('/dev/null', 'rb') as empty:
            header = link.HEADER.pack(link.BODY_FILE, link.LAST, 0, 0, 0, 10, 0)
            worker.front.send_with_descriptor(header, empty.fileno())
        worker.front.response()
        self.assertEqual(application.got, ['the spooled request body is shorter than announced'])
        self.check_next(worker, application)

    def test_front_end_goes_away(self):
        for piece in (b'', b'abc'):
            with self.subTest(piece=piece):
                application = Application(lambda i: fails(i.read))
                worker = self.serve(application)
                self.expect_want(worker)
                if piece:
                    # A frame of which the end does not arrive.
                    worker.front.stream.sendall(link.HEADER.pack(link.BODY, 0, 0, 0, 10, 0, 0) + piece)
                worker.front.close()
                index, front = worker.reconnected()
                self.assertEqual(index, 0)
                self.assertRegex(application.got[0], 'gone away')
                application.use = lambda i: i.read()
                front.request(b'again')
                self.assertEqual(front.response().status, '200 OK')
                self.assertEqual(application.got[-1], b'again')

    def test_kept_beyond_its_request(self):
        # The connection belongs to the next request by then.
        for way in (None, by_file, by_frames, by_file_and_frames):
            with self.subTest(way=way):
                kept = []

                def use(body):
                    kept.append(body)
                    if way:
                        body.read(1)
                application = Application(use)
                worker = self.serve(application)
                if way:
                    self.expect_want(worker)
                    way(worker.front)
                worker.front.response()
                worker.front.request()
                worker.front.response()
                raw = kept[0].raw
                self.assertEqual(fails(raw.read, 10), 'the request of this wsgi.input is over')
                self.assertTrue(worker.front.silent())

    def test_descriptors_are_closed(self):
        application = Application(lambda i: i.read(1))
        worker = self.serve(application)
        self.expect_want(worker)
        by_file(worker.front)
        worker.front.response()
        self.check_next(worker, application)
        before = descriptors()
        for _ in range(5):
            application.use = lambda i: i.read(1)
            worker.front.request(deferred=True)
            self.expect_want(worker)
            by_file(worker.front)
            worker.front.response()
        self.check_next(worker, application)
        self.assertEqual(descriptors(), before)

    def test_response_while_the_body_arrives(self):
        def application(environ, start_response):
            start_response('200 OK', [])
            for line in environ['wsgi.input']:
                yield line.upper()
        worker = self.serve(application)
        self.expect_want(worker)
        for line in (b'one\n', b'two\n'):
            worker.front.send(link.BODY, 0, b'', line)
            self.assertEqual(worker.front.frame().body, line.upper())
        worker.front.send(link.BODY, link.LAST)
        self.assertEqual(worker.front.frame().kind, link.END)


def fails(call, *arguments):
    """The message of the OSError that a call raises."""
    try:
        call(*arguments)
    except OSError as err:
        return err.strerror or str(err)
    return 'no error'


if __name__ == '__main__':
    unittest.main()
