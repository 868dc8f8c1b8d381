"""Queues of a test run's own on a broker that others use too."""

from typing import Any

import redis
from celery import Celery
from kombu import Connection, Exchange, Queue

EXPIRES = 600  # seconds after which RabbitMQ drops a queue that nobody uses, should the run be killed


def configuration(url: str, name: str) -> dict[str, Any]:
    """Return what Celery has to know, so that nothing of this name meets anything of another."""
    # RabbitMQ keeps the names of queues apart; Redis has keys beside them, such as those of what is not acknowledged.
    own: dict[str, Any] = {"global_keyprefix": f"{name}:"} if url.startswith("redis") else {}
    return {
        "broker_url": url,
        "broker_transport_options": own,
        "task_default_queue": name,
        "task_queues": [Queue(name, Exchange(name, auto_delete=True), name, expires=EXPIRES)],
        "worker_enable_remote_control": False,
    }


def sender(url: str, name: str) -> Celery:
    """Return an app that sends tasks there."""
    app = Celery(name, set_as_current=False)
    app.conf.update(configuration(url, name))
    return app


def let_an_hour_pass(url: str, name: str) -> None:
    """Make Redis think that what is not acknowledged was delivered long ago; RabbitMQ sees a connection's end itself."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            index = f"{name}:unacked_index"
            for tag in client.zrange(index, 0, -1):
                client.zadd(index, {tag: 0})


def remove(url: str, name: str) -> None:
    """Leave nothing of this name on the broker."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(f"{name}*"):
                client.delete(key)
    else:
        with Connection(url) as connection:
            channel: Any = connection.default_channel
            channel.queue_delete(name)
            channel.exchange_delete(name)
