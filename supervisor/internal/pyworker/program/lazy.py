"""Modules of the program that are made when they are first wanted: most processes
never want them."""

import sys
from _frozen_importlib import ModuleSpec  # importlib.machinery without what that imports
from _frozen_importlib_external import PathFinder


def load(name):
    """The module _wsgid.NAME."""
    full = '_wsgid.' + name
    if full not in sys.modules:
        package = sys.modules['_wsgid']
        module = type(sys)(full)
        code = compile(package.later[name], '<wsgid>/' + name + '.py', 'exec', dont_inherit=True)
        exec(code, module.__dict__)
        sys.modules[full] = module
        setattr(package, name, module)
    return sys.modules[full]


class Finder:
    """Has "import mod_wsgi" find a module of what begin() returns, in front of a
    package of that name: mod_wsgi-express is one, and what it consists of can
    still be imported from it."""

    def __init__(self, begin):
        self.begin = begin

    def find_spec(self, name, path=None, target=None):
        if name != 'mod_wsgi':
            return None
        spec = ModuleSpec(name, self, origin='<wsgid>')
        package = PathFinder.find_spec(name)
        spec.submodule_search_locations = package and package.submodule_search_locations
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        module.__dict__.update(self.begin())
