"""Answers with wsgi.file_wrapper.

Every route takes ?path=FILE.

/full              the whole file, no Content-Length
/length            the whole file with its Content-Length
/seeked?at=N       the file from offset N on
/short?at=N&say=M  from offset N, Content-Length M smaller than what is left
/long?say=M        Content-Length M larger than the file
/range             the application's own answer to a Range header: 206 and Content-Range
/memory            a BytesIO with the file's content: nothing to sendfile
/iterate           iterates over the wrapper itself and yields its blocks
/write-first       one block by write(), then the wrapper
/close?log=LOG     the whole file through an object that appends a line to LOG in close()
"""

import io
import os
from urllib.parse import parse_qs

BINARY = ("Content-Type", "application/octet-stream")


class Recorded:
    """A file whose close() is recorded."""

    def __init__(self, file, log):
        self.file, self.log = file, log

    def read(self, size=-1):
        return self.file.read(size)

    def fileno(self):
        return self.file.fileno()

    def tell(self):
        return self.file.tell()

    def close(self):
        self.file.close()
        with open(self.log, "a") as log:
            log.write("closed\n")


def full(environ, start_response, file, query):
    start_response("200 OK", [BINARY])
    return environ["wsgi.file_wrapper"](file)


def length(environ, start_response, file, query):
    size = os.fstat(file.fileno()).st_size
    start_response("200 OK", [BINARY, ("Content-Length", str(size))])
    return environ["wsgi.file_wrapper"](file, 4096)


def seeked(environ, start_response, file, query):
    file.seek(int(query["at"][0]))
    start_response("200 OK", [BINARY])
    return environ["wsgi.file_wrapper"](file)


def short(environ, start_response, file, query):
    file.seek(int(query["at"][0]))
    start_response("200 OK", [BINARY, ("Content-Length", query["say"][0])])
    return environ["wsgi.file_wrapper"](file)


def too_long(environ, start_response, file, query):
    start_response("200 OK", [BINARY, ("Content-Length", query["say"][0])])
    return environ["wsgi.file_wrapper"](file)


def ranged(environ, start_response, file, query):
    size = os.fstat(file.fileno()).st_size
    first, last = environ["HTTP_RANGE"].removeprefix("bytes=").split("-")
    first, last = int(first), int(last)
    file.seek(first)
    start_response("206 Partial Content", [
        BINARY,
        ("Content-Length", str(last - first + 1)),
        ("Content-Range", "bytes %d-%d/%d" % (first, last, size)),
    ])
    return environ["wsgi.file_wrapper"](file)


def memory(environ, start_response, file, query):
    start_response("200 OK", [BINARY])
    return environ["wsgi.file_wrapper"](io.BytesIO(file.read()), 1000)


def iterate(environ, start_response, file, query):
    start_response("200 OK", [BINARY])
    return [block for block in environ["wsgi.file_wrapper"](file, 1000)]


def write_first(environ, start_response, file, query):
    start_response("200 OK", [BINARY])(b"first ")
    return environ["wsgi.file_wrapper"](file)


def close(environ, start_response, file, query):
    start_response("200 OK", [BINARY])
    return environ["wsgi.file_wrapper"](Recorded(file, query["log"][0]))


ROUTES = {
    "/full": full,
    "/length": length,
    "/seeked": seeked,
    "/short": short,
    "/long": too_long,
    "/range": ranged,
    "/memory": memory,
    "/iterate": iterate,
    "/write-first": write_first,
    "/close": close,
}


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    file = open(query["path"][0], "rb")
    return ROUTES[environ["PATH_INFO"]](environ, start_response, file, query)
