"""Settings of the demo's processes: the example's own, at a demo's pace and with everything in one folder.

The demo sets the environment (`environment.variables`), and with it the folder where all of it lives.
"""

import os
from datetime import timedelta
from urllib.parse import urlsplit

from django_chatkit.tasks import BEAT_SCHEDULE
from example_project import csp
from example_project.settings import *  # noqa: F403
from example_project.settings import CHATKIT as EXAMPLE_CHATKIT

# The emulator itself starts before its address is known.
ORIGIN = urlsplit(os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1/v1"))._replace(path="").geturl()
SCRIPT_URL = f"{ORIGIN}/chatkit.js"

# The emulator's stand-in for the widget talks from the page itself, where OpenAI's talks from its frame.
SECURE_CSP = csp.policy(SCRIPT_URL, connect=[ORIGIN])

CHATKIT = {
    **EXAMPLE_CHATKIT,
    "SCRIPT_URL": SCRIPT_URL,
    "SYNC_INTERVAL": timedelta(seconds=3),
    "SYNC_GRACE": timedelta(seconds=3),
    "RETENTION": {"sessions": timedelta(days=30)},
}

# The same schedule, only sooner where somebody watches.
CELERY_BEAT_SCHEDULE = {
    **BEAT_SCHEDULE,
    **{
        name: {**BEAT_SCHEDULE[name], "schedule": 2.0}
        for name in ("chatkit-sync-due-users", "chatkit-cancel-expired-sessions")
    },
    "chatkit-count-days": {
        **BEAT_SCHEDULE["chatkit-count-days"],
        "schedule": 5.0,
        "kwargs": {"whole": True},
    },
}
CELERY_BEAT_MAX_LOOP_INTERVAL = 1  # second
