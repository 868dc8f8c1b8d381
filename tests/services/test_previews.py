"""Previews are fetched from a server with TLS on the loopback, which the tests call public; strangers' addresses are not."""

import gc
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from django_chatkit.services.previews import Fetcher, Preview, Refused, is_public, previews_of, resolve

from .tls import CERTIFICATE, PNG, Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def fetch(server: Server, tmp_path: Path) -> Callable[..., Any]:
    def fetch(path: str, host: str = "localhost", **options: Any) -> Any:
        world: dict[str, Any] = {
            "hosts": frozenset({f"localhost:{server.server_port}"}),
            "longest": 10_000,
            "resolve": lambda host, port: ["127.0.0.1"],
            "is_public": lambda address: address == "127.0.0.1",
            "ca_certs": str(CERTIFICATE),
            **options,
        }
        return Fetcher(**world).fetch(f"https://{host}:{server.server_port}{path}", tmp_path / "preview")

    return fetch


def test_a_preview_is_written_with_what_it_is(fetch: Any, server: Server, tmp_path: Path) -> None:
    asked: list[int] = []

    fetched = fetch("/200/a?b=c", on_request=lambda: asked.append(1))

    assert (fetched.bytes, fetched.content_type, asked) == (4000, "image/png", [1])
    assert (tmp_path / "preview").read_bytes() == PNG
    path, headers = server.seen[-1]
    assert path == "/200/a?b=c"
    assert headers["Host"] == f"localhost:{server.server_port}"
    assert {"Authorization", "Cookie"}.isdisjoint(headers)


def test_what_has_no_type_has_none(fetch: Any) -> None:
    assert fetch("/untyped").content_type == ""


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(fetch: Any) -> None:
    asked: list[str] = []

    def once(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fetch("/200", resolve=once)

    assert asked == ["localhost"]


def nowhere(host: str, port: int) -> Sequence[str]:
    raise OSError


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("/404", {}, "status 404"),
        ("/long", {}, "longer than 10000 bytes"),
        ("/cut", {}, "no answer that can be used"),
        ("/200", {"hosts": frozenset()}, "not among those"),
        ("/200", {"resolve": nowhere}, "has no address"),
        ("/200", {"resolve": lambda host, port: []}, "has no address"),
        ("/200", {"resolve": lambda host, port: ["127.0.0.1", "10.0.0.1"]}, "not public"),
        ("/200", {"is_public": is_public}, "not public"),
        ("/200", {"ca_certs": str(Path(__file__))}, "no answer that can be used"),
        ("/302/https_//elsewhere.example/", {}, "not among those"),
        ("/302/http_//localhost/", {}, "not one of https"),
        ("/302//302", {}, "too many redirects"),
    ],
)
def test_a_preview_that_is_not_to_be_had_is_refused(fetch: Any, path: str, options: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        fetch(path, **options)


@pytest.mark.parametrize("path", ["/404", "/long", "/cut", "/302//302"])
def test_a_refused_answer_leaves_no_connection_open(fetch: Any, path: str) -> None:
    before = set(map(id, open_connections()))

    with pytest.raises(Refused) as kept:  # and with it, its frames and what they hold
        fetch(path)

    assert [each for each in open_connections() if id(each) not in before] == []
    assert kept.value.__traceback__


def open_connections() -> list[ssl.SSLSocket]:
    # By its type: `isinstance` asks a proxy for what it stands for, which other tests may have left dead.
    found = [each for each in gc.get_objects() if issubclass(type(each), ssl.SSLSocket)]
    return [each for each in found if not each.server_side and each.fileno() != -1]


def test_a_redirect_to_an_allowed_address_is_followed(fetch: Any, tmp_path: Path) -> None:
    assert fetch("/302//200").bytes == 4000


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://files.example:bad/", "can't be read"),
        ("https://[/", "can't be read"),
        ("ftp://files.example/", "not one of https"),
        ("https:///a", "not one of https"),
        ("https://files.example/a b", "not one of https"),
        ("https://files.example/\xe9", "not one of https"),
        ("https://me@files.example/", "a user's name"),
        ("https://files.example:8443/", "not among those"),
        ("https://FILES.example.evil/", "not among those"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, url: str, words: str) -> None:
    fetcher = Fetcher(hosts=frozenset({"files.example"}), longest=1, resolve=nowhere)

    with pytest.raises(Refused, match=words):
        fetcher.fetch(url, tmp_path / "preview")


def test_a_host_that_was_named_is_looked_up(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no address"):
        Fetcher(hosts=frozenset({"files.example"}), longest=1, resolve=nowhere).fetch(
            "https://Files.Example/", tmp_path / "preview"
        )


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 -- it is refused
        ("::1", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("fec0::1", False),
        ("3ffe::1", False),
        ("192.88.99.1", False),
        ("::ffff:192.88.99.1", False),
    ],
)
def test_an_address_is_public_or_not(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_loopback_has_its_address() -> None:
    assert "127.0.0.1" in resolve("localhost", 443)


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({}, []),
        ({"attachments": None}, []),
        (
            {"attachments": [7, {"id": "a"}, {"id": 1, "preview_url": "u"}, {"id": "", "preview_url": "u"}]},
            [],
        ),
        ({"attachments": [{"id": "a", "preview_url": None}, {"id": "b", "preview_url": ""}]}, []),
        ({"attachments": [{"id": "a", "preview_url": "u"}]}, [Preview("a", "u")]),
    ],
)
def test_previews_are_those_with_an_address(item: dict[str, Any], found: list[Preview]) -> None:
    assert list(previews_of(item)) == found
