"""Greenlets, which gevent tells apart by giving each a context of its own."""

from __future__ import annotations

import json
from typing import Any

import gevent  # noqa: F401  (the program needs it)


def test_two_hundred_requests_of_fifty_people(make_place: Any) -> None:
    """Greenlets that take turns within their requests and streams say nothing into each other's session."""
    place = make_place({})

    sessions = json.loads(place.run("-m", "greenlets"))

    assert sorted(sessions) == sorted([f"person-{number}", 4, [f"person-{number}"], True] for number in range(50))
