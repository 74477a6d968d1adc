"""The entry point a server is pointed at: ``wsgi:application``."""

from shop import create_app

application = create_app()
