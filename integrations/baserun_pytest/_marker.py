"""From the marker of a test to its replay."""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from unittest import TestCase

import pytest

from baserun_pytest._offline import address_of_latest
from baserun_pytest._replay import Replay
from baserun_pytest.plugin import REPLAY

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
    return _replay(item, mode, written, *marker.args, **marker.kwargs)


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
    path: str | Path | None = None,
    *,
    ignore: str | Collection[str] = (),
    partial: bool = False,
) -> Replay:
    place = item.path.parent / (path or _place_of(item))
    root = item.config.rootpath
    replay = Replay(
        place,
        "new" if place in written else mode,
        (ignore,) if isinstance(ignore, str) else tuple(ignore),
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
