"""The pages of the shop."""

import hashlib
import os

from flask import (
    Blueprint,
    Response,
    jsonify,
    redirect,
    render_template,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
)

pages = Blueprint("pages", __name__)

GOODS = ["apples", "pears", "<plums>"]


@pages.get("/")
def index():
    return render_template("index.html", goods=GOODS)


@pages.get("/greet/<name>")
def greet(name):
    return render_template("greet.html", name=name)


@pages.get("/visits")
def visits():
    session["visits"] = session.get("visits", 0) + 1
    return jsonify(visits=session["visits"])


@pages.post("/login")
def login():
    session["user"] = request.form["user"]
    return redirect(url_for("pages.me"))


@pages.get("/me")
def me():
    return jsonify(user=session.get("user"), url=request.url, remote=request.remote_addr)


@pages.post("/upload")
def upload():
    sent = request.files["file"]
    content = sent.read()
    return jsonify(
        name=sent.filename,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        note=request.form.get("note"),
    )


@pages.get("/stream")
def stream():
    def rows():
        for number in range(int(request.args["rows"])):
            yield "%s,%d\n" % (request.args["tag"], number)

    return Response(stream_with_context(rows()), mimetype="text/csv")


@pages.get("/download")
def download():
    return send_file(os.path.abspath(__file__), mimetype="text/x-python", conditional=True)


@pages.get("/fail")
def fail():
    raise RuntimeError("the shop is on fire")
