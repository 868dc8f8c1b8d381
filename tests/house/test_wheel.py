"""What is shipped: the whole package and nothing else in the wheel, the tests too in the source distribution."""

import email
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from . import tree

pytestmark = pytest.mark.slow

# A subprocess, because the build backend works in the current folder and changes the process it runs in.
BUILD = "import sys; from setuptools import build_meta as backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions from a copy of the tree: a build leaves files behind, and takes in those it finds."""
    copy = tmp_path_factory.mktemp("copy")
    for path in tree.files():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree.ROOT / path, copy / path)
    dist = tmp_path_factory.mktemp("dist")
    for kind in ("build_sdist", "build_wheel"):
        subprocess.run(
            [sys.executable, "-c", BUILD, kind, str(dist)], cwd=copy, check=True, capture_output=True
        )
    return dist


@pytest.fixture(scope="session")
def wheel(built: Path) -> zipfile.Path:
    """Return the root of the wheel."""
    return zipfile.Path(next(built.glob("*.whl")))


@pytest.fixture(scope="session")
def metadata(wheel: zipfile.Path) -> Message:
    """Return what an installer reads of the package."""
    info = next(entry for entry in wheel.iterdir() if entry.name.endswith(".dist-info"))
    return email.message_from_string((info / "METADATA").read_text(encoding="utf-8"))


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: zipfile.Path) -> None:
    shipped = {name for name in wheel.root.namelist() if ".dist-info/" not in name and not name.endswith("/")}

    assert shipped == {path.as_posix() for path in tree.under("django_chatkit")}


def test_the_wheel_says_that_it_is_typed(wheel: zipfile.Path) -> None:
    assert (wheel / "django_chatkit" / "py.typed").exists()


def test_the_source_distribution_holds_the_tests_and_the_example(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {Path(*Path(name).parts[1:]) for name in archive.getnames()}

    # The files that only git and a build server need may stay out.
    expected = {path for path in tree.files() if path.parts[0] not in {".gitignore", ".github"}}
    assert expected - names == set()


def test_no_runtime_dependency_is_capped_and_there_are_four(metadata: Message) -> None:
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]

    assert sorted(line.partition(">=")[0] for line in required) == [
        "celery",
        "django",
        "djangorestframework",
        "requests",
    ]
    assert [line for line in required if "<" in line or "==" in line or "~=" in line] == []


def test_the_metadata_say_who_we_are(metadata: Message) -> None:
    assert metadata["Name"] == "django-openai-chatkit"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
