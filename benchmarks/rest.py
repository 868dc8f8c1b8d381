"""Measure what a page of 100 items costs, at the first and at the deepest place, beside REST framework's own ways.

    python benchmarks/rest.py [--quick]

One thread of 1,000,000 items lies in databases that are made for the run: SQLite in a file, and PostgreSQL where it
answers. Each request goes through Django's handler, from its address to the bytes of its answer: it shows a token, and
everybody finds out whose it is. The contestants (see `listings`) take turns, so that a busy moment meets them all, and
the tables show medians as ratios: single times say more about the machine than about the code. What is done in every
request (Django, the token) is in every figure. `--quick` takes 20,000 items and less than 20 seconds. Nothing here is
shipped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import UTC, datetime

import listings
import scratch
import tables
from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.test import RequestFactory
from rest_framework.authtoken.models import Token

from django_chatkit.models import ChatThread, EndUser

GOALS = {"SQLite": (0.2, 0.25), "PostgreSQL": (0.3, 0.4)}
VENDORS = [vendor for vendor in scratch.VENDORS if vendor in GOALS]

WORDS = "Of course. Your order left our house on Monday and should be with you by Thursday at noon. " * 2
ITEM = {
    "id": "cti_#",
    "object": "chatkit.thread_item",
    "created_at": 1_760_000_000,
    "thread_id": listings.THREAD,
    "type": "chatkit.assistant_message",
    "content": [{"type": "output_text", "text": WORDS, "annotations": []}],
}
FILL = """
    INSERT INTO django_chatkit_chatthreaditem
        (id, thread_id, type, position, text, settled, payload, created_at, gone_at)
    WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < %s)
    SELECT 'cti_' || n, %s, 'chatkit.assistant_message', n, %s, %s, replace(%s, '#', CAST(n AS text)), %s, NULL
    FROM counted
"""


def fill(vendor: str, *, items: int) -> str:
    """Put a thread of so many items into a database, and return its owner's token."""
    now = datetime.now(UTC)
    owner = User.objects.create_user("owner")
    end_user = EndUser.objects.create(id=str(owner.pk), owner=owner)
    ChatThread.objects.create(id=listings.THREAD, end_user=end_user, created_at=now)
    with connections[vendor].cursor() as cursor:
        cursor.execute(FILL, [items - 1, listings.THREAD, WORDS, True, json.dumps(ITEM), now])
        cursor.execute("VACUUM ANALYZE" if vendor == "PostgreSQL" else "ANALYZE")
    return str(Token.objects.create(user=owner).key)


def race(vendor: str, *, items: int, rounds: int) -> dict[str, list[float]]:
    """Return each contestant's median seconds at the first and at the deepest place."""
    listings.OneDatabase.alias = vendor
    handler, requests = BaseHandler(), RequestFactory()
    handler.load_middleware()
    taken: dict[tuple[str, int], list[float]] = {}
    places = (0, items * 9 // 10)
    with scratch.made(vendor):
        token = fill(vendor, items=items)
        for _ in range(rounds):
            for contestant in listings.CONTESTANTS:
                for place in places:
                    address = contestant.address(place)
                    request = requests.get(address, headers={"Authorization": f"Bearer {token}"})
                    started = time.perf_counter()
                    response = handler.get_response(request)
                    taken.setdefault((contestant.name, place), []).append(time.perf_counter() - started)
                    assert response.status_code == 200, response.content
                    assert contestant is listings.FLOOR or f'"cti_{place}"'.encode() in response.content
    return {
        each.name: [statistics.median(taken[each.name, place]) for place in places]
        for each in listings.CONTESTANTS
    }


def report(results: dict[str, dict[str, list[float]]]) -> str:
    head = ["a page of 100; keyset + ModelSerializer at the first place = 1.0"]
    head += [f"{vendor} {place}" for vendor in results for place in ("first", "deepest")]
    rows = [
        [each.name, *(_ratio(medians, each.name, place) for medians in results.values() for place in (0, 1))]
        for each in listings.CONTESTANTS
    ]
    goals = [f"<= {GOALS[vendor][place]}" for vendor in results for place in (0, 1)]
    return tables.markdown(head, [*rows, ["goal: ours", *goals]])


def _ratio(medians: dict[str, list[float]], name: str, place: int) -> str:
    return f"{medians[name][place] / medians[listings.BASELINE.name][0]:.2f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--quick", action="store_true", help="fewer items and rounds: less than 20 seconds"
    )
    quick = arguments.parse_args().quick
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.ROOT_URLCONF = "listings"
    settings.DATABASE_ROUTERS = ["listings.OneDatabase"]
    items, rounds = (20_000, 15) if quick else (1_000_000, 60)
    print(f"One thread of {items:,} items; the deepest page lies {items * 9 // 10:,} deep.\n")
    print(report({vendor: race(vendor, items=items, rounds=rounds) for vendor in VENDORS}))


if __name__ == "__main__":
    main()
