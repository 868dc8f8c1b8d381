"""Where an address leads."""

import pytest

from django_chatkit.services.addresses import leads_to


@pytest.mark.parametrize(
    ("address", "place"),
    [
        pytest.param("https://a.example/b?c=1#d", "a.example", id="web"),
        pytest.param("HTTP://A.Example:8080/", "a.example", id="case-and-port"),
        pytest.param("https://bank.example@evil.example/", "evil.example", id="a-name-before-the-host"),
        pytest.param("https://bank.example%2F@evil.example/", "evil.example", id="an-escaped-name"),
        pytest.param("https://b\u0430nk.example/", "xn--bnk-6cd.example", id="letters-that-look-alike"),
        pytest.param("https://a\u3002example/", "a.example", id="dots-of-other-scripts"),
        pytest.param("https://[::1]/", "::1", id="number"),
        pytest.param("mailto:mia@a.example?subject=x", "mia@a.example", id="mailbox"),
        pytest.param("mailto:mia", "", id="mailbox-of-nobody"),
        pytest.param("https://b%61nk.example/", "", id="escaped-host"),
        pytest.param(f"https://{'a' * 400}.example/", "", id="longer-than-hosts-are"),
        pytest.param("https://[x", "", id="no-host"),
        pytest.param("https:///x", "", id="empty-host"),
        pytest.param("https:a.example", "", id="no-slashes"),
        pytest.param("//a.example/", "", id="no-scheme"),
        pytest.param("/admin/", "", id="a-path"),
        pytest.param("ftp://a.example/", "", id="other-scheme"),
        pytest.param("javascript:alert(1)", "", id="script"),
        pytest.param("java\nscript:alert(1)", "", id="split-script"),
        pytest.param("https://a.example/\\..", "", id="backslash"),
        pytest.param("https://a.example/\u202e", "", id="override"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_plain_address_is_told_by_where_it_leads_and_others_by_nothing(address: str, place: str) -> None:
    assert leads_to(address) == place
