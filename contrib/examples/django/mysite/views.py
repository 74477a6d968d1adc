from django.http import HttpResponse
from django.templatetags.static import static

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Visits</title>
<link rel="stylesheet" href="{style}">
<p>You have been here {visits} times.</p>
</html>
"""


def index(request):
    """Count the visits of a session, which is in the database."""
    visits = request.session.get("visits", 0) + 1
    request.session["visits"] = visits
    return HttpResponse(PAGE.format(style=static("site.css"), visits=visits))
