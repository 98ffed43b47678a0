"""The public names of `baserun`."""

from __future__ import annotations

from types import ModuleType

import pytest

import baserun


def test_all_is_sorted() -> None:
    """`__all__` is sorted."""
    assert baserun.__all__ == sorted(baserun.__all__)


def test_all_is_complete() -> None:
    """Every public name of the module is in `__all__`, and every name in it exists."""
    public = {
        name for name, value in vars(baserun).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert public == set(baserun.__all__)


def test_unknown_name_is_refused() -> None:
    """A misspelt name raises AttributeError as in any other module."""
    with pytest.raises(AttributeError, match="module 'baserun' has no attribute 'with_sesion'"):
        _ = baserun.with_sesion  # type: ignore[attr-defined]
