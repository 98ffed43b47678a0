"""Paths without a session."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence

from baserun._arguments import is_async, takes
from baserun._guard import guarded
from baserun.exceptions import ConfigurationError

Exclude = Callable[[str], bool]
"""Whether a path is excluded."""


def excluder(excluded: Sequence[str | re.Pattern[str]] | Exclude) -> Exclude:
    """Compile `excluded` into a function of the path.

    Raises:
        ConfigurationError: It is neither a function of the path nor a list of paths and patterns.
    """
    if callable(excluded):
        return _asking(excluded)
    if isinstance(excluded, str) or not isinstance(excluded, list | tuple | set | frozenset):
        raise ConfigurationError(f"excluded must be a list such as ['/health', '/static/*'], not {excluded!r}")
    if not excluded:
        return _nothing
    patterns = [_compiled(pattern) for pattern in excluded]
    return lambda path: any(pattern.match(path) for pattern in patterns)


def _asking(function: Exclude) -> Exclude:
    if is_async(function) or not takes(function, 1):
        raise ConfigurationError(
            f"excluded is called with a path and returns whether it has no session; write def excluded(path), not "
            f"{function!r}"
        )

    def is_excluded(path: str) -> bool:
        with guarded("asking `excluded` about a path"):
            return bool(function(path))
        return False

    return is_excluded


def _nothing(path: str) -> bool:
    return False


def _compiled(pattern: object) -> re.Pattern[str]:
    if isinstance(pattern, re.Pattern):
        return pattern
    if not isinstance(pattern, str) or not pattern.startswith(("/", "*")):
        raise ConfigurationError(f"a path that is excluded begins with '/' ('*' stands for anything): {pattern!r}")
    return re.compile(fnmatch.translate(pattern))
