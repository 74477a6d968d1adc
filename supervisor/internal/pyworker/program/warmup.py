"""Requests that a new process answers to itself before it gets any: what an
application puts off until the first request is done by then, and one that
cannot serve never takes the place of one that can."""

import io


class Unfit(Exception):
    """The application does not answer as the site file expects."""


def warm_up(application, base, errors, config):
    """Ask for each path of the key warm-up; raise what the application raises,
    or Unfit when the status is another than expected."""
    wanted = config['warm-up-status']
    for entry in config['warm-up'].split('\n') if config['warm-up'] else ():
        script_name, path, host, number = entry.split('\t')
        status = ask(application, environ(base, errors, script_name, path, host, number))
        if status[:3] != wanted:
            raise Unfit('warm-up: GET %s answered %s, expected was %s' % (script_name + path, status, wanted))


def environ(base, errors, script_name, path, name, number):
    return {
        **base,
        'REQUEST_METHOD': 'GET', 'SCRIPT_NAME': script_name, 'PATH_INFO': path, 'QUERY_STRING': '',
        'REQUEST_URI': script_name + path,
        'SERVER_PROTOCOL': 'HTTP/1.1', 'SERVER_NAME': name, 'SERVER_PORT': '80', 'HTTP_HOST': name,
        'REMOTE_ADDR': '127.0.0.1', 'HTTP_USER_AGENT': 'wsgid-warm-up',
        'wsgi.url_scheme': 'http', 'REQUEST_SCHEME': 'http', 'mod_wsgi.request_id': 'warm-up',
        'wsgi.input': io.BytesIO(), 'wsgi.errors': errors, **({'wsgid.application': number} if number else {}),
    }


def ask(application, environ):
    """The status of the answer, whose body is made and thrown away."""
    answer = []

    def start_response(status, headers, exc_info=None):
        if exc_info:
            raise exc_info[1].with_traceback(exc_info[2])
        answer.append(status)
        return lambda data: None

    result = application(environ, start_response)
    try:
        for _ in result:
            pass
    finally:
        if hasattr(result, 'close'):
            result.close()
    if not answer:
        raise Unfit('warm-up: the application did not call start_response()')
    return answer[-1]
