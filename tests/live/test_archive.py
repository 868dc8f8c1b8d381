"""`kill -9` in the middle of an archive: the next run goes on, and both proofs hold; then upstream changes, and it shows."""

import json
from pathlib import Path

import pytest

from django_chatkit.models import ChatThread
from django_chatkit.services.archive_entries import ThreadEntry, read_header, read_manifest
from django_chatkit.services.archive_format import open_lines
from tests.deadline import until

from .databases import ALIAS
from .site import PATIENCE, Command, Site, let_time_pass

pytestmark = pytest.mark.slow

SIZES = {0: 1, 3: 1, 200: 2, 310: 4}
# After how many answers a run is killed.
KILLS = [0, 1, 2, 3, 5, 8, 12]


def start(site: Site, *arguments: str) -> Command:
    return site.launcher.start("chatkit_archive", *arguments, base_url=site.base_url)


def killed(site: Site, folder: Path, *arguments: str, after: int) -> Command:
    """Kill an archive when upstream has answered so often."""
    site.gate.close(after=after)
    command = start(site, str(folder), *arguments)
    until(lambda: site.gate.waiting or command.is_over, seconds=PATIENCE)
    command.kill()
    site.gate.open()
    let_time_pass()
    return command


def said(command: Command) -> list[str]:
    return command.stem.with_suffix(".out").read_text().splitlines()


def held(folder: Path) -> dict[str, list[object]]:
    """Return what the archive holds of each thread, as its manifest tells."""
    found = {}
    for entry in read_manifest(folder):
        assert isinstance(entry, ThreadEntry)
        with open_lines(folder / entry.file) as lines:
            found[entry.thread] = [json.loads(line) for line in lines]
    return found


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_killed_archive_is_gone_on_with_and_verified(site: Site, tmp_path: Path, compression: str) -> None:
    site.threads(SIZES, users=("ada", "bob", "eve"))
    folder = tmp_path / "archive"

    for after in KILLS:
        killed(site, folder, "--compression", compression, after=after)
        header = read_header(folder)
        assert header is None or header.finished_at is None

    assert start(site, str(folder)).outcome() == ("0", "")
    upstream = site.world.upstream()
    assert held(folder) == {id: [thread, *items] for id, (thread, items) in upstream.items()}
    site.world.assert_exact()
    header = read_header(folder)
    assert header is not None
    assert header.finished_at is not None
    assert (header.totals.threads, header.totals.items, header.totals.end_users) == (12, 3 * 513, 3)
    assert not ChatThread.objects.using(ALIAS).unarchived().exists()
    for proof in ("--verify", "--verify-offline"):
        verified = start(site, str(folder), proof)
        assert verified.outcome() == ("0", "")
        assert said(verified) == ["complete: 12 threads, 1539 items compared, no difference"]


def test_a_thread_changed_and_one_deleted_since_are_both_named(site: Site, tmp_path: Path) -> None:
    changed, deleted = site.world.thread("Hello", "Good day"), site.world.thread("Bye")
    site.world.thread("As it was")
    folder = tmp_path / "archive"
    assert start(site, str(folder)).outcome() == ("0", "")
    item = site.emulator.items(changed)[0]["id"]
    site.emulator.change_item(item, content=[{"type": "input_text", "text": "Hi"}])
    site.emulator.remove_thread(deleted)

    verified = start(site, str(folder), "--verify")

    status, errors = verified.outcome()
    assert status == "1"
    assert "CommandError: The archive differs from upstream: 2 differences." in errors
    assert said(verified) == [
        f"item {item} of thread {changed}: differs in content",
        f"thread {deleted}: present in the archive, and not listed upstream",
        "different: 2 threads, 3 items compared, 2 differences",
    ]


def test_two_archives_at_once_do_not_share_a_folder(site: Site, tmp_path: Path) -> None:
    site.world.thread("Hello")
    folder = tmp_path / "archive"
    site.gate.close()
    first = start(site, str(folder))
    site.gate.until_waiting(seconds=PATIENCE)

    status, errors = start(site, str(folder)).outcome()
    site.gate.open()

    assert (status, errors) == ("1", f"CommandError: Another process writes to {folder} right now.\n")
    assert first.outcome() == ("0", "")
