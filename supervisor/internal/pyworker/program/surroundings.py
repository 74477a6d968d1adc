"""What a process is to find around it, whatever it runs then."""

import sys

from _wsgid import application


def set_up(config):
    """The interpreter as the group's keys say."""
    sys.argv = [config['script'] or config['module']]
    if config['locale']:
        import _locale
        try:
            _locale.setlocale(_locale.LC_ALL, '')
        except _locale.Error as err:
            raise OSError('cannot use locale %r: %s' % (config['locale'], err)) from None
    if config['switch-interval']:
        sys.setswitchinterval(float(config['switch-interval']))
    application.extend_path(config)


def buffer_lines():
    """print() and sys.stderr reach the log through pipes; a line at a time, so that
    those of two threads do not mix."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(line_buffering=True, errors='backslashreplace')


def set_title(title):
    """Show title as this process's command line, by writing over its argument
    area (proc(5), /proc/pid/stat fields 48 and 49)."""
    try:
        with open('/proc/self/stat', 'rb') as file:
            fields = file.read().rpartition(b')')[2].split()
        start, end = int(fields[45]), int(fields[46])
        with open('/proc/self/mem', 'r+b', buffering=0) as memory:
            memory.seek(start)
            memory.write(title.encode('utf-8', 'replace')[:end - start - 1].ljust(end - start, b'\0'))
    except (OSError, ValueError, IndexError):
        # A sandbox may forbid it; the name is for people only.
        pass


def read_config(text):
    """The settings that came as NUL-separated names and values."""
    fields = text.decode('utf-8', 'surrogateescape').split('\0')
    return dict(zip(fields[::2], fields[1::2]))
