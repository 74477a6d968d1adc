"""Exactly 10 KiB of JSON, made once: the reply is measured, not the encoder."""

import json

SIZE = 10 * 1024


def make_body():
    items = [{"id": n, "name": "item %d" % n, "price": n * 5, "tags": ["a", "b"]} for n in range(100)]
    empty = json.dumps({"items": items, "note": ""})
    return json.dumps({"items": items, "note": "x" * (SIZE - len(empty))}).encode("ascii")


BODY = make_body()
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    return [BODY]
