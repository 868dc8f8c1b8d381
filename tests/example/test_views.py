"""The pages of the example project."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_chat_page_is_for_people_who_are_signed_in(client: Client) -> None:
    assert client.get("/").headers["Location"] == "/login/?next=/"


def test_who_signs_in_gets_to_the_chat(client: Client) -> None:
    User.objects.create_user("ada", password="x")

    answer = client.post("/login/", {"username": "ada", "password": "x", "next": ""}, follow=True)

    assert answer.redirect_chain == [("/", 302)]
    assert "<openai-chatkit>" in answer.content.decode()


def test_who_signs_in_once_more_is_led_on(admin_client: Client) -> None:
    assert admin_client.get("/login/").headers["Location"] == "/"


def test_a_wrong_password_is_told_in_words(client: Client) -> None:
    page = client.post("/login/", {"username": "ada", "password": "?"}).content.decode()

    assert 'role="alert"' in page
    assert "Please enter a correct username and password" in page


def test_staff_find_the_way_to_the_admin_and_others_do_not(client: Client, admin_client: Client) -> None:
    client.force_login(User.objects.create_user("ada"))

    assert 'href="/admin/"' in admin_client.get("/").content.decode()
    assert 'href="/admin/"' not in client.get("/").content.decode()


def test_a_person_can_sign_out(admin_client: Client) -> None:
    assert admin_client.post("/logout/").status_code in {200, 302}
    assert admin_client.get("/").status_code == 302
