"""100 MiB in blocks of 64 KiB, with their length announced."""

from itertools import repeat

BLOCK = bytes(range(256)) * 256
COUNT = 1600
HEADERS = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BLOCK) * COUNT))]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    return repeat(BLOCK, COUNT)
