"""An application behind wsgiref.validate, the standard's own referee.

The validator raises AssertionError when the server breaks PEP 3333, so every
route answers 200 only while the server behaves.

/            a list of one block
/echo        the request body, read in blocks of 1000 bytes
/lines       the request body, read line by line
/generate    three blocks from a generator
/write       two blocks through write(), one from the iterable
/errors      writes to wsgi.errors, answers an empty body
"""

from wsgiref.validate import validator



def text(*more):
    # A new list each time: start_response may change the one it is given.
    return [("Content-Type", "text/plain"), *more]


def index(environ, start_response):
    start_response("200 OK", text())
    return [b"valid\n"]


def echo(environ, start_response):
    body = b"".join(iter(lambda: environ["wsgi.input"].read(1000), b""))
    start_response("200 OK", text())
    return [body]


def lines(environ, start_response):
    stream = environ["wsgi.input"]
    first = stream.readline()
    body = first + b"".join(stream)
    start_response("200 OK", text())
    return [body]


def generate(environ, start_response):
    start_response("200 OK", text())
    for block in (b"one ", b"two ", b"three"):
        yield block


def write(environ, start_response):
    send = start_response("200 OK", text())
    send(b"one ")
    send(b"two ")
    return [b"three"]


def errors(environ, start_response):
    stream = environ["wsgi.errors"]
    stream.write("checked by the validator\n")
    stream.writelines(["line one\n", "line two\n"])
    stream.flush()
    start_response("200 OK", text())
    return [b""]


ROUTES = {
    "/": index,
    "/echo": echo,
    "/lines": lines,
    "/generate": generate,
    "/write": write,
    "/errors": errors,
}


@validator
def application(environ, start_response):
    # A lookup error must reach the test as a 500, so there is no default.
    return ROUTES[environ["PATH_INFO"]](environ, start_response)
