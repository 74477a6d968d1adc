"""What the application may not use: the keys restrict-stdin, restrict-stdout and
restrict-signal, as mod_wsgi has them."""

import os
import sys
import _signal


def apply(names, process):
    if 'stdin' in names:
        sys.stdin = Restricted('stdin')
    if 'stdout' in names:
        sys.stdout = Restricted('stdout')
    if 'signal' in names:
        # The function below signal.signal, so that the module, which costs memory,
        # is imported by nobody but the application.
        _signal.signal = signal_intercept(_signal.signal, process)


class Restricted:
    """Stands for a standard stream; any use of it is an error."""

    def __init__(self, name):
        object.__setattr__(self, '_name', name)

    def __getattribute__(self, attribute):
        if attribute == 'closed':
            return True  # or the interpreter would flush it at its end, and fail
        refuse(self)

    def __setattr__(self, attribute, value):
        refuse(self)

    def __iter__(self):
        refuse(self)

    def __next__(self):
        refuse(self)

    def __repr__(self):
        return '<sys.%s, restricted>' % object.__getattribute__(self, '_name')


def refuse(stream):
    name = object.__getattribute__(stream, '_name')
    raise OSError('sys.%s access restricted by mod_wsgi: the site file says restrict-%s = true' % (name, name))


def signal_intercept(original, process):
    pid = os.getpid()

    def signal(signalnum, handler, /):
        """Set the action for the given signal; see signal.signal()."""
        if os.getpid() != pid:
            return original(signalnum, handler)
        present = _signal.getsignal(signalnum)  # also refuses what is no signal
        process.log('warning', '', 'callback registration for signal %d ignored: the leader ends this process; '
                    'restrict-signal = false allows it' % signalnum)
        return present

    return signal
