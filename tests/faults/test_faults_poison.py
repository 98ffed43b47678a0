"""Records that cannot be prepared or stored: each is dropped alone and counted, and delays no other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import baserun
from baserun import signals
from baserun.instrumentation import CallDetails, Usage, finish_call, start_call
from waiting import eventually

Messages = Callable[[], list[str]]


class Source:
    """Describes a call by the given function."""

    def __init__(self, describe: Callable[[], CallDetails]) -> None:
        self.describe = describe


def _call(describe: Callable[[], CallDetails]) -> None:
    span = start_call("chat small")
    assert span is not None
    finish_call(span, Source(describe), 10)


def _fail() -> CallDetails:
    raise RuntimeError("cannot be described")


def _unstorable() -> CallDetails:
    return CallDetails(request_model="small", usage=Usage(input_tokens=2**70))


def _fine() -> CallDetails:
    return CallDetails(request_model="small", usage=Usage(input_tokens=2))


def test_a_rejected_row_is_dropped_alone(path: Path) -> None:
    """Rows that can never be stored are dropped and counted, and all others of their batch are stored."""
    told: list[tuple[str, int]] = []

    def hear(reason: str, count: int) -> None:
        told.append((reason, count))

    baserun.init(store=path, flush_interval=0.2)
    with signals.records_dropped.connected_to(hear), baserun.with_session(), baserun.start_trace(name="t"):
        for number in range(40):
            _call(_unstorable if number in (0, 17, 18, 39) else _fine)
        assert baserun.flush(60)
    assert baserun.flush(60)

    stats = baserun.stats()
    assert stats.closed
    assert (stats.dropped, stats.queued, stats.queued_bytes) == ({"rejected": 4}, 0, 0)
    assert sum(count for _, count in told) == 4
    with closing(baserun.open_store(path, budget=None)) as store:
        (session,) = store.sessions()
        assert (session.llm_calls, session.input_tokens) == (36, 72)
        assert store.ledger()["dropped"] == {"rejected": 4}
        assert store.verify() == []


def test_rejected_rows_are_logged_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """However many rows of a batch are rejected, the log has one line with one reason."""
    baserun.init(store=path, flush_interval=0.2)
    with baserun.with_session(), baserun.start_trace(name="t"):
        for number in range(40):
            _call(_unstorable if number % 2 else _fine)
        assert baserun.flush(60)
    assert baserun.flush(60)

    assert baserun.stats().dropped == {"rejected": 20}
    (said,) = (record for record in caplog.records if "does not take" in record.getMessage())
    assert (said.exc_text or "").count("RowRejectedError: ") <= 2  # the rows are tried twice


def test_a_call_that_cannot_be_described_keeps_its_span(path: Path) -> None:
    """A call whose details cannot be read is stored without them."""
    baserun.init(store=path)
    with baserun.with_session(), baserun.start_trace(name="t"):
        _call(_fail)
        _call(_fine)
    assert baserun.flush(60)

    with closing(baserun.open_store(path, budget=None)) as store:
        (session,) = store.sessions()
        assert (session.llm_calls, session.input_tokens) == (2, 2)
        assert store.verify() == []
    assert baserun.stats().dropped == {}


@pytest.mark.parametrize("answer", ["raises", None, 7, b"bytes"])
def test_a_redact_function_that_fails_masks_the_text(path: Path, messages: Messages, answer: object) -> None:
    """When a redact function raises or returns no str, that text is masked and everything else is stored."""

    def redact(text: str, path: str) -> str:
        if text != "secret":
            return text
        if answer == "raises":
            raise ValueError(text)
        return answer  # type: ignore[return-value]

    baserun.init(store=path, redact=redact)
    with baserun.with_session(session_identifier="s"):
        for text in ("before", "secret", "after"):
            baserun.log(text)
    assert baserun.flush(60)

    assert messages() == ["[masked: redaction failed]", "after", "before"]
    assert baserun.stats().closed
    assert baserun.stats().stored == 5


def test_a_redact_function_that_hangs_delays_nobody(path: Path, messages: Messages) -> None:
    """While a redact function hangs, records are queued and `flush` keeps to its timeout."""
    awake = threading.Event()

    def redact(text: str, path: str) -> str:
        awake.wait(60)
        return text

    baserun.init(store=path, redact=redact)
    with baserun.with_session(session_identifier="s"):
        for _ in range(100):
            baserun.log("taken")
    assert not baserun.flush(0.05)
    assert baserun.stats().queued == 102
    awake.set()

    assert baserun.flush(60)
    assert messages() == ["taken"] * 100
    assert baserun.stats().closed


@pytest.mark.parametrize("call", [baserun.flush, baserun.shutdown])
def test_a_redact_function_may_call_us(path: Path, messages: Messages, call: Callable[[], bool]) -> None:
    """`flush` and `shutdown` called by a redact function return False at once, without a deadlock."""
    answers: list[bool] = []

    def redact(text: str, path: str) -> str:
        if text == "now":
            answers.append(call())
        return text

    baserun.init(store=path, redact=redact)
    with baserun.with_session(session_identifier="s"):
        baserun.log("now")
        eventually(lambda: answers)
    eventually(lambda: baserun.flush(1))

    assert answers == [False]
    eventually(lambda: path.exists() and messages() == ["now"])


def test_strings_of_ten_megabytes(path: Path) -> None:
    """Huge texts are counted with their size while queued, stored cut, and leave the queue empty."""
    baserun.init(store=path, flush_interval=60)
    with baserun.with_session(session_identifier="s"), baserun.start_trace(name="t"):
        with baserun.span("huge", metadata={"text": "x" * 10_000_000}):
            pass
        assert baserun.stats().queued_bytes > 1_000_000
    assert baserun.flush(60)

    assert (baserun.stats().queued, baserun.stats().queued_bytes, baserun.stats().dropped) == (0, 0, {})
    with closing(baserun.open_store(path, budget=None)) as store:
        found = store.session("s")
        assert store.verify() == []
    assert found is not None
    assert len(str(found.to_dict())) < 3_000_000
