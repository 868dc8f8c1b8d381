"""Text is sealed with the first key, opened with any, and what can't be opened says why and what to do."""

import subprocess
import sys

import pytest
from cryptography.fernet import Fernet, MultiFernet
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from django_chatkit.models import sealing
from django_chatkit.models.fields import dumps
from django_chatkit.models.sealing import HIDDEN, PREFIX, DamagedRow, Keyring, MissingKey
from tests.keys import FIRST, SECOND, THIRD, use


@given(st.text())
def test_what_was_sealed_is_opened_by_each_ring_that_has_the_key(text: str) -> None:
    sealed = Keyring([FIRST, SECOND]).seal(text)

    assert sealed.startswith(PREFIX)
    assert sealed.isascii()
    assert Keyring([THIRD, FIRST]).open(sealed) == text
    assert Keyring(["", FIRST]).open(sealed) == text


@given(
    st.dictionaries(st.text(), st.text()) | st.lists(st.integers()) | st.text() | st.booleans() | st.none()
)
def test_no_json_looks_sealed(payload: object) -> None:
    assert not dumps(payload).startswith(PREFIX)
    assert sealing.opened(dumps(payload)) == dumps(payload)


def test_what_stands_behind_the_mark_is_a_token_of_fernets() -> None:
    token = Keyring([FIRST]).seal("Hello").rpartition(":")[2]

    assert MultiFernet([Fernet(SECOND), Fernet(FIRST)]).decrypt(token) == b"Hello"


def test_text_is_never_sealed_twice_alike() -> None:
    ring = Keyring([FIRST])

    assert ring.seal("Hello") != ring.seal("Hello")


@pytest.mark.parametrize("keys", [[], [""], ["", FIRST]])
def test_without_a_first_key_nothing_is_sealed(keys: list[str]) -> None:
    ring = Keyring(keys)

    assert ring.seal("Hello") == "Hello"
    assert (ring.is_on, ring.prefix) == (False, "")
    assert ring.is_in_use is (FIRST in keys)


@pytest.mark.parametrize("keys", [[], [SECOND], ["", SECOND, THIRD]])
def test_a_missing_key_is_named_by_its_mark_with_the_setting_and_the_remedy(keys: list[str]) -> None:
    sealed = Keyring([FIRST]).seal("Hello")

    with pytest.raises(MissingKey) as caught:
        Keyring(keys).open(sealed)

    words = str(caught.value)
    assert sealed.split(":")[1] in words
    assert "CHATKIT['ENCRYPTION_KEYS']" in words
    assert "add that key at the end of the list" in words
    assert isinstance(caught.value, ImproperlyConfigured)


@pytest.mark.parametrize(
    "harm", [lambda sealed: sealed[:-8], lambda sealed: sealed[:60] + "AAAA" + sealed[64:]]
)
def test_damaged_text_is_no_matter_of_keys(harm: object) -> None:
    sealed = harm(Keyring([FIRST]).seal("Hello"))  # type: ignore[operator]

    with pytest.raises(DamagedRow, match=r"a row is damaged.*backup"):
        Keyring([SECOND, FIRST]).open(sealed)


def test_no_key_is_shown() -> None:
    ring = Keyring([FIRST, SECOND])

    shown = repr(ring) + repr(vars(ring)) + ring.seal("Hello")
    assert not any(key in shown for key in (FIRST, SECOND))
    assert repr(ring) == "Keyring(2 keys)"


def test_the_settings_are_read_each_time(settings: Settings) -> None:
    assert not sealing.keyring().is_in_use
    use(settings, FIRST)
    assert sealing.keyring().is_on
    use(settings, "", FIRST)
    assert not sealing.keyring().is_on
    use(settings, "no key")
    with pytest.raises(ImproperlyConfigured, match=r"CHATKIT\['ENCRYPTION_KEYS'\]\[0\] is no key"):
        sealing.keyring()


def test_the_hidden_mark_is_a_word_of_no_index() -> None:
    assert not any(character.isalnum() for character in HIDDEN)


SET_UP = (
    "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; import django; django.setup(); "
)


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run([sys.executable, "-c", SET_UP + code], capture_output=True, text=True, check=False)


def test_without_the_package_keys_are_refused_with_the_remedy() -> None:
    hidden = "sys.modules['cryptography'] = sys.modules['cryptography.fernet'] = None; "
    ended = run(
        f"{hidden}from django_chatkit.models.sealing import Keyring; Keyring([]); Keyring([{FIRST!r}])"
    )

    assert "pip install 'django-openai-chatkit[encryption]'" in ended.stderr.splitlines()[-1]
    assert FIRST not in ended.stderr.splitlines()[-1]


def test_without_keys_the_package_is_not_asked_for() -> None:
    used = "from django_chatkit.models.sealing import keyring, opened; keyring().seal('x'); opened('x'); "

    ended = run(used + "print('django_chatkit.models.fernet' in sys.modules)")

    assert ended.stdout.strip() == "False"
