"""What accounts do that ends their chats, from Django's own views down to the cancel upstream."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_out
from django.core.cache import cache
from django.core.management import call_command
from django.db import connections, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit import accounts, wiring
from django_chatkit.models import ChatSession, EndUser, Erasure
from django_chatkit.services import erasing, holds, sessions
from django_chatkit.testing import Emulator
from tests import celery_apps

Asked = Callable[[Callable[[], object]], list[Any]]
pytestmark = pytest.mark.django_db

OLD_HASHER = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
NEW_HASHER = "django.contrib.auth.hashers.MD5PasswordHasher"


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def ada(chatkit_emulator: Emulator) -> User:
    """Give an account that chats."""
    user = User.objects.create_user("ada", password="first word")
    chat(user)
    return User.objects.get(pk=user.pk)  # as a request loads it


def chat(user: User, *, as_: str = "") -> ChatSession:
    return sessions.open(
        client=wiring.connect(),
        now=timezone.now() - timedelta(seconds=2),
        user=as_ or f"user-{user.pk}",
        owner=user,
        workflow={"id": "wf_tests"},
        interval=timedelta(seconds=15),
    ).session


@pytest.fixture
def asked_on(django_capture_on_commit_callbacks: Any) -> Iterator[Callable[..., list[Any]]]:
    """Do something, commit, and return what was asked of the workers."""
    name = f"accounts-{uuid4()}"  # queues in memory are shared by all apps of a process
    with (
        celery_apps.current(broker_url="memory://", task_default_queue=name) as app,
        app.connection_for_read() as connection,
        connection.SimpleQueue(name) as messages,
    ):

        def do(database: str, deed: Callable[[], object]) -> list[Any]:
            with django_capture_on_commit_callbacks(using=database, execute=True):
                deed()
            return [messages.get_nowait().payload[1] for _ in range(messages.qsize())]

        yield do


@pytest.fixture
def asked(asked_on: Callable[..., list[Any]]) -> Asked:
    """Do something, commit, and return the end users whose sessions are to go."""
    return lambda deed: [said["user"] for said in asked_on("default", deed)]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def admin_form(user: User, **changes: Any) -> dict[str, Any]:
    joined = timezone.localtime(user.date_joined)
    form = {
        "username": user.username,
        "is_active": "on",
        "date_joined_0": joined.strftime("%Y-%m-%d"),
        "date_joined_1": joined.strftime("%H:%M:%S"),
        **changes,
    }
    return {name: value for name, value in form.items() if value}


def test_signing_out_asks_for_a_cancel_from_whichever_browser(ada: User, asked: Asked) -> None:
    signed_in(ada)
    browser = signed_in(ada)

    assert asked(lambda: browser.post("/logout/")) == [f"user-{ada.pk}"]


def test_a_visitor_who_signs_out_asks_for_nothing(ada: User, asked: Asked) -> None:
    EndUser.objects.update(owner=None)  # live, and nobody's

    assert asked(lambda: Client().post("/logout/")) == []
    assert asked(lambda: user_logged_out.send(sender=None, request=None, user=AnonymousUser())) == []
    assert asked(lambda: user_logged_out.send(sender=None, request=None, user=User())) == []


def test_who_does_not_chat_asks_for_nothing(asked: Asked, django_assert_num_queries: Any) -> None:
    ben = User.objects.create_user("ben", password="x")
    ben.set_password("y")

    with django_assert_num_queries(2):  # the save, and who of its end users is live
        assert asked(ben.save) == []


def test_sessions_whose_term_is_over_need_no_cancel(ada: User, asked: Asked) -> None:
    EndUser.objects.update(live_until=timezone.now())

    assert asked(lambda: signed_in(ada).post("/logout/")) == []


def test_each_live_end_user_of_the_account_is_asked_for(ada: User, asked: Asked) -> None:
    chat(ada, as_="another of hers")
    chat(User.objects.create_user("ben"), as_="somebody else's")

    assert sorted(asked(lambda: signed_in(ada).post("/logout/"))) == ["another of hers", f"user-{ada.pk}"]


def test_a_password_that_is_set_anew_asks_for_a_cancel(ada: User, asked: Asked) -> None:
    ada.set_password("second word")

    assert asked(ada.save) == [f"user-{ada.pk}"]
    assert asked(ada.save) == []


@pytest.mark.parametrize("fields", [None, ["password"], ["password", "first_name"]])
def test_it_is_seen_whatever_fields_are_saved_with_it(
    ada: User, asked: Asked, fields: list[str] | None
) -> None:
    ada.set_password("second word")

    assert asked(lambda: ada.save(update_fields=fields)) == [f"user-{ada.pk}"]


def test_a_password_that_is_taken_away_asks_for_a_cancel(ada: User, asked: Asked) -> None:
    ada.set_unusable_password()

    assert asked(lambda: ada.save(update_fields=["password"])) == [f"user-{ada.pk}"]


def test_a_hash_that_is_assigned_asks_for_a_cancel(ada: User, asked: Asked) -> None:
    ada.password = make_password("second word")

    assert asked(ada.save) == [f"user-{ada.pk}"]


def test_a_password_that_is_not_saved_yet_is_no_change_until_it_is(ada: User, asked: Asked) -> None:
    ada.set_password("second word")

    assert asked(lambda: ada.save(update_fields=["first_name"])) == []
    assert asked(ada.save) == [f"user-{ada.pk}"]


def test_a_password_that_was_not_loaded_is_seen_when_it_is_set(ada: User, asked: Asked) -> None:
    ada = User.objects.only("username").get(pk=ada.pk)
    assert asked(ada.save) == []

    ada.set_password("second word")

    assert asked(ada.save) == [f"user-{ada.pk}"]


def test_a_password_that_was_loaded_later_is_no_change(ada: User, asked: Asked) -> None:
    ada = User.objects.defer("password").get(pk=ada.pk)
    assert ada.check_password("first word")

    assert asked(ada.save) == []


def test_a_password_that_is_changed_in_the_admin_is_seen(
    ada: User, asked: Asked, admin_client: Client
) -> None:
    word = "a-long-second-word"
    form = {"password1": word, "password2": word, "usable_password": "true"}

    def change() -> None:
        assert admin_client.post(f"/admin/auth/user/{ada.pk}/password/", form).status_code == 302

    assert asked(change) == [f"user-{ada.pk}"]


def test_deactivating_an_account_in_the_admin_asks_for_a_cancel(
    ada: User, asked: Asked, admin_client: Client
) -> None:
    def deactivate() -> None:
        answer = admin_client.post(f"/admin/auth/user/{ada.pk}/change/", admin_form(ada, is_active=""))
        assert answer.status_code == 302, answer.context["errors"]

    assert asked(deactivate) == [f"user-{ada.pk}"]
    assert asked(lambda: User.objects.get(pk=ada.pk).save()) == []


def test_another_change_in_the_admin_asks_for_nothing(ada: User, asked: Asked, admin_client: Client) -> None:
    def rename() -> None:
        answer = admin_client.post(
            f"/admin/auth/user/{ada.pk}/change/", admin_form(ada, username="countess", is_staff="on")
        )
        assert answer.status_code == 302, answer.context["errors"]

    assert asked(rename) == []


def test_deactivating_one_of_whom_little_was_loaded_is_seen(ada: User, asked: Asked) -> None:
    ada = User.objects.only("username").get(pk=ada.pk)
    ada.is_active = False

    assert asked(ada.save) == [f"user-{ada.pk}"]


def test_activating_an_account_asks_for_nothing(ada: User, asked: Asked) -> None:
    User.objects.update(is_active=False)  # in bulk: not seen
    ada = User.objects.get(pk=ada.pk)
    ada.is_active = True

    assert asked(ada.save) == []


def test_deleting_an_account_asks_for_a_cancel(ada: User, asked: Asked) -> None:
    user = f"user-{ada.pk}"

    assert asked(ada.delete) == [user]
    assert EndUser.objects.get(pk=user).owner is None


def test_an_account_of_another_database_has_its_sessions_there(
    database: str, chatkit_emulator: Emulator, asked_on: Any
) -> None:
    ada = User.objects.db_manager(database).create_user("ada", password="x")
    until = timezone.now() + timedelta(minutes=5)
    EndUser.objects.using(database).create(id="hers", owner=ada, live_until=until)
    ada.set_password("y")
    browser_closed = {"sender": User, "request": None, "user": ada}

    for deed in (ada.save, lambda: user_logged_out.send(**browser_closed), ada.delete):
        cache.clear()
        (said,) = asked_on(database, deed)
        assert said["user"] == "hers"
        assert said.get("using", "default") == database


def test_what_is_rolled_back_asks_for_nothing(ada: User, asked: Asked) -> None:
    def change_ones_mind() -> None:
        with transaction.atomic():
            ada.delete()
            transaction.set_rollback(True)

    assert asked(change_ones_mind) == []


def test_signing_in_with_a_hash_of_an_older_hasher_asks_for_nothing(
    ada: User, asked: Asked, settings: Any
) -> None:
    settings.PASSWORD_HASHERS = [OLD_HASHER, NEW_HASHER]
    before = ada.password

    def sign_in() -> None:
        answer = Client().post("/login/", {"username": "ada", "password": "first word"})
        assert answer.status_code == 302

    assert asked(sign_in) == []
    assert User.objects.get(pk=ada.pk).password != before  # which was no change by the person


def test_a_save_that_changes_neither_costs_no_query_of_ours(
    ada: User, asked: Asked, django_assert_num_queries: Any
) -> None:
    ada.last_name = "Lovelace"

    with django_assert_num_queries(2):
        assert asked(lambda: ada.save(update_fields=["last_login"])) == []
        assert asked(ada.save) == []


def test_a_new_account_and_a_fixture_ask_for_nothing(ada: User, asked: Asked, tmp_path: Path) -> None:
    fixture = tmp_path / "accounts.json"
    call_command("dumpdata", "auth.user", output=str(fixture), verbosity=0)
    fixture.write_text(fixture.read_text().replace('"is_active": true', '"is_active": false'))

    assert asked(lambda: User.objects.create_user("ben", password="x")) == []
    assert asked(lambda: call_command("loaddata", str(fixture), verbosity=0)) == []
    assert User.objects.get(username="ada").is_active is False


def test_an_account_remembers_no_hash_in_a_second_place(ada: User) -> None:
    others = {name: value for name, value in vars(ada).items() if name != "password"}

    assert ada.password not in repr(others)


def test_a_broker_that_is_down_is_logged_and_stops_nobody(
    ada: User, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    browser = signed_in(ada)

    with (
        celery_apps.current(broker_url=celery_apps.NO_BROKER),
        django_capture_on_commit_callbacks(execute=True),
    ):
        answer = browser.post("/logout/")

    assert answer.status_code == 200
    assert "end by themselves within 10 minutes" in caplog.text
    assert f"user-{ada.pk}" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_broker_set_up_wrongly_stops_nobody_either(ada: User, caplog: pytest.LogCaptureFixture) -> None:
    with celery_apps.current(broker_url="carrier-pigeon://roof"):
        assert signed_in(ada).post("/logout/").status_code == 200

    assert "No such transport" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_from_signing_in_to_signing_out_and_in_again(chatkit_emulator: Emulator) -> None:
    User.objects.create_user("ada", password="first word")
    browser, address = Client(), "/api/chatkit/sessions"

    browser.post("/login/", {"username": "ada", "password": "first word"})
    secret = browser.post(address, {}, content_type="application/json").json()["client_secret"]
    first = ChatSession.objects.get()
    assert chatkit_emulator.sessions[first.id]["status"] == "active"
    browser.post("/logout/")  # the task runs at once: tests.settings

    first.refresh_from_db()
    assert (first.status, first.failures) == ("cancelled", 0)
    assert chatkit_emulator.sessions[first.id]["status"] == "cancelled"
    assert secret not in str(vars(first))

    browser.post("/login/", {"username": "ada", "password": "first word"})
    assert browser.post(address, {}, content_type="application/json").status_code == 200
    assert ChatSession.objects.active().count() == 1


HOST = """
from django.db import models, transaction

class Person(models.Model):
    name = models.CharField(max_length=20, unique=True)
    USERNAME_FIELD, REQUIRED_FIELDS = "name", []
    is_anonymous, is_authenticated, is_active = False, True, True

class Friend(Person):
    class Meta:
        proxy = True
"""
RUN = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "host", "django_chatkit"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    AUTH_USER_MODEL="host.Person", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", CHATKIT={"API_KEY": "sk-x"},
)
django.setup()
from django.contrib.auth.signals import user_logged_out
from django.core.management import call_command
from django.db.models.signals import post_save
from host.models import Friend, Person
assert post_save.has_listeners(Friend)
call_command("migrate", run_syncdb=True, verbosity=0)
person = Person.objects.create(name="ada")
person = Person.objects.get()
person.save()
user_logged_out.send(sender=Person, request=None, user=person)
person.delete()
print("well")
"""


def test_an_account_without_password_or_is_active_breaks_nothing(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "__init__.py").touch()
    (host / "models.py").write_text(HOST)

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (ended.stdout, ended.returncode) == ("well\n", 0), ended.stderr


class Bare(models.Model):
    """An account with a password of its own making."""

    password = models.CharField(max_length=20)

    class Meta:
        app_label = "nowhere"
        managed = False

    def __str__(self) -> str:
        return "bare"


def test_a_password_of_no_scheme_of_djangos_is_compared_alone() -> None:
    before = {"password": b"of another"}
    account = Bare(password="plain")
    written = accounts._seen(account)

    assert accounts._is_another_password(account, before, written, {"password"})
    assert not accounts._is_another_password(account, written, written, {"password"})


# What becomes of the chats of an account that is deleted


def mirrored(user: User, emulator: Emulator, database: str, id: str = "cthr_1") -> str:
    """Keep an end user of an account, with a thread on both sides."""
    name = f"user-{user.pk}"
    emulator.add_thread(user=name, id=id)
    end_user = EndUser.objects.using(database).create(id=name, owner_id=user.pk)
    end_user.threads.create(id=id, created_at=timezone.now())
    return name


@pytest.fixture
def mia(database: str, chatkit_emulator: Emulator) -> User:
    """Give an account of each database that has chatted."""
    user = User(username="mia")
    user.save(using=database)
    mirrored(user, chatkit_emulator, database)
    chatkit_emulator.forget_requests()
    return user


@pytest.fixture
def on_owner_delete(settings: Any) -> Callable[[str], None]:
    """Say what becomes of the chats of a deleted account."""

    def change(wish: str) -> None:
        settings.CHATKIT = {**settings.CHATKIT, "ON_OWNER_DELETE": wish}

    return change


@pytest.mark.parametrize(
    ("wish", "remembered"),
    [
        pytest.param("", False, id="unset"),
        pytest.param("detach", False, id="detach"),
        pytest.param("keep", True, id="keep"),
    ],
)
def test_chats_outlive_their_account_and_may_remember_whose_they_were(
    mia: User,
    asked_on: Any,
    on_owner_delete: Any,
    database: str,
    chatkit_emulator: Emulator,
    wish: str,
    remembered: bool,
) -> None:
    if wish:
        on_owner_delete(wish)
    key = mia.pk

    assert asked_on(database, lambda: mia.delete(using=database)) == []

    row = EndUser.objects.using(database).get()
    assert (row.owner, row.former_owner) == (None, str(key) if remembered else "")
    assert row.threads.using(database).count() == 1
    assert chatkit_emulator.count() == 0


def test_an_account_that_is_deleted_has_its_chats_erased_where_that_is_set(
    mia: User, asked_on: Any, on_owner_delete: Any, database: str
) -> None:
    on_owner_delete("erase")
    name = f"user-{mia.pk}"

    sent = asked_on(database, lambda: mia.delete(using=database))

    assert sent == [{"user": name, **({} if database == "default" else {"using": database})}]
    row = Erasure.objects.using(database).get()
    assert (row.end_user, row.asked_as, row.finished_at) == (name, "the account was deleted", None)
    report = erasing.carry_on(client=wiring.connect(), clock=timezone.now, using=database)
    assert (report.finished, report.threads) == (1, 1)
    assert not EndUser.objects.using(database).exists()


def found_by_sync(user: User, database: str) -> EndUser:
    """Keep the end user of an account as a sync does: without an owner."""
    return EndUser.objects.using(database).create(id=str(user.pk))


def test_who_was_found_by_a_sync_is_erased_with_the_account_too(
    mia: User, asked_on: Any, on_owner_delete: Any, database: str
) -> None:
    on_owner_delete("erase")
    found_by_sync(mia, database)
    EndUser.objects.using(database).create(id=f"{mia.pk}0")
    expected = {str(mia.pk), f"user-{mia.pk}"}

    sent = asked_on(database, lambda: mia.delete(using=database))

    assert {each["user"] for each in sent} == expected
    assert set(Erasure.objects.using(database).values_list("end_user", flat=True)) == expected


@pytest.mark.parametrize("wish", ["keep", "detach"])
def test_who_was_found_by_a_sync_may_remember_the_account_too(
    mia: User, asked_on: Any, on_owner_delete: Any, database: str, wish: str
) -> None:
    on_owner_delete(wish)
    found, key = found_by_sync(mia, database), str(mia.pk)
    if wish == "detach":
        holds.hold(user=found.pk, now=timezone.now(), using=database)

    assert asked_on(database, lambda: mia.delete(using=database)) == []

    found.refresh_from_db(using=database)
    assert (found.owner, found.former_owner) == (None, key)


def test_who_is_somebody_elses_or_named_otherwise_is_left_alone(
    mia: User, asked_on: Any, on_owner_delete: Any, database: str, settings: Any
) -> None:
    on_owner_delete("erase")
    other = User(username="ben")
    other.save(using=database)
    EndUser.objects.using(database).create(id=str(mia.pk), owner_id=other.pk)
    found_by_sync(other, database)

    assert len(asked_on(database, lambda: mia.delete(using=database))) == 1
    settings.CHATKIT = {**settings.CHATKIT, "USER_ID": "tests.nowhere"}
    sent = asked_on(database, lambda: other.delete(using=database))

    assert [each["user"] for each in sent] != [str(other.pk)]
    assert not Erasure.objects.using(database).of(str(other.pk)).exists()


def test_whoever_was_found_by_a_sync_costs_no_query_more(
    database: str, asked_on: Any, on_owner_delete: Any
) -> None:
    on_owner_delete("erase")

    def queries(*, owned: bool) -> int:
        for number in range(3):
            user = User(username=f"mia{number}")
            user.save(using=database)
            EndUser.objects.using(database).create(id=str(user.pk), owner_id=user.pk if owned else None)
        with CaptureQueriesContext(connections[database]) as captured:
            sent = asked_on(database, lambda: User.objects.using(database).all().delete())
        assert len(sent) == 3
        return len(captured)

    assert queries(owned=False) <= queries(owned=True)


@pytest.mark.parametrize("wish", ["detach", "erase"])
def test_a_hold_wins_over_whatever_is_set(
    mia: User, asked_on: Any, on_owner_delete: Any, database: str, chatkit_emulator: Emulator, wish: str
) -> None:
    on_owner_delete(wish)
    key, name = mia.pk, f"user-{mia.pk}"
    holds.hold(user=name, now=timezone.now(), using=database)

    asked_on(database, lambda: mia.delete(using=database))
    erasing.carry_on(client=wiring.connect(), clock=timezone.now, using=database)

    row = EndUser.objects.using(database).get()
    assert (row.former_owner, row.threads.using(database).count()) == (str(key), 1)
    assert chatkit_emulator.count() == 0
    holds.lift(user=name, using=database)
    report = erasing.carry_on(client=wiring.connect(), clock=timezone.now, using=database)
    assert report.finished == (wish == "erase")


def test_a_deletion_that_is_taken_back_takes_the_erasure_back(
    mia: User, on_owner_delete: Any, database: str
) -> None:
    on_owner_delete("erase")

    with transaction.atomic(using=database):
        mia.delete(using=database)
        transaction.set_rollback(True, using=database)

    assert not Erasure.objects.using(database).exists()
    assert EndUser.objects.using(database).get().owner_id == User.objects.using(database).get().pk


def test_a_broker_that_is_down_leaves_the_erasure_to_beat(
    ada: User, on_owner_delete: Any, django_capture_on_commit_callbacks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    on_owner_delete("erase")
    EndUser.objects.update(live_until=None)

    with (
        celery_apps.current(broker_url=celery_apps.NO_BROKER),
        django_capture_on_commit_callbacks(execute=True),
    ):
        ada.delete()

    assert "Beat's next tick begins with the erasure" in caplog.text
    assert Erasure.objects.pending().count() == 1
