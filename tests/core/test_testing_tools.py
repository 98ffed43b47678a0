"""`baserun.testing` for tests of applications: `capture`, a fake clock and predictable ids."""

from __future__ import annotations

import gc
import threading
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import baserun
from baserun._clock import RandomIds, SystemClock
from baserun._current import is_capturing
from baserun.exceptions import ConfigurationError
from baserun.testing import CountingIds, FakeClock, capture


def test_capture_is_for_its_block() -> None:
    """`capture` records what its block does; what comes before and after goes to the configured store."""
    baserun.init("memory:around")
    with baserun.start_trace("before"):
        pass
    with capture() as captured, baserun.start_trace("inside"):
        pass
    with baserun.start_trace("after"):
        pass
    baserun.flush()

    assert [trace.name for trace in captured.traces] == ["inside"]
    around = baserun.open_store("memory:around").traces(sort="started")
    assert sorted(trace.name for trace in around) == ["after", "before"]


def test_captures_nest() -> None:
    """Each of two nested `capture` blocks gets what is recorded in it alone."""
    with capture() as outer:
        with capture() as inner, baserun.start_trace("inner"):
            pass
        with baserun.start_trace("outer"):
            pass

    assert [trace.name for trace in outer.traces] == ["outer"]
    assert [trace.name for trace in inner.traces] == ["inner"]


@pytest.mark.parametrize("is_shut_down", [False, True])
def test_captures_that_end_out_of_order(tmp_path: Path, is_shut_down: bool) -> None:
    """Leaving a `capture` block while a later one is open takes nothing from the later one, also after a `shutdown`."""
    baserun.init(tmp_path / "own.sqlite3")
    first, second = capture(), capture()
    earlier = first.__enter__()
    if is_shut_down:
        baserun.shutdown()
    later = second.__enter__()
    first.__exit__(None, None, None)
    with baserun.with_session("inside"):
        pass
    recorded = [session.user_identifier for session in later.sessions]
    second.__exit__(None, None, None)

    with baserun.with_session("outside"):
        pass

    assert (recorded, earlier.sessions) == (["inside"], [])
    assert baserun.flush()
    assert [session.user_identifier for session in baserun.open_store().sessions()] == ["outside"]
    assert baserun.stats().dropped == {}


@pytest.mark.parametrize("is_configured", [False, True])
def test_init_in_a_capture_block(tmp_path: Path, is_configured: bool) -> None:
    """An application that calls `init` within the block is captured, and has its own configuration after the block."""
    if is_configured:
        baserun.init(tmp_path / "before.sqlite3", environment="before")
    with capture() as captured:
        baserun.init(tmp_path / "application.sqlite3", environment="application")
        with capture() as inner, baserun.start_trace("inner"):
            pass
        with baserun.start_trace("inside"):
            pass
    with baserun.start_trace("after"):
        pass
    baserun.shutdown()

    assert [trace.name for trace in inner.traces] == ["inner"]
    assert [(trace.name, trace.environment) for trace in captured.traces] == [("inside", None)]
    (after,) = baserun.open_store(tmp_path / "application.sqlite3").traces()
    assert (after.name, after.environment) == ("after", "application")
    assert not (tmp_path / "before.sqlite3").exists()


def test_shutdown_in_a_capture_block(tmp_path: Path) -> None:
    """What is recorded after a `shutdown` in the block is written to the configured store, and no thread is left."""
    baserun.init(tmp_path / "own.sqlite3", flush_interval=60)
    threads = threading.active_count()
    with capture() as captured:
        baserun.shutdown()
        with baserun.start_trace("inside"):
            pass
    left = threading.active_count()

    assert captured.traces == []
    assert [trace.name for trace in baserun.open_store(tmp_path / "own.sqlite3").traces()] == ["inside"]
    assert left == threads


def test_a_capture_after_a_shutdown_in_another(tmp_path: Path) -> None:
    """A `shutdown` ends a block's recording for good, also when a block inside it is left."""
    baserun.init(tmp_path / "own.sqlite3")
    with capture() as outer:
        baserun.shutdown()
        with capture() as inner, baserun.start_trace("inner"):
            pass
        with baserun.start_trace("after"):
            pass

    assert [trace.name for trace in inner.traces] == ["inner"]
    assert outer.traces == []
    assert [trace.name for trace in baserun.open_store(tmp_path / "own.sqlite3").traces()] == ["after"]


def test_init_after_a_shutdown_in_a_capture_block(tmp_path: Path) -> None:
    """The `init` of an application that was shut down in the block takes effect at once, and lasts."""
    baserun.init(tmp_path / "before.sqlite3")
    with capture():
        baserun.shutdown()
        baserun.init(tmp_path / "application.sqlite3")
        with baserun.start_trace("inside"):
            pass
    with baserun.start_trace("after"):
        pass
    baserun.shutdown()

    stored = baserun.open_store(tmp_path / "application.sqlite3").traces(sort="started")
    assert sorted(trace.name for trace in stored) == ["after", "inside"]
    assert not (tmp_path / "before.sqlite3").exists()


def test_capture_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`capture` does not read the environment."""
    monkeypatch.setenv("BASERUN_ENABLED", "0")

    with capture() as captured, baserun.start_trace("t"):
        pass

    assert len(captured.traces) == 1


def test_capture_takes_the_options_of_init(tmp_path: Path) -> None:
    """`capture` takes any option of `init`, including the store, and refuses a misspelt one."""
    with capture(store=tmp_path / "mine.sqlite3", environment="test") as captured, baserun.start_trace("t"):
        pass

    assert [trace.environment for trace in captured.traces] == ["test"]
    assert (tmp_path / "mine.sqlite3").exists()
    with pytest.raises(TypeError, match="did you mean 'environment'"), capture(enviroment="test"):
        pass


def test_capture_can_be_read_after_its_block() -> None:
    """What was captured can be read after the block."""
    with capture() as captured, baserun.with_session("u"):
        pass

    assert [session.user_identifier for session in captured.sessions] == ["u"]
    assert captured.stats.stored == 2


def test_captured_stores_do_not_pile_up() -> None:
    """The file of a capture is removed when nothing can read it any more, not at the end of a run of many tests."""
    with capture() as captured, baserun.with_session("u"):
        store = captured.store
    path = Path(store.info().path)

    del captured
    gc.collect()
    still_there = [session.user_identifier for session in store.sessions()]
    del store
    gc.collect()

    assert still_there == ["u"]
    assert not path.parent.exists()


def test_capture_ends_when_the_block_fails() -> None:
    """A `capture` block that raises does not stay active."""
    with pytest.raises(ValueError, match="no"), capture():
        raise ValueError("no")

    assert baserun.stats().captured == 0


def test_capture_shows_more_than_a_page() -> None:
    """`captured.sessions` and `captured.users` have everything, not just the first page."""
    with capture() as captured:
        for number in range(1001):
            with baserun.with_session(f"u{number}"):
                pass

    assert len(captured.sessions) == 1001
    assert len(captured.users) == 1001


def test_fake_clock() -> None:
    """`FakeClock` starts at the given time, moves only when told, and `set_back` does not change its monotonic time."""
    clock = FakeClock(datetime(2027, 2, 3, 4, 5, 6, 7, tzinfo=UTC))
    begin = clock.now_us(), clock.monotonic_ns()
    clock.advance(1.5)
    clock.set_back(60)

    assert begin == (datetime(2027, 2, 3, 4, 5, 6, 7, tzinfo=UTC).timestamp() * 1_000_000, 0)
    assert (clock.now_us() - begin[0], clock.monotonic_ns()) == (-58_500_000, 1_500_000_000)


def test_fake_clock_without_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """`FakeClock` takes a time without a zone as UTC, so that a test passes in every time zone."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        clock = FakeClock(datetime(2027, 2, 3))
    finally:
        monkeypatch.undo()
        time.tzset()

    assert clock.now_us() == datetime(2027, 2, 3, tzinfo=UTC).timestamp() * 1_000_000


@pytest.mark.parametrize("wrong", ["2026-01-01", 0, "", date(2026, 1, 1), datetime])
def test_fake_clock_of_something_else(wrong: Any) -> None:
    """`FakeClock` starts at a datetime only, and says so."""
    with pytest.raises(
        ConfigurationError, match=r"FakeClock starts at a datetime, such as datetime\(2026, 1, 1\), not "
    ):
        FakeClock(wrong)


@pytest.mark.parametrize("wrong", ["5", None, timedelta(seconds=5), float("nan"), float("inf"), 10**400])
def test_fake_clock_moved_by_something_else(wrong: Any) -> None:
    """`FakeClock` is moved by seconds, and stays where it was when given something else."""
    clock = FakeClock()
    for move in (clock.advance, clock.set_back):
        with pytest.raises(ConfigurationError, match=r"by seconds, such as 1.5 or delta.total_seconds\(\), not "):
            move(wrong)

    assert (clock.now_us(), clock.monotonic_ns()) == (FakeClock().now_us(), 0)


@pytest.mark.parametrize("end", [datetime.min, datetime.max])
def test_fake_clock_at_the_ends_of_the_calendar(end: datetime) -> None:
    """What is recorded at the first or the last microsecond of the calendar is read at that time."""
    with capture(clock=FakeClock(end)) as captured, baserun.start_trace("t"):
        pass

    assert [trace.started_at for trace in captured.traces] == [end.replace(tzinfo=UTC)]


def test_fake_clock_moved_by_any_number() -> None:
    """`FakeClock` is moved by a number of any kind."""
    clock = FakeClock()
    for number in (1, -1, 0.5, Decimal("0.5"), Fraction(1, 2)):
        clock.advance(number)  # type: ignore[arg-type]

    assert clock.monotonic_ns() == 1_500_000_000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clock": FakeClock}, r"clock must be an object with .* now_us, monotonic_ns, such as FakeClock\(\), not <cl"),
        ({"clock": 0}, "clock must be an object with the methods now_us, monotonic_ns"),
        (
            {"ids": CountingIds},
            r"ids must be an object with .* session, trace, span, annotation, such as CountingIds\(",
        ),
        ({"ids": FakeClock()}, r"such as CountingIds\(\), not <baserun"),
    ],
)
def test_capture_with_wrong_sources(given: dict[str, Any], message: str) -> None:
    """`capture` refuses a clock or ids that are none, a class for example, before its block begins."""
    with pytest.raises(ConfigurationError, match=message), capture(**given):
        pytest.fail("the block has begun")

    assert not is_capturing()


@pytest.mark.parametrize("timeout", ["soon", -1, None, float("nan")])
def test_captured_flush_waits_for_seconds(timeout: Any) -> None:
    """`captured.flush` takes what `baserun.flush` takes."""
    with capture() as captured, pytest.raises(ConfigurationError, match="timeout must be a number of seconds, not "):
        captured.flush(timeout)


def test_counting_ids() -> None:
    """`CountingIds` count from one for each kind, in the form of the real ids."""
    ids = CountingIds()
    made = [[make() for _ in range(2)] for make in (ids.session, ids.trace, ids.span, ids.annotation)]
    real = RandomIds()

    assert made == [
        ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"],
        ["00000000000000000000000000000001", "00000000000000000000000000000002"],
        ["0000000000000001", "0000000000000002"],
        ["00000000000000000000000000000001", "00000000000000000000000000000002"],
    ]
    assert [len(pair[0]) for pair in made] == [
        len(make()) for make in (real.session, real.trace, real.span, real.annotation)
    ]


def test_random_ids_differ() -> None:
    """No two of 4000 random ids are the same."""
    ids = RandomIds()
    made = {make() for make in (ids.session, ids.trace, ids.span, ids.annotation) for _ in range(1000)}

    assert len(made) == 4000


def test_system_clock() -> None:
    """`SystemClock` gives UTC in microseconds."""
    now = datetime.now(UTC).timestamp()

    assert abs(SystemClock().now_us() / 1_000_000 - now) < 60
