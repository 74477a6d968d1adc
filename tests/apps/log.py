"""Writes the text of ?say= in every way an application has.

/print        print()
/stderr       sys.stderr.write(), the newline by itself
/errors       wsgi.errors.write() and flush()
/errorlines   wsgi.errors.writelines(), three lines
/logging      logging.getLogger("app").warning()
/bytes        os.write(2, ...), past every Python object
/multi        three lines in one print()
"""

import logging
import os
import sys
from urllib.parse import parse_qs


def by_print(errors, text):
    print(text)


def by_stderr(errors, text):
    sys.stderr.write(text)
    sys.stderr.write("\n")


def by_errors(errors, text):
    errors.write(text + "\n")
    errors.flush()


def by_errorlines(errors, text):
    errors.writelines(["%s %d\n" % (text, number) for number in (1, 2, 3)])


def by_logging(errors, text):
    logging.getLogger("app").warning(text)


def by_bytes(errors, text):
    os.write(2, text.encode() + b"\n")


def by_multi(errors, text):
    print("\n".join("%s %d" % (text, number) for number in (1, 2, 3)))


ROUTES = {
    "/print": by_print,
    "/stderr": by_stderr,
    "/errors": by_errors,
    "/errorlines": by_errorlines,
    "/logging": by_logging,
    "/bytes": by_bytes,
    "/multi": by_multi,
}


def application(environ, start_response):
    text = parse_qs(environ["QUERY_STRING"])["say"][0]
    ROUTES[environ["PATH_INFO"]](environ["wsgi.errors"], text)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [b"logged\n"]
