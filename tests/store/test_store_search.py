"""Search in content, before and after it is indexed, with any text as the query."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baserun.store import Sink, Store
from baserun.store.sqlite._search_index import STEP_ROWS

Make = Any
"""The fixture of conftest, which cannot be imported."""


def _say(sink: Sink, make: Make, number: int, text: str, **more: Any) -> None:
    trace = make.trace(number, **more)
    content = json.dumps([{"role": "user", "content": text}])
    sink.write([make.call(number, trace, input=content, output='{"role": "assistant", "content": "fine"}'), trace])


def _index(sink: Sink) -> None:
    while sink.maintain():
        pass


@pytest.mark.parametrize("is_indexed", [False, True])
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("zurich", [2, 1]),
        ("ZÜRICH lake", [1]),
        ('"lake in Zürich"', [1]),
        ('"Zürich lake"', []),
        ("wea*", [2]),
        ("wea", []),
        ("fine", [2, 1]),
        ("content", []),
        ("user", []),
        ('zurich AND OR NOT "', []),
        ("***", []),
    ],
)
def test_words_are_found(
    sink: Sink, store: Store, make: Make, is_indexed: bool, question: str, expected: list[int]
) -> None:
    """A hit has all words, regardless of accents and case; JSON keys and roles are not searched."""
    _say(sink, make, 1, 'the lake in Zürich\nwith "quotes"')
    _say(sink, make, 2, "weather for Zurich")
    if is_indexed:
        _index(sink)

    hits = store.search(question)

    assert [int(hit.span_id, 16) for hit in hits] == expected
    assert [int(trace.id, 16) for trace in store.traces(text=question)] == expected


def test_a_hit_says_where_it_is(sink: Sink, store: Store, make: Make) -> None:
    """A hit has its session, trace and user, and a snippet with the words around it."""
    _say(sink, make, 1, "x " * 200 + "needle" + " y" * 200, user_identifier="ann", user_strength=3)
    _index(sink)

    (hit,) = store.search("needle").items

    assert (hit.session_id, hit.trace_id, hit.user_identifier) == ("s", make.trace_id(1), "ann")
    assert hit.snippet.startswith("…x x")
    assert "needle" in hit.snippet
    assert len(hit.snippet) < 200


def test_a_snippet_separates_input_and_output(sink: Sink, store: Store, make: Make) -> None:
    """In a snippet a dot separates input and output, and a space the lines of one text."""
    _say(sink, make, 1, "where is\nmy needle")

    (hit,) = store.search("needle").items

    assert hit.snippet == "where is my needle · fine"


def test_an_index_of_another_version_is_rebuilt_before_anything_is_removed(
    sink: Sink, store: Store, make: Make, path: Path
) -> None:
    """An index of another version is rebuilt before an erasure: removing needs the text exactly as it was indexed."""
    for number, text in ((1, "a needle"), (2, "a straw")):
        _say(sink, make, number, text, session=str(number), user_identifier=str(number), user_strength=3)
    _index(sink)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
        connection.execute("INSERT INTO search (rowid, text) VALUES (1, 'older words'), (2, 'older words')")
        connection.execute("UPDATE counters SET value = value - 1 WHERE name = 'search_version'")

    store.erase_user("1")
    _index(sink)

    assert [hit.session_id for hit in store.search("a")] == ["2"]
    assert store.search("older").items == []


def test_hits_come_in_pages_across_the_edge_of_the_index(sink: Sink, store: Store, make: Make) -> None:
    """Pages of hits have each hit once, newest first, indexed or not."""
    for number in range(1, 8):
        _say(sink, make, number, "same words")
        if number == 4:
            _index(sink)
    found: list[int] = []
    after = None
    while True:
        page = store.search("words", limit=2, after=after)
        found += [int(hit.span_id, 16) for hit in page]
        after = page.next
        if after is None:
            break

    assert found == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("is_indexed", [False, True])
def test_a_search_can_ask_for_one_user(sink: Sink, store: Store, make: Make, is_indexed: bool) -> None:
    """`search(user=...)` gives only hits of that user."""
    _say(sink, make, 1, "secret", session="a", user_identifier="ann", user_strength=3)
    _say(sink, make, 2, "secret", session="b", user_identifier="bob", user_strength=3)
    if is_indexed:
        _index(sink)

    assert [hit.user_identifier for hit in store.search("secret", user="ann")] == ["ann"]
    assert store.search("secret", user="eve").items == []


def test_lists_can_be_filtered_by_text(sink: Sink, store: Store, make: Make) -> None:
    """`text=` filters sessions and traces by their content."""
    _say(sink, make, 1, "apples", session="a")
    _say(sink, make, 2, "pears", session="b")
    _index(sink)

    assert [session.id for session in store.sessions(text="apples")] == ["a"]
    assert [trace.session_id for trace in store.traces(text="pears")] == ["b"]


def test_indexing_has_bounded_steps(sink: Sink, make: Make) -> None:
    """Each `maintain` indexes a bounded number of rows and returns whether more are left."""
    trace = make.trace(1)
    sink.write([make.call(number, trace, input='"word"') for number in range(2 * STEP_ROWS + 100)])

    steps = 1
    while sink.maintain():
        steps += 1

    assert steps >= 3  # more on a busy machine


@given(text=st.text(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_question(searchable: Store, text: str) -> None:
    """No text is a syntax error in a search."""
    if text.strip() and not any("\ud800" <= character <= "\udfff" for character in text):
        assert searchable.search(text).next is None
        assert searchable.sessions(text=text).next is None


@pytest.fixture(name="searchable")
def _searchable(sink: Sink, store: Store, make: Make) -> Store:
    _say(sink, make, 1, "some words to find")
    _index(sink)
    return store
