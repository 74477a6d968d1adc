"""Answers length and SHA-256 of the request's body, read in blocks of 1000 bytes.

?skip answers without reading, ?some after one block.
"""

import hashlib
import os

def application(environ, start_response):
    stream, length, digest = environ['wsgi.input'], 0, hashlib.sha256()
    while environ['QUERY_STRING'] != 'skip':
        block = stream.read(1000)
        length += len(block)
        digest.update(block)
        if not block or environ['QUERY_STRING'] == 'some':
            break
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'%d %s' % (length, digest.hexdigest().encode())]

if os.environ.get('VALIDATE'):
    from wsgiref.validate import validator
    application = validator(application)
