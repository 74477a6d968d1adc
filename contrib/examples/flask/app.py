"""A guest book: what a small Flask application has to do with its server.

GET  /       the entries, as JSON
POST /       adds the text that is the body
GET  /who    which process answers, and as which user
"""

import json
import os
import pwd
import sqlite3

from flask import Flask, jsonify, request

app = Flask(__name__)

# Where the application may write: a directory of its user, beside neither code nor venv.
DATABASE = os.path.join(os.environ.get("DATA", "/var/lib/flask"), "entries.sqlite3")


def database():
    """A connection of this request: several processes share the file, each waits its turn."""
    connection = sqlite3.connect(DATABASE, timeout=10)
    connection.execute("CREATE TABLE IF NOT EXISTS entry (text TEXT NOT NULL)")
    return connection


@app.route("/")
def entries():
    with database() as connection:
        rows = connection.execute("SELECT text FROM entry ORDER BY rowid").fetchall()
    return jsonify([text for text, in rows])


@app.route("/", methods=["POST"])
def add():
    text = request.get_data(as_text=True).strip()
    if not text:
        return "an entry has a text\n", 400
    with database() as connection:
        connection.execute("INSERT INTO entry VALUES (?)", (text,))
    return json.dumps(text) + "\n", 201


@app.route("/who")
def who():
    return jsonify(pid=os.getpid(), user=pwd.getpwuid(os.getuid()).pw_name)
