"""Real conversations in many languages: the dialogues of the PyPI package ``chatterbot-corpus``."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


class Missing(Exception):
    """The packages of the extra are not installed."""

    def __init__(self) -> None:
        super().__init__(
            'The demo\'s conversations are not installed. Install them with: pip install -e ".[demo]"'
        )


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Lines that two sides said in turn, and the topic they stand under."""

    topic: str
    lines: tuple[str, ...]


def folder(package: str = "chatterbot_corpus") -> Path:
    """Return where the dialogues lie; raises `Missing` where they, or what reads them, are not installed.

    The package is found and not imported: all that is wanted are its files.
    """
    found = find_spec(package)
    if found is None or not found.submodule_search_locations or find_spec("yaml") is None:
        raise Missing
    return Path(found.submodule_search_locations[0], "data")


def read(data: Path) -> dict[str, list[Dialogue]]:
    """Return the dialogues of each language that has any, both in alphabetical order of their files."""
    import yaml  # noqa: PLC0415 -- of the extra [demo]: the example project works without it

    languages: dict[str, list[Dialogue]] = {}
    for path in sorted(data.glob("*/*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for lines in document.get("conversations") or ():
            # A lone line is nobody's conversation.
            if len(lines) > 1:
                dialogue = Dialogue(path.stem.replace("_", " "), tuple(str(line) for line in lines))
                languages.setdefault(path.parent.name, []).append(dialogue)
    return languages
