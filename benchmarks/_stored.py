"""Big stores to read from, made by writing rows straight to the sink."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from baserun import _upkeep
from baserun._prepare import MOST_PREVIEW
from baserun.exceptions import StoreUnavailableError
from baserun.store._open import open_sink
from baserun.store.rows import AnnotationRow, CallRow, EndSession, OpenSession, Row, SpanRow, TraceRow
from benchmarks._conversation import Writer

CALLS_PER_SESSION = 10
SESSIONS_PER_BATCH = 300
SESSIONS_PER_USER = 20
DIFFERENT_CALLS = 2000
SECOND_US = 1_000_000
STRONG = 3
"""The strength of the users: the strongest, as if the application had identified them."""


def session_id(number: int) -> str:
    """Return the id of a session in a store that `fill` made."""
    return f"session-{number:08d}"


def user_identifier(number: int, sessions: int) -> str:
    """Return the user of session `number` in a store of `sessions`: users return in turn."""
    return f"{number % -(-sessions // SESSIONS_PER_USER):064x}"


def fill(path: Path, sessions: int) -> float:
    """Write sessions of ten calls each, without the search index; return the bytes that a call takes."""
    sink = open_sink(path)
    maker = _Maker(sessions)
    for first in range(0, sessions, SESSIONS_PER_BATCH):
        numbers = range(first, min(first + SESSIONS_PER_BATCH, sessions))
        sink.write([row for number in numbers for row in maker.session(number)])
    sink.close()
    return size_of(path) / sessions / CALLS_PER_SESSION


def index(path: Path) -> None:
    """Fill the search index with everything in the store."""
    sink = open_sink(path)
    is_more = True
    while is_more:
        try:
            is_more = sink.maintain()
        except StoreUnavailableError:  # its writer holds the lock
            time.sleep(0.01)
    sink.close()


def keep_index_apart() -> None:
    """Keep the writers of this process from filling the search index, whose cost is measured separately."""
    _upkeep.Upkeep.written = lambda self, records, size: None  # type: ignore[method-assign]


def size_of(path: Path) -> int:
    """Return the bytes of the store's file and of its write-ahead log, if there is one."""
    log = path.with_name(path.name + "-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)


class _Maker:
    def __init__(self, sessions: int) -> None:
        self._random = random.Random(7)
        writer = Writer(7)
        self._contents = [_content(writer) for _ in range(DIFFERENT_CALLS)]
        self._sessions = sessions
        self._begin_us = int(time.time() * SECOND_US) - sessions * 60 * SECOND_US

    def session(self, number: int) -> Iterator[Row]:
        """Make the rows of one session: its start, ten calls in ten traces, feedback in one of fifty, its end."""
        at_us = self._begin_us + number * 60 * SECOND_US
        session, user = session_id(number), user_identifier(number, self._sessions)
        yield OpenSession(id=session, at_us=at_us, user_identifier=user, user_strength=STRONG, metadata=None)
        for _ in range(CALLS_PER_SESSION):
            at_us += self._random.randint(1, 5) * SECOND_US
            yield from self._call(session, user, at_us)
        if number % 50 == 0:
            yield AnnotationRow(
                id=f"{number:032x}", created_us=at_us, type="feedback", name="helpful", session_id=session, score=0.0
            )
        yield EndSession(id=session, at_us=at_us)

    def _call(self, session: str, user: str, at_us: int) -> Iterator[Row]:
        chance = self._random
        asked, given = chance.choice(self._contents)
        trace = TraceRow(
            id=f"{chance.getrandbits(128) | 1:032x}",
            session_id=session,
            started_us=at_us,
            name="chat gpt-4o-mini",
            kind="llm",
            status="error" if chance.random() < 0.01 else "ok",
            user_identifier=user,
            user_strength=STRONG,
            duration_us=chance.randint(300_000, 4_000_000),
            tags='{"rare":"yes"}' if chance.random() < 0.001 else None,
        )
        model = "gpt-4o-mini" if chance.random() < 0.98 else "o3"
        input_tokens, output_tokens = chance.randint(100, 900), chance.randint(20, 300)
        yield SpanRow(
            id=f"{chance.getrandbits(64) | 1:016x}",
            trace=trace,
            parent_id=None,
            kind="llm",
            name=trace.name,
            started_us=at_us,
            duration_us=trace.duration_us or 0,
            status=trace.status,
            input=asked,
            output=given,
            call=CallRow(
                provider="openai",
                operation="chat",
                request_model=model,
                response_model=model,
                response_id=f"chatcmpl-{chance.getrandbits(116):029x}",
                request_id=f"req_{chance.getrandbits(128):032x}",
                stream=False,
                retries=0,
                parameters='{"temperature":0.2,"max_tokens":300}',
                finish_reasons='["stop"]',
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cached_input_tokens=0,
                cost_nano=(input_tokens * 150 + output_tokens * 600) * (1 if model == "gpt-4o-mini" else 20),
                input_preview=asked[-250:][:MOST_PREVIEW],
                output_preview=given[50:][:MOST_PREVIEW],
            ),
        )
        yield trace


def _content(writer: Writer) -> tuple[str, str]:
    wire = writer.call()
    request, response = msgspec.json.decode(wire.request), msgspec.json.decode(wire.response)
    messages, answers = request["messages"], [response["choices"][0]["message"]]
    return msgspec.json.encode(messages).decode(), msgspec.json.encode(answers).decode()
