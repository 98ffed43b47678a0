"""The spans of a trace as a tree, whatever its shape."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from baserun.wording.tree import as_tree
from stored_records import a_span


def test_children_follow_their_parent_in_the_order_of_their_start() -> None:
    """Each span follows its parent or an earlier sibling with all below it, one level deeper than the parent."""
    spans = [
        a_span(number, parent, seconds=number) for number, parent in ((1, None), (2, 1), (3, 1), (4, 2), (5, None))
    ]

    assert [(int(span.id), depth, is_last) for span, depth, is_last in as_tree(spans[::-1])] == [
        (1, 0, False),
        (2, 1, False),
        (4, 2, True),
        (3, 1, True),
        (5, 0, True),
    ]


def test_a_span_whose_parent_is_missing_is_at_the_top() -> None:
    """A span whose parent is not stored is at the top, with its children below it."""
    assert [depth for _, depth, _ in as_tree([a_span(1, 99), a_span(2, 1)])] == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 8), st.none() | st.integers(0, 8)), max_size=12))
def test_every_span_is_in_the_tree(parents: list[tuple[int, int | None]]) -> None:
    """Of spans with circular, unknown and duplicate ids, each is in the tree."""
    spans = [a_span(number, parent) for number, parent in parents]

    assert {place.span.id for place in as_tree(spans)} == {span.id for span in spans}
