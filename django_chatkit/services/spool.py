"""One thread on its way into an archive: its lines, page by page, until it is whole and is put in place."""

from dataclasses import dataclass, field
from pathlib import Path

from ..client import ChatKitThreadItem, Page
from . import archive_format as form
from .archive_format import Compression, ItemDigest
from .paging import Contradiction, has_more


@dataclass(slots=True, kw_only=True)
class Spool:
    """The lines of one thread so far. `hear` and `finish` run on a crew's threads, one at a time."""

    folder: Path
    partial: Path
    thread_id: str
    compression: Compression
    # The thread's own line.
    head: bytes
    digest: ItemDigest = field(default_factory=ItemDigest)
    # Whether the last page was the list's last.
    is_whole: bool = False
    _longest: int = 0

    @property
    def fault(self) -> form.TooLong | None:
        """Return why these lines are not to be kept: an archive that nobody reads is none."""
        if self._longest <= form.LONGEST_LINE:
            return None
        return form.TooLong(f"a line of {self._longest} bytes is longer than an archive's may be")

    @property
    def file(self) -> str:
        """Return where the thread's file belongs, relative to the archive: never where another content is."""
        generation = form.generation_of(form.line_digest(self.head), self.digest.sha256)
        return form.thread_file(self.thread_id, self.compression, generation=generation)

    @property
    def path(self) -> Path:
        """Return where the lines are now."""
        return self.partial / f"{form.digest_of(self.thread_id)}.jsonl"

    def hear(self, page: Page[ChatKitThreadItem], after: str | None) -> None:
        """Take in a page of items, oldest first; one that was asked for after an earlier item takes the place of what follows.

        Raises:
            Contradiction: it was asked for after an item that is not here.
        """
        if after is None:
            self._begin()
        elif after != self.digest.last:
            self._cut(after)
        assert page.texts is not None  # whoever archives has a client that keeps them
        with self.path.open("ab") as file:
            for item, text in zip(page.data, page.texts, strict=True):
                line = form.line_of(text)
                self.digest.add(item.payload["id"], line)
                file.write(line)
                self._longest = max(self._longest, len(line))
        self.is_whole = not has_more(page)

    def finish(self) -> None:
        """Put the thread's file in place.

        Raises:
            OSError: the disk refuses.
        """
        target = self.path
        if self.compression == "gzip":
            target = self.path.with_suffix(".gz")
            with self.path.open("rb") as lines, target.open("wb") as packed:
                form.compress(lines, packed)
            self.path.unlink()
        form.put_in_place(target, self.folder / self.file)

    def drop(self) -> None:
        """Forget the lines."""
        self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self.digest, self._longest = ItemDigest(), len(self.head)
        self.path.write_bytes(self.head)

    def _cut(self, after: str) -> None:
        """Keep the lines up to the first of an item."""
        digest, end = ItemDigest(), len(self.head)
        with form.open_lines(self.path, longest=max(self._longest, form.LONGEST_LINE)) as lines:
            next(lines)
            for line in lines:
                id = form.object_of(line, self.path)["id"]
                digest.add(id, line)
                end += len(line)
                if id == after:
                    break
        if digest.last != after:
            raise Contradiction("a page was asked for after an item that was not read")
        self.digest = digest
        with self.path.open("r+b") as file:
            file.truncate(end)
