"""Requests that take too long, each in its own way.

/pid        the process
/spin       spins in Python code
/broad      the same inside of "except Exception", which must not see the exception
/caught     answers 200 when the exception comes
/raised     catches the exception and raises it again
/other      catches the exception and raises another
/cleaned    cleans up in "finally", which is noted
/begun      spins after a first block
/sleeping   sleeps in C code, where no exception arrives
/notes      what was noted, once
"""

import os
import time

NOTES = []


def begin(start_response, *more):
    start_response('200 OK', [('Content-Type', 'text/plain'), *more])


def spin():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


def pid(start_response):
    begin(start_response)
    return [b'%d' % os.getpid()]


def spinning(start_response):
    spin()


def broad(start_response):
    try:
        spin()
    except Exception:
        NOTES.append('seen by except Exception')
    spin()


def caught(start_response):
    try:
        spin()
    except BaseException as err:
        NOTES.append('%s.%s' % (type(err).__module__, type(err).__name__))
    begin(start_response)
    return [b'caught']


def raised(start_response):
    try:
        spin()
    except BaseException as err:
        NOTES.append(type(err).__name__)
        raise


def other(start_response):
    try:
        spin()
    except BaseException:
        NOTES.append('another')
        raise ValueError('another')


def cleaned(start_response):
    try:
        spin()
    finally:
        NOTES.append('cleaned up')


def begun(start_response):
    begin(start_response, ('X-To-Be-Cut', 'yes'))
    yield b'one'
    spin()


def sleeping(start_response):
    time.sleep(60)


def notes(start_response):
    begin(start_response)
    text = ' '.join(NOTES)
    NOTES.clear()
    return [text.encode()]


ROUTES = {
    '/pid': pid, '/spin': spinning, '/broad': broad, '/caught': caught, '/raised': raised, '/other': other,
    '/cleaned': cleaned, '/begun': begun, '/sleeping': sleeping, '/notes': notes,
}


def application(environ, start_response):
    return ROUTES[environ['PATH_INFO']](start_response)
