"""Uses what may be restricted; answers what happened: "done" with the result, or the
exception's name. Also at import, when the environment variable EARLY is set.
"""

import os
import signal
import sys

ATTEMPTS = {
    '/stdin/read': lambda: sys.stdin.read(),
    '/stdin/readline': lambda: sys.stdin.readline(),
    '/stdin/fileno': lambda: sys.stdin.fileno() >= 0,
    '/stdin/iterate': lambda: list(sys.stdin),
    '/stdout/write': lambda: sys.stdout.write('a line of output\n'),
    '/stdout/print': lambda: print('a line of output'),
    '/stdout/flush': lambda: sys.stdout.flush(),
    '/signal': lambda: signal.signal(signal.SIGUSR1, lambda number, frame: None),
}

if os.environ.get('EARLY'):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def application(environ, start_response):
    try:
        text = 'done %r' % (ATTEMPTS[environ['PATH_INFO']](),)
    except Exception as err:
        text = type(err).__name__
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [text.encode()]
