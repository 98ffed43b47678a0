"""Greenlets of gevent, each of which has its own context."""

from __future__ import annotations

import json
from typing import Any

import gevent  # noqa: F401  (the program needs it)


def test_two_hundred_requests_of_fifty_people(make_place: Any) -> None:
    """Nothing that greenlets record while they alternate within requests and streams is in another user's session."""
    place = make_place({})

    sessions = json.loads(place.run("-m", "greenlets"))

    assert sorted(sessions) == sorted([f"person-{number}", 4, [f"person-{number}"], True] for number in range(50))


def test_the_ends_of_child_processes_are_noticed(make_place: Any) -> None:
    """`subprocess` returns, also when records are queued while it forks."""
    place = make_place({})

    assert place.run("-m", "children").split() == ["20", "True"]
