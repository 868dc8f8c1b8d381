"""A Celery app of a test's own, current while the test runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, _state
from celery.app import app_or_default

# Nothing listens on port 9 of a machine of ours.
NO_BROKER = "amqp://guest@127.0.0.1:9//"


@contextmanager
def current(**settings: Any) -> Iterator[Celery]:
    """Make a Celery app with these settings the current one; the one before comes back."""
    before, default = app_or_default(), _state.default_app  # type: ignore[attr-defined]
    app = Celery("of_a_test", set_as_current=False)
    app.conf.update(settings)
    app.set_current()
    try:
        yield app
    finally:
        _state.set_default_app(default)  # a worker in a thread makes its own app everybody's
        before.set_current()
        app.close()


@contextmanager
def none() -> Iterator[None]:
    """Let no Celery app be known, as in a process that imports none; those before come back."""
    before, default = app_or_default(), _state.default_app  # type: ignore[attr-defined]
    _state._set_current_app(None)  # type: ignore[attr-defined]
    _state.set_default_app(None)  # type: ignore[arg-type] # Celery's own beginning
    try:
        yield
    finally:
        _state.set_default_app(default)
        before.set_current()
