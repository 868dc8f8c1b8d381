from __future__ import annotations

import socket
import subprocess
import sys
import textwrap

import requests

from django_chatkit.client.pool import Pool

from .scripted import KEY, Script, Stop, answer, page, read_request, serving


def request(url: str) -> requests.PreparedRequest:
    return requests.Request("GET", url).prepare()


def test_a_child_after_a_fork_has_connections_of_its_own() -> None:
    asked: dict[int, int] = {}

    def handle(connection: socket.socket, stop: Stop) -> None:
        while read_request(connection):
            asked[connection.fileno()] = asked.get(connection.fileno(), 0) + 1
            connection.sendall(answer(page("").body))

    script = """
        import os, sys
        from django_chatkit.client import ChatKit

        client = ChatKit(api_key=sys.argv[1], base_url=sys.argv[2])
        client.threads.list()
        child = os.fork()
        client.threads.list()
        if child:
            client.threads.list()
            os.waitpid(child, 0)
            client.close()
        os._exit(0)
    """
    with serving(handle) as url:
        subprocess.run([sys.executable, "-c", textwrap.dedent(script), KEY, url], check=True, timeout=120)

    assert sorted(asked.values()) == [1, 3]


def test_another_process_opens_anew() -> None:
    process = iter((1, 1, 2, 2, 2))
    connections: list[socket.socket] = []

    def handle(connection: socket.socket, stop: Stop) -> None:
        connections.append(connection)
        while read_request(connection):
            connection.sendall(answer(b""))

    with serving(handle) as url:
        pool = Pool(url, size=1, process=lambda: next(process))
        for _ in range(3):
            assert pool.send(request(url), (5, 5)).content == b""
        pool.close()

    assert len(connections) == 2


def test_an_adapter_that_was_passed_in_serves_both_schemes_and_stays_open() -> None:
    script = Script(page(""))
    pool = Pool("https://upstream.test", size=1, adapter=script)

    pool.send(request("https://upstream.test/v1"), (1, 1))
    pool.send(request("http://upstream.test/v1"), (1, 1))
    pool.close()

    assert (len(script.sent), script.closed) == (2, False)
