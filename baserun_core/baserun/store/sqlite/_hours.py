"""Roll-ups by whole hours, so that the activity of months is read as fast as that of a day.

They are the sums over the traces that started in an hour, in total and by user; the number of traces with a call by
class of duration; and the calls to each model. They change in the same transaction as the rows that they count, and can
be subtracted again: when a trace changes its user, its sums move to the other one.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Self, TypeVar

from baserun.store.sqlite import _rollups
from baserun.store.sqlite._sql import insert, select_in, write_rows
from baserun.store.sqlite._state import TraceState

Key = TypeVar("Key", bound=tuple[int, ...])

HOUR_US = 3_600_000_000
SUMS = _rollups.COLUMNS[: _rollups.FEEDBACK]
"""Sums of traces, in the order of their own roll-ups; without feedback, which may come much later."""
MODEL_SUMS = ("calls", "errors", "cost_nano", "cost_known")

FINEST_US_BITS, CLASSES_AN_OCTAVE = 7, 8
"""Durations are classified from a millisecond on (eight units of 128 us), by eighths of their power of two."""

CALLS = (
    f"SELECT t.started_us / {HOUR_US} AS hour, m.id AS model_id, count(*) AS calls, sum(p.status = 'error') AS errors,"
    " coalesce(sum(p.cost_nano), 0) AS cost_nano, count(p.cost_nano) AS cost_known"
    " FROM spans p JOIN traces t ON t.id = p.trace_id JOIN models m"
    " ON m.requested = coalesce(p.request_model, '') AND m.answered = coalesce(p.response_model, '')"
    " WHERE p.is_call AND coalesce(p.request_model, p.response_model) IS NOT NULL"
)
"""Counts calls again; followed by more conditions and `GROUP BY`."""
_TRACES = f"started_us / {HOUR_US}, {{key}}count(*), {', '.join(f'sum({column})' for column in SUMS[1:])} FROM traces"
_LATENCIES = f"""
    WITH octaves (octave, least) AS (
        SELECT 0, {CLASSES_AN_OCTAVE} UNION ALL SELECT octave + 1, 2 * least FROM octaves WHERE octave < 40
    ), timed (hour, units) AS (
        SELECT started_us / {HOUR_US}, max(duration_us >> {FINEST_US_BITS}, {CLASSES_AN_OCTAVE})
        FROM traces WHERE duration_us IS NOT NULL AND llm_calls > 0
    )
    SELECT hour, {CLASSES_AN_OCTAVE} * octave + (units >> octave) - {CLASSES_AN_OCTAVE}, count(*)
    FROM timed JOIN octaves ON units >= least AND units < 2 * least GROUP BY 1, 2
"""
RECOUNTS = {
    "hours": f"SELECT {_TRACES.format(key='')} GROUP BY 1",
    "user_hours": f"SELECT {_TRACES.format(key='user_id, ')} WHERE user_id IS NOT NULL GROUP BY 1, 2",
    "latency_hours": _LATENCIES,
    "model_hours": f"{CALLS} GROUP BY 1, 2",
}
"""The query for the right content of each table; the migration that created them uses the same."""


class _Table(NamedTuple):
    """A table of sums by keys, and the statements that change it."""

    add: str
    """Adds to the row of a key, and inserts it if there is none."""
    clean: str
    """Deletes the row of a key if nothing is left in it."""
    width: int
    """The number of sums."""

    @classmethod
    def of(cls, name: str, key: Sequence[str], sums: Sequence[str]) -> Self:
        changes = ", ".join(f"{column} = {column} + excluded.{column}" for column in sums)
        where = " AND ".join(f"{column} = ?" for column in key)
        return cls(
            add=f"{insert(name, (*key, *sums))} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}",
            clean=f"DELETE FROM {name} WHERE {where} AND {sums[0]} = 0",
            width=len(sums),
        )


_HOURS = _Table.of("hours", ("hour",), SUMS)
_USER_HOURS = _Table.of("user_hours", ("hour", "user_id"), SUMS)
_LATENCY_HOURS = _Table.of("latency_hours", ("hour", "latency"), ("traces",))
_MODEL_HOURS = _Table.of("model_hours", ("hour", "model_id"), MODEL_SUMS)


def latency_class(duration_us: int) -> int:
    """Return the class of a duration; durations in one class differ by an eighth at most."""
    units = max(duration_us >> FINEST_US_BITS, CLASSES_AN_OCTAVE)
    octave = units.bit_length() - 4
    return CLASSES_AN_OCTAVE * octave + (units >> octave) - CLASSES_AN_OCTAVE


def least_us(latency: int) -> int:
    """Return the shortest duration of a class, in microseconds."""
    octave, part = divmod(latency, CLASSES_AN_OCTAVE)
    return (CLASSES_AN_OCTAVE + part) << octave + FINEST_US_BITS


def latency_of(duration_us: int | None, sums: Sequence[int]) -> int | None:
    """Return the class of a trace; None if it is running, or called no language model."""
    return latency_class(duration_us) if duration_us is not None and sums[_rollups.LLM_CALLS] else None


class Hours:
    """Collects what the traces and calls of a transaction add to their hours, or subtract."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[int, int | None], list[int]] = defaultdict(_rollups.none)
        self._latencies: Counter[tuple[int, int]] = Counter()
        self._models: list[tuple[int, ...]] = []

    def follow(self, trace: TraceState) -> None:
        """Count a trace by its new state instead of its stored one."""
        if trace.stored_sums is not None:
            hour, stored, was_of = trace.announced_us // HOUR_US, trace.stored_sums, trace.stored_user
            self.subtract(hour, None if was_of is None else was_of.id, stored, trace.stored_latency)
        hour, user = trace.started_us // HOUR_US, trace.user
        self._add(hour, None if user is None else user.id, trace.sums, latency_of(trace.duration_us, trace.sums))

    def subtract(self, hour: int, user_id: int | None, sums: Sequence[int], latency: int | None) -> None:
        """Subtract a trace."""
        self._add(hour, user_id, [-each for each in sums], latency, -1)

    def of_users(self) -> Iterator[tuple[int, list[int]]]:
        """Return the changes to each user, one item for each of the user's hours."""
        return ((user_id, sums) for (_, user_id), sums in self._sums.items() if user_id is not None)

    def call(self, hour: int, model_id: int, sums: Sequence[int]) -> None:
        """Add calls of a model; negative sums subtract them."""
        self._models.append((hour, model_id, *sums))

    def write(self, connection: sqlite3.Connection) -> None:
        """Write everything; a row that is left without traces or calls is deleted."""
        hours: defaultdict[tuple[int], list[int]] = defaultdict(_rollups.none)
        for (hour, _), sums in self._sums.items():
            _rollups.add(hours[(hour,)], sums)
        users = {(hour, user_id): sums for (hour, user_id), sums in self._sums.items() if user_id is not None}
        _write(connection, _HOURS, hours)
        _write(connection, _USER_HOURS, users)
        latencies = {key: [number] for key, number in self._latencies.items() if number}
        _write(connection, _LATENCY_HOURS, latencies)
        _write(connection, _MODEL_HOURS, _added(self._models))

    def _add(self, hour: int, user_id: int | None, sums: list[int], latency: int | None, sign: int = 1) -> None:
        _rollups.add(self._sums[hour, user_id], sums)
        if latency is not None:
            self._latencies[hour, latency] += sign


def subtract_calls(connection: sqlite3.Connection, hours: Hours, trace_ids: Sequence[int]) -> None:
    """Subtract the calls of traces that are about to be removed."""
    query = f"{CALLS} AND p.trace_id IN ({{}}) GROUP BY 1, 2"
    for hour, model_id, *sums in select_in(connection, query, trace_ids):
        hours.call(hour, model_id, [-each for each in sums])


def move_calls(connection: sqlite3.Connection, hours: Hours, trace: TraceState) -> None:
    """Move the stored calls of a trace to the hour in which it turned out to have started."""
    query = f"{CALLS} AND p.trace_id = ? GROUP BY 1, 2"
    for hour, model_id, *sums in connection.execute(query, (trace.id,)).fetchall():
        hours.call(hour, model_id, [-each for each in sums])
        hours.call(trace.started_us // HOUR_US, model_id, sums)


def _added(parts: list[tuple[int, ...]]) -> dict[tuple[int, ...], list[int]]:
    found: dict[tuple[int, ...], list[int]] = {}
    for hour, model_id, *sums in parts:
        known = found.setdefault((hour, model_id), [0] * len(sums))
        known[:] = map(int.__add__, known, sums)
    return found


def _write(connection: sqlite3.Connection, table: _Table, rows: Mapping[Key, list[int]]) -> None:
    write_rows(connection, table.add, [(*key, *sums[: table.width]) for key, sums in rows.items()])
    write_rows(connection, table.clean, [key for key, sums in rows.items() if sums[0] < 0])
