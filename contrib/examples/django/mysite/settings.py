"""Settings for a server: nothing in here is secret, and nothing is for development."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# Of the site file's env-file. manage.py has none of it, and needs no secret.
SECRET_KEY = os.environ.get("SECRET_KEY", "of manage.py: nothing is signed with it")
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost").split()
DEBUG = False

ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
INSTALLED_APPS = ["django.contrib.sessions", "django.contrib.staticfiles"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

# Where the application may write: a directory of its user, beside neither code nor venv.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(os.environ.get("DATA", "/var/lib/django"), "db.sqlite3"),
        "OPTIONS": {"timeout": 10},
    }
}

# nginx, or wsgid itself, serves what `manage.py collectstatic` puts there.
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "mysite" / "static"]

# HTTPS_ONLY is for sites that are reached by https alone.
SESSION_COOKIE_SECURE = os.environ.get("HTTPS_ONLY", "") == "yes"
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE
