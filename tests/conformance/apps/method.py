"""Answers the request's method and body, in the body and, for HEAD, in fields.

wsgi.input is read to its end, whatever the method is.
"""

import os

def application(environ, start_response):
    method = environ['REQUEST_METHOD']
    received = environ['wsgi.input'].read(1 << 20)
    body = b'%s %s' % (method.encode('ascii'), received)
    start_response('200 OK', [
        ('Content-Type', 'text/plain'), ('Content-Length', str(len(body))), ('X-Method', method),
    ])
    return [body]

if os.environ.get('VALIDATE'):
    from wsgiref.validate import validator
    application = validator(application)
