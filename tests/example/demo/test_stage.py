"""The stage is set only when everything has come home."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from django_chatkit.models import ChatThread, ChatThreadItem, EndUser
from example_project.demo import stage
from example_project.demo.database import Database
from example_project.demo.history import History
from example_project.demo.processes import Failed


@pytest.fixture
def file(tmp_path: Path) -> Database:
    """Make the site's file with one row in each table of the mirror."""
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        for model in (EndUser, ChatThread, ChatThreadItem):
            connection.execute(f'CREATE TABLE "{model._meta.db_table}" AS SELECT 1 AS id')
    return Database(path)


def test_a_mirror_that_has_what_was_told_is_accepted(file: Database) -> None:
    stage.compare(History({}, end_users=1, threads=1, items=1, types=1), file)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(History({}, end_users=2, threads=1, items=1, types=1), id="an-end-user-is-missing"),
        pytest.param(History({}, end_users=1, threads=2, items=1, types=1), id="a-thread-is-missing"),
        pytest.param(History({}, end_users=1, threads=1, items=0, types=1), id="an-item-is-too-many"),
    ],
)
def test_a_mirror_that_has_something_else_is_refused_with_both_counts(file: Database, told: History) -> None:
    expected = [told.end_users, told.threads, told.items]

    with pytest.raises(Failed) as refusal:
        stage.compare(told, file)

    assert str([1, 1, 1]) in str(refusal.value)
    assert str(expected) in str(refusal.value)
