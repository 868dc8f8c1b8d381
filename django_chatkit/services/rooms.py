"""Rooms: positions between items that we hold, for items that we lost and upstream still has."""

from collections.abc import Iterable, Mapping


def rooms(ids: Iterable[str], positions: Mapping[str, int], *, above: int) -> dict[str, int]:
    """Return a position for each id without one, as far as it fits below the next that has one.

    ``ids`` are in upstream's order, and come after what stands at ``above``.
    """
    found: dict[str, int] = {}
    lacking: list[str] = []
    for id in ids:
        position = positions.get(id)
        if position is None:
            lacking.append(id)
        elif position - above <= len(lacking):
            break
        else:
            found.update(zip(lacking, range(position - len(lacking), position), strict=True))
            above, lacking = position, []
    return found
