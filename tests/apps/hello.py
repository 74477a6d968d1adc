"""The smallest application.

Every path answers ``200 Hello, world!`` with a Content-Length.
"""

BODY = b"Hello, world!\n"


def application(environ, start_response):
    start_response("200 OK", [
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(BODY))),
    ])
    return [BODY]
