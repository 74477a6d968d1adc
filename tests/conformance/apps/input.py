"""Uses wsgi.input as the query says, and answers a JSON array of what came, latin-1.

The query is a list of steps with ";" between: read, read:N, readline, readline:N,
readlines, readlines:N, iterate, next. Each gives one element; those of several lines
are arrays.
"""

import json

def take(stream, step):
    name, _, size = step.partition(':')
    arguments = (int(size),) if size else ()
    if name == 'iterate':
        return [line.decode('latin-1') for line in stream]
    if name == 'next':
        return next(iter(stream), b'').decode('latin-1')
    result = getattr(stream, name)(*arguments)
    if name == 'readlines':
        return [line.decode('latin-1') for line in result]
    return result.decode('latin-1')

def application(environ, start_response):
    steps = environ['QUERY_STRING'].split(';')
    answer = json.dumps([take(environ['wsgi.input'], step) for step in steps]).encode()
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(answer)))])
    return [answer]
