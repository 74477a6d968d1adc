"""Processes that end in the middle of a request.

/pid                  the process id
/exit?code=N          os._exit(N) before the head
/kill                 SIGKILL before the head
/abort                SIGABRT before the head
/kill-after?at=SOCKET[&length=N]
                      sends the head (with Content-Length N if given) and one block, waits
                      at the UNIX socket until the other side closes, then SIGKILL
"""

import os
import signal
import socket
from urllib.parse import parse_qs



def text(*more):
    # A new list each time: start_response may change the one it is given.
    return [("Content-Type", "text/plain"), *more]


def pid(query, start_response):
    start_response("200 OK", text())
    return [b"%d\n" % os.getpid()]


def leave(query, start_response):
    os._exit(int(query["code"][0]))


def kill(query, start_response):
    os.kill(os.getpid(), signal.SIGKILL)


def abort(query, start_response):
    os.abort()


def kill_after(query, start_response):
    head = text()
    if "length" in query:
        head.append(("Content-Length", query["length"][0]))
    start_response("200 OK", head)
    yield b"partial"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.connect(query["at"][0])
        door.sendall(b"%d\n" % os.getpid())
        door.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


ROUTES = {
    "/pid": pid,
    "/exit": leave,
    "/kill": kill,
    "/abort": abort,
    "/kill-after": kill_after,
}


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    return ROUTES[environ["PATH_INFO"]](query, start_response)
