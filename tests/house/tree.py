"""The files of the project, as git sees them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "django_chatkit"


@cache
def files() -> tuple[Path, ...]:
    """Return every file that is tracked or could be (not ignored), relative to the root."""
    found = _of_git() if (ROOT / ".git").exists() else _of_a_source_distribution()
    return tuple(sorted(path for path in found if (ROOT / path).is_file()))


def _of_git() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [Path(name) for name in listing.split("\0") if name]


def _of_a_source_distribution() -> list[Path]:
    manifest = next(ROOT.glob("*.egg-info/SOURCES.txt")).read_text(encoding="utf-8")
    return [Path(name) for name in manifest.splitlines() if ".egg-info/" not in name]


def under(folder: str, suffix: str = "") -> list[Path]:
    """Return the files below a folder, relative to the root."""
    return [path for path in files() if path.parts[0] == folder and path.name.endswith(suffix)]


def source(path: Path) -> str:
    """Return the text of a file."""
    return (ROOT / path).read_text(encoding="utf-8")


def nodes(path: Path) -> Iterator[ast.AST]:
    """Walk the syntax tree of a Python file."""
    return ast.walk(ast.parse(source(path)))
