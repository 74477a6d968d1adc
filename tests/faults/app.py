"""The application that the faults are shown with; the same file for every server.

/pid            the process id
/sleep?S        sleeps S seconds, then answers as /pid does
/who            the name of the user that the process runs as
/raise          raises after a first block
/die            ends its process after a first block
/short          promises 100 bytes, gives 10
/early?N        answers N bytes without reading the request

A file import-seconds beside this one says how long the import takes.
"""

import os
import pwd
import time
from urllib.parse import unquote

HERE = os.path.dirname(os.path.abspath(__file__))

try:
    with open(os.path.join(HERE, 'import-seconds')) as file:
        time.sleep(float(file.read()))
except FileNotFoundError:
    pass


def answer(start_response, text, *headers):
    start_response('200 OK', [('Content-Type', 'text/plain'), *headers])
    return [text.encode()]


def pid(query, start_response):
    return answer(start_response, str(os.getpid()))


def sleep(query, start_response):
    time.sleep(float(query))
    return pid(query, start_response)


def who(query, start_response):
    return answer(start_response, pwd.getpwuid(os.getuid()).pw_name)


def fail(query, start_response):
    yield from answer(start_response, 'the first block')
    raise ValueError('after the first block')


def die(query, start_response):
    yield from answer(start_response, 'the first block')
    os._exit(1)


def short(query, start_response):
    return answer(start_response, 'x' * 10, ('Content-Length', '100'))


def early(query, start_response):
    size = int(query)
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(size))])
    for _ in range(size // 10000):
        yield b'x' * 10000


ROUTES = {'/pid': pid, '/sleep': sleep, '/who': who, '/raise': fail, '/die': die, '/short': short, '/early': early}


def application(environ, start_response):
    return ROUTES[environ['PATH_INFO']](unquote(environ['QUERY_STRING']), start_response)
