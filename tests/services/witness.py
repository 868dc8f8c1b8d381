"""What must hold of the mirror at every moment, whatever is under way, and what must hold when all has been looked at."""

from typing import Any

from django_chatkit.models import ChatThread, ChatThreadItem
from django_chatkit.models.fields import as_stored
from django_chatkit.services import reading

from .chronicle import Chronicle


class Witness:
    """Compare the rows of one database with what upstream has and ever said."""

    def __init__(self, upstream: Chronicle, database: str) -> None:
        self.upstream = upstream
        self.threads = ChatThread.objects.using(database)
        self.items = ChatThreadItem.objects.using(database)
        # Once upstream said 404 of what it has, a row may be gone for that.
        self.believes_gone = True
        # The newest version seen of each row, and the newest moment that each thread was known as of.
        self._versions: dict[str, int] = {}
        self._moments: dict[str, Any] = {}

    def assert_nothing_is_wrong(self) -> None:
        """Look at all rows, half-synced ones too."""
        gone = set()
        threads = self.threads.values_list("pk", "gone_at", "as_of", "items_as_of", as_stored("payload"))
        for id, gone_at, as_of, items_as_of, stored in threads:
            self._assert_was_said(id, stored)
            self._assert_never_older(id, as_of)
            self._assert_never_older(f"items of {id}", items_as_of)
            if gone_at is not None:
                gone.add(id)
                self._assert_absent(id)
        last: dict[str, tuple[int, int, str]] = {}
        items = self.items.values_list("pk", "thread_id", "gone_at", as_stored("payload"))
        for id, thread, gone_at, stored in items.order_by("thread", "position"):
            self._assert_was_said(id, stored)
            if gone_at is not None:
                self._assert_absent(id)
                continue
            assert thread not in gone, f"{id} is present in a thread that is gone"
            if id not in self.upstream.present:
                continue
            place = self.upstream.place[id]
            assert thread not in last or place > last[thread], f"{id} stands behind a later item"
            last[thread] = place

    def assert_exact(self) -> None:
        """Compare both sides whole: payloads, order of threads and of items, columns, and who is gone."""
        threads = list(self.threads.present().oldest_first())
        has = self.upstream.has()
        assert [each.pk for each in threads] == [id for id, _, _ in has]
        for row, (id, words, items) in zip(threads, has, strict=True):
            assert self._stored(self.threads, id) == words
            found = self.items.of(id).present().in_order()
            assert list(found.values_list("pk", as_stored("payload"))) == items
            self._assert_columns(row, found)

    def _assert_columns(self, thread: ChatThread, items: Any) -> None:
        assert thread.synced_at is not None
        for item in items:
            columns = (item.type, item.text, item.settled)
            payload = item.payload
            assert columns == (
                reading.word(payload, "type"),
                reading.text_of(payload),
                reading.is_settled(payload),
            )

    def _stored(self, rows: Any, id: str) -> Any:
        return rows.filter(pk=id).values_list(as_stored("payload"), flat=True).get()

    def _assert_was_said(self, id: str, stored: str) -> None:
        said, least = self.upstream.said[id], self._versions.get(id, 0)
        assert stored in said, f"upstream never said this of {id}: {stored}"
        assert stored in said[least:], f"{id} went back from {said[least]} to {stored}"
        self._versions[id] = said.index(stored, least)

    def _assert_never_older(self, name: str, moment: Any) -> None:
        if moment is not None:
            assert moment >= self._moments.get(name, moment), f"{name}: knowledge became older"
            self._moments[name] = moment

    def _assert_absent(self, id: str) -> None:
        assert id not in self.upstream.present or not self.believes_gone, (
            f"{id} is marked gone, upstream has it"
        )
