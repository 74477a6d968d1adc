"""The pages: templates, sessions, messages, forms with CSRF protection, files, streams."""

import hashlib

from django.contrib import messages
from django.http import FileResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

GOODS = ["apples", "pears", "<plums>"]


@require_GET
def index(request):
    return render(request, "pages/index.html", {"goods": GOODS})


@require_GET
def greet(request, name):
    return render(request, "pages/greet.html", {"name": name})


@require_GET
def visits(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JsonResponse({"visits": request.session["visits"]})


def login(request):
    if request.method == "GET":
        return render(request, "pages/login.html")
    request.session["user"] = request.POST["user"]
    messages.info(request, "Welcome, %s" % request.POST["user"])
    return redirect("pages:me")


@require_GET
def me(request):
    return JsonResponse({
        "user": request.session.get("user"),
        "url": request.build_absolute_uri(),
        "remote": request.META["REMOTE_ADDR"],
        "messages": [str(message) for message in messages.get_messages(request)],
    })


@csrf_exempt
@require_POST
def upload(request):
    hashed = hashlib.sha256()
    sent = request.FILES["file"]
    for chunk in sent.chunks():
        hashed.update(chunk)
    return JsonResponse({
        "name": sent.name,
        "size": sent.size,
        "sha256": hashed.hexdigest(),
        "note": request.POST.get("note"),
    })


@require_GET
def stream(request):
    tag, rows = request.GET["tag"], int(request.GET["rows"])
    lines = ("%s,%d\n" % (tag, number) for number in range(rows))
    return StreamingHttpResponse(lines, content_type="text/csv")


@require_GET
def download(request):
    # FileResponse takes wsgi.file_wrapper when the server offers one.
    return FileResponse(open(__file__, "rb"), content_type="text/x-python")


@require_GET
def fail(request):
    raise RuntimeError("the page is on fire")
