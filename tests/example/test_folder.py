"""The broker in a folder is ours, whoever names it, and shows no message that is not whole."""

import threading
from pathlib import Path

from kombu import Connection

from example_project import brokers, folder


def test_kombus_own_name_means_our_transport(tmp_path: Path) -> None:
    _, options = brokers.parse(f"filesystem://{tmp_path}")

    with Connection("filesystem:///wherever", transport_options=options) as connection:
        assert isinstance(connection.transport, folder.Transport)


def test_a_reader_never_meets_half_a_message(tmp_path: Path) -> None:
    url, options = brokers.parse(f"filesystem://{tmp_path}")
    letters = [{"number": number, "text": "x" * 20_000} for number in range(200)]

    def write() -> None:
        with (
            Connection(url, transport_options=options) as connection,
            connection.SimpleQueue("post") as queue,
        ):
            for letter in letters:
                queue.put(letter)

    writer = threading.Thread(target=write)
    with Connection(url, transport_options=options) as connection, connection.SimpleQueue("post") as queue:
        writer.start()
        found = [queue.get(timeout=120).payload for _ in letters]
    writer.join()

    assert found == letters
