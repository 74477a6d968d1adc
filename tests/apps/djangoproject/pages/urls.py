"""The URLs of the pages."""

from django.urls import path

from . import views

app_name = "pages"

urlpatterns = [
    path("", views.index, name="index"),
    path("greet/<str:name>/", views.greet, name="greet"),
    path("visits/", views.visits, name="visits"),
    path("login/", views.login, name="login"),
    path("me/", views.me, name="me"),
    path("upload/", views.upload, name="upload"),
    path("stream/", views.stream, name="stream"),
    path("download/", views.download, name="download"),
    path("fail/", views.fail, name="fail"),
]
