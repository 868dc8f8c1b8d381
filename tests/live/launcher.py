"""Commands as processes of their own that need no second to start: forked by a process that has loaded everything.

Reads a line of JSON for each command: its arguments, its environment, and the stem of the files for what it prints and
its exit status. Answers each with a line: the process id.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import django
from django.core.management import execute_from_command_line, load_command_class


def main() -> None:
    """Fork a process for each line, until there are no more."""
    django.setup()
    load_command_class("django_chatkit", "chatkit_sync")
    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # nobody asks how the children ended: it stands in their files
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become(**json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(arguments: list[str], environment: dict[str, str], stem: str) -> None:
    """Run a command as manage.py would, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.update(environment)
    for number, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{stem}.{kind}", os.O_CREAT | os.O_WRONLY, 0o600), number)
    status: Any = 0
    try:
        execute_from_command_line(["manage.py", *arguments])
    except SystemExit as end:
        status = end.code or 0
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    ended = Path(f"{stem}.status")
    ended.with_suffix(".draft").write_text(str(status))
    ended.with_suffix(".draft").rename(ended)
    os._exit(0)


if __name__ == "__main__":
    main()
