"""A service script: a program of its own beside the application, which serves no
requests. It is run as __main__, as the interpreter itself would run it."""

import signal
import sys

from _wsgid import lazy, surroundings


def main(settings):
    with open(settings, 'rb') as file:
        config = surroundings.read_config(file.read())
    surroundings.set_title(config['title'])
    surroundings.buffer_lines()
    api = ModWSGI(config['group'])
    sys.meta_path.insert(0, lazy.Finder(api.begin))
    # What is to be done at the end, in finally or by atexit, is done.
    signal.signal(signal.SIGTERM, api.leave)
    try:
        surroundings.set_up(config)
        run(config)
    except SystemExit:
        raise
    except BaseException as err:
        err = err.with_traceback(beyond_gateway(err.__traceback__))
        sys.excepthook(type(err), err, err.__traceback__)
        sys.exit(1)


class ModWSGI:
    """What "import mod_wsgi" finds: what there is to know without requests. Scripts
    that ran with mod_wsgi have it tell them of their end."""

    def __init__(self, group):
        self.group = group
        self.callbacks = []

    def begin(self):
        return {
            '__doc__': 'What a service script can learn from its process, as with mod_wsgi.',
            'version': (6, 0, 5), 'process_group': self.group, 'application_group': '',
            'maximum_processes': 1, 'threads_per_process': 0, 'active_requests': {},
            'subscribe_events': self.subscribe, 'subscribe_shutdown': self.subscribe,
        }

    def subscribe(self, callback):
        """Have callback(name, **event) called when the script is to end; returns it."""
        if not callable(callback):
            raise TypeError('a callback must be callable, not %s' % type(callback).__name__)
        self.callbacks.append(callback)
        return callback

    def leave(self, number, frame):
        for callback in self.callbacks:
            try:
                callback('process_stopping', shutdown_reason='shutdown_signal')
            except Exception as err:
                sys.excepthook(type(err), err, err.__traceback__)
        raise SystemExit(0)


def beyond_gateway(traceback):
    """The part of a traceback that is the script's own."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith('<'):
        traceback = traceback.tb_next
    return traceback


def run(config):
    """Run script or module in the namespace of __main__, which stays when it ends:
    threads that it has started may go on."""
    if config['script']:
        path = config['script']
        with open(path, 'rb') as file:
            code = compile(file.read(), path, 'exec', dont_inherit=True)
        attributes = {'__file__': path, '__cached__': None, '__spec__': None, '__package__': None, '__loader__': None}
    else:
        code, attributes = find(config['module'])
        sys.argv = [attributes['__file__']]
    namespace = sys.modules['__main__'].__dict__
    for name in [name for name in namespace if not name.startswith('__')]:
        del namespace[name]     # what the gateway was started by
    namespace.update(attributes)
    exec(code, namespace)


def find(name):
    """The code of a module, or of the __main__ of a package, and what the
    interpreter says of it in __main__ (python3 -m)."""
    from importlib.util import find_spec
    spec = find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = find_spec(name + '.__main__')
    code = spec.loader.get_code(spec.name) if spec is not None and spec.loader else None
    if code is None:
        raise ImportError('there is no module %s that can be run' % name)
    return code, {'__file__': spec.origin, '__cached__': spec.cached, '__spec__': spec,
                  '__package__': spec.parent, '__loader__': spec.loader}
