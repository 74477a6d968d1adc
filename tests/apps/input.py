"""Reads wsgi.input in every way PEP 3333 names.

All but /sha256, /ignore and /refuse answer a JSON list of the blocks that the
calls returned, latin-1 decoded, in order.

/read            read()
/read?n=N        read(N) until it returns nothing
/zero            read(0), then read()
/negative        read(-1)
/readline        readline() until it returns nothing
/readline?n=N    readline(N) until it returns nothing
/readlines       readlines()
/readlines?n=N   readlines(N), then read() for the rest
/iterate         iteration
/past-end        read(), then read(), read(10), readline(), readlines() and one iteration
/mixed           readline(), read(3), then iteration
/gated?at=SOCKET waits at the UNIX socket until the other side closes, then read()
/sha256          the SHA-256 and the length of the body, read in blocks of 64 KiB
/ignore          answers 200 without reading
/refuse          answers 413 without reading
/error           reads to the end; answers "complete" or the name of the exception,
                 and appends the same line to the file named by ?log=
"""

import hashlib
import json
import os
import socket
from urllib.parse import parse_qs

BLOCK = 64 * 1024


def until_empty(call):
    return list(iter(call, b""))


def read(stream, query):
    if "n" not in query:
        return [stream.read()]
    size = int(query["n"][0])
    return until_empty(lambda: stream.read(size))


def zero(stream, query):
    return [stream.read(0), stream.read()]


def negative(stream, query):
    return [stream.read(-1)]


def readline(stream, query):
    if "n" not in query:
        return until_empty(stream.readline)
    size = int(query["n"][0])
    return until_empty(lambda: stream.readline(size))


def readlines(stream, query):
    if "n" not in query:
        return stream.readlines()
    some = stream.readlines(int(query["n"][0]))
    return some + [stream.read()]


def iterate(stream, query):
    return list(stream)


def past_end(stream, query):
    blocks = [stream.read(), stream.read(), stream.read(10), stream.readline()]
    return blocks + stream.readlines() + list(stream)


def mixed(stream, query):
    return [stream.readline(), stream.read(3)] + list(stream)


def gated(stream, query):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.connect(query["at"][0])
        door.sendall(b"%d\n" % os.getpid())
        door.recv(1)
    return [stream.read()]


READERS = {
    "/read": read,
    "/zero": zero,
    "/negative": negative,
    "/readline": readline,
    "/readlines": readlines,
    "/iterate": iterate,
    "/past-end": past_end,
    "/mixed": mixed,
    "/gated": gated,
}


def digest(stream):
    total, hashed = 0, hashlib.sha256()
    while True:
        block = stream.read(BLOCK)
        if not block:
            return "%s %d" % (hashed.hexdigest(), total)
        total += len(block)
        hashed.update(block)


def outcome(stream, query):
    try:
        digest(stream)
        line = "complete"
    except Exception as err:  # which one is what the test asks
        line = type(err).__name__
    if "log" in query:
        with open(query["log"][0], "a") as log:
            log.write(line + "\n")
    return line


def answer(environ):
    path, stream = environ["PATH_INFO"], environ["wsgi.input"]
    query = parse_qs(environ["QUERY_STRING"])
    if path == "/sha256":
        return "200 OK", digest(stream)
    if path == "/error":
        return "200 OK", outcome(stream, query)
    if path == "/ignore":
        return "200 OK", "ignored"
    if path == "/refuse":
        return "413 Content Too Large", "refused"
    blocks = READERS[path](stream, query)
    return "200 OK", json.dumps([block.decode("latin-1") for block in blocks])


def application(environ, start_response):
    status, text = answer(environ)
    body = text.encode("ascii")
    start_response(status, [
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(body))),
    ])
    return [body]
