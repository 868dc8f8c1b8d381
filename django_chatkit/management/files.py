"""Files that a command writes for whoever runs it: whole or not at all, and for their eyes only."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def write(path: Path, pieces: Iterable[bytes], *, link: Callable[[str, Path], None] = os.link) -> int:
    """Write a file that only its owner may read, whole or not at all, and return its size.

    Raises:
        FileExistsError: the name is somebody else's.
    """
    if os.path.lexists(path):  # before the work; who takes it meanwhile keeps it too
        raise FileExistsError(path)
    handle, part = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)  # 0600
    try:
        with os.fdopen(handle, "wb") as file:
            size = sum(file.write(piece) for piece in pieces)
        _put(part, path, link)
    finally:
        Path(part).unlink(missing_ok=True)
    return size


def _put(part: str, path: Path, link: Callable[[str, Path], None]) -> None:
    """Give a whole file its name, unless somebody has that."""
    try:
        link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the name first, and then what is in it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        Path(part).replace(path)
