"""A Flask page: routing, the request context and a cached Jinja template."""

from flask import Flask, render_template, request
from jinja2 import DictLoader

PAGE = """<!doctype html>
<title>{{ title }}</title>
<h1>{{ title }}</h1>
<ul>
{%- for item in items %}
  <li><a href="{{ url_for('item', number=item.number) }}">{{ item.name }}</a>
{%- endfor %}
</ul>
<p>{{ method }}</p>
"""

application = Flask(__name__)
application.jinja_loader = DictLoader({"page.html": PAGE})
ITEMS = [{"number": n, "name": "item <%d>" % n} for n in range(5)]


@application.get("/")
def index():
    return render_template("page.html", title="Items & more", items=ITEMS, method=request.method)


@application.get("/item/<int:number>")
def item(number):
    return "item %d\n" % number
