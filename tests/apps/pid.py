"""Tells who answers.

/         JSON: pid, parent, thread, requests answered by this process so far, its
          wsgi.multithread, wsgi.multiprocess and wsgi.run_once, its umask, its working
          directory and its interpreter
/env?name=NAME   the environment variable NAME as JSON, null when it is not set
/count?file=FILE appends one byte to FILE
"""

import json
import os
import sys
import threading
from urllib.parse import parse_qs

lock = threading.Lock()
answered = 0


def umask():
    # The kernel tells it without a change: umask(2) can only swap it.
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("Umask:"):
                return line.split()[1]
    return None


def index(environ, query):
    global answered
    with lock:
        answered += 1
        count = answered
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "thread": threading.get_native_id(),
        "count": count,
        "multithread": environ["wsgi.multithread"],
        "multiprocess": environ["wsgi.multiprocess"],
        "run_once": environ["wsgi.run_once"],
        "umask": umask(),
        "cwd": os.getcwd(),
        "executable": sys.executable,
        "switch_interval": sys.getswitchinterval(),
    }


def env(environ, query):
    return os.environ.get(query["name"][0])


def count(environ, query):
    with open(query["file"][0], "ab") as file:
        file.write(b".")
    return "counted"


ROUTES = {"/": index, "/env": env, "/count": count}


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    body = json.dumps(ROUTES[environ["PATH_INFO"]](environ, query)).encode()
    start_response("200 OK", [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    ])
    return [body]
