"""Previews of attachments, fetched from addresses that strangers may have chosen: nothing here trusts one.

Only https, only hosts that were named, only to a public address, which is looked up once and is the one connected to; no
proxy, no cookie, no key; a redirect is one more address to be judged; an answer has a bound in bytes and in seconds.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ..client.sockets import DeadlineHTTPSPool, allow

CHUNK = 1 << 16  # bytes
REDIRECTS = 3
HTTPS = 443

# Ranges that lead through to addresses of other kinds: 6to4 and its relays, Teredo, and NAT64; and those that were given
# back, which a site's own network may still use: site-local ones, and those of the 6bone.
_DETOURS = tuple(
    map(
        ipaddress.ip_network,
        (
            "2002::/16",
            "192.88.99.0/24",
            "2001::/32",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "fec0::/10",
            "3ffe::/16",
        ),
    )
)

Resolve = Callable[[str, int], Sequence[str]]


class Refused(Exception):
    """A preview was not fetched; the message says why, without its address.

    It ``is_final`` where whoever asks again in the same way is refused again: the preview is not wanted.
    """

    def __init__(self, words: str, *, is_final: bool = False) -> None:
        super().__init__(words)
        self.is_final = is_final


class Preview(NamedTuple):
    """Name an attachment and where upstream says its preview is."""

    attachment: str
    url: str


class Fetched(NamedTuple):
    """What was fetched."""

    bytes: int
    sha256: str
    content_type: str


def previews_of(item: Mapping[str, Any]) -> Iterator[Preview]:
    """Yield the previews of which an item tells."""
    attachments = item.get("attachments")
    for each in attachments if isinstance(attachments, list) else ():
        if isinstance(each, dict):
            id, url = each.get("id"), each.get("preview_url")
            if isinstance(id, str) and id and isinstance(url, str) and url:
                yield Preview(id, url)


def is_public(address: str) -> bool:
    """Tell whether an address is one of the open internet, and leads to no other."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return is_public(str(ip.ipv4_mapped))
    if any(ip in network for network in _DETOURS):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Fetch previews. ``hosts`` are names, with ``:port`` where it is not 443; ``longest`` counts bytes.

    ``seconds`` bounds each exchange, from the first byte sent to the last one read. ``resolve``, ``is_public`` and ``ca_certs``
    are the world.
    """

    hosts: frozenset[str]
    longest: int
    seconds: float = 60.0
    on_request: Callable[[], None] = lambda: None
    resolve: Resolve = resolve
    is_public: Callable[[str], bool] = is_public
    ca_certs: str = DEFAULT_CA_BUNDLE_PATH

    def fetch(self, url: str, target: Path) -> Fetched:
        """Write what stands at an address into a file, whole or not at all.

        Raises:
            Refused: it is not to be fetched, or could not be.
            BudgetSpent: whatever ``on_request`` raises.
        """
        for _ in range(REDIRECTS + 1):
            parts = self._judged(url)
            address = self._address(parts)
            with self._pool(parts, address) as pool:
                self.on_request()
                try:
                    with closing(self._get(pool, parts)) as answer:
                        if answer.status not in (301, 302, 303, 307, 308):
                            return self._kept(answer, target)
                        url = urljoin(url, answer.headers.get("location", ""))
                except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                    raise Refused(f"no answer that can be used ({type(error).__name__})") from None
        raise Refused("too many redirects")

    def _judged(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port or HTTPS
        except ValueError:
            raise Refused("its address can't be read", is_final=True) from None
        if parts.scheme != "https" or not host or not url.isascii() or not url.isprintable() or " " in url:
            raise Refused("its address is not one of https", is_final=True)
        if "@" in parts.netloc:
            raise Refused("its address holds a user's name", is_final=True)
        if (host if port == HTTPS else f"{host}:{port}") not in self.hosts:
            raise Refused("its host is not among those that were allowed", is_final=True)
        return parts

    def _address(self, parts: SplitResult) -> str:
        host, port = str(parts.hostname), parts.port or HTTPS
        try:
            addresses = self.resolve(host, port)
        except (OSError, UnicodeError):
            raise Refused("its host has no address") from None
        if not addresses:
            raise Refused("its host has no address")
        if not all(map(self.is_public, addresses)):
            raise Refused("its host has an address that is not public", is_final=True)
        return addresses[0]

    def _pool(self, parts: SplitResult, address: str) -> DeadlineHTTPSPool:
        allow(self.seconds)
        return DeadlineHTTPSPool(
            address,
            parts.port or HTTPS,
            timeout=urllib3.Timeout(connect=5, read=self.seconds),
            maxsize=1,
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=self.ca_certs,
            server_hostname=parts.hostname,
            assert_hostname=parts.hostname,
        )

    def _get(self, pool: DeadlineHTTPSPool, parts: SplitResult) -> urllib3.BaseHTTPResponse:
        return pool.request(
            "GET",
            parts._replace(scheme="", netloc="", fragment="").geturl() or "/",
            headers={"Host": parts.netloc, "Accept": "*/*", "Accept-Encoding": "identity"},
            redirect=False,
            preload_content=False,
        )

    def _kept(self, answer: urllib3.BaseHTTPResponse, target: Path) -> Fetched:
        if answer.status != 200:
            raise Refused(f"status {answer.status}")
        size, digest = 0, sha256()
        with target.open("wb") as file:
            for part in answer.stream(CHUNK, decode_content=False):
                size += len(part)
                if size > self.longest:
                    raise Refused(f"it is longer than {self.longest} bytes", is_final=True)
                digest.update(part)
                file.write(part)
        return Fetched(size, digest.hexdigest(), answer.headers.get("content-type", ""))
