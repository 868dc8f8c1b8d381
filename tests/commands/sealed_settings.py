"""The example project's settings, with the keys of encryption that the environment lists."""

import os

from example_project.settings import *  # noqa: F403

CHATKIT["ENCRYPTION_KEYS"] = os.environ["TEST_ENCRYPTION_KEYS"].split(",")  # noqa: F405
