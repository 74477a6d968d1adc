"""What the bootstrap executes in its own namespace, after the compiler has ended."""

import sys


def boot(modules, later):
    """Make the package _wsgid of modules, each of which imports only what stands
    before it; main() of the last. Their own code is not needed a second time."""
    new = type(sys)
    package = sys.modules['_wsgid'] = new('_wsgid')
    package.__path__ = []
    package.later = later
    while modules:
        name, code = modules.pop(0)
        module = sys.modules['_wsgid.' + name] = new('_wsgid.' + name)
        setattr(package, name, module)
        exec(code, module.__dict__)
    if sys.path[:1] == ['']:
        del sys.path[0]
    return module.main
