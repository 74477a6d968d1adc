"""Choosing where a request is served: the functions of dispatch-script, which run in one
group, and the callables that they choose, in another.

The front end asks with a request of its own, which no client sees, and takes what the
functions return from the header of the answer. It knows which groups and application
groups there are; what a callable is called is found out here.
"""

from _wsgid import application

# Keys of the environ that are for this module: which script is asked, and which callable
# it has chosen.
SCRIPT, CALLABLE = 'wsgid.dispatch', 'wsgid.callable'

# The functions, by the field of the answer that has what they return.
FUNCTIONS = {'process-group': 'process_group', 'application-group': 'application_group', 'callable-object': 'callable_object'}

# What of the environ a script is not shown: the body is for the application.
HIDDEN = ('wsgi.input', 'wsgi.file_wrapper')


class Dispatch:
    """The application of a process in whose group requests are dispatched, or to which
    they are."""

    def __init__(self, config, inner, loaded):
        self.application = inner            # None in a group without a mount
        self.loaded = loaded                # modules of scripts, by path
        self.targets = [words[:2] for words in application.named(config)] or [(config['script'], config['module'])]
        self.chosen = {}                    # (number of the application, name) -> callable
        self.functions = {}                 # script as requests name it -> {field: function}
        for line in config['dispatch'].split('\n') if config['dispatch'] else ():
            name, file = line.split('\t')
            self.functions[name] = self.functions_of(file)

    def functions_of(self, file):
        if file not in self.loaded:
            self.loaded[file] = application.load_script(file)
        found = {field: getattr(self.loaded[file], name) for field, name in FUNCTIONS.items()
                 if hasattr(self.loaded[file], name)}
        for field, function in found.items():
            if not callable(function):
                raise TypeError('%s in %s is not callable' % (FUNCTIONS[field], file))
        if not found:
            raise LookupError('there is none of the functions process_group(), application_group() and callable_object() in %s, '
                              'which dispatch-script names' % file)
        return found

    def __call__(self, environ, start_response):
        script = environ.pop(SCRIPT, None)
        if script is not None:
            return self.choose(script.encode('latin-1').decode('utf-8'), environ, start_response)
        name = environ.pop(CALLABLE, None)
        if name is None:
            return self.application(environ, start_response)
        return self.find(environ, name.encode('latin-1').decode('utf-8'))(environ, start_response)

    def choose(self, script, environ, start_response):
        functions = self.functions.get(script)
        if functions is None:
            raise LookupError('this process has not loaded %s; the site file has changed: reload the site' % script)
        shown = {key: value for key, value in environ.items() if key not in HIDDEN and not key.startswith('wsgid.')}
        answer = []
        for field, function in functions.items():
            found = function(shown)
            if found is None:
                continue
            if type(found) is not str or not found.isprintable():
                raise TypeError('%s() must return a str or None, not %r' % (FUNCTIONS[field], found))
            answer.append((field, found.encode('utf-8').decode('latin-1')))
        start_response('200 OK', answer)
        return []

    def find(self, environ, name):
        """The callable that was chosen, of the script or module that the request is for."""
        number = int(environ.pop('wsgid.application', '0'))
        script, module = self.targets[number]
        found = self.chosen.get((number, name))
        if found is None:
            found = self.chosen[number, name] = application.find(self.loaded, script, module, name)
        environ.update(application.facts(script, name))
        return found
