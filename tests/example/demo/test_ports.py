"""The demo looks for its port before it prepares anything."""

import socket

import pytest

from example_project.demo import ports
from example_project.demo.processes import Failed


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(Failed, match=rf"^--port {port}: a port is a number from 0 to 65535\.$"):
        ports.check(port)


def test_a_port_that_is_taken_is_named_with_the_remedy_and_taken_when_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Failed, match=rf"^--port {port}: Address already in use.*\. Give another port"):
            ports.check(port)

    ports.check(port)


def test_any_free_port_will_do() -> None:
    ports.check(0)
