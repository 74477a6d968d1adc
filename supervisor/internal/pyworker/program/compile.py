"""What the child of the bootstrap executes in its namespace: it compiles the program
for its parent, and ends."""

import sys


def compile_all(modules, eager):
    """The parts that the parent needs, of names and texts in turn: the code that makes
    modules, the modules that it makes at once, and by name those for later."""
    codes = [(name.decode(), compile(text, '<wsgid>/' + name.decode() + '.py', 'exec', dont_inherit=True))
             for name, text in zip(modules[::2], modules[1::2])]
    (_, make), at_once, later = codes[0], codes[1:eager + 1], codes[eager + 1:]
    return make, at_once, {name: marshal.dumps(code) for name, code in later}


try:
    os.close(reader)  # else the write would wait for ever when the parent is killed
    with open(writer, 'wb') as file:
        file.write(marshal.dumps(compile_all(parts[2:], eager)))
except BaseException:
    sys.excepthook(*sys.exc_info())
    os._exit(1)
os._exit(0)
