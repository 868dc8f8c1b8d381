"""Models and migrations agree, whatever a host's settings, and the way leads back."""

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

TABLES = "django_chatkit_"


@pytest.mark.django_db
@pytest.mark.parametrize("auto_field", ["AutoField", "BigAutoField", "SmallAutoField"])
def test_no_migration_is_missing(settings: Settings, auto_field: str) -> None:
    settings.DEFAULT_AUTO_FIELD = f"django.db.models.{auto_field}"

    call_command("makemigrations", "django_chatkit", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_the_migrations_go_back_to_zero_and_forth_again(database: str) -> None:
    try:
        call_command("migrate", "django_chatkit", "zero", database=database, verbosity=0)
        left = _tables(database)
    finally:
        call_command("migrate", "django_chatkit", database=database, verbosity=0)

    assert left == []
    assert _tables(database) != []


def _tables(database: str) -> list[str]:
    return [name for name in connections[database].introspection.table_names() if name.startswith(TABLES)]
