"""A payload is read and shown however deep it is nested and however little of the stack a page leaves."""

import pytest
from django.test import Client
from django.urls import reverse

from django_chatkit.models import ChatThread
from tests.nested import nested

from .conftest import make_item, make_session

# Levels that a page's own calls leave no room for below Python's limit of 1000 frames.
DEEP = 900


@pytest.mark.parametrize("noun", ["chatsession", "chatthread", "chatthreaditem"])
def test_a_payload_nested_deep_is_shown_as_text(noun: str, staff: Client, thread: ChatThread) -> None:
    thread.payload = {"deep": nested(DEEP)}
    thread.save()
    make_session(thread.end_user, "cksess_1", payload={"deep": nested(DEEP)})
    make_item(thread, 0, "chatkit.of_tomorrow", id="cti_1", payload={"deep": nested(DEEP)})
    id = {"chatsession": "cksess_1", "chatthread": "cthr_1", "chatthreaditem": "cti_1"}[noun]

    page = staff.get(reverse(f"admin:django_chatkit_{noun}_change", args=[id]))

    assert page.status_code == 200
    assert "[" * DEEP in page.content.decode()
