"""The fixtures of `tests.conftest` keep their word."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connections


def test_a_test_that_takes_database_may_use_it(database: str) -> None:
    get_user_model().objects.using(database).create(username="ann")

    assert get_user_model().objects.using(database).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_test_that_takes_database_may_ask_for_real_transactions(database: str) -> None:
    assert not connections[database].in_atomic_block


def test_the_other_databases_stay_shut(database: str) -> None:
    other = next((alias for alias in connections if alias != database), None)
    if other is not None:
        with pytest.raises(AssertionError, match="not allowed"):
            get_user_model().objects.using(other).count()
