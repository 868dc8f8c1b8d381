"""`example_project.csp`: the policy, and the middleware that sends it where Django has none of its own."""

from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from example_project import csp


def test_the_policy_lets_in_this_site_and_the_widgets_host() -> None:
    policy = csp.policy("https://cdn.example/deployments/chatkit.js", connect=["https://api.example"])

    assert policy["default-src"] == ["'self'"]
    assert policy["script-src"] == ["'self'", "https://cdn.example"]
    assert policy["frame-src"] == ["https://cdn.example"]
    assert policy["connect-src"] == ["'self'", "https://api.example"]


def test_the_middleware_sends_the_policy_of_the_settings(settings: Settings) -> None:
    settings.SECURE_CSP = {"default-src": ["'self'"], "img-src": ["'self'", "data:"]}

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("hello")

    answer = csp.ContentSecurityPolicy(view)(RequestFactory().get("/"))

    assert answer.headers["Content-Security-Policy"] == "default-src 'self'; img-src 'self' data:"


def test_every_page_of_the_example_has_a_policy(client: Client) -> None:
    for path in ("/", "/login/", "/admin/login/"):
        assert (
            "script-src 'self' https://" in client.get(path, follow=False).headers["Content-Security-Policy"]
        )
