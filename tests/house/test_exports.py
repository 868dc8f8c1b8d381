"""What is public is what `__all__` says."""

from importlib import import_module
from types import ModuleType

import pytest

PUBLIC = ["django_chatkit.client", "django_chatkit.models", "django_chatkit.testing"]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_names_what_is_there(name: str) -> None:
    module = import_module(name)

    assert [export for export in module.__all__ if not hasattr(module, export)] == []
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_nothing_public_is_missing_from_all(name: str) -> None:
    module = import_module(name)

    assert _own(module) <= set(module.__all__)


def _own(module: ModuleType) -> set[str]:
    """Return the public names of ours that a module holds, its submodules aside."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and str(getattr(value, "__module__", "")).startswith("django_chatkit")
    }
