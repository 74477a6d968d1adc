"""start_response(), write(), and what an application may return (PEP 3333)."""

import sys
import tempfile
import unittest

from support import Worker, call, wsgid

PLAIN = [('Content-Type', 'text/plain')]


def answer(result, status='200 OK', headers=PLAIN):
    """An application that returns what result() gives."""
    def application(environ, start_response):
        start_response(status, list(headers))
        return result()
    return application


class StartResponse(unittest.TestCase):

    def refused(self, *arguments):
        """What start_response says to these arguments."""
        exchange = wsgid.exchange.Exchange(NoThread(), False)
        with self.assertRaises((TypeError, ValueError)) as caught:
            exchange.start_response(*arguments)
        return '%s: %s' % (type(caught.exception).__name__, caught.exception)

    def test_status(self):
        for status, want in [
            (b'200 OK', 'TypeError: status must be a str, not bytes'),
            (200, 'TypeError: status must be a str, not int'),
            ('200', "ValueError: status must be three digits, a space and a reason, not '200'"),
            ('', "ValueError: status must be three digits, a space and a reason, not ''"),
            ('20x OK', "ValueError: status must be three digits, a space and a reason, not '20x OK'"),
            ('2000 OK', "ValueError: status must be three digits, a space and a reason, not '2000 OK'"),
            ('\u0662\u0660\u0660 OK',
             "ValueError: status must be three digits, a space and a reason, not '\u0662\u0660\u0660 OK'"),
            ('100 Continue', "ValueError: status must be 200 or above, not '100 Continue'"),
            ('099 OK', "ValueError: status must be 200 or above, not '099 OK'"),
            ('200 O\nK', "ValueError: control character '\\n' in status or header value '200 O\\nK'"),
        ]:
            with self.subTest(status=status):
                self.assertEqual(self.refused(status, []), want)

    def test_headers(self):
        for headers, want in [
            ((), 'TypeError: headers must be a list, not tuple'),
            ({}, 'TypeError: headers must be a list, not dict'),
            ([['A', 'b']], "TypeError: each header must be a tuple of name and value, not ['A', 'b']"),
            ([('A',)], "TypeError: each header must be a tuple of name and value, not ('A',)"),
            ([('A', 1)], "TypeError: header names and values must be str, not ('A', 1)"),
            ([(b'A', 'b')], "TypeError: header names and values must be str, not (b'A', 'b')"),
            ([('', 'b')], "ValueError: header name '' is not a token (RFC 9110 5.1)"),
            ([('A b', 'c')], "ValueError: header name 'A b' is not a token (RFC 9110 5.1)"),
            ([('A:', 'c')], "ValueError: header name 'A:' is not a token (RFC 9110 5.1)"),
            ([('\xc4', 'c')], "ValueError: header name '\xc4' is not a token (RFC 9110 5.1)"),
            ([('A', 'b\r\nC: d')], "ValueError: control character '\\r' in status or header value 'b\\r\\nC: d'"),
            ([('A', 'b\0')], "ValueError: control character '\\x00' in status or header value 'b\\x00'"),
            ([('A', 'b\x7f')], "ValueError: control character '\\x7f' in status or header value 'b\\x7f'"),
        ]:
            with self.subTest(headers=headers):
                self.assertEqual(self.refused('200 OK', headers), want)

    def test_not_latin_1(self):
        self.assertRegex(self.refused('200 OK', [('A', '\u20ac')]), '^ValueError: status and headers must be latin-1: ')

    def test_too_large(self):
        self.assertEqual(self.refused('200 OK', [('A', 'b' * (1 << 20))]),
                         'ValueError: status and headers exceed 1048576 bytes')

    def test_allowed(self):
        headers = [('X-Tab', 'a\tb'), ('X-Latin', 'caf\xe9'), ('X-Empty', ''), ("!#$%&'*+-.^_`|~9", 'token')]
        response = call(answer(lambda: [b''], '299 \xe9t\xe9', headers))
        self.assertEqual((response.status, response.headers), ('299 \xe9t\xe9', headers))

    def test_refused_names_stay_refused(self):
        # A name that was found good is remembered; a bad one must not be.
        for _ in range(2):
            self.assertIn('not a token', self.refused('200 OK', [('Bad Name', '')]))

    def test_second_call(self):
        def application(environ, start_response):
            start_response('200 OK', [])
            start_response('200 OK', [])
        self.assertEqual(call(application).failure,
                         'AssertionError: start_response() was called a second time without exc_info')

    def test_exc_info_before_the_head(self):
        def application(environ, start_response):
            start_response('200 OK', PLAIN)
            try:
                raise KeyError('lost')
            except KeyError:
                start_response('500 Oops', [('X-Failed', 'yes')], sys.exc_info())
            return [b'sorry']
        response = call(application)
        self.assertEqual((response.status, response.headers, response.body), ('500 Oops', [('X-Failed', 'yes')], b'sorry'))

    def test_exc_info_after_the_head(self):
        def application(environ, start_response):
            start_response('200 OK', PLAIN)(b'begun')
            try:
                raise KeyError('lost')
            except KeyError:
                start_response('500 Oops', [], sys.exc_info())
            return [b'never']
        response = call(application)
        self.assertEqual((response.status, response.body, response.failure), ('200 OK', b'begun', "KeyError: 'lost'"))

    def test_never_called(self):
        for result, want in [
            ([b'body'], 'start_response()'), ([], 'start_response()'),
            (iter([b'body']), 'start_response() before its first block'),
            (iter([]), 'start_response() before its first block'),
        ]:
            with self.subTest(result=result):
                failure = call(lambda environ, start_response: result).failure
                self.assertEqual(failure, 'AssertionError: the application did not call ' + want)

    def test_called_late(self):
        def application(environ, start_response):
            start_response('200 OK', PLAIN)
            yield b'late'
        response = call(application)
        self.assertEqual((response.status, response.body), ('200 OK', b'late'))

    def test_failed_call_leaves_none(self):
        def application(environ, start_response):
            try:
                start_response('200 OK', [('A', 'b' * (1 << 20))])
            except ValueError:
                start_response('500 Oops', [])
            return [b'x']
        self.assertEqual(call(application).status, '500 Oops')


class NoThread:
    sock = None


class Write(unittest.TestCase):

    def test_blocks(self):
        def application(environ, start_response):
            write = start_response('200 OK', PLAIN)
            write(b'a')
            write(b'')
            write(b'b' * 3000000)
            return [b'c', b'd']
        self.assertEqual(call(application).body, b'a' + b'b' * 3000000 + b'cd')

    def test_empty_first_block_sends_the_head(self):
        def application(environ, start_response):
            start_response('200 OK', PLAIN)(b'')
            raise RuntimeError('after')
        response = call(application)
        self.assertEqual((response.status, response.failure), ('200 OK', 'RuntimeError: after'))

    def test_not_bytes(self):
        for block in ('text', bytearray(b'x'), None, 1):
            def application(environ, start_response, block=block):
                start_response('200 OK', PLAIN)(block)
                return []
            with self.subTest(block=block):
                self.assertEqual(call(application).failure,
                                 'TypeError: response blocks must be bytes, not ' + type(block).__name__)


class Results(unittest.TestCase):

    def test_kinds(self):
        for name, result, want in [
            ('list', lambda: [b'one', b'two'], b'onetwo'),
            ('list of one', lambda: [b'one'], b'one'),
            ('list with empty blocks', lambda: [b'', b'one', b''], b'one'),
            ('empty list', lambda: [], b''),
            ('large list', lambda: [b'x' * 200000] * 4, b'x' * 800000),
            ('large block', lambda: [b'x' * 2500000], b'x' * 2500000),
            ('tuple', lambda: (b'one', b'two'), b'onetwo'),
            ('empty tuple', lambda: (), b''),
            ('iterator', lambda: iter([b'one', b'', b'two']), b'onetwo'),
            ('empty iterator', lambda: iter([]), b''),
            ('generator', lambda: (b for b in (b'', b'one')), b'one'),
            ('bytes', lambda: b'', b''),
            ('subclass of list', lambda: type('L', (list,), {})([b'one']), b'one'),
            ('map', lambda: map(bytes, [[65], [66]]), b'AB'),
        ]:
            with self.subTest(name):
                response = call(answer(result))
                self.assertEqual((response.status, response.body, response.failure), ('200 OK', want, None))

    def test_not_bytes(self):
        for name, result, want in [
            ('list', lambda: ['text'], 'str'), ('second of a list', lambda: [b'x', None], 'NoneType'),
            ('generator', lambda: (b for b in ['text']), 'str'),
            ('empty text in a generator', lambda: (b for b in ['']), 'str'),
            ('bytearray', lambda: iter([bytearray(b'x')]), 'bytearray'), ('str', lambda: 'text', 'str'),
            ('bytes', lambda: b'text', 'int'),
        ]:
            with self.subTest(name):
                response = call(answer(result))
                self.assertEqual(response.failure, 'TypeError: response blocks must be bytes, not ' + want)
                self.assertIsNone(response.status)

    def test_none(self):
        self.assertEqual(call(answer(lambda: None)).failure, "TypeError: 'NoneType' object is not iterable")

    def test_exceptions(self):
        for error, want in [
            (ValueError('no'), 'ValueError: no'), (ValueError('first\nsecond'), 'ValueError: first'),
            (SystemExit(3), 'SystemExit: 3'), (KeyboardInterrupt(), 'KeyboardInterrupt'),
            (GeneratorExit(), 'GeneratorExit'), (OSError(5, 'disk'), 'OSError: [Errno 5] disk'),
            (StopIteration('x'), 'StopIteration: x'), (Unspeakable(), '.Unspeakable: (its __str__() fails)'),
        ]:
            with self.subTest(want):
                def application(environ, start_response, error=error):
                    start_response('200 OK', PLAIN)
                    raise error
                worker = Worker(application)
                self.addCleanup(worker.close)
                worker.front.request()
                self.assertTrue(worker.front.response().failure.endswith(want))
                # The thread goes on.
                worker.front.request()
                self.assertTrue(worker.front.response().failure.endswith(want))

    def test_times(self):
        def application(environ, start_response):
            start_response('200 OK', PLAIN)
            sum(range(300000))
            return []
        last = call(application).last
        self.assertGreater(last.cpu, 100)
        self.assertGreaterEqual(last.wall, last.cpu // 2)
        self.assertLess(last.wall, 10000000)


class Unspeakable(Exception):

    def __str__(self):
        raise RuntimeError('never')


class Counted:
    """An iterable that counts its close() calls."""

    def __init__(self, blocks=(), fail=None, fail_close=None):
        self.blocks, self.fail, self.fail_close = iter(blocks), fail, fail_close
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        for block in self.blocks:
            return block
        if self.fail:
            raise self.fail
        raise StopIteration

    def close(self):
        self.closed += 1
        if self.fail_close:
            raise self.fail_close


class Close(unittest.TestCase):

    def check(self, result, **environ):
        response = call(answer(lambda: result), **environ)
        self.assertEqual(result.closed, 1)
        return response

    def test_once(self):
        self.assertEqual(self.check(Counted([b'one', b'two'])).body, b'onetwo')
        self.check(Counted())

    def test_once_for_head(self):
        self.check(Counted([b'one', b'two']), REQUEST_METHOD='HEAD')

    def test_once_on_failure(self):
        self.assertEqual(self.check(Counted([b'one'], fail=ValueError('no'))).failure, 'ValueError: no')
        self.assertEqual(self.check(Counted(fail=SystemExit())).failure, 'SystemExit')
        self.assertRegex(self.check(Counted(['text'])).failure, 'response blocks must be bytes')

    def test_once_without_start_response(self):
        result = Counted([b'one'])
        self.assertRegex(call(lambda environ, start_response: result).failure, 'did not call start_response')
        self.assertEqual(result.closed, 1)

    def test_iter_that_fails(self):
        class Bad(Counted):
            def __iter__(self):
                raise ValueError('no iterator')
        self.assertEqual(self.check(Bad()).failure, 'ValueError: no iterator')

    def test_close_that_fails(self):
        response = self.check(Counted([b'one'], fail_close=ValueError('in close')))
        self.assertEqual((response.body, response.failure), (b'one', 'ValueError: in close'))

    def test_list_with_close(self):
        class Closing(list):
            closed = 0

            def close(self):
                Closing.closed += 1
        call(answer(lambda: Closing([b'x'])))
        self.assertEqual(Closing.closed, 1)

    def test_when_the_front_end_lets_go(self):
        result = Counted([b'x' * 1000000] * 50)
        worker = Worker(answer(lambda: result))
        self.addCleanup(worker.close)
        worker.front.request()
        worker.front.frame()
        worker.front.close()
        worker.reconnected()
        self.assertEqual(result.closed, 1)

    def test_generator_is_ended(self):
        ended = []

        def application(environ, start_response):
            start_response('200 OK', PLAIN)
            try:
                yield b'one'
                yield b'two'
            except GeneratorExit:
                ended.append('GeneratorExit')
                raise
            finally:
                ended.append('finally')
        call(application, REQUEST_METHOD='HEAD')
        self.assertEqual(ended, ['GeneratorExit', 'finally'])

    def test_file_wrapper(self):
        for size in (10, 200000):
            file = CountedFile(size)
            response = call(answer(lambda: wsgid.exchange.FileWrapper(file)))
            self.assertEqual((len(response.body), file.closed_times), (size, 1))


class CountedFile:
    """A plain file in a wrapper, as tempfile has them, that counts close()."""

    def __init__(self, size):
        self.file = tempfile.TemporaryFile()
        self.file.write(b'x' * size)
        self.file.seek(0)
        self.read = self.file.read
        self.closed_times = 0

    def close(self):
        self.closed_times += 1
        self.file.close()


if __name__ == '__main__':
    unittest.main()
