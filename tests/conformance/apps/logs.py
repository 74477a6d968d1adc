"""Writes to the log in every way, one per path; the query is the text."""

import logging
import os
import sys


def many(stream, text):
    stream.writelines([text + ' one\n', text + ' two\n'])


ROUTES = {
    '/print': lambda errors, text: print(text),
    '/stdout': lambda errors, text: sys.stdout.write(text + '\n'),
    '/stdout_lines': lambda errors, text: many(sys.stdout, text),
    '/stdout_buffer': lambda errors, text: sys.stdout.buffer.write(text.encode() + b'\n'),
    '/stdout_bytearray': lambda errors, text: sys.stdout.buffer.write(bytearray(text.encode() + b'\n')),
    '/stdout_memoryview': lambda errors, text: sys.stdout.buffer.write(memoryview(text.encode() + b'\n')),
    '/stderr': lambda errors, text: sys.stderr.write(text + '\n'),
    '/stderr_lines': lambda errors, text: many(sys.stderr, text),
    '/stderr_buffer': lambda errors, text: sys.stderr.buffer.write(text.encode() + b'\n'),
    '/errors': lambda errors, text: errors.write(text + '\n'),
    '/errors_lines': lambda errors, text: many(errors, text),
    '/errors_unended': lambda errors, text: errors.write(text),
    '/errors_in_parts': lambda errors, text: [errors.write(part) for part in (text[:5], text[5:], '\n')],
    '/errors_flushed': lambda errors, text: (errors.write(text), errors.flush()),
    '/several_lines': lambda errors, text: print(text + ' one\n' + text + ' two'),
    '/descriptor_1': lambda errors, text: os.write(1, text.encode() + b'\n'),
    '/descriptor_2': lambda errors, text: os.write(2, text.encode() + b'\n'),
    '/logging': lambda errors, text: logging.getLogger('own').error(text),
    '/raise': lambda errors, text: int(text),
}


def application(environ, start_response):
    ROUTES[environ['PATH_INFO']](environ['wsgi.errors'], environ['QUERY_STRING'])
    sys.stdout.flush()
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'logged']
