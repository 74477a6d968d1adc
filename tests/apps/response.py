"""Every shape of answer PEP 3333 allows, and the ones it forbids.

Good:
/list /tuple /generator      "one two three" in three blocks
/empty-blocks                the same with empty blocks between
/empty                       an empty list, no Content-Length
/write                       "one " and "two " by write(), "three" by the iterable
/late-start                  a generator that calls start_response when first asked
/custom-iterable             an object with __iter__ and close() only
/status?line=LINE            the status line LINE, body "body"; for 204, 304 and HEAD
/headers                     two Set-Cookie and two X-Repeat headers
/length?say=N&send=M         Content-Length N, M bytes of "x" in one block (no Content-Length without N)
/length-blocks?say=N&send=M  the same in blocks of 10 bytes

close():
/close?log=FILE[&how=HOW]    three blocks from an object whose close() appends a line to FILE;
                             HOW raise-first, raise-later raise from __next__, raise-close from close()

Exceptions:
/raise-call                  in the call
/raise-before                in the iterable after start_response, before the first block
/raise-after                 after the first block
/raise-after-length          the same, with a Content-Length that promises more
/system-exit                 SystemExit in the call
/keyboard-interrupt          KeyboardInterrupt in the call
/exc-info-before             a second start_response with exc_info before any block: replaces the head
/exc-info-after              the same after the first block: start_response must re-raise

Forbidden:
/no-start                    no call of start_response
/twice                       a second start_response without exc_info
/str                         a str block
/none                        returns None
/bad-status?line=LINE        the status line LINE as it stands
/bad-status-type             a status of type bytes
/bad-header?name=N&value=V   one header, latin-1
/bad-headers-type            the headers as a tuple
/bad-value-type              a header value of type int
/hop-by-hop                  the header Connection: close
"""

import sys
from urllib.parse import parse_qs

BLOCKS = (b"one ", b"two ", b"three")


def text(*more):
    # A new list each time: start_response may change the one it is given.
    return [("Content-Type", "text/plain"), *more]


class Failure(Exception):
    """The exception that the tests look for by name in the log."""


def as_list(query, start_response):
    start_response("200 OK", text())
    return list(BLOCKS)


def as_tuple(query, start_response):
    start_response("200 OK", text())
    return BLOCKS


def generator(query, start_response):
    start_response("200 OK", text())
    return (block for block in BLOCKS)


def empty_blocks(query, start_response):
    start_response("200 OK", text())
    return [b"", b"one ", b"", b"", b"two ", b"three", b""]


def empty(query, start_response):
    start_response("200 OK", text())
    return []


def write(query, start_response):
    send = start_response("200 OK", text())
    send(b"one ")
    send(b"two ")
    return [b"three"]


def late_start(query, start_response):
    start_response("200 OK", text())
    yield from BLOCKS


class Iterable:
    def __init__(self, blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)

    def close(self):
        self.blocks = None


def custom_iterable(query, start_response):
    start_response("200 OK", text())
    return Iterable(BLOCKS)


def status(query, start_response):
    start_response(query["line"][0], text())
    return [b"body"]


def headers(query, start_response):
    start_response("200 OK", text(
        ("Set-Cookie", "a=1; Path=/"),
        ("X-Repeat", "one"),
        ("Set-Cookie", "b=2; Path=/"),
        ("X-Repeat", "two"),
    ))
    return [b"headers"]


def length(query, start_response):
    head = text()
    if "say" in query:
        head.append(("Content-Length", query["say"][0]))
    start_response("200 OK", head)
    return [b"x" * int(query["send"][0])]


def length_blocks(query, start_response):
    start_response("200 OK", text(("Content-Length", query["say"][0])))
    left = int(query["send"][0])
    while left > 0:
        yield b"x" * min(10, left)
        left -= 10


class Closing:
    def __init__(self, log, how):
        self.log, self.how, self.sent = log, how, 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.how == "raise-first" or (self.how == "raise-later" and self.sent == 1):
            raise Failure("from __next__")
        if self.sent == len(BLOCKS):
            raise StopIteration
        self.sent += 1
        return BLOCKS[self.sent - 1]

    def close(self):
        with open(self.log, "a") as log:
            log.write("closed after %d\n" % self.sent)
        if self.how == "raise-close":
            raise Failure("from close")


def close(query, start_response):
    start_response("200 OK", text())
    return Closing(query["log"][0], query.get("how", [""])[0])


def raise_call(query, start_response):
    raise Failure("in the call")


def raise_before(query, start_response):
    start_response("200 OK", text())
    raise Failure("before the first block")
    yield b"never"


def raise_after(query, start_response):
    start_response("200 OK", text())
    yield b"partial"
    raise Failure("after the first block")


def raise_after_length(query, start_response):
    start_response("200 OK", text(("Content-Length", "1000")))
    yield b"partial"
    raise Failure("after the first block")


def system_exit(query, start_response):
    raise SystemExit(3)


def keyboard_interrupt(query, start_response):
    raise KeyboardInterrupt


def exc_info_before(query, start_response):
    start_response("200 OK", text(("X-First", "yes")))
    try:
        raise Failure("before any block")
    except Failure:
        start_response("503 Replaced", text(), sys.exc_info())
    return [b"replaced"]


def exc_info_after(query, start_response):
    start_response("200 OK", text())
    yield b"partial"
    try:
        raise Failure("with the head sent")
    except Failure:
        start_response("500 Too Late", text(), sys.exc_info())
    yield b"not reached"


def no_start(query, start_response):
    return [b"body"]


def twice(query, start_response):
    start_response("200 OK", text())
    start_response("200 Again", text())
    return [b"body"]


def str_block(query, start_response):
    start_response("200 OK", text())
    return ["text"]


def none(query, start_response):
    start_response("200 OK", text())


def bad_status(query, start_response):
    start_response(query.get("line", [""])[0], text())
    return [b"body"]


def bad_status_type(query, start_response):
    start_response(b"200 OK", text())
    return [b"body"]


def bad_header(query, start_response):
    start_response("200 OK", [(query.get("name", [""])[0], query.get("value", [""])[0])])
    return [b"body"]


def bad_headers_type(query, start_response):
    start_response("200 OK", tuple(text()))
    return [b"body"]


def bad_value_type(query, start_response):
    start_response("200 OK", [("X-Number", 1)])
    return [b"body"]


def hop_by_hop(query, start_response):
    start_response("200 OK", text(("Connection", "close")))
    return [b"body"]


ROUTES = {
    "/list": as_list,
    "/tuple": as_tuple,
    "/generator": generator,
    "/empty-blocks": empty_blocks,
    "/empty": empty,
    "/write": write,
    "/late-start": late_start,
    "/custom-iterable": custom_iterable,
    "/status": status,
    "/headers": headers,
    "/length": length,
    "/length-blocks": length_blocks,
    "/close": close,
    "/raise-call": raise_call,
    "/raise-before": raise_before,
    "/raise-after": raise_after,
    "/raise-after-length": raise_after_length,
    "/system-exit": system_exit,
    "/keyboard-interrupt": keyboard_interrupt,
    "/exc-info-before": exc_info_before,
    "/exc-info-after": exc_info_after,
    "/no-start": no_start,
    "/twice": twice,
    "/str": str_block,
    "/none": none,
    "/bad-status": bad_status,
    "/bad-status-type": bad_status_type,
    "/bad-header": bad_header,
    "/bad-headers-type": bad_headers_type,
    "/bad-value-type": bad_value_type,
    "/hop-by-hop": hop_by_hop,
}


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"], encoding="latin-1")
    return ROUTES[environ["PATH_INFO"]](query, start_response)
