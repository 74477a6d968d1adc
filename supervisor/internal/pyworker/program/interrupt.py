"""An exception for another thread, for the key interrupt-timeout."""

import sys


def raiser():
    """A function that raises a class of exception in the thread of that ident, at
    its next step in Python; without a class it takes back what has not been
    raised. The one way to that is the interpreter's C interface."""
    try:
        from ctypes import c_ulong, py_object, pythonapi
    except ImportError as err:
        raise ImportError('interrupt-timeout needs the module ctypes, which this interpreter does not have: %s' % err) from None
    call = pythonapi.PyThreadState_SetAsyncExc

    def raise_in(ident, exception=None):
        call(c_ulong(ident), py_object() if exception is None else py_object(exception))

    return raise_in


def in_application(ident, callers):
    """Whether a thread is in what the application has written: above one of the
    functions that call it, and not only in that itself."""
    inside = False
    frame = sys._current_frames().get(ident)
    while frame is not None:
        if frame.f_code in callers:
            return inside
        inside = inside or not frame.f_code.co_filename.startswith('<wsgid>')
        frame = frame.f_back
    return False
