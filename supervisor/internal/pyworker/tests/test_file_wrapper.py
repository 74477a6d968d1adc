"""wsgi.file_wrapper: which files are handed over, and what is sent."""

import gzip
import io
import os
import tempfile
import unittest

from support import Worker, call, link, wsgid
from test_response import PLAIN, answer


class FileWrapper(unittest.TestCase):

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.small, self.large = self.make('small', 1000), self.make('large', 300000)

    def make(self, name, size):
        path = os.path.join(self.directory.name, name)
        with open(path, 'wb') as file:
            file.write(bytes(i % 251 for i in range(size)))
        return path

    def content(self, path):
        with open(path, 'rb') as file:
            return file.read()

    def serve(self, file, headers=PLAIN, **environ):
        """The response that wraps a file, and whether it was handed over."""
        worker = Worker(answer(lambda: wsgid.exchange.FileWrapper(file), headers=headers))
        handed = []
        take_file = worker.front.take_file
        worker.front.take_file = lambda frame: handed.append(frame) or take_file(frame)
        try:
            worker.front.request(**environ)
            response = worker.front.response()
        finally:
            worker.close()
            file.close()
        return response, bool(handed)

    def test_plain_files(self):
        for name, path, options, handed in [
            ('small', self.small, {}, False), ('large', self.large, {}, True),
            ('unbuffered', self.large, {'buffering': 0}, True),
        ]:
            with self.subTest(name):
                response, was_handed = self.serve(open(path, 'rb', **options))
                self.assertEqual(response.body, self.content(path))
                self.assertEqual(was_handed, handed)
                self.assertEqual(dict(response.headers).get('Content-Length'), '300000' if handed else None)

    def test_seeked(self):
        for offset in (1, 100000, 250000, 300000, 400000):
            with self.subTest(offset=offset):
                file = open(self.large, 'rb')
                file.seek(offset)
                self.assertEqual(self.serve(file)[0].body, self.content(self.large)[offset:])

    def test_partly_read(self):
        file = open(self.large, 'rb')
        file.read(10)
        self.assertEqual(self.serve(file)[0].body, self.content(self.large)[10:])

    def test_read_and_write(self):
        file = open(self.large, 'r+b')
        file.seek(1000)
        response, handed = self.serve(file)
        self.assertEqual((response.body, handed), (self.content(self.large)[1000:], True))

    def test_temporary_files(self):
        for make in (tempfile.TemporaryFile, tempfile.NamedTemporaryFile):
            with self.subTest(make.__name__):
                file = make()
                file.write(b'x' * 100000)
                file.seek(0)
                response, handed = self.serve(file)
                self.assertEqual((response.body, handed), (b'x' * 100000, True))

    def test_own_content_length(self):
        response, _ = self.serve(open(self.large, 'rb'), [('content-length', '300000')])
        self.assertEqual(response.headers, [('content-length', '300000')])

    def test_filtered(self):
        # These have a fileno(), but read something else than the file holds.
        packed = os.path.join(self.directory.name, 'packed.gz')
        with gzip.open(packed, 'wb') as file:
            file.write(os.urandom(200000).hex().encode())
        self.assertGreater(os.path.getsize(packed), 100000)
        with gzip.open(packed) as file:
            want = file.read()
        response, handed = self.serve(gzip.open(packed))
        self.assertEqual((response.body, handed), (want, False))

    def test_memory(self):
        response, handed = self.serve(io.BytesIO(b'x' * 200000))
        self.assertEqual((response.body, handed), (b'x' * 200000, False))

    def test_pipe(self):
        reader, writer = os.pipe()
        with open(writer, 'wb') as file:
            file.write(b'x' * 30000)
        response, handed = self.serve(open(reader, 'rb'))
        self.assertEqual((response.body, handed), (b'x' * 30000, False))

    def test_text_file(self):
        response, handed = self.serve(open(self.make('text', 100), encoding='latin-1'))
        self.assertEqual((response.failure, handed), ('TypeError: response blocks must be bytes, not str', False))

    def test_not_for_reading(self):
        response, handed = self.serve(open(self.large, 'ab', buffering=0))
        self.assertFalse(handed)
        with self.subTest('at its end'):
            self.assertTrue(response.failure.startswith('io.UnsupportedOperation'), response.failure)

    def test_closed_file(self):
        file = open(self.large, 'rb')
        file.close()
        self.assertRegex(self.serve(file)[0].failure, '^ValueError: .*closed file')

    def test_empty_file(self):
        response, _ = self.serve(open(self.make('empty', 0), 'rb'))
        self.assertEqual((response.status, response.body, response.failure), ('200 OK', b'', None))

    def test_after_write(self):
        def application(environ, start_response):
            start_response('200 OK', PLAIN)(b'begun ')
            return environ['wsgi.file_wrapper'](open(self.large, 'rb'))
        self.assertEqual(call(application).body, b'begun ' + self.content(self.large))

    def test_without_start_response(self):
        file = open(self.large, 'rb')
        failure = call(lambda environ, start_response: wsgid.exchange.FileWrapper(file)).failure
        self.assertRegex(failure, 'did not call start_response')
        self.assertTrue(file.closed)

    def test_head(self):
        response, handed = self.serve(open(self.large, 'rb'), REQUEST_METHOD='HEAD')
        self.assertEqual((response.body, handed), (b'', False))
        self.assertIn(('Content-Length', '300000'), response.headers)

    def test_iteration(self):
        wrapper = wsgid.exchange.FileWrapper(io.BytesIO(b'abcde'), 2)
        self.assertEqual(list(wrapper), [b'ab', b'cd', b'e'])

    def test_without_close(self):
        class Bare:
            read = io.BytesIO(b'abc').read
        self.assertFalse(hasattr(wsgid.exchange.FileWrapper(Bare()), 'close'))
        self.assertEqual(call(answer(lambda: wsgid.exchange.FileWrapper(Bare()))).body, b'abc')

    def test_front_end_goes_away_before_it_takes_the_file(self):
        worker = Worker(answer(lambda: wsgid.exchange.FileWrapper(open(self.large, 'rb'))))
        self.addCleanup(worker.close)
        worker.front.request()
        self.assertEqual(worker.front.frame().kind, link.RESPONSE)
        self.assertEqual(worker.front.frame().kind, link.FILE)
        worker.front.close()
        _, front = worker.reconnected()
        front.request()
        self.assertEqual(front.response().body, self.content(self.large))


if __name__ == '__main__':
    unittest.main()
