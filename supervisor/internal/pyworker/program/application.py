"""Finding the application: a script file or a module, and a callable in it."""

import os
import sys
from _thread import allocate_lock
from _frozen_importlib import ModuleSpec  # importlib.machinery without what that imports
from _frozen_importlib_external import SourceFileLoader


def load(config, loaded):
    """Run the scripts of import-script; the callable that the mount names, or one for
    all that the mounts of the group name, or None if there is no mount. loaded gets the
    modules of scripts by path. Raises what importing them raises."""
    for path in config['import-script'].split('\n') if config['import-script'] else ():
        loaded[path] = load_script(path)
    if not config['script'] and not config['module'] and not config['applications']:
        return None
    if not config['applications']:
        return find(loaded, config['script'], config['module'], config['callable'])
    applications = [one(loaded, *words) for words in named(config)]
    for line in config['preload'].split('\n') if config['preload'] else ():
        number, _, script = line.partition('\t')
        applications[int(number)][0].load(script)
    return Several(applications)


def one(loaded, script, module, name, directory, suffix, kind):
    """An application of a group with several, and what the environ says of it."""
    if directory:
        return Directory(loaded, directory, suffix, name), facts(script, name)
    found = find(loaded, script, module, name)
    if kind == 'handler':
        return Handler(found), {**facts('', name), 'mod_wsgi.handler_script': script}
    return found, facts(script, name)


def named(config):
    """Script, module, callable, directory of scripts, their suffix and "handler" or
    nothing, for each application of a group with several; a service script has none."""
    return [tuple(line.split('\t')) for line in config.get('applications', '').split('\n') if line]


def find(loaded, script, module, name):
    """The callable of that name; loaded has the modules of scripts by path."""
    if script:
        where = script
        if script not in loaded:
            loaded[script] = load_script(script)
        found = loaded[script]
    else:
        where = 'module ' + module
        found = load_module(module)
    for part in name.split('.'):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LookupError('there is no %r in %s: name the application by callable-object (or FILE:NAME)'
                              % (name, where)) from None
    if not callable(found):
        raise TypeError('%r in %s is not callable' % (name, where))
    return found


def facts(script, name):
    """What the environ says of an application."""
    environ = {'mod_wsgi.callable_object': name}
    if script:
        environ['SCRIPT_FILENAME'] = script
    return environ


class Several:
    """The applications of a group that runs more than one, as one callable: the front
    end says by number which is asked for."""

    def __init__(self, applications):
        self.applications = applications

    def __call__(self, environ, start_response):
        application, facts = self.applications[int(environ.pop('wsgid.application'))]
        environ.update(facts)
        return application(environ, start_response)


class Handler:
    """The function of a handler script: a file is asked for, and it answers."""

    def __init__(self, function):
        self.function = function

    def __call__(self, environ, start_response):
        environ['SCRIPT_FILENAME'] = os.fsdecode(environ.pop('wsgid.file').encode('latin-1'))
        return self.function(environ, start_response)


class Directory:
    """The scripts below a directory as one callable: the path that is asked for
    begins with the name of one."""

    # Of all directories: a script is executed once, and two are not told apart by
    # name while one of them is half there.
    lock = allocate_lock()

    def __init__(self, loaded, root, suffix, name):
        self.loaded, self.root, self.suffix, self.name = loaded, root, suffix, name
        self.applications = {}
        self.inside = os.path.realpath(root) + '/'
        os.scandir(root).close()  # a directory that is missing is no empty one
        for place, directories, files in os.walk(root) if suffix else ():
            directories[:] = sorted(entry for entry in directories if entry[:1] != '.')
            for file in sorted(files):
                if file[:1] != '.' and file.endswith(suffix) and self.is_script(place + '/' + file):
                    self.load(place + '/' + file)

    def __call__(self, environ, start_response):
        # What an expression has matched, else what follows the path of the mount.
        script, rest = self.split(environ.pop('wsgid.path', environ['PATH_INFO']))
        if script is None:
            start_response('404 Not Found', [('Content-Type', 'text/plain; charset=utf-8')])
            return [b'404 Not Found\n\nThere is no application of this name.\n\nrequest id: %s\n'
                    % environ['mod_wsgi.request_id'].encode('latin-1')]
        application = self.applications.get(script) or self.load(script)
        url = environ['SCRIPT_NAME'] + environ['PATH_INFO']
        if not url.endswith(rest):
            rest = ''
        environ['SCRIPT_NAME'], environ['PATH_INFO'] = url[:len(url) - len(rest)], rest
        environ['SCRIPT_FILENAME'] = script
        return application(environ, start_response)

    def split(self, path):
        """The script that a path begins with, or None, and the rest of the path."""
        place, start = self.root, 1
        while True:
            end = path.find('/', start)
            if end < 0:
                end = len(path)
            if path[start:start + 1] in ('', '.', '/'):
                return None, path  # nothing hidden, and no way up
            place += '/' + os.fsdecode(path[start:end].encode('latin-1'))
            script = place + self.suffix
            if script in self.applications or self.is_script(script):
                return script, path[end:]
            if end == len(path) or not os.path.isdir(place):
                return None, path
            start = end + 1

    def is_script(self, path):
        return os.path.isfile(path) and os.path.realpath(path).startswith(self.inside)

    def load(self, script):
        with self.lock:
            if script not in self.applications:
                self.applications[script] = find(self.loaded, script, '', self.name)
            return self.applications[script]


def load_module(name):
    __import__(name)
    return sys.modules[name]


class ScriptLoader(SourceFileLoader):
    """For scripts that are no .py file. Their byte code is not kept: blog.wsgi
    would share its file in __pycache__ with blog.py."""

    def path_stats(self, path):
        raise OSError('byte code of %s is not kept' % path)


def load_script(path):
    """Import a file under its own name, so that its classes can be pickled
    and its functions found; not under a name that the standard library or an
    imported module has, nor under one that belongs to another file:
    blog.wsgi may say "from blog import application"."""
    file = path.rpartition('/')[2]
    name, _, suffix = file.rpartition('.')
    name = name or file
    if suffix != 'py' or name in sys.modules or name in getattr(sys, 'stdlib_module_names', ()):
        name = '_wsgi_' + name
    first, count = name, 1
    while name in sys.modules:  # a script of the same name in another directory
        count += 1
        name = '%s_%d' % (first, count)
    loader = (SourceFileLoader if suffix == 'py' else ScriptLoader)(name, path)
    spec = ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    module = type(sys)(name)
    module.__spec__, module.__loader__ = spec, loader
    module.__file__, module.__cached__ = path, spec.cached
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return sys.modules.get(name, module)


def extend_path(config):
    """sys.path as the group's keys say: home, the script's directory, then
    python-path (whose .pth files count, as in mod_wsgi), then the rest."""
    added = config['python-path'].split(':') if config['python-path'] else []
    if added:
        import site
        before = list(sys.path)
        for directory in added:
            site.addsitedir(directory)
        # addsitedir appends; what it added goes to the front in its order.
        fresh = [entry for entry in sys.path if entry not in before]
        sys.path[:] = fresh + before
    targets = [(config['script'], config['module'], '', '', '', '')] + named(config)
    front = [config['home']] + [directory or script.rpartition('/')[0] for script, _, _, directory, _, _ in targets]
    if any(module for _, module, _, _, _, _ in targets) and not config['home']:
        front.append(config['directory'])
    for directory in reversed(front):
        if directory:
            if directory in sys.path:
                sys.path.remove(directory)
            sys.path.insert(0, directory)
