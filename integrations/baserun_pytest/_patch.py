"""Temporarily replacing an attribute of another library's class or module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Wrap = Callable[[Any], Callable[..., Any]]
"""Returns the replacement of a function or method."""


@contextmanager
def patched(owner: Any, name: str, wrap: Wrap) -> Iterator[None]:
    """Replace an attribute, and restore it afterwards; one that was only inherited is removed again."""
    is_own = name in vars(owner)
    original = getattr(owner, name)
    setattr(owner, name, wrap(original))
    try:
        yield
    finally:
        if is_own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)
