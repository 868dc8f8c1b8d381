#!/usr/bin/env python
"""Run a management command of the example project (an outer DJANGO_SETTINGS_MODULE wins)."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Hand the command line to Django; settings that can't be used are told in a line, unless ``--traceback`` is asked for."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(" ".join(str(error).split()))


if __name__ == "__main__":
    main()
