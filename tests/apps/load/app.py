"""What the load client of tests/load drives.

Every request has a unique id, in the header X-Load-Id and again as ?id=; when the
two differ, something has mixed two requests, and the answer is 409. Every answer
has these headers:

X-Load-Id           the id of the request
X-Load-Pid          the process id
X-Load-Process      a random name of this import, since process ids come again
X-Load-Token        counts the calls of this import: 1, 2, ...
X-Load-Generation   the setting "generation", as it was at the import

/hello              "hello ID"
/slow?s=SECONDS     sleeps, then "slept ID"
/upload             reads the body: "SHA256 LENGTH ID"
/stream?bytes=N&seconds=S&seed=SEED[&chunked=1]
                    N bytes of the pattern of SEED, sent over S seconds, with a
                    Content-Length unless chunked
/seen               the record (see below)

Settings are read at the import. Each is the environment variable LOAD_NAME or else
what stands in the file NAME (with "-" for "_") beside this one:

LOAD_GENERATION          a word; "0" when there is none
LOAD_IMPORT_SECONDS      the import sleeps so long
LOAD_IMPORT_CPU_SECONDS  and then computes so long
LOAD_BROKEN              then the import raises, with this text
LOAD_RECORD              path of a file: every call appends a line
                         "ID METHOD PID TOKEN GENERATION" before it does anything else
"""

import hashlib
import itertools
import math
import os
import time
from urllib.parse import parse_qs

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = 4096  # of the pattern
STEP = 0.05  # seconds between the pieces of a paced stream
PIECE = 64 * 1024  # of a stream that is not paced


def setting(name, default=None):
    value = os.environ.get("LOAD_" + name.upper())
    if value is not None:
        return value
    try:
        with open(os.path.join(HERE, name.replace("_", "-"))) as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


GENERATION = setting("generation", "0")
time.sleep(float(setting("import_seconds", "0")))
compute(float(setting("import_cpu_seconds", "0")))
if setting("broken") is not None:
    raise RuntimeError("told to be broken: " + setting("broken"))

PROCESS = os.urandom(8).hex()
CALLS = itertools.count(1)
RECORD = setting("record")
RECORD_FD = None
if RECORD is not None:
    # Other processes append to the same file, perhaps as another user.
    RECORD_FD = os.open(RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)


def record(*words):
    if RECORD_FD is not None:
        # One write: with O_APPEND the lines of several processes do not mix.
        os.write(RECORD_FD, (" ".join(map(str, words)) + "\n").encode("latin-1"))


def pattern(seed, start, end):
    """The bytes from start to end of the endless pattern of a seed."""
    first, last = start // BLOCK, math.ceil(end / BLOCK)
    blocks = b"".join(
        hashlib.shake_128(b"%d:%d" % (seed, number)).digest(BLOCK) for number in range(first, last)
    )
    return blocks[start - first * BLOCK:end - first * BLOCK]


def hello(environ, query, answer_id):
    return [], [b"hello %s\n" % answer_id]


def slow(environ, query, answer_id):
    time.sleep(float(query["s"][0]))
    return [], [b"slept %s\n" % answer_id]


def blocks(environ):
    """The request's body. Only wsgid and few others end it by themselves (PEP 3333)."""
    left = int(environ.get("CONTENT_LENGTH") or -1)
    while left:
        block = environ["wsgi.input"].read(PIECE if left < 0 else min(PIECE, left))
        if not block:
            return
        left -= len(block) if left > 0 else 0
        yield block


def upload(environ, query, answer_id):
    total, digest = 0, hashlib.sha256()
    for block in blocks(environ):
        total += len(block)
        digest.update(block)
    return [], [b"%s %d %s\n" % (digest.hexdigest().encode(), total, answer_id)]


def pieces(seed, size, seconds):
    """The pattern in pieces; the last is due when the seconds are over."""
    steps = max(math.ceil(seconds / STEP), math.ceil(size / PIECE), 1)
    begun = time.monotonic()
    for step in range(steps):
        due = begun + seconds * (step + 1) / steps
        time.sleep(max(0, due - time.monotonic()))
        yield pattern(seed, size * step // steps, size * (step + 1) // steps)


def stream(environ, query, answer_id):
    size = int(query["bytes"][0])
    length = [] if "chunked" in query else [("Content-Length", str(size))]
    return length, pieces(int(query["seed"][0]), size, float(query["seconds"][0]))


def seen(environ, query, answer_id):
    with open(RECORD, "rb") as file:
        return [], [file.read()]


ROUTES = {
    "/hello": hello,
    "/slow": slow,
    "/upload": upload,
    "/stream": stream,
    "/seen": seen,
}


def application(environ, start_response):
    token = next(CALLS)
    query = parse_qs(environ["QUERY_STRING"])
    name = environ.get("HTTP_X_LOAD_ID", "-")
    record(name, environ["REQUEST_METHOD"], os.getpid(), token, GENERATION)
    status = "200 OK"
    if query.get("id") != [name]:
        status, more, body = "409 Conflict", [], [b"two ids: %r %r\n" % (name.encode(), query.get("id"))]
    elif environ["PATH_INFO"] not in ROUTES:
        status, more, body = "404 Not Found", [], [b"no such route\n"]
    else:
        more, body = ROUTES[environ["PATH_INFO"]](environ, query, name.encode())
    if isinstance(body, list):
        more = more + [("Content-Length", str(sum(map(len, body))))]
    start_response(status, [
        ("Content-Type", "application/octet-stream"),
        ("X-Load-Id", name),
        ("X-Load-Pid", str(os.getpid())),
        ("X-Load-Process", PROCESS),
        ("X-Load-Token", str(token)),
        ("X-Load-Generation", GENERATION),
        *more,
    ])
    return body
