"""The spans of a trace as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from baserun.store import StoredSpan


class Place(NamedTuple):
    """A span with its place in the tree."""

    span: StoredSpan
    depth: int
    """0 at the top."""
    is_last: bool
    """No other span with the same parent follows."""


def as_tree(spans: Sequence[StoredSpan]) -> Iterator[Place]:
    """Yield the spans below their parents, the earliest first; one whose parent is missing is at the top.

    Not recursive, since the tree may be deep. Spans that are their own ancestors come last, at the top.
    """
    children = _by_parent(spans)
    seen: set[str] = set()
    waiting = _in_place(children.get(None, []), 0)
    while waiting:
        place = waiting.pop()
        if place.span.id not in seen:
            seen.add(place.span.id)
            yield place
            waiting += _in_place(children.get(place.span.id, []), place.depth + 1)
    yield from (Place(span, 0, is_last=True) for span in spans if span.id not in seen)


def _in_place(siblings: list[StoredSpan], depth: int) -> list[Place]:
    """Return the places of siblings, the last first."""
    return [Place(span, depth, is_last=at == 0) for at, span in enumerate(reversed(siblings))]


def _by_parent(spans: Sequence[StoredSpan]) -> dict[str | None, list[StoredSpan]]:
    known = {span.id for span in spans}
    children: dict[str | None, list[StoredSpan]] = {}
    for span in sorted(spans, key=lambda each: each.started_at):
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.id else None
        children.setdefault(parent, []).append(span)
    return children
