"""The example project's settings for several workers: queues of a run's own, a shared cache, a beat that ticks fast."""

import os

from django_chatkit.tasks import BEAT_SCHEDULE
from example_project.settings import *  # noqa: F403
from tests.live import brokers

NAME = os.environ["LIVE_NAME"]

globals().update(
    (f"CELERY_{key.upper()}", value)
    for key, value in brokers.configuration(os.environ["CELERY_BROKER_URL"], NAME).items()
)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# A beat that fires twice, as two of them would.
TICK = {**BEAT_SCHEDULE["chatkit-sync-due-users"], "schedule": 1.0}
CELERY_BEAT_SCHEDULE = {"once": TICK, "twice": TICK}

if concurrency := os.environ.get("LIVE_CONCURRENCY"):
    CHATKIT["SYNC_CONCURRENCY"] = int(concurrency)  # noqa: F405

# A site has either Redis for both, or RabbitMQ and the database.
if os.environ["CELERY_BROKER_URL"].startswith("redis"):
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["CELERY_BROKER_URL"],
            "KEY_PREFIX": NAME,
        }
    }
else:
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "live_cache"},
    }
