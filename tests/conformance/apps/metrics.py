"""What the module mod_wsgi tells of processes and requests, as JSON.

/module     its constants, and what it has
/requests   request_metrics(), which begins a new period
/process    process_metrics()
/server     server_metrics()
/active     active_requests and this request's own data
/events     the events so far, by name, and forgets them
/answer?N   answers with the status N and ten bytes, after it has read the body
/fail       raises
"""

import json

import mod_wsgi

EVENTS = []


@mod_wsgi.subscribe_events
def event(name, **details):
    EVENTS.append([name, details.get('request_data', {}).get('path', ''), details.get('status', 0)])


mod_wsgi.start_recording_metrics()

REPORTS = {
    '/module': lambda: {
        name: value if isinstance(value, (str, int)) else type(value).__name__
        for name, value in vars(mod_wsgi).items() if not name.startswith('_')
    },
    '/requests': lambda: mod_wsgi.request_metrics(),
    '/process': lambda: mod_wsgi.process_metrics(),
    '/server': lambda: {'server_metrics': mod_wsgi.server_metrics()},
    '/active': lambda: {
        'count': len(mod_wsgi.active_requests), 'data': mod_wsgi.request_data(),
        'paths': [request['request_environ']['PATH_INFO'] for request in mod_wsgi.active_requests.values()],
    },
}


def application(environ, start_response):
    path = environ['PATH_INFO']
    mod_wsgi.request_data()['path'] = path
    if path == '/fail':
        raise ValueError('as asked for')
    if path == '/answer':
        environ['wsgi.input'].read()
        start_response(environ['QUERY_STRING'] + ' As Asked For', [('Content-Type', 'text/plain')])
        return [b'0123456789']
    if path == '/events':
        noted = EVENTS[:]
        EVENTS.clear()
        report = {'events': noted}
    else:
        report = REPORTS[path]()
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps(report).encode()]
