"""What the outside knows us by."""

import re
from importlib import metadata

import django_chatkit


def test_the_distribution_and_the_package_tell_the_same_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", django_chatkit.__version__)
    assert metadata.version("django-openai-chatkit") == django_chatkit.__version__
