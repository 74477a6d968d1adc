"""Reads the body in blocks and answers with its length.

With the query string "digest" the body's SHA-256 is appended: the check before
a measurement asks for it, the measurement does not pay for it.
"""

import hashlib

BLOCK = 64 * 1024


def application(environ, start_response):
    digest = hashlib.sha256() if environ.get("QUERY_STRING") == "digest" else None
    length = 0
    read = environ["wsgi.input"].read
    while block := read(BLOCK):
        length += len(block)
        if digest:
            digest.update(block)
    body = str(length).encode("ascii")
    if digest:
        body += b" " + digest.hexdigest().encode("ascii")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
