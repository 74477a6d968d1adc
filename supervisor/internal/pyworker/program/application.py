"""Finding the application: a script file or a module, and a callable in it."""

import sys
from importlib.machinery import ModuleSpec, SourceFileLoader


def load(config):
    """Run the scripts of import-script; the callable that the mount names. Raises
    what importing them raises."""
    prepared = {path: load_script(path) for path in config['import-script'].split('\n') if path}
    if config['script']:
        module = prepared.get(config['script']) or load_script(config['script'])
        where = config['script']
    else:
        module = load_module(config['module'])
        where = 'module ' + config['module']
    found = module
    for part in config['callable'].split('.'):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LookupError('there is no %r in %s: name the application by callable-object (or FILE:NAME)'
                              % (config['callable'], where)) from None
    if not callable(found):
        raise TypeError('%r in %s is not callable' % (config['callable'], where))
    return found


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
    front = [config['home'], config['script'].rpartition('/')[0]]
    if config['module'] and not config['home']:
        front.append(config['directory'])
    for directory in reversed(front):
        if directory:
            if directory in sys.path:
                sys.path.remove(directory)
            sys.path.insert(0, directory)
