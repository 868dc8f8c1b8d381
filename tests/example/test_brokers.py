"""`example_project.brokers`: a broker in a folder, or any that Celery knows."""

from pathlib import Path

from celery import Celery

from example_project import brokers


def test_a_url_of_another_kind_is_left_to_celery() -> None:
    assert brokers.parse("redis://broker.example/1") == ("redis://broker.example/1", {})


def test_a_folder_carries_a_message_from_a_sender_to_a_worker(tmp_path: Path) -> None:
    url, options = brokers.parse(f"filesystem://{tmp_path}/not/yet/there")
    app = Celery("folder", broker=url, set_as_current=False)
    app.conf.broker_transport_options = options

    with app.connection_for_write() as connection:
        with connection.SimpleQueue("letters") as queue:
            queue.put({"hello": "world"})
        with connection.SimpleQueue("letters") as queue:
            assert queue.get(timeout=120).payload == {"hello": "world"}
