"""From the marker of a test to its replay."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import TestCase

import pytest

from baserun_pytest._offline import address_of_latest
from baserun_pytest._replay import Replay
from baserun_pytest.plugin import REPLAY

_USAGE = f'{REPLAY}("a.json", ignore=["temperature"], partial=True), each of which can be left out'
_FOLDER = "recordings"
_UNSAFE = re.compile(r"[^\w.\[\]-]+")
_LONGEST = 100
_LONGEST_BYTES = 200  # file systems allow 255


def replay_of(item: pytest.Item, mode: str, written: Collection[Path]) -> Replay | None:
    """Return the replay of a test; None if it does not have the marker, or never runs.

    Args:
        item: The test.
        mode: The value of `--baserun-record`.
        written: Recordings that other tests of this run have made; they are extended.
    """
    marker = item.get_closest_marker(REPLAY)
    if marker is None or _is_skipped_by_unittest(item):
        return None
    return _replay(item, mode, written, *_asked(*marker.args, **marker.kwargs))


def _asked(*arguments: Any, **options: Any) -> tuple[str | Path | None, tuple[str, ...], bool]:
    """Check the arguments of the marker, and return path, ignored members and whether some calls may be missing."""
    try:
        return _checked(*arguments, **options)
    except TypeError as error:
        problem = f"{error}".replace("_checked()", "it")
    pytest.fail(f"@pytest.mark.{REPLAY} cannot be used: {problem}. Write {_USAGE}.", pytrace=False)


def _checked(
    path: str | Path | None = None, *, ignore: str | Collection[str] = (), partial: bool = False
) -> tuple[str | Path | None, tuple[str, ...], bool]:
    ignored = (ignore,) if isinstance(ignore, str) else ignore
    if path is not None and (not isinstance(path, str | os.PathLike) or "\0" in str(path)):
        raise TypeError(f"the path is {path!r}")
    if not isinstance(ignored, Collection) or not all(isinstance(name, str) for name in ignored):
        raise TypeError(f"ignore is {ignore!r}")
    if not isinstance(partial, bool):
        raise TypeError(f"partial is {partial!r}")
    return path, tuple(ignored), partial


def _is_skipped_by_unittest(item: pytest.Item) -> bool:
    """Whether `unittest.skip` is on the test or on its `TestCase`: pytest finds out after the replay began."""
    marked = [getattr(item, "obj", None)]
    case = getattr(item, "cls", None)
    if case is not None and issubclass(case, TestCase):  # on other classes it means nothing
        marked.append(case)
    return any(getattr(each, "__unittest_skip__", False) for each in marked)


def _replay(
    item: pytest.Item,
    mode: str,
    written: Collection[Path],
    path: str | Path | None,
    ignore: tuple[str, ...],
    partial: bool,
) -> Replay:
    place = item.path.parent / (path or _place_of(item))
    root = item.config.rootpath
    replay = Replay(
        place,
        "new" if place in written else mode,
        ignore,
        is_partial=partial,
        shown=str(place.relative_to(root) if place.is_relative_to(root) else place),
        left=address_of_latest(item.config),
    )
    if partial and replay.records and hasattr(item.config, "workerinput"):
        pytest.fail(
            f"The recording {replay.shown} may be shared by tests (partial=True), and workers of pytest-xdist would "
            "overwrite each other's calls in it. Record it with `-n0`.",
            pytrace=False,
        )
    return replay


def _place_of(item: pytest.Item) -> Path:
    """Return the default path of a recording: one for each test and each set of its parameters."""
    name = item.nodeid.partition("::")[2].replace("::", ".")
    readable = _UNSAFE.sub("_", name)[:_LONGEST].encode()[:_LONGEST_BYTES].decode(errors="ignore")
    if readable != name:  # other tests may have the same: parameters that begin alike, or differ in an unsafe character
        readable += f"-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return Path(_FOLDER, item.path.stem, f"{readable}.json")
