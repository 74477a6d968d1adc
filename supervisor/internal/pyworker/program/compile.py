"""What the child of the bootstrap executes in its namespace: it compiles the program
for its parent, and ends."""

import sys


def code_of(name, text):
    return compile(text, '<wsgid>/' + name.decode() + '.py', 'exec', dont_inherit=True)


def prepared(modules, eager):
    """The parts that the parent needs, of names and texts in turn: the code that makes
    modules, the modules that it makes at once, and by name the texts of those that
    are made when they are wanted."""
    pairs = list(zip(modules[::2], modules[1::2]))
    codes = [(name.decode(), code_of(name, text)) for name, text in pairs[:eager + 1]]
    return codes[0][1], codes[1:], {name.decode(): text for name, text in pairs[eager + 1:]}


try:
    os.close(reader)  # else the write would wait for ever when the parent is killed
    with open(writer, 'wb') as file:
        file.write(marshal.dumps(prepared(parts[2:], eager)))
except BaseException:
    sys.excepthook(*sys.exc_info())
    os._exit(1)
os._exit(0)
