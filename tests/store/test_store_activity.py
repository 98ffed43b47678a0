"""`Store.activity`, the sums over a period in pieces, and `Store.state`, which changes with each commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from baserun.exceptions import ConfigurationError
from baserun.store import Sink, Store, open_store
from baserun.store.rows import AnnotationRow, OpenSession
from baserun.store.sqlite._hours import latency_class, least_us

START = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=1_790_000_000_000_000)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def fill(sink: Sink, make: Any) -> None:
    """Write two minutes: a call of ada; then a failed call of ben, and a trace without user and session."""
    ada = make.trace(1, session="a", user_identifier="ada", user_strength=3)
    ben = make.trace(61, session="b", user_identifier="ben", user_strength=3, status="error")
    lone = make.trace(62, session=None)
    sink.write(
        [
            OpenSession(id="a", at_us=ada.started_us, user_identifier="ada", user_strength=3),
            make.call(1, ada, request_model="small", input_tokens=10, output_tokens=5, cost_nano=2_000_000),
            ada,
            make.call(2, ben, status="error", request_model="large"),
            ben,
            lone,
            AnnotationRow(
                id="f", session_id="a", trace_id=None, span_id=None, type="feedback", name="f", score=0.0,
                created_us=ada.started_us,
            ),
        ]
    )  # fmt: skip


def test_pieces_add_up(sink: Sink, store: Store, make: Any) -> None:
    """Each trace is in the piece in which it started, and the total counts users and sessions once."""
    fill(sink, make)

    activity = store.activity(since=START, until=START + 2 * MINUTE, buckets=2)

    assert [(piece.traces, piece.sessions, piece.users) for piece in activity.buckets] == [(1, 1, 1), (2, 1, 1)]
    assert [(piece.llm_calls, piece.errors) for piece in activity.buckets] == [(1, 0), (1, 1)]
    assert (activity.total.traces, activity.total.sessions, activity.total.users) == (3, 2, 2)


def test_unknown_is_not_zero(sink: Sink, store: Store, make: Any) -> None:
    """Unknown tokens and costs are None, and so is the latency of a piece without traces."""
    fill(sink, make)

    first, second, third = store.activity(since=START, until=START + 3 * MINUTE, buckets=3).buckets

    assert (first.input_tokens, first.cost_usd) == (10, Decimal("0.002"))
    assert (second.input_tokens, second.cost_usd) == (None, None)
    assert (first.latency_p50_ms, first.latency_p95_ms) == (1000, 1000)
    assert (third.latency_p50_ms, third.traces) == (None, 0)


@pytest.mark.parametrize("length", [2 * MINUTE, 2 * HOUR], ids=["traces", "hours"])
def test_calls_of_unknown_cost_are_counted(sink: Sink, store: Store, make: Any, length: timedelta) -> None:
    """Calls of unknown cost are counted as `unpriced_calls` in the total and for each piece, user and model."""
    fill(sink, make)
    late = make.trace(63, session="a", user_identifier="ada", user_strength=3)
    sink.write([make.call(3, late, request_model="small"), late])
    since = START - (START - datetime(1970, 1, 1, tzinfo=UTC)) % HOUR if length == 2 * HOUR else START

    activity = store.activity(since=since, until=since + length, buckets=2)

    assert (activity.total.cost_usd, activity.total.unpriced_calls) == (Decimal("0.002"), 2)
    assert sum(piece.unpriced_calls for piece in activity.buckets) == 2
    assert {user.user_identifier: user.unpriced_calls for user in activity.users} == {"ada": 1, "ben": 1}
    assert {model.model: model.unpriced_calls for model in activity.models} == {"small": 1, "large": 1}
    (ada,) = store.users(user="ada").items
    (session,) = store.sessions(user="ada").items
    assert (ada.unpriced_calls, session.unpriced_calls) == (1, 1)
    assert [trace.unpriced_calls for trace in store.traces(user="ada", sort="started").items] == [0, 1]


@pytest.mark.parametrize("length", [2 * MINUTE, 2 * HOUR], ids=["traces", "hours"])
@pytest.mark.parametrize("status", ["ok", "error"])
@pytest.mark.parametrize("kind", ["llm", "embedding", "image", "audio", "moderation"])
def test_a_sum_lacks_calls_of_any_kind(
    sink: Sink, store: Store, make: Any, kind: str, status: str, length: timedelta
) -> None:
    """Nobody can tell what speech costs that was not priced, so a sum says that it is missing; alone it is no sum."""
    since = START - (START - datetime(1970, 1, 1, tzinfo=UTC)) % HOUR if length == 2 * HOUR else START
    trace = make.trace(1, session="a", user_identifier="ada", user_strength=3)
    sink.write([make.call(1, trace, kind=kind, status=status, request_model="voice"), trace])

    alone = _sums(store, since, since + length)
    sink.write([make.call(2, trace, kind="embedding", request_model="small", cost_nano=1_000_000)])
    with_a_known_one = _sums(store, since, since + length)

    assert alone == [(None, 1)] * 5
    assert with_a_known_one == [(Decimal("0.001"), 1)] * 5
    assert store.verify() == []


@pytest.mark.parametrize("length", [2 * MINUTE, 2 * HOUR], ids=["traces", "hours"])
def test_what_is_free_is_known(sink: Sink, store: Store, make: Any, length: timedelta) -> None:
    """A cost of 0 is a cost, and not an unknown one; where nothing was called, there is none."""
    since = START - (START - datetime(1970, 1, 1, tzinfo=UTC)) % HOUR if length == 2 * HOUR else START
    trace = make.trace(1, session="a", user_identifier="ada", user_strength=3)

    sink.write([trace])
    uncalled = _sums(store, since, since + length)
    sink.write([make.call(1, trace, kind="moderation", cost_nano=0)])
    free = _sums(store, since, since + length)

    assert uncalled == [(None, 0)] * 5
    assert free == [(Decimal(0), 0)] * 5
    assert store.verify() == []


def _sums(store: Store, since: datetime, until: datetime) -> list[tuple[Decimal | None, int]]:
    """The cost of all there is and the number of calls that it lacks, wherever they are told."""
    activity = store.activity(since=since, until=until, buckets=1)
    (user,), (session,), (trace,) = store.users().items, store.sessions().items, store.traces().items
    return [
        (whole.cost_usd, whole.unpriced_calls) for whole in (user, session, trace, activity.total, activity.users[0])
    ]


@pytest.mark.parametrize("cost_nano", [None, 3_000_000], ids=["unknown", "known"])
def test_the_cost_of_an_embedding_hides_no_unpriced_call(
    sink: Sink, store: Store, make: Any, cost_nano: int | None
) -> None:
    """The cost of an embedding is in the sum, and a call of unknown cost beside it still counts as unpriced."""
    trace = make.trace(1, session="a", user_identifier="ada", user_strength=3)
    embedding = make.call(1, trace, kind="embedding", request_model="small", cost_nano=1_000_000)
    call = make.call(2, trace, request_model="large", cost_nano=cost_nano)
    sink.write([embedding, call, trace])

    activity = store.activity(since=START, until=START + 2 * MINUTE, buckets=2)
    (user,), (session,), (found,) = store.users().items, store.sessions().items, store.traces().items

    expected = (Decimal("0.001"), 1) if cost_nano is None else (Decimal("0.004"), 0)
    for whole in (user, session, found, activity.total, activity.users[0]):
        assert (whole.cost_usd, whole.unpriced_calls) == expected
    assert store.verify() == []


def test_an_embedding_alone_has_its_cost(sink: Sink, store: Store, make: Any) -> None:
    """A session with an embedding only has its cost, and no unpriced calls."""
    trace = make.trace(1, session="a")
    sink.write([make.call(1, trace, kind="embedding", request_model="small", cost_nano=1_000_000), trace])

    (session,) = store.sessions().items

    assert (session.llm_calls, session.cost_usd, session.unpriced_calls) == (0, Decimal("0.001"), 0)


def test_busiest_come_first(sink: Sink, store: Store, make: Any) -> None:
    """Users come in the order of their traces, and models in that of their calls, the busiest first."""
    fill(sink, make)
    more = make.trace(70, session="b", user_identifier="ben", user_strength=3)
    sink.write([make.call(3, more, request_model="large"), more])

    activity = store.activity(since=START, until=START + 2 * MINUTE)

    assert [(user.user_identifier, user.traces, user.errors) for user in activity.users] == [
        ("ben", 2, 1),
        ("ada", 1, 0),
    ]
    assert [(model.model, model.calls, model.errors) for model in activity.models] == [
        ("large", 2, 1),
        ("small", 1, 0),
    ]


def test_a_returning_user_is_counted_once_in_each_piece(sink: Sink, store: Store, make: Any) -> None:
    """A piece of several hours counts a user once, and so does the total."""
    for number in (0, 3600, 7200, 10_800):
        sink.write([make.trace(number, session=f"s{number}", user_identifier="ada", user_strength=3)])
    first = START.replace(minute=0, second=0)

    activity = store.activity(since=first, until=first + 4 * HOUR, buckets=2)

    assert [(piece.users, piece.sessions, piece.traces) for piece in activity.buckets] == [(1, 2, 2), (1, 2, 2)]
    assert (activity.total.users, activity.total.sessions) == (1, 4)


def test_latencies_of_hours_are_near_the_true_ones(sink: Sink, store: Store, make: Any) -> None:
    """Latencies computed from the classes of whole hours are within an eighth of the exact ones."""
    for number in range(200):
        trace = make.trace(number, duration_us=(number + 1) ** 2 * 1000)
        sink.write([make.call(number, trace), trace])
    first = START.replace(minute=0, second=0)

    classes = store.activity(since=first, until=first + HOUR, buckets=1).total
    exact = store.activity(since=START, until=START + 10 * MINUTE, buckets=1).total

    assert classes.latency_p50_ms == pytest.approx(exact.latency_p50_ms, rel=0.125)
    assert classes.latency_p95_ms == pytest.approx(exact.latency_p95_ms, rel=0.125)
    assert (exact.latency_p50_ms, exact.latency_p95_ms) == (100**2, 190**2)


@pytest.mark.parametrize("duration_us", [0, 1, 999, 1024, 1151, 1152, 7_999, 10**6, 3 * 10**6, 10**10, 2**47 - 1])
def test_a_class_holds_durations_that_differ_by_an_eighth(duration_us: int) -> None:
    """Each duration lies within the bounds of its class, and a class's upper bound is at most 9/8 of its lower one."""
    found = latency_class(duration_us)

    assert (found == 0 and duration_us < 1152) or least_us(found) <= duration_us < least_us(found + 1)
    assert least_us(found + 1) <= least_us(found) * 9 / 8


def test_removed_traces_leave_their_hours(sink: Sink, store: Store, make: Any) -> None:
    """Erased users and pruned sessions are subtracted from the sums of every hour."""
    for number, user in ((0, "ada"), (3600, "ben"), (7200, "ada")):
        trace = make.trace(number, session=f"s{number}", user_identifier=user, user_strength=3)
        opened = OpenSession(id=f"s{number}", at_us=trace.started_us, user_identifier=user, user_strength=3)
        speech = make.call(number + 1, trace, kind="audio")
        sink.write([opened, make.call(number, trace, request_model="small", cost_nano=5), speech, trace])
    first = START.replace(minute=0, second=0)

    store.erase_user("ada")
    after_erasure = store.activity(since=first, until=first + 4 * HOUR, buckets=4)
    store.prune(before=START + 9 * HOUR)
    after_pruning = store.activity(since=first, until=first + 4 * HOUR, buckets=4)

    assert [(piece.traces, piece.unpriced_calls) for piece in after_erasure.buckets] == [(0, 0), (1, 1), (0, 0), (0, 0)]
    assert [(user.user_identifier, user.traces) for user in after_erasure.users] == [("ben", 1)]
    assert [(model.model, model.calls) for model in after_erasure.models] == [("small", 1)]
    assert (after_pruning.total.traces, after_pruning.users, after_pruning.models) == (0, [], [])
    assert store.verify() == []


@pytest.mark.parametrize("is_together", [False, True])
@pytest.mark.parametrize("hours", [-2, 2])
def test_a_trace_is_in_the_hour_in_which_it_began(
    sink: Sink, store: Store, make: Any, hours: int, is_together: bool
) -> None:
    """A trace that another process stored first with a guessed start moves to its true hour once that is known."""
    trace = make.trace(1, user_identifier="ada", user_strength=3)
    guessed = msgspec.structs.replace(
        trace, status="running", duration_us=None, kind="remote", started_us=trace.started_us + hours * 3_600_000_000
    )
    span = make.call(1, guessed, request_model="small", cost_nano=5, started_us=trace.started_us)

    for rows in ([span, trace],) if is_together else ([span], [trace]):
        sink.write(rows)

    (found,) = store.traces().items
    (user,) = store.users().items
    (session,) = store.sessions().items
    first = START.replace(minute=0, second=0) - 3 * HOUR
    activity = store.activity(since=first, until=first + 6 * HOUR, buckets=6)
    ended = found.started_at + timedelta(seconds=1)
    assert found.started_at == START + timedelta(seconds=1)
    assert (session.started_at, session.last_active_at) == (found.started_at, ended)
    assert (user.first_seen_at, user.last_seen_at) == (found.started_at, ended)
    assert [(piece.traces, piece.llm_calls) for piece in activity.buckets] == [(0, 0)] * 3 + [(1, 1)] + [(0, 0)] * 2
    assert store.verify() == []


def test_a_trace_without_user_is_in_the_hour_in_which_it_began(sink: Sink, store: Store, make: Any) -> None:
    """A trace without session and user moves to its true hour, too."""
    trace = make.trace(1, session=None)
    guessed = msgspec.structs.replace(
        trace, status="running", duration_us=None, kind="remote", started_us=trace.started_us - 3_600_000_000
    )

    sink.write([make.call(1, guessed, started_us=trace.started_us)])
    sink.write([trace])

    assert [found.started_at for found in store.traces()] == [START + timedelta(seconds=1)]
    assert store.verify() == []


def test_busiest_limits_users_and_models(sink: Sink, store: Store, make: Any) -> None:
    """`busiest` is the most users and models that are listed."""
    fill(sink, make)

    none, one = (store.activity(since=START, until=START + 2 * MINUTE, busiest=most) for most in (0, 1))

    assert (none.users, none.models) == ([], [])
    assert (len(one.users), len(one.models)) == (1, 1)


def test_one_user_alone(sink: Sink, store: Store, make: Any) -> None:
    """`user=` leaves out all other users."""
    fill(sink, make)

    activity = store.activity(since=START, until=START + 2 * MINUTE, user="ada")

    assert (activity.total.traces, activity.total.feedback_negative) == (1, 1)
    assert [model.model for model in activity.models] == ["small"]


def test_feedback_on_a_session_counts_once(sink: Sink, store: Store, make: Any) -> None:
    """Feedback on a session counts in the piece in which the session was last active."""
    fill(sink, make)

    activity = store.activity(since=START, until=START + 2 * MINUTE, buckets=2)

    assert [(piece.feedback_positive, piece.feedback_negative) for piece in activity.buckets] == [(0, 1), (0, 0)]


def test_an_empty_store_has_empty_pieces(tmp_path: Path) -> None:
    """The activity of an empty store has all its pieces, each without traces."""
    with open_store(tmp_path / "none.sqlite3") as store:  # type: ignore[attr-defined]
        activity = store.activity(since=START, until=START + MINUTE, buckets=7)

    assert [piece.traces for piece in activity.buckets] == [0] * 7
    assert activity.buckets[-1].ended_at == START + MINUTE


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": START, "until": START},
        {"since": START, "buckets": 0},
        {"since": START, "buckets": 201},
        {"since": START, "busiest": -1},
    ],
)
def test_wrong_arguments_are_explained(store: Store, wrong: dict[str, Any]) -> None:
    """A wrong argument raises at once and says what to write."""
    with pytest.raises(ConfigurationError, match="Write"):
        store.activity(**wrong)


def test_each_commit_changes_the_state(new_sink: Callable[[], Sink], store: Store, make: Any) -> None:
    """`state` changes with each commit of any sink, and not by reading."""
    sinks, states = (new_sink(), new_sink()), [store.state()]
    for number in range(6):
        sinks[number % 2].write([make.trace(number)])
        states.append(store.state())
        store.sessions()

    assert len(set(states)) == 7
    assert store.state() == states[-1]
