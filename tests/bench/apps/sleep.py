"""Waits as long as a database query might: threads are held, the processor is not."""

import time

SECONDS = 0.05
BODY = b"slept\n"
HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    time.sleep(SECONDS)
    start_response("200 OK", HEADERS)
    return [BODY]
