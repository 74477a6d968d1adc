"""Long bodies, both ways.

/endless[?log=FILE]  64 KiB blocks without end; appends a line to FILE when closed
/download?n=BYTES    BYTES zero bytes in blocks of 64 KiB, without Content-Length
/sized?n=BYTES       the same with a Content-Length
/upload              counts the body and answers its length
/echo                the body, block by block as it arrives
/ticks?at=SOCKET     one block, waits at the UNIX socket until the other side closes, one more
"""

import os
import socket
from urllib.parse import parse_qs

BLOCK = bytes(64 * 1024)


def binary(*more):
    # A new list each time: start_response may change the one it is given.
    return [("Content-Type", "application/octet-stream"), *more]


def endless(environ, start_response, query):
    start_response("200 OK", binary())
    try:
        while True:
            yield BLOCK
    finally:
        if "log" in query:
            with open(query["log"][0], "a") as log:
                log.write("closed\n")


def blocks(total):
    while total > 0:
        yield BLOCK[:total]
        total -= len(BLOCK)


def download(environ, start_response, query):
    start_response("200 OK", binary())
    return blocks(int(query["n"][0]))


def sized(environ, start_response, query):
    total = int(query["n"][0])
    start_response("200 OK", binary(("Content-Length", str(total))))
    return blocks(total)


def received(stream):
    return iter(lambda: stream.read(len(BLOCK)), b"")


def upload(environ, start_response, query):
    total = sum(len(block) for block in received(environ["wsgi.input"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d\n" % total]


def echo(environ, start_response, query):
    start_response("200 OK", binary())
    return received(environ["wsgi.input"])


def ticks(environ, start_response, query):
    start_response("200 OK", binary())
    yield b"tick "
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.connect(query["at"][0])
        door.sendall(b"%d\n" % os.getpid())
        door.recv(1)
    yield b"tock"


ROUTES = {
    "/endless": endless,
    "/download": download,
    "/sized": sized,
    "/upload": upload,
    "/echo": echo,
    "/ticks": ticks,
}


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    return ROUTES[environ["PATH_INFO"]](environ, start_response, query)
