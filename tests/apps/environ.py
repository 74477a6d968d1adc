"""Answers the environ it was called with.

Every path answers a JSON object: for each key of the environ its type by name
and its value. A value JSON cannot hold is given as its repr(). The values are
latin-1 strings, so ``é`` sent as UTF-8 comes back as the two characters of its
two bytes.
"""

import json

PLAIN = (str, int, float, bool, type(None))


def describe(value):
    if isinstance(value, tuple):
        shown = list(value)
    elif isinstance(value, PLAIN):
        shown = value
    else:
        shown = repr(value)
    return {"type": type(value).__name__, "value": shown}


def application(environ, start_response):
    answer = {key: describe(value) for key, value in environ.items()}
    body = json.dumps(answer).encode("ascii")
    start_response("200 OK", [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ])
    return [body]


# A second entry for the tests of callable-object.
def other(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"other\n"]
