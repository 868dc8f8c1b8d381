"""How an archive lies on disk: its names, its lines, its digests. docs/archive.md tells the format.

    DIR/archive.json                       what it is an archive of, and its totals
    DIR/manifest.jsonl                     a line for each thread read, each that could not be, and each attachment
    DIR/threads/<xx>/<name>.<generation>.jsonl[.gz]
                                           a thread and its items, a line each, as upstream sent them
    DIR/attachments/<xx>/<name>            previews, where they were asked for

A line ends with a line feed and with nothing else: JSON text may hold other characters that some take for a line's end.
No database and no network here; `archive_entries` reads and writes what the first two files say.
"""

import gzip
import json
import os
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal, Protocol, cast, get_args

FORMAT = "django-chatkit-archive"
VERSION = 1
HEADER = "archive.json"
MANIFEST = "manifest.jsonl"
THREADS = "threads"
ATTACHMENTS = "attachments"

Compression = Literal["none", "gzip"]
COMPRESSIONS: tuple[Compression, ...] = get_args(Compression)
SUFFIXES: Mapping[Compression, str] = {"none": ".jsonl", "gzip": ".jsonl.gz"}
# No line of a thread's file is longer, in bytes, line feed included: what is read of a file is bounded, whoever wrote it.
LONGEST_LINE = 16 << 20
# Hexadecimal digits that tell the generations of a thread's file.
_GENERATION = 16

# Longer names than this, suffix aside, some file systems refuse.
_LONGEST_NAME = 200
# Names that Windows keeps for its devices, whatever their suffix.
_DEVICE = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_LINE_BREAKS = str.maketrans("\n\r", "  ")
_GZIP_LEVEL = 6


class Readable(Protocol):
    """A file that gives its lines."""

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or so much of it."""


class TooLong(ValueError):
    """An object makes a longer line than an archive may have."""


class BrokenArchive(Exception):
    """A file of an archive is not what it should be; the message names it, and quotes nothing of a thread."""


# Names


def name_of(id: str) -> str:
    """Return an id as a name that every file system takes and none confuses: percent-encoded, or its SHA-256 as hex.

    Capitals are encoded too, for file systems that know no difference, and so is the first letter of a device.
    """
    name = "".join(map(_in_name, id.encode(errors="surrogatepass")))
    if _DEVICE.fullmatch(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name if len(name) <= _LONGEST_NAME else digest_of(id)


def _in_name(byte: int) -> str:
    return chr(byte) if byte in _PLAIN else f"%{byte:02X}"


def digest_of(id: str) -> str:
    """Return the SHA-256 of an id, as hex."""
    return sha256(id.encode(errors="surrogatepass")).hexdigest()


def thread_file(id: str, compression: Compression, *, generation: str) -> str:
    """Return where a thread's file is, relative to the archive, with slashes; no two generations share one."""
    return f"{_before_generation(id)}{generation}{SUFFIXES[compression]}"


def generation_of(thread_sha256: str, sha256: str) -> str:
    """Return what tells a thread's file from one with another content, of the digests that the manifest tells."""
    return digest_of(thread_sha256 + sha256)[:_GENERATION]


def is_thread_file(file: str, id: str) -> bool:
    """Tell whether a manifest may name a file, relative to the archive, as one of a thread's."""
    start = _before_generation(id)
    return file.startswith(start) and "/" not in file[len(start) :]


def _before_generation(id: str) -> str:
    return f"{THREADS}/{digest_of(id)[:2]}/{name_of(id)}."


def attachment_file(id: str) -> str:
    """Return where an attachment's preview is, relative to the archive. It has no suffix: nothing opens it by mistake."""
    return f"{ATTACHMENTS}/{digest_of(id)[:2]}/{name_of(id)}"


def within(folder: Path, file: str) -> Path:
    """Return the path of a file that a manifest names.

    Raises:
        BrokenArchive: it leads out of the archive.
    """
    parts = PurePosixPath(file).parts
    if not parts or file.startswith("/") or ".." in parts or "\\" in file or "\0" in file or ":" in file:
        raise BrokenArchive(f"{MANIFEST} names a file that is not in the archive")
    return folder.joinpath(*parts)


def plain_file(folder: Path, file: str) -> Path:
    """Return the path of a plain file that a manifest names.

    Raises:
        BrokenArchive: it leads out of the archive, also by a link, or is no plain file, or not there.
    """
    path = within(folder, file)
    try:
        is_within, is_file = path.resolve().is_relative_to(folder.resolve()), path.is_file()
    except (OSError, RuntimeError, ValueError):  # a name that no file can have, links in a circle
        is_within, is_file = True, False
    if not is_within:
        raise BrokenArchive(f"{path.name}: it leads out of the archive")
    if not is_file:
        raise BrokenArchive(f"{path.name}: there is no such file")
    return path


# Lines and digests


def line_of(text: str) -> bytes:
    """Return the line of an object that upstream sent: its text, and a line feed.

    Where upstream sets its JSON in several lines, each line break becomes one space: it can only stand between tokens, for
    in a string JSON writes it as an escape. Nothing else is touched.
    """
    return text.translate(_LINE_BREAKS).encode() + b"\n"


class ItemDigest:
    """Add up a thread's item lines in order: how many, the first, the last, and their SHA-256."""

    def __init__(self) -> None:
        self.items = 0
        self.first: str | None = None
        self.last: str | None = None
        self._sha256 = sha256()

    def add(self, id: str, line: bytes) -> None:
        """Count an item by its id and its line, line feed included."""
        self.items += 1
        self.first = id if self.first is None else self.first
        self.last = id
        self._sha256.update(line)

    @property
    def sha256(self) -> str:
        """Return the digest of all lines so far, as hex."""
        return self._sha256.hexdigest()


def line_digest(line: bytes) -> str:
    """Return the SHA-256 of one line, line feed included, as hex."""
    return sha256(line).hexdigest()


@contextmanager
def open_lines(path: Path, *, longest: int = LONGEST_LINE) -> Iterator[Iterator[bytes]]:
    """Open a thread's file, compressed or not, and yield its lines one by one, each with its line feed.

    Raises:
        BrokenArchive: it is not there, is no gzip, ends within a line, or has one that is too long.
    """
    with readable(path), opened(path) as file:
        yield _whole_lines(file, path, longest)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Name a file that can't be read meanwhile.

    Raises:
        BrokenArchive: that is so.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenArchive(f"{path.name} can't be read: {type(error).__name__}") from error


def opened(path: Path) -> IO[bytes]:
    """Open a thread's file for what it says, compressed or not."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def lines_of(file: Readable, *, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Yield the lines of a file from where it stands, each with its end.

    Raises:
        BrokenArchive: one is too long; no more of it was read.
    """
    while line := file.readline(longest + 1):
        if len(line) > longest:
            raise BrokenArchive(f"a line is longer than {longest} bytes")
        yield line


def _whole_lines(file: Readable, path: Path, longest: int) -> Iterator[bytes]:
    try:
        for line in lines_of(file, longest=longest):
            if not line.endswith(b"\n"):
                raise BrokenArchive("it ends within a line")
            yield line
    except BrokenArchive as error:
        raise BrokenArchive(f"{path.name}: {error}") from None


def object_of(line: bytes, path: Path) -> dict[str, Any]:
    """Return the object that a line says.

    Raises:
        BrokenArchive: it is no JSON object in UTF-8.
    """
    try:
        payload = json.loads(line.decode())
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise BrokenArchive(f"{path.name} holds a line that is no JSON object")
    return payload


def compress(source: IO[bytes], target: IO[bytes]) -> None:
    """Write what is left of a file as gzip. The same lines give the same bytes, whenever it is done."""
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=target, mtime=0) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)


# Files


def put_in_place(temporary: Path, path: Path) -> None:
    """Move a file that is written whole to where it belongs; whoever looks sees all of it, or nothing."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(path)


def make_durable(folder: Path) -> None:
    """Have the names in a folder outlive a power failure."""
    with suppress(OSError):  # it is not there, or the system opens no folders, as Windows
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
