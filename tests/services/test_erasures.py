"""Erasures asked for and surveyed: nothing is deleted by either."""

from typing import Any

import pytest
from django.db import connections

from django_chatkit.client import ChatKit
from django_chatkit.models import EndUser, ErasedThread, Erasure
from django_chatkit.services import erasures, holds
from django_chatkit.services.paging import Contradiction

from .conftest import Clock, World

pytestmark = pytest.mark.django_db


def test_asking_twice_is_asking_once(world: World, clock: Clock) -> None:
    first = erasures.ask(user="ada", as_="grace", now=clock.now, using=world.database)
    second = erasures.ask(user="ada", as_="heidi", now=clock.now, using=world.database)

    assert first.pk == second.pk
    assert (second.asked_as, second.state, str(second)) == ("grace", Erasure.State.WAITING, "ada")
    assert EndUser.objects.using(world.database).get().pk == "ada"


def test_ids_that_differ_by_case_are_two(world: World, clock: Clock) -> None:
    rows = {
        erasures.ask(user=user, now=clock.now, using=world.database).pk for user in ("ada", "Ada", "ada ")
    }

    assert len(rows) == 3


def test_who_is_held_is_noted_only_where_that_is_wanted(world: World, clock: Clock) -> None:
    EndUser.objects.using(world.database).create(id="ada")
    holds.hold(user="ada", now=clock.now, using=world.database)

    with pytest.raises(holds.Held):
        erasures.ask(user="ada", now=clock.now, using=world.database)
    assert not Erasure.objects.using(world.database).exists()

    assert erasures.ask(user="ada", now=clock.now, waits_for_hold=True, using=world.database).pk


def test_a_survey_lists_both_sides_and_writes_nothing(
    world: World, chatkit: ChatKit, clock: Clock, django_assert_num_queries: Any
) -> None:
    ids = [world.thread(id=f"cthr_{number:03}") for number in range(150)]
    world.thread(user="ben")

    with django_assert_num_queries(13, connection=connections[world.database]):
        found = erasures.survey(client=chatkit, user="ada", now=clock.now, using=world.database)

    assert [each.id for each in found.threads] == ids
    assert found.is_known
    assert world.emulator.count() == world.emulator.count("list_threads") == 2
    assert not EndUser.objects.using(world.database).exists()


def test_nobody_on_either_side_is_nobody(world: World, chatkit: ChatKit, clock: Clock) -> None:
    assert not erasures.survey(client=chatkit, user="ada", now=clock.now, using=world.database).is_known


def test_the_same_page_twice_is_no_list(world: World, chatkit: ChatKit, clock: Clock) -> None:
    for number in range(120):
        world.thread(id=f"cthr_{number:03}")
    world.emulator.fail("list_threads", kind="repeat_page", after=1, times=None)

    with pytest.raises(Contradiction):
        erasures.survey(client=chatkit, user="ada", now=clock.now, using=world.database)


def test_a_thread_that_can_have_no_row_is_told_beside_the_others(
    world: World, chatkit: ChatKit, clock: Clock
) -> None:
    good, bad = world.thread(), world.thread(id="cthr_" + "x" * 300)

    found = erasures.survey(client=chatkit, user="ada", now=clock.now, using=world.database)

    assert [each.id for each in found.threads] == [good]
    assert [each.id for each in found.unfit] == [bad[:255]]
    assert found.is_known


def test_a_thread_that_the_mirror_knows_as_somebody_elses_is_no_part_of_a_list(
    world: World, chatkit: ChatKit, clock: Clock
) -> None:
    id = world.thread()
    EndUser.objects.using(world.database).create(id="ben").threads.create(id=id, created_at=clock.now)

    with pytest.raises(Contradiction):
        erasures.survey(client=chatkit, user="ada", now=clock.now, using=world.database)


def test_an_erased_thread_is_called_by_its_id() -> None:
    assert str(ErasedThread(id="cthr_1")) == "cthr_1"
