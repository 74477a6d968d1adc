"""Answers with the fields that the query names, n=v, in that order, latin-1.

/many?N      the fields X-Field-0 to X-Field-(N-1), with their numbers
"""

from urllib.parse import parse_qsl

def application(environ, start_response):
    headers = [('Content-Type', 'text/plain')]
    query = environ['QUERY_STRING']
    if environ['PATH_INFO'] == '/many':
        headers += [('X-Field-%d' % i, str(i)) for i in range(int(query))]
    else:
        headers += parse_qsl(query, keep_blank_values=True, encoding='latin-1')
    start_response('200 OK', headers)
    return [b'body\n']
