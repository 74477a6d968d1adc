"""What mod_wsgi's own module says: as JSON, and, when the process ends, in the log."""

import json
import os

import mod_wsgi

events = []


@mod_wsgi.subscribe_events
def note(name, **event):
    events.append(name)


@mod_wsgi.subscribe_shutdown
def stopping(name, *, shutdown_reason, **event):
    print('process', os.getpid(), name, shutdown_reason)


mod_wsgi.start_recording_metrics()


def application(environ, start_response):
    if environ['PATH_INFO'] == '/server':
        start_response('200 OK', [('Content-Type', 'application/json')])
        return [json.dumps(mod_wsgi.server_metrics()).encode()]
    if environ['PATH_INFO'] == '/timeout':
        raise mod_wsgi.RequestTimeout('given up')
    mod_wsgi.request_data()['path'] = environ['PATH_INFO']
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({
        'pid': os.getpid(),
        'group': mod_wsgi.process_group,
        'version': mod_wsgi.version,
        'processes': mod_wsgi.maximum_processes,
        'threads': mod_wsgi.threads_per_process,
        'active': [request['request_data'] for request in mod_wsgi.active_requests.values()],
        'events': events[:],
        'requests': mod_wsgi.process_metrics()['request_count'],
        'environ': {name: value for name, value in environ.items() if name.startswith('mod_wsgi.') and type(value) is str},
    }).encode()]
