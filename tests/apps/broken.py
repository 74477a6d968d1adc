"""Cannot be imported: the module it needs does not exist."""

import a_module_that_nobody_installed


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [a_module_that_nobody_installed.BODY]
