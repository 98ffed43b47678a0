"""Drawing the spans of a trace as a tree, whatever its shape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from baserun.cli._render._tree import tree
from baserun.cli._render._view import View
from baserun.store import StoredSpan, StoredTrace

START = datetime(2026, 6, 1, tzinfo=UTC)
VIEW = View(START, is_terminal=False)


def span(number: int, parent: int | None, name: str = "step") -> StoredSpan:
    """Make a span that starts at second `number` and lasts a second."""
    return StoredSpan(
        id=f"{number:016d}",
        trace_id="0" * 32,
        parent_id=None if parent is None else f"{parent:016d}",
        kind="function",
        name=name,
        started_at=START + timedelta(seconds=number),
        duration_ms=1000,
        status="ok",
        error=None,
        metadata=None,
    )


def drawn(*spans: StoredSpan) -> list[str]:
    """Return the lines of the tree, below the heading of the trace."""
    trace = StoredTrace(
        id="0" * 32,
        session_id=None,
        user_identifier=None,
        name="work",
        kind="function",
        environment=None,
        tags={},
        started_at=START,
        duration_ms=None,
        status="running",
        error=None,
        result=None,
        metadata=None,
        llm_calls=0,
        unpriced_calls=0,
        errors=0,
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
        spans=list(spans),
    )
    lines = [line.text.plain.rstrip() for line in tree(trace, VIEW, 80)]
    return lines[lines.index("") + 1 :]


def test_children_stand_under_their_parents() -> None:
    """Children are drawn below their parent in the order of their start, with guides."""
    lines = drawn(span(1, None, "a"), span(2, 1, "b"), span(3, 1, "c"), span(4, 2, "d"), span(5, None, "e"))

    assert [line[:12].rstrip() for line in lines] == ["work", "├─ a", "│  ├─ b", "│  │  └─ d", "│  └─ c", "└─ e"]


def test_an_unknown_duration_is_not_zero() -> None:
    """A running trace has a dash for its duration."""
    assert drawn()[0].split() == ["work", "–", "still", "running"]  # noqa: RUF001


def test_a_span_whose_parent_is_missing_stands_at_the_top() -> None:
    """A span whose parent is not stored is drawn at the top, with its children."""
    assert len(drawn(span(1, 99), span(2, 1))) == 3


def test_a_circle_of_parents_ends() -> None:
    """Spans whose parents form a circle are drawn, each once."""
    assert len(drawn(span(1, None), span(2, 2), span(3, 4), span(4, 3))) == 5


def test_very_deep_trees_are_drawn() -> None:
    """In a tree of 3000 levels every span has a line, and the lines stay short."""
    lines = drawn(*(span(number, number - 1 or None) for number in range(1, 3_001)))

    assert len(lines) == 3_001
    assert max(map(len, lines)) < 100
