"""A small WSGI application, standard library only.

/         what the server says about this process and this request
/echo     what the form on / sent
/stream   a line every half second, sent as it is made
"""

import os
import sys
import threading
import time
from html import escape
from urllib.parse import parse_qs

LONGEST_FORM = 64 * 1024
STREAM_LINES = 10

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
  th {{ text-align: left; font-weight: normal; padding-right: 2rem }}
  td, pre {{ font-family: ui-monospace, monospace; overflow-wrap: anywhere }}
</style>
<h1>{title}</h1>
{body}
</html>
"""

INDEX = """<h2>This process</h2>
{process}
<h2>This request</h2>
{request}
<h2>Try it</h2>
<form action="{root}/echo" method="post">
  <input name="text" value="Grüße aus Python" aria-label="Text"> <button>Echo</button>
</form>
<p><a href="{root}/stream">A response that is streamed</a></p>
"""

ECHO = """<p>{method} brought:</p>
<pre>{text}</pre>
<p><a href="{root}/">Back</a></p>
"""


def application(environ, start_response):
    view = ROUTES.get(environ["PATH_INFO"] or "/", not_found)
    return view(environ, start_response)


def index(environ, start_response):
    process = {
        "Python": sys.version.split()[0],
        "sys.prefix": sys.prefix,
        "process": os.getpid(),
        "thread": threading.current_thread().name,
        "several processes": environ["wsgi.multiprocess"],
        "several threads": environ["wsgi.multithread"],
    }
    request = {
        name: value for name, value in sorted(environ.items())
        if isinstance(value, str) and not name.startswith("mod_wsgi.")
    }
    body = INDEX.format(process=table(process), request=table(request), root=root(environ))
    title = os.environ.get("GREETING", "Hello from WSGI")
    return page(start_response, "200 OK", title, body)


def echo(environ, start_response):
    try:
        form = read_form(environ)
    except ValueError as error:
        return page(start_response, "400 Bad Request", "Bad request", f"<p>{escape(str(error))}</p>")
    body = ECHO.format(
        method=escape(environ["REQUEST_METHOD"]),
        text=escape("\n".join(form.get("text", ["nothing"]))),
        root=root(environ),
    )
    return page(start_response, "200 OK", "Echo", body)


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    if environ["REQUEST_METHOD"] == "HEAD":
        return []
    return lines()


def lines():
    for number in range(1, STREAM_LINES + 1):
        yield f"line {number} of {STREAM_LINES}, {time.strftime('%H:%M:%S')}\n".encode()
        if number < STREAM_LINES:
            time.sleep(0.5)


def not_found(environ, start_response):
    path = escape(environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"))
    body = f'<p>There is nothing at {path}.</p>\n<p><a href="{root(environ)}/">Back</a></p>'
    return page(start_response, "404 Not Found", "Not found", body)


ROUTES = {"/": index, "/echo": echo, "/stream": stream}


def page(start_response, status, title, body):
    """Answer with a page; the server leaves its body out for HEAD."""
    content = PAGE.format(title=escape(title), body=body).encode()
    start_response(status, [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(content))),
    ])
    return [content]


def table(facts):
    rows = (f"<tr><th>{escape(name)}<td>{escape(str(value))}" for name, value in facts.items())
    return "<table>\n{}\n</table>".format("\n".join(rows))


def root(environ):
    """The URL path this application is mounted at, "" for "/"."""
    return escape(environ["SCRIPT_NAME"])


def read_form(environ):
    """The fields of the query, or of the body of a POST, as lists of strings."""
    if environ["REQUEST_METHOD"] != "POST":
        return parse_qs(environ.get("QUERY_STRING", ""))
    content = environ["wsgi.input"].read(LONGEST_FORM + 1)
    if len(content) > LONGEST_FORM:
        raise ValueError(f"a form may have {LONGEST_FORM} bytes")
    return parse_qs(content.decode())
