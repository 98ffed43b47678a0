"""Drawing the spans of a trace as a tree, whatever its shape."""

from __future__ import annotations

from baserun.cli._render._tree import tree
from baserun.cli._render._view import View
from baserun.store import StoredSpan
from stored_records import START, a_span, a_trace

VIEW = View(START, is_terminal=False)


def drawn(*spans: StoredSpan) -> list[str]:
    """Return the lines of the tree, below the heading of the trace."""
    trace = a_trace(*spans, duration_ms=None, status="running")
    lines = [line.text.plain.rstrip() for line in tree(trace, VIEW, 80)]
    return lines[lines.index("") + 1 :]


def test_children_stand_under_their_parents() -> None:
    """Children are drawn below their parent in the order of their start, with guides."""
    lines = drawn(
        a_span(1, None, name="a", seconds=1),
        a_span(2, 1, name="b", seconds=2),
        a_span(3, 1, name="c", seconds=3),
        a_span(4, 2, name="d", seconds=4),
        a_span(5, None, name="e", seconds=5),
    )

    assert [line[:12].rstrip() for line in lines] == ["work", "├─ a", "│  ├─ b", "│  │  └─ d", "│  └─ c", "└─ e"]


def test_an_unknown_duration_is_not_zero() -> None:
    """A running trace has a dash for its duration."""
    assert drawn()[0].split() == ["work", "–", "still", "running"]  # noqa: RUF001


def test_a_circle_of_parents_ends() -> None:
    """Spans whose parents form a circle are drawn, each once."""
    assert len(drawn(a_span(1, None), a_span(2, 2), a_span(3, 4), a_span(4, 3))) == 5


def test_very_deep_trees_are_drawn() -> None:
    """In a tree of 3000 levels every span has a line, and the lines stay short."""
    lines = drawn(*(a_span(number, number - 1 or None) for number in range(1, 3_001)))

    assert len(lines) == 3_001
    assert max(map(len, lines)) < 100
