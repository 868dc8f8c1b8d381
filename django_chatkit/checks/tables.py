"""System checks that look at tables: ``check --database`` and ``migrate`` run them, from Django 6.1 on also ``--tag``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError, router, transaction
from django.utils import timezone

from .. import conf
from ..models import ChatThread
from ..services import closing
from ..services import retention as rules

TAG = "chatkit"


@register(TAG, Tags.database)
def check_archive(*, app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn of threads in no archive while upstream's end is near; only `check --database` and `migrate` look at tables."""
    aliases = [each for each in databases or () if router.allow_migrate_model(each, ChatThread)]
    return [message for alias in aliases for message in _unarchived(alias)]


def _unarchived(alias: str) -> Iterator[CheckMessage]:
    try:
        with transaction.atomic(using=alias):
            outlook = closing.outlook(now=timezone.now(), using=alias)
    except DatabaseError:
        return  # not migrated yet, or not there: others say so
    if outlook.is_near:
        yield Warning(
            str(outlook),
            hint="Run: python manage.py chatkit_archive DIR. It writes all that upstream has into files, and proves it.",
            id="django_chatkit.W008",
        )


@register(TAG, Tags.database)
def check_retention(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Report databases in which nothing prunes what has a term."""
    given = {} if conf.problems() else conf.read().retention
    return [
        Warning(
            f"No cleanup of the database {alias!r} came through for two days, and CHATKIT['RETENTION'] is set.",
            hint="See that beat runs the task cleanup, or cron chatkit_cleanup, which says what stops it.",
            id="django_chatkit.W010",
        )
        for alias in databases or ()
        if _is_neglected(given, alias)
    ]


def _is_neglected(retention: Mapping[str, Any], alias: str) -> bool:
    try:
        return rules.is_neglected(retention, now=timezone.now(), using=alias)
    except DatabaseError:  # no tables yet; the doctor says it
        return False
