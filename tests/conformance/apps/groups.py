"""Says in which application group it runs, and what applications in the same interpreter
have left there: every request adds SCRIPT_NAME to a list in the module sys.
"""

import sys


def application(environ, start_response):
    seen = sys.__dict__.setdefault('conformance_seen', [])
    seen.append(environ['SCRIPT_NAME'] or '/')
    text = 'group=%r seen=%s\n' % (environ['mod_wsgi.application_group'], ' '.join(seen))
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(text)))])
    return [text.encode()]
