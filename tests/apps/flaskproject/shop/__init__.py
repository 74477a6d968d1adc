"""A Flask project in the layout its documentation proposes: an application factory.

/              a template with a list and text that must be escaped
/greet/<name>  a template with a value from the path; the name may be any Unicode text
/visits        counts visits in the signed session cookie
/login, /me    a form post that redirects, and what the session remembers
/upload        a file upload: its name, size and SHA-256 as JSON
/stream        a streamed response with the request context
/download      send_file() with conditional and range answers
/fail          an exception
"""

from flask import Flask

from . import views


def create_app():
    app = Flask(__name__)
    app.config.update(SECRET_KEY="only-for-tests", MAX_CONTENT_LENGTH=64 * 1024 * 1024)
    app.register_blueprint(views.pages)
    return app
