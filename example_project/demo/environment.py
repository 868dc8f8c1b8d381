"""What the demo's processes are started with: their environment and their command lines."""

import os
import sys
from pathlib import Path

from django.core.management.utils import get_random_secret_key

ROOT = Path(__file__).resolve().parent.parent.parent
WORKFLOW_ID = "wf_demo"

# What this process was told about another project, another broker or the real OpenAI must not reach the demo's.
FOREIGN = ("CACHE_", "CELERY_", "CHATKIT_", "DATABASE_", "DJANGO_", "OPENAI_")


def variables(folder: Path) -> dict[str, str]:
    """Return the environment of the demo's processes; everything that they write goes to `folder`."""
    temporary = folder / "tmp"
    temporary.mkdir()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
        "CACHE_URL": f"file://{folder}/cache",
        "CELERY_BROKER_URL": f"filesystem://{folder}/broker",
        "CHATKIT_WORKFLOW_ID": WORKFLOW_ID,
        "DATABASE_URL": f"sqlite:///{database(folder)}",
        "DJANGO_DEBUG": "0",
        "DJANGO_SECRET_KEY": get_random_secret_key(),
        "DJANGO_SETTINGS_MODULE": "example_project.demo.settings",
        "NO_PROXY": "127.0.0.1",
        "OPENAI_API_KEY": "sk-demo",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(temporary),
        "no_proxy": "127.0.0.1",
    }


def database(folder: Path) -> Path:
    """Return the file of the site's database."""
    return folder / "db.sqlite3"


def manage(*arguments: str) -> list[str]:
    """Return the command line of a management command."""
    return [sys.executable, "-m", "django", *arguments]


def emulator(history: Path) -> list[str]:
    """Return the command line of the emulator, on a free port."""
    return manage("chatkit_emulator", "--port", "0", "--load", str(history))


def site(port: int) -> list[str]:
    """Return the command line of the site; 0 picks a free port. It serves static files without DEBUG (--insecure)."""
    return manage("runserver", "--noreload", "--insecure", f"127.0.0.1:{port}")


def worker() -> list[str]:
    """Return the command line of the Celery worker: threads, because there is one machine and SQLite."""
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return _celery("worker", "--pool", "threads", "--concurrency", "4", *alone)


def beat(folder: Path) -> list[str]:
    """Return the command line of Celery beat."""
    return _celery("beat", "--schedule", str(folder / "beat"), "--pidfile", "")


def _celery(command: str, *arguments: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "example_project",
        command,
        "--loglevel",
        "INFO",
        *arguments,
    ]
