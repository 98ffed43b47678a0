"""Reading: lists and single records, filters, sorting and paging, and errors for wrong arguments."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from baserun.exceptions import ConfigurationError, NarrowFilterError
from baserun.store import Sink, Store, StoredCall, open_store
from baserun.store.filters import SESSION_SORTS, TRACE_SORTS, USER_SORTS, default_sort
from baserun.store.rows import AnnotationRow, EndSession, OpenSession

Make = Any
"""The fixture of conftest, which cannot be imported."""


@pytest.fixture(name="filled")
def _filled(sink: Sink, store: Store, make: Make) -> Store:
    """Write three sessions: a cheap one of ann, a failed, expensive one of bob, and a slow one without user."""
    cheap = make.trace(1, "cheap", user_identifier="ann", user_strength=3, tags='{"plan": "free"}')
    dear = make.trace(2, "dear", status="error", user_identifier="bob", user_strength=3, kind="job")
    slow = make.trace(3, "slow", duration_us=90_000_000, tags='{"plan": "pro"}')
    sink.write(
        [
            OpenSession(id="cheap", at_us=make.t0 + 1_000_000, user_identifier="ann", user_strength=3),
            OpenSession(id="dear", at_us=make.t0 + 2_000_000, user_identifier="bob", user_strength=3),
            make.call(1, cheap, request_model="small", cost_nano=1_000, input_tokens=10, output_tokens=1),
            make.call(2, dear, request_model="large", response_model="large-2026", cost_nano=2_000_000_000),
            make.call(3, slow, request_model="small", input_tokens=500, output_tokens=500),
            cheap,
            dear,
            slow,
            AnnotationRow(id="f1", created_us=make.t0, type="feedback", name="f", score=-1, session_id="dear"),
            AnnotationRow(id="f2", created_us=make.t0, type="feedback", name="f", score=1, trace_id=cheap.id),
        ]
    )
    return store


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"cheap", "dear", "slow"}),
    ({"user": "ann"}, {"cheap"}),
    ({"user": "nobody"}, set()),
    ({"status": "error"}, {"dear"}),
    ({"status": "ok"}, {"cheap", "slow"}),
    ({"status": "cancelled"}, set()),
    ({"model": "small"}, {"cheap", "slow"}),
    ({"model": "large"}, {"dear"}),
    ({"model": "large-2026"}, {"dear"}),
    ({"model": "larg"}, set()),
    ({"kind": "job"}, {"dear"}),
    ({"tag": "plan=pro"}, {"slow"}),
    ({"tag": "plan="}, set()),
    ({"feedback": "any"}, {"cheap", "dear"}),
    ({"feedback": "negative"}, {"dear"}),
    ({"feedback": "positive"}, {"cheap"}),
    ({"min_cost": 1}, {"dear"}),
    ({"min_cost": 0.000001}, {"cheap", "dear"}),
    ({"min_errors": 0}, {"cheap", "dear", "slow"}),
    ({"min_errors": 1}, {"dear"}),
    ({"min_errors": 2}, set()),
    ({"min_tokens": 11}, {"cheap", "slow"}),
    ({"min_tokens": 12}, {"slow"}),
    ({"min_duration": 10}, {"slow"}),
    ({"model": "small", "tag": "plan=free", "user": "ann", "min_tokens": 1}, {"cheap"}),
    ({"model": "small", "status": "error"}, set()),
    ({"user": None, "model": None}, {"cheap", "dear", "slow"}),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_sessions_are_filtered(filled: Store, filters: dict[str, Any], expected: set[str]) -> None:
    """Each filter, and several together, give exactly the matching sessions."""
    found = {session.id for session in filled.sessions(**filters)}

    assert found == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        *(each for each in FILTERS if "feedback" not in each[0]),
        ({"feedback": "any"}, {"cheap"}),
        ({"feedback": "negative"}, set()),
        ({"session": "slow"}, {"slow"}),
        ({"session": "never"}, set()),
    ],
)
def test_traces_are_filtered(filled: Store, filters: dict[str, Any], expected: set[str]) -> None:
    """The same filters give the matching traces; feedback on a session is not feedback on its traces."""
    found = {trace.session_id for trace in filled.traces(**filters)}

    assert found == expected


def test_common_and_rare_filters_agree(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters give the same sessions whether or not the query plan treats them as rare."""
    monkeypatch.setattr("baserun.store.sqlite._filters.RARE", -1)

    for filters, expected in FILTERS:
        assert {session.id for session in filled.sessions(**filters)} == expected


def test_times_are_from_and_before(filled: Store, make: Make) -> None:
    """`since` is inclusive and `until` exclusive; a time without a zone is UTC."""
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=make.t0 + 2_000_000)

    assert {trace.session_id for trace in filled.traces(since=start)} == {"dear", "slow"}
    assert {trace.session_id for trace in filled.traces(until=start.replace(tzinfo=None))} == {"cheap"}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, "slow dear cheap"),
        ("started", "cheap dear slow"),
        ("last_active", "cheap dear slow"),
        ("-cost", "dear cheap slow"),
        ("-tokens", "slow cheap dear"),
        ("-duration", "slow dear cheap"),
        ("-errors", "dear slow cheap"),
    ],
)
def test_sessions_are_sorted(filled: Store, sort: str | None, expected: str) -> None:
    """A minus sorts the highest first; without a sort the last active come first."""
    found = filled.sessions() if sort is None else filled.sessions(sort=sort)

    assert " ".join(session.id for session in found) == expected


def test_lists_take_every_sort_of_the_contract(filled: Store) -> None:
    """Each list can be sorted by every name in its `SORTS`, both ways, and by default is by `default_sort`."""
    lists: list[tuple[Any, tuple[str, ...]]] = [
        (filled.users, USER_SORTS),
        (filled.sessions, SESSION_SORTS),
        (filled.traces, TRACE_SORTS),
    ]
    for ask, sorts in lists:
        found = {sort: [item.to_dict() for item in ask(sort=sort)] for name in sorts for sort in (name, f"-{name}")}

        assert {len(items) for items in found.values()} == {len(ask().items)}
        assert [item.to_dict() for item in ask()] == found[default_sort(sorts)]


@pytest.mark.parametrize("sort", ["-started", "started", "-duration", "cost", "-tokens", "errors"])
def test_pages_hold_each_trace_once(sink: Sink, store: Store, make: Make, sort: str) -> None:
    """The pages of a list have each trace once, also with equal sort keys and while newer ones are written."""
    sink.write([make.trace(number, duration_us=1_000 * (number % 3)) for number in range(25)])
    found: list[str] = []
    after = None
    while True:
        page = store.traces(sort=sort, limit=4, after=after)
        found += [trace.id for trace in page]
        after = page.next
        if after is None:
            break
        if sort == "-started":
            sink.write([make.trace(1_000 + len(found))])

    assert sorted(found) == [make.trace_id(number) for number in range(25)]


def test_the_last_page_has_no_next(filled: Store) -> None:
    """The last page has no `next`, even if it is full."""
    page = filled.sessions(limit=3)

    assert (len(page), page.next) == (3, None)


def test_users_are_listed_with_their_sums(filled: Store) -> None:
    """Users are listed with their sums, sorted and filtered by them."""
    found = [(user.user_identifier, user.sessions, user.llm_calls, user.errors) for user in filled.users(sort="-cost")]

    assert found == [("bob", 1, 1, 1), ("ann", 1, 1, 0)]
    assert [user.user_identifier for user in filled.users(feedback="negative")] == ["bob"]
    assert [user.user_identifier for user in filled.users(min_cost=1)] == ["bob"]
    assert [user.user_identifier for user in filled.users(user="ann")] == ["ann"]


def test_a_session_in_a_list_reads_as_the_design_says(sink: Sink, store: Store, make: Make) -> None:
    """The fields of a listed session and their formats in JSON are exactly these."""
    sink.write(
        [
            OpenSession(
                id="s", at_us=make.t0, user_identifier="ann", user_strength=3, previous_id="p", metadata='{"a": 1}'
            ),
            make.call(
                1, make.trace(1), input_tokens=3, output_tokens=4, cost_nano=1_500_000, input_preview="q",
                output_preview="a",
            ),
            make.trace(1),
            make.trace(2),
            EndSession(id="s", at_us=make.t0 + 3_000_000),
        ]
    )  # fmt: skip

    assert [session.to_dict() for session in store.sessions()] == [
        {
            "id": "s",
            "user_identifier": "ann",
            "started_at": "2026-09-21T14:13:20.000000Z",
            "last_active_at": "2026-09-21T14:13:23.000000Z",
            "ended_at": "2026-09-21T14:13:23.000000Z",
            "previous_id": "p",
            "metadata": {"a": 1},
            "traces": 2,
            "turns": 1,
            "llm_calls": 1,
            "errors": 0,
            "input_tokens": 3,
            "output_tokens": 4,
            "cost_usd": 0.0015,
            "unpriced_calls": 0,
            "feedback_score": None,
            "first_input": "q",
            "last_output": "a",
        }
    ]


def test_a_session_has_its_traces_with_calls_and_annotations(sink: Sink, store: Store, make: Make) -> None:
    """`store.session` has the traces with their calls, and the annotations."""
    trace = make.trace(1)
    call = make.call(
        1, trace, operation="chat", request_model="small", stream=True, stream_end="complete", retries=1,
        parameters='{"temperature": 0}', tool_calls='[{"id": "1", "name": "f", "arguments": "{}"}]',
        finish_reasons='["stop"]', input_tokens=3, cached_input_tokens=1, cost_nano=5, time_to_first_token_us=1_500,
        input='[{"role": "user", "content": "hi"}]', output='"hello"',
    )  # fmt: skip
    log = AnnotationRow(
        id="l", created_us=make.t0, type="log", name="n", value='"note"', trace_id=trace.id, span_id=make.span_id(1)
    )
    check = AnnotationRow(id="c", created_us=make.t0, type="check", name="c", score=1, session_id="s")

    sink.write([call, trace, log, check])

    session = store.session("s")
    assert session is not None
    found = session.to_dict()
    assert found["annotations"][0]["type"] == "check"
    assert found["traces"][0]["annotations"][0] == {
        "id": "l", "session_id": "s", "trace_id": trace.id, "span_id": make.span_id(1), "type": "log", "name": "n",
        "value": "note", "score": None, "comment": None, "metadata": None, "created_at": "2026-09-21T14:13:20.000000Z",
    }  # fmt: skip
    span = found["traces"][0]["spans"][0]
    assert span["usage"] == {
        "input_tokens": 3, "output_tokens": None, "cached_input_tokens": 1, "cache_write_tokens": None,
        "reasoning_tokens": None,
    }  # fmt: skip
    assert {key: span[key] for key in ("input", "output", "tool_calls", "finish_reasons", "parameters", "stream")} == {
        "input": [{"role": "user", "content": "hi"}],
        "output": "hello",
        "tool_calls": [{"id": "1", "name": "f", "arguments": "{}"}],
        "finish_reasons": ["stop"],
        "parameters": {"temperature": 0},
        "stream": True,
    }
    assert (span["cost_usd"], span["time_to_first_token_ms"], span["retries"]) == (5e-9, 1.5, 1)


def test_every_value_is_read_as_what_it_was_written(sink: Sink, store: Store, make: Make) -> None:
    """No value gets into the field of another, also if a trace and its session are stored in several steps."""
    running = make.trace(1, status="running", kind="job", user_identifier="ann", user_strength=3)
    ended = make.trace(
        1, status="error", name="answer", kind="job", user_identifier="ann", user_strength=3, environment="live",
        duration_us=7_000_000, error_type="Boom", error_message="of the trace", result='"done"', metadata='{"m": 1}',
        tags='{"t": 1}',
    )  # fmt: skip
    whole = make.call(
        1, running, status="error", name="ask", error_type="APIError", error_message="busy", error_status_code=503,
        error_body='"try later"', metadata='{"m": 2}', input='"in"', output='"out"', provider="openai",
        operation="chat", request_model="small", response_model="small-1", response_id="chatcmpl-1", request_id="req-1",
        stream=True, stream_end="closed", retries=4, parameters='{"p": 1}', tool_calls='[{"id": "c"}]',
        finish_reasons='["stop"]', input_tokens=30, output_tokens=20, cached_input_tokens=3, cache_write_tokens=2,
        reasoning_tokens=1, cost_nano=1_500_000, time_to_first_token_us=2_500, end_user="u1", input_preview="first",
        output_preview="last",
    )  # fmt: skip

    sink.write([OpenSession(id="s", at_us=make.t0, previous_id="p", metadata='{"m": 3}'), whole])
    sink.write([make.call(2, running), make.call(3, running), EndSession(id="s", at_us=make.t0 + 9_000_000), ended])

    found, user = store.session("s"), store.user("ann")
    assert found is not None
    assert user is not None
    [trace] = found.to_dict()["traces"]
    [call, *_] = trace["spans"]
    sums = {"llm_calls": 3, "errors": 1, "input_tokens": 30, "output_tokens": 20, "cost_usd": 0.0015}
    assert found.to_dict() == sums | {
        "id": "s", "user_identifier": None, "started_at": "2026-09-21T14:13:20.000000Z",
        "last_active_at": "2026-09-21T14:13:29.000000Z", "ended_at": "2026-09-21T14:13:29.000000Z", "previous_id": "p",
        "metadata": {"m": 3}, "traces": [trace], "turns": 1, "unpriced_calls": 2, "feedback_score": None,
        "first_input": "first", "last_output": "last", "annotations": [],
    }  # fmt: skip
    assert user.to_dict() == sums | {
        "user_identifier": "ann", "first_seen_at": "2026-09-21T14:13:21.000000Z",
        "last_seen_at": "2026-09-21T14:13:28.000000Z", "sessions": 0, "traces": 1, "unpriced_calls": 2,
        "feedback_score": None,
    }  # fmt: skip
    assert trace == sums | {
        "id": make.trace_id(1), "session_id": "s", "user_identifier": "ann", "name": "answer", "kind": "job",
        "environment": "live", "tags": {"t": 1}, "started_at": "2026-09-21T14:13:21.000000Z", "duration_ms": 7000.0,
        "status": "error", "result": "done", "metadata": {"m": 1}, "unpriced_calls": 2, "spans": trace["spans"],
        "error": {"type": "Boom", "message": "of the trace", "status_code": None, "body": None}, "annotations": [],
    }  # fmt: skip
    assert call == {
        "id": make.span_id(1), "trace_id": make.trace_id(1), "parent_id": None, "kind": "llm", "name": "ask",
        "started_at": "2026-09-21T14:13:21.000001Z", "duration_ms": 500.0, "status": "error", "metadata": {"m": 2},
        "error": {"type": "APIError", "message": "busy", "status_code": 503, "body": "try later"}, "input": "in",
        "output": "out", "provider": "openai", "operation": "chat", "request_model": "small",
        "response_model": "small-1", "response_id": "chatcmpl-1", "request_id": "req-1", "stream": True,
        "stream_end": "closed", "retries": 4, "parameters": {"p": 1}, "tool_calls": [{"id": "c"}],
        "finish_reasons": ["stop"], "cost_usd": 0.0015, "time_to_first_token_ms": 2.5, "end_user": "u1",
        "usage": {
            "input_tokens": 30, "output_tokens": 20, "cached_input_tokens": 3, "cache_write_tokens": 2,
            "reasoning_tokens": 1,
        },
    }  # fmt: skip


def test_a_chain_is_one_visit(sink: Sink, store: Store) -> None:
    """`chain` gives all sessions linked by `previous_id` from any of them, even in a circle."""
    sink.write(
        [
            OpenSession(id="c", at_us=3, previous_id="b"),
            OpenSession(id="b", at_us=2, previous_id="a"),
            OpenSession(id="a", at_us=1, previous_id="c"),
            OpenSession(id="other", at_us=1),
        ]
    )

    assert [session.id for session in store.chain("b")] == ["a", "b", "c"]
    assert store.chain("never") == []


@pytest.mark.parametrize("unknown", ["never", "", "zz", "\0", "\ud800", "0" * 32, "0" * 100_000])
def test_unknown_ids_give_none(filled: Store, unknown: str) -> None:
    """Reading an unknown id, even an impossible one, gives None."""
    assert (filled.session(unknown), filled.trace(unknown), filled.user(unknown)) == (None, None, None)


def test_a_store_that_was_never_written_to_is_empty(store: Store) -> None:
    """Reading a store before its first record gives empty results and creates no file."""
    assert (store.sessions().items, store.users().items, store.search("x").items) == ([], [], [])
    assert (store.session("s"), store.verify(), store.info().exists) == (None, [], False)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"sort": "name"}, "sort='name' is not possible. Write one of .*'-'"),
    ({"limit": 0}, "limit=0 is not possible. Write a whole number from 1 to 1000"),
    ({"limit": True}, "limit=True"),
    ({"limit": 1001}, "limit=1001"),
    ({"after": "nonsense"}, "is no cursor"),
    ({"after": "WyJ/IiwxLDJd"}, "is no cursor"),
    ({"after": "Wy Jh"}, "is no cursor"),
    ({"after": 7}, "is no cursor"),
    ({"user": ""}, "user='' is not possible"),
    ({"user": b"x"}, "user=b'x' is not possible"),
    ({"model": "\ud800"}, "not valid Unicode"),
    ({"status": "bad"}, "Write one of running, ok, error"),
    ({"tag": "plan"}, 'Write name=value, such as tag="plan=pro"'),
    ({"tag": "=pro"}, "name=value"),
    ({"feedback": "good"}, "negative, positive, any"),
    ({"since": "yesterday"}, "Write a datetime"),
    ({"since": date(2026, 1, 1)}, "datetime.combine"),
    ({"min_cost": "1"}, "Write a number"),
    ({"min_cost": float("nan")}, "Write a number from 0"),
    ({"min_tokens": -1}, "Write a number from 0"),
    ({"min_tokens": 10**400}, "Write a number from 0"),
    ({"min_duration": True}, "Write a number"),
    ({"text": " "}, "not empty"),
    ({"models": "x"}, "cannot be narrowed by 'models'. Possible are: user"),
]


@pytest.mark.parametrize(("filters", "message"), BAD)
def test_wrong_filters_raise_at_once(store: Store, filters: dict[str, Any], message: str) -> None:
    """A wrong filter raises and says what to write, also on a store without a file."""
    with pytest.raises(ConfigurationError, match=message):
        store.sessions(**filters)


def test_tool_calls_that_are_no_objects_are_left_out(sink: Sink, store: Store, make: Make) -> None:
    """Entries of `tool_calls` that are no JSON objects are left out."""
    visit = make.trace(1)
    sink.write([make.call(1, visit, tool_calls='[null, [], {"name": "f"}, "[cut: 2 more]"]'), visit])

    trace = store.trace(visit.id)

    assert trace is not None
    assert [call.tool_calls for call in trace.spans or () if isinstance(call, StoredCall)] == [[{"name": "f"}]]


def test_a_cursor_belongs_to_its_sort(filled: Store) -> None:
    """A cursor of one sort is refused for another."""
    cursor = filled.sessions(limit=1).next

    with pytest.raises(ConfigurationError, match="sorted by '-last_active'"):
        filled.sessions(sort="-cost", after=cursor)


@pytest.mark.parametrize("budget", ["0.3", True, -1, float("nan")])
def test_an_impossible_budget_is_refused_at_once(budget: Any) -> None:
    """An impossible `budget` raises when the store is opened, not at the first query."""
    with pytest.raises(ConfigurationError, match=r"budget=.* is not possible\. Write a number"):
        open_store(budget=budget)


def test_a_query_over_its_budget_is_stopped(sink: Sink, path: Any, make: Make) -> None:
    """A list that takes longer than the budget raises `NarrowFilterError`, and the next query works."""
    sink.write([make.trace(number, session=None) for number in range(3_000)])
    store = open_store(path, budget=0.0)
    with pytest.raises(NarrowFilterError, match="Narrow it"):
        store.traces(min_duration=100)

    found = store.trace(make.trace_id(1))

    store.close()
    assert found is not None


def test_readers_see_commits_at_once_and_hold_nothing(sink: Sink, store: Store, make: Make) -> None:
    """An open reader sees each commit at once, and the writer never waits for it."""
    seen = []
    for number in range(5):
        sink.write([make.trace(number)], timeout=1)
        seen.append(len(store.traces()))

    assert seen == [1, 2, 3, 4, 5]


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="tells open files where the system shows them")
def test_threads_that_have_ended_keep_no_files_open(filled: Store) -> None:
    """The connections of ended threads are closed."""
    filled.users()
    before = len(os.listdir("/dev/fd"))

    for _ in range(20):
        thread = threading.Thread(target=filled.users)
        thread.start()
        thread.join()

    assert len(os.listdir("/dev/fd")) <= before + 3  # SQLite closes some files only when it opens the next one


def test_a_store_that_is_collected_warns_of_nothing(path: Path, filled: Store) -> None:
    """Collecting an unclosed store gives no warning, not even in a reference cycle, where its parts go in any order."""
    for _ in range(20):
        circle: list[Any] = [open_store(path, budget=None)]
        circle.append(circle)
        assert circle[0].sessions().items
        del circle
    gc.collect()  # a warning here fails the test


def test_threads_read_with_connections_of_their_own(new_sink: Callable[[], Sink], store: Store, make: Make) -> None:
    """One store object can be read from many threads at once."""
    new_sink().write([make.trace(number) for number in range(50)])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(store.traces(limit=100)), range(200)))

    assert found == [50] * 200


def test_a_stored_session_is_ended_once(sink: Sink, store: Store) -> None:
    """`end_session` of a store ends an open session, keeps an earlier end, and returns False for an unknown id."""
    sink.write([OpenSession(id="s", at_us=1)])

    answers = [store.end_session("s"), store.end_session("none"), store.end_session("\ud800")]

    ended = store.session("s")
    assert answers == [True, False, False]
    assert ended is not None
    assert ended.ended_at is not None
    assert store.end_session("s")
    assert store.session("s") == ended
    assert store.verify() == []


def test_ending_a_stored_session_is_no_activity(sink: Sink, store: Store, make: Make) -> None:
    """Ending a stored session changes neither its last activity nor its user."""
    sink.write([OpenSession(id="s", at_us=make.t0, user_identifier="ada", user_strength=2)])
    before, user = store.session("s"), store.user("ada")
    assert before is not None

    store.end_session("s")

    after = store.session("s")
    assert after is not None
    assert after.ended_at is not None
    assert after.ended_at > before.last_active_at
    assert (after.started_at, after.last_active_at) == (before.started_at, before.last_active_at)
    assert store.user("ada") == user
    assert store.verify() == []


def test_ending_from_outside_creates_no_session(sink: Sink, store: Store) -> None:
    """An `EndSession` from outside creates no session, such as one erased at that moment."""
    sink.write([EndSession(id="erased", at_us=5, is_from_outside=True)])

    assert store.session("erased") is None
    assert store.verify() == []


def test_ending_a_session_creates_no_store(store: Store, path: Path) -> None:
    """`end_session` on a store without a file returns False and creates none."""
    assert not store.end_session("s")
    assert not path.exists()
