"""A Django project that shows django_chatkit at work."""

from .celery import app as celery_app

__all__ = ["celery_app"]
