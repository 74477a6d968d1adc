"""Calls start_response in every way, one per path; good ones and bad ones.

Where start_response raises and the application catches it, the body names the exception.
"""

import sys
from urllib.parse import unquote

PLAIN = ('Content-Type', 'text/plain')
ROUTES = {}

def route(function):
    ROUTES['/' + function.__name__] = function
    return function

@route
def plain(start_response, text):
    start_response('200 OK', [PLAIN])
    return [b'plain']

@route
def status_line(start_response, text):
    start_response(text, [PLAIN])
    return [b'answer']

@route
def write(start_response, text):
    write = start_response('200 OK', [PLAIN])
    write(b'one ')
    write(b'')
    write(b'two ')
    return [b'three']

@route
def only_write(start_response, text):
    start_response('200 OK', [PLAIN])(b'written')
    return []

@route
def write_text(start_response, text):
    start_response('200 OK', [PLAIN])('text')
    return []

@route
def write_past_length(start_response, text):
    write = start_response('200 OK', [PLAIN, ('Content-Length', '5')])
    write(b'one')
    write(b' two')
    return [b' three']

@route
def replaced(start_response, text):
    start_response('200 OK', [PLAIN, ('X-First', 'yes')])
    try:
        raise ValueError('to be reported')
    except ValueError:
        start_response('503 Replaced', [PLAIN], sys.exc_info())
    return [b'replaced']

@route
def first_with_exc_info(start_response, text):
    try:
        raise ValueError('to be reported')
    except ValueError:
        start_response('500 Own Words', [PLAIN], sys.exc_info())
    return [b'own page']

@route
def exc_info_of_none(start_response, text):
    start_response('200 OK', [PLAIN], None)
    return [b'plain']

@route
def exc_info_too_late(start_response, text):
    start_response('200 OK', [PLAIN, ('X-To-Be-Cut', 'yes')])
    yield b'one'
    try:
        raise ValueError('with the head sent')
    except ValueError:
        start_response('500 Too Late', [PLAIN], sys.exc_info())
    yield b'never'

@route
def raised_again(start_response, text):
    start_response('200 OK', [PLAIN])
    yield b'one '
    try:
        raise ValueError('the same')
    except ValueError as err:
        try:
            start_response('500 Too Late', [PLAIN], sys.exc_info())
        except ValueError as again:
            yield b'same' if again is err else b'other'

@route
def twice(start_response, text):
    start_response('200 OK', [PLAIN])
    start_response('200 Again', [PLAIN])
    return [b'twice']

@route
def no_arguments(start_response, text):
    start_response()
    return [b'answer']

@route
def one_argument(start_response, text):
    start_response('200 OK')
    return [b'answer']

@route
def status_of_bytes(start_response, text):
    start_response(b'200 OK', [PLAIN])
    return [b'answer']

@route
def status_of_int(start_response, text):
    start_response(200, [PLAIN])
    return [b'answer']

@route
def headers_of_tuple(start_response, text):
    start_response('200 OK', (PLAIN,))
    return [b'answer']

@route
def headers_of_dict(start_response, text):
    start_response('200 OK', dict([PLAIN]))
    return [b'answer']

@route
def field_of_list(start_response, text):
    start_response('200 OK', [list(PLAIN)])
    return [b'answer']

@route
def field_of_three(start_response, text):
    start_response('200 OK', [('X-A', 'a', 'b')])
    return [b'answer']

@route
def name_of_bytes(start_response, text):
    start_response('200 OK', [(b'X-A', 'a')])
    return [b'answer']

@route
def value_of_int(start_response, text):
    start_response('200 OK', [('X-A', 1)])
    return [b'answer']

@route
def value_of_none(start_response, text):
    start_response('200 OK', [('X-A', None)])
    return [b'answer']

@route
def value_beyond_latin1(start_response, text):
    start_response('200 OK', [('X-A', '\u20ac')])
    return [b'answer']

@route
def caught(start_response, text):
    try:
        start_response('bad', [PLAIN])
    except Exception as err:
        start_response('200 OK', [PLAIN])
        return [type(err).__name__.encode()]
    return [b'accepted']

@route
def headers_changed_later(start_response, text):
    headers = [PLAIN]
    start_response('200 OK', headers)
    headers.append(('X-Late', 'yes'))
    return [b'answer']

def application(environ, start_response):
    return ROUTES[environ['PATH_INFO']](start_response, unquote(environ['QUERY_STRING'], encoding='latin-1'))
