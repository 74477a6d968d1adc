"""Answers a JSON object of its environ, and appends what a dict may get to it.

A str, bool, int or float is itself, a tuple is an array, anything else the name of its
type. "types" has the name of each key's type, "dict" whether the environ is a dict and
no relative of one. What the application puts into its environ must not be seen by the
next request.
"""

import json
import os

def show(value):
    if isinstance(value, (str, bool, int, float, type(None))):
        return value
    if isinstance(value, tuple):
        return list(value)
    return type(value).__name__

def application(environ, start_response):
    seen = {key: show(value) for key, value in environ.items()}
    seen['types'] = {key: type(value).__name__ for key, value in environ.items()}
    seen['dict'] = type(environ) is dict
    seen['process'] = {name: os.environ.get(name) for name in ('HTTP_HOST', 'REQUEST_METHOD')}
    environ['left.behind'] = 'by an earlier request'
    body = json.dumps(seen).encode()
    start_response('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(body)))])
    return [body]

if os.environ.get('VALIDATE'):
    from wsgiref.validate import validator
    application = validator(application)
