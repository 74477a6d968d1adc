"""Requests that take their time.

/sleep?s=SECONDS   sleeps
/gate?at=SOCKET    connects to the UNIX socket SOCKET, writes a line with its path and
                   process id, and waits for the other side to close: so a test knows
                   that the request is running and decides how long
/spin              never ends, in Python code
/spin-regex        never ends, in C code that holds the GIL: a match that backtracks
/spin-number       never ends, in C code that holds the GIL: a number turned to text
/pid               the process id
/count?file=FILE   appends one byte to FILE
"""

import os
import re
import socket
import sys
import time
from urllib.parse import parse_qs


def sleep(query):
    time.sleep(float(query["s"][0]))
    return b"slept\n"


def gate(query):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.connect(query["at"][0])
        door.sendall(b"%d\n" % os.getpid())
        door.recv(1)
    return b"passed %d\n" % os.getpid()


def spin_in_python(query):
    while True:
        pass


def spin_in_regex(query):
    # 2**60 ways to split the run of letters: longer than any test.
    return re.match(r"(a+)+$", "a" * 60 + "b")


def spin_in_number(query):
    # Before 3.11 there is no such limit and nothing to lift.
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    # Quadratic in the number of digits, and one uninterrupted call.
    return str((1 << 40_000_000) - 1).encode()


def pid(query):
    return b"%d\n" % os.getpid()


def count(query):
    with open(query["file"][0], "ab") as file:
        file.write(b".")
    return b"counted\n"


ROUTES = {
    "/count": count,
    "/sleep": sleep,
    "/gate": gate,
    "/spin": spin_in_python,
    "/spin-regex": spin_in_regex,
    "/spin-number": spin_in_number,
    "/pid": pid,
}


def application(environ, start_response):
    body = ROUTES[environ["PATH_INFO"]](parse_qs(environ["QUERY_STRING"]))
    start_response("200 OK", [
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(body))),
    ])
    return [body]
