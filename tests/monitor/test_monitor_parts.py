"""The parts of pages that need no store: conversations, texts, waterfalls, links, filters and formats."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun.exceptions import ConfigurationError
from baserun.store import StoredError
from baserun_monitor import _formats
from baserun_monitor._conversation import Mark, Said, Tool, Turn, turns
from baserun_monitor._export import csv_of
from baserun_monitor._filters import of_address
from baserun_monitor._links import Links
from baserun_monitor._paging import pages as pages_of
from baserun_monitor._periods import divided
from baserun_monitor._security import host_name, is_known_host
from baserun_monitor._texts import fold, pieces, share
from baserun_monitor._waterfall import waterfall
from stored_records import START, a_call, a_span, a_trace


def asks(*names: str) -> list[Any]:
    calls = [
        {
            "id": name,
            "type": "function",
            "function": {"name": "look", "arguments": "{}"},
        }
        for name in names
    ]
    return [{"role": "assistant", "content": None, "tool_calls": calls}]


def test_results_go_to_the_tool_call_that_they_answer() -> None:
    """Results of two calls of one tool, given in another order, are shown at the calls with their ids."""
    user = {"role": "user", "content": "q"}
    results = [{"role": "tool", "tool_call_id": name, "content": f"of {name}"} for name in ("b", "a")]
    second = a_call(
        2,
        [user, *asks("a", "b"), *results],
        [{"role": "assistant", "content": "done"}],
        seconds=1,
    )

    (turn,) = turns([a_trace(a_call(1, [user], asks("a", "b")), second)])

    assert [(item.id, item.result) for item in turn.items if isinstance(item, Tool)] == [("a", "of a"), ("b", "of b")]
    assert [item.text for item in turn.items if isinstance(item, Said)] == ["q", "done"]


def test_a_tool_that_ran_is_the_one_that_was_asked_for() -> None:
    """A tool's span gives its duration to the tool call of the model; a span without such a call is shown by itself."""
    ran = [a_span(at, kind="tool", name="look", seconds=at) for at in (2, 3)]

    (turn,) = turns([a_trace(a_call(1, "q", asks("a")), *ran)])

    tools = [item for item in turn.items if isinstance(item, Tool)]

    assert [(tool.id, tool.duration_ms) for tool in tools] == [
        ("a", 100.0),
        (None, 100.0),
    ]


def test_an_error_is_told_once_and_where_it_happened() -> None:
    """An error of a call that also fails its request is shown once."""
    error = StoredError(type="Boom", message="no")

    (turn,) = turns(
        [
            a_trace(
                a_call(1, "q", None, status="error", error=error),
                status="error",
                error=error,
            )
        ]
    )

    assert [item.words for item in turn.items if isinstance(item, Mark)] == ["Boom: no"]


@given(st.lists(st.integers(0, 300), max_size=120))
def test_a_page_of_a_session_has_room_for_its_turns(lengths: list[int]) -> None:
    """Every turn is on one page, in order, and no page exceeds 50 turns or 200 items."""
    told = [Turn(a_trace(seconds=at), None, [Said("user", "x")] * length) for at, length in enumerate(lengths)]

    shown = pages_of(told)

    assert [turn.trace for page in shown for turn in page] == [turn.trace for turn in told]
    assert all(len(page) <= 50 and sum(len(turn.items) for turn in page) <= 200 for page in shown)
    assert all(shown[:-1])


def test_a_turn_that_is_too_long_says_what_is_left_out() -> None:
    """Of a turn that is too long the beginning and end are shown, with a note about the rest."""
    long = Turn(a_trace(), None, [Said("user", str(number)) for number in range(1000)])

    ((turn,),) = pages_of([long])

    notes = [item.words for item in turn.items if isinstance(item, Mark)]
    said = [item.text for item in turn.items if isinstance(item, Said)]
    assert notes == ["880 more messages and tool calls are on the page of this trace"]
    assert (said[0], said[-1], len(said)) == ("0", "999", 120)


@given(st.text(alphabet="ab c\n", max_size=5000), st.integers(400, 5000), st.integers(10, 600))
def test_folding_loses_only_what_it_says(text: str, most: int, shown: int) -> None:
    """The shown and the hidden pieces together are the text, up to a limit; the characters beyond it are counted."""
    folded = fold(text, most, shown)

    told = "".join(piece.text for piece in [*folded.shown, *folded.hidden])
    assert told.split() == text[:most].split()
    assert folded.left_out == max(0, len(text) - most)


def test_code_stands_apart() -> None:
    """Text between fences is a piece of code."""
    found = pieces("before\n```python\nx = 1\n```\nafter")

    assert [(piece.is_code, piece.text) for piece in found] == [
        (False, "before"),
        (True, "x = 1"),
        (False, "after"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("````md\n```py\nx\n```\n````\nend", ["```py\nx\n```"]),
        ("~~~\na ``` b\n~~~\nend", ["a ``` b"]),
        ("```\nx\n~~~\ny\n```", ["x\n~~~\ny"]),
        ("```\nx\n````\ny", ["x"]),
        ("- list\n\n      ```\n      x\n      ```", ["      x"]),
        ("Not here: ```python\nx", []),
        ("```a`b\nx", []),
        ("one\r\n```\r\nx\r\n```\r\ntwo", ["x"]),
        ("~" * 20_000, []),
    ],
)
def test_fences_are_those_of_commonmark(text: str, code: list[str]) -> None:
    """A fence is three or more of one sign that begin a line; one of the same sign, and no shorter, ends it."""
    assert [piece.text for piece in pieces(text) if piece.is_code] == code


def test_code_that_is_folded_stays_code() -> None:
    """A fold in the middle of code has code on both sides, and what comes after the code is prose."""
    code = "\n".join(f"x = {number}" for number in range(100))

    folded = fold(f"before\n```python\n{code}\n```\nafter\n```\nls\n```", shown=400)

    (before, first), (rest, after, last) = folded.shown, folded.hidden
    assert [piece.is_code for piece in (before, first, rest, after, last)] == [False, True, True, False, True]
    assert f"{first.text}\n{rest.text}" == code
    assert (before.text, after.text, last.text) == ("before", "after", "ls")


def test_structured_output_is_indented() -> None:
    """A JSON object on one line is shown indented, as code."""
    (piece,) = fold('{"a":{"b":1}}').shown

    assert (piece.is_code, piece.text) == (True, '{\n  "a": {\n    "b": 1\n  }\n}')


@given(st.integers(0, 100_000))
def test_pages_share_their_room(texts: int) -> None:
    """However many texts a page has, the share of each is between 400 and 20,000 characters."""
    assert 400 <= share(texts) <= 20_000


@given(st.lists(st.tuples(st.integers(0, 8), st.none() | st.integers(0, 8)), max_size=12))
def test_every_span_has_a_row(parents: list[tuple[int, int | None]]) -> None:
    """With circular, unknown and duplicate ids, every span has a row within the width."""
    bars = waterfall(a_trace(*(a_span(number, parent) for number, parent in parents)))

    assert {bar.span.id for bar in bars} == {f"{number:016x}" for number, _ in parents}
    assert all(bar.left >= 0 and bar.left + bar.width <= 100.01 for bar in bars)


@given(st.text(min_size=1, max_size=60))
def test_ids_survive_their_address(identifier: str) -> None:
    """Any user identifier can be read back unchanged from its URL."""
    identifier = identifier.encode("utf-8", "replace").decode()
    address = urlsplit(Links("/base").user(identifier))

    last = unquote(address.path).removeprefix("/base/users/")

    assert (parse_qs(address.query)["id"][0] if last == "-" else last) == identifier


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", " =1", "\uff1d1"])
def test_formulas_are_text(cell: str) -> None:
    """A cell that a spreadsheet would run as a formula gets an apostrophe; numbers stay numbers."""

    class Item:
        def to_dict(self) -> dict[str, Any]:
            return {"a": cell, "b": -1.5}

    _, line = csv_of(["a", "b"], [Item()])

    assert line.decode().lstrip('"').startswith("'")
    assert line.decode().rstrip().endswith("-1.5")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("LocalHost:80", "localhost"),
        ("[::1]:80", "::1"),
        ("a.b.", "a.b"),
        ("", ""),
        ("[::1", "::1"),
    ],
)
def test_host_names(header: str, name: str) -> None:
    """A host name is without port, brackets, trailing dot and capitals."""
    assert host_name(header) == name


def test_addresses_are_known_only_where_a_key_is_asked_for() -> None:
    """With `any_address` IP addresses are known hosts, since no DNS can redirect them; other names are not."""
    assert is_known_host("192.168.0.7:4320", (), any_address=True)
    assert not is_known_host("192.168.0.7", (), any_address=False)
    assert not is_known_host("evil.test", (), any_address=True)


@pytest.mark.parametrize(
    "params", [{"period": "1y"}, {"since": "soon"}, {"min_cost": "x"}, {"period": "0d"}, {"period": "99999w"}]
)
def test_wrong_filters_say_what_to_write(params: dict[str, str]) -> None:
    """An invalid filter raises an error that says what to write."""
    with pytest.raises(ConfigurationError, match="Write"):
        of_address(params, ("period", "since", "min_cost"), START)


def test_a_period_is_a_time() -> None:
    """`24h` begins a day before now; `all` has no beginning."""
    assert of_address({"period": "24h"}, ("period",), START) == {"since": START - timedelta(days=1)}
    assert of_address({"period": "all"}, ("period",), START) == {}


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (110, 100, "+10 %"),
        (1800, 100, "\u00d7 18"),
        (50, 100, "\u221250 %"),
        (1, 1, "as before"),
        (1, 0, None),
        (None, 1, None),
        (1, None, None),
    ],
)
def test_changes_in_words(now: float | None, before: float | None, words: str | None) -> None:
    """A change is shown as a percentage or factor; without a value to compare with there is none."""
    assert _formats.change(now, before) == words


def test_signs_tell_users_apart() -> None:
    """A user's sign is always the same, and a hundred users have more than 36 different ones."""
    signs = [_formats.user_sign(f"user {number}") for number in range(100)]

    assert len(set(signs)) > 36
    assert signs == [_formats.user_sign(f"user {number}") for number in range(100)]


@pytest.fixture(name="in_india")
def _in_india(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zone of India, where midnight is half an hour past a whole hour of UTC."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("period", "since", "until", "number"),
    [
        ("1h", "2026-01-01T11:44:00", "2026-01-01T12:44:00", 30),
        ("24h", "2025-12-31T13:00:00", "2026-01-01T13:00:00", 24),
        ("30d", "2025-12-02T19:00:00", "2026-01-01T19:00:00", 30),
        ("48h", "2025-12-30T14:00:00", "2026-01-01T14:00:00", 24),
    ],
)
@pytest.mark.usefixtures("in_india")
def test_pieces_of_periods_begin_at_whole_hours(period: str, since: str, until: str, number: int) -> None:
    """Pieces of a day or more begin at the first whole hour of UTC after local midnight; the last one includes now."""
    pieces = divided(period, START + timedelta(hours=12, minutes=42, seconds=30))

    assert (pieces.since, pieces.until) == (
        datetime.fromisoformat(since).replace(tzinfo=UTC),
        datetime.fromisoformat(until).replace(tzinfo=UTC),
    )
    assert pieces.number == number
