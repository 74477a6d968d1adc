"""A Django page: the usual middleware, URL reversing and a cached template.

The whole project is this file. The URLs are a class, not a module name: each
server imports the file under a module name of its own choosing.
"""

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

PAGE = """<!doctype html>
<title>{{ title }}</title>
<h1>{{ title }}</h1>
<ul>
{% for item in items %}<li><a href="{% url 'item' item.number %}">{{ item.name }}</a>
{% endfor %}</ul>
<p>{{ method }}</p>
"""
ITEMS = [{"number": n, "name": "item <%d>" % n} for n in range(5)]


def index(request):
    context = {"title": "Items & more", "items": ITEMS, "method": request.method}
    return render(request, "page.html", context)


def item(request, number):
    return HttpResponse("item %d\n" % number, content_type="text/plain")


class Urls:
    urlpatterns = [path("", index), path("item/<int:number>", item, name="item")]


settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    ROOT_URLCONF=Urls,
    SECRET_KEY="not a secret: this project holds nothing",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [("django.template.loaders.locmem.Loader", {"page.html": PAGE})],
                    )
                ]
            },
        }
    ],
    USE_TZ=True,
)
django.setup()
application = get_wsgi_application()
