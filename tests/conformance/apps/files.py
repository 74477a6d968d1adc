"""Answers with wsgi.file_wrapper; the file is named by the environment variable FILE.

/plain      the file
/length     with its Content-Length
/less       with a Content-Length of 100
/partial    from byte 1000 on, where the file was left
/blocks     with a block size of 7
/memory     an object that is no file of the system
/iterated   the wrapper gone through by the application
/closed     "yes" if the last wrapper's object was closed
"""

import io
import os

class Watched(io.BytesIO):
    closings = 0

    def close(self):
        type(self).closings += 1
        super().close()

def application(environ, start_response):
    path, wrapper = environ['PATH_INFO'], environ['wsgi.file_wrapper']
    headers = [('Content-Type', 'application/octet-stream')]
    if path == '/closed':
        start_response('200 OK', headers)
        return [b'%d' % Watched.closings]
    name = os.environ['FILE']
    file = open(name, 'rb')
    if path == '/length':
        headers.append(('Content-Length', str(os.path.getsize(name))))
    if path == '/less':
        headers.append(('Content-Length', '100'))
    if path == '/partial':
        file.seek(1000)
    start_response('200 OK', headers)
    if path == '/blocks':
        return wrapper(file, 7)
    if path == '/memory':
        with file:
            return wrapper(Watched(file.read()))
    if path == '/iterated':
        with file:
            return list(wrapper(file, 1000))
    return wrapper(file)
