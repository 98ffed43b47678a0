"""Checks of the store itself: whether it exists, is intact and current, and its size."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from baserun.cli._checks._check import NOTE, OK, PROBLEM, WARNING, Check
from baserun.exceptions import StoreError
from baserun.store import Store, StoreInfo, StoreLocation
from baserun.wording.amounts import plural, size

AREA = "store"
_LEAST_AGE = timedelta(days=1)
_MOST_UNINDEXED = 10_000


def examine(store: Store) -> tuple[StoreInfo | None, dict[str, dict[str, int]], float | None, list[Check]]:
    """Return the state of the store, its ledger, its growth in bytes a day, and the checks of all that."""
    from baserun.store.sqlite._errors import OlderStoreError

    try:
        info = store.info()
        ledger = store.ledger()
        bytes_a_day = _growth(store, info)
    except OlderStoreError as error:  # no problem to solve: the next application that records upgrades it
        return None, {}, None, [Check(AREA, "schema", NOTE, str(error))]
    except StoreError as error:
        return None, {}, None, [Check(AREA, "file", PROBLEM, str(error))]
    return info, ledger, bytes_a_day, [*_checks(info, bytes_a_day), *_ledger(ledger)]


def _growth(store: Store, info: StoreInfo) -> float | None:
    """Return the bytes a day since the first record; None if that is less than a day ago."""
    first = [page.items[0].started_at for page in (store.sessions(sort="started", limit=1),) if page.items]
    first += [page.items[0].started_at for page in (store.traces(sort="started", limit=1),) if page.items]
    age = datetime.now(UTC) - min(first, default=datetime.now(UTC))
    return None if age < _LEAST_AGE else info.size_bytes / (age / timedelta(days=1))


def missing(location: StoreLocation) -> Check:
    """Return the check for a store that does not exist yet, or not outside of the application."""
    if location.is_temporary:
        return Check(AREA, "file", NOTE, "in the memory of the application, which alone can read it")
    none = f"there is none at {location.path} yet"
    folder = _existing_folder(location.path)
    if not os.path.isdir(folder):
        words = f"{none}, and you cannot make it: {folder} is no folder; name another store by BASERUN_STORE"
    elif not os.access(folder, os.X_OK):
        words = f"you cannot look into {folder}, where {location.path} would be; run as its owner"
    elif not os.access(folder, os.W_OK):
        words = f"{none}, and you cannot make it: you cannot write to {folder}; name another store by BASERUN_STORE"
    else:
        return Check(AREA, "file", NOTE, f"{none}; the first recorded session makes it")
    return Check(AREA, "file", PROBLEM, words)


def _existing_folder(path: str) -> str:
    folder = os.path.dirname(path)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return folder


def _checks(info: StoreInfo, bytes_a_day: float | None) -> Iterator[Check]:
    pace = "" if bytes_a_day is None else f", growing by {size(round(bytes_a_day))} a day"
    yield Check(AREA, "file", OK, f"{info.path}, {size(info.size_bytes)} and a log of {size(info.wal_bytes)}{pace}")
    counts = (plural(getattr(info, f"{noun}s"), noun) for noun in ("user", "session", "trace", "span", "annotation"))
    yield Check(AREA, "records", OK, ", ".join(counts))
    if info.traces_without_session:
        yield _without_session(info)
    yield _schema(info)
    yield _integrity(info)
    yield _sqlite(info)
    yield _journal(info)
    if info.unindexed_spans > _MOST_UNINDEXED:
        behind = f"{plural(info.unindexed_spans, 'span')} wait for the search; a running application works them off"
        yield Check(AREA, "search", WARNING, behind)


def _without_session(info: StoreInfo) -> Check:
    number = info.traces_without_session
    words = (
        f"{plural(number, 'trace')} with calls to models {'belongs' if number == 1 else 'belong'} to no session:"
        " in your own threads and executors use baserun.propagate(function), in jobs baserun.extract(carried),"
        " elsewhere baserun.with_session()"
    )
    return Check(AREA, "sessions", NOTE, words)


def _schema(info: StoreInfo) -> Check:
    version = info.schema_version
    return Check(AREA, "schema", OK, "not made yet" if version is None else f"version {version}")


def _integrity(info: StoreInfo) -> Check:
    if not info.problems:
        return Check(AREA, "integrity", OK, "SQLite finds nothing wrong")
    found = "; ".join(info.problems)
    advice = "copy the file away, then save what can be read with: sqlite3 FILE .recover"
    return Check(AREA, "integrity", PROBLEM, f"SQLite finds the file damaged ({found}); {advice}")


def _sqlite(info: StoreInfo) -> Check:
    if not info.has_wal_reset_defect:
        return Check(AREA, "sqlite", OK, f"version {info.sqlite_version}")
    words = (
        f"version {info.sqlite_version} has the WAL-reset defect (fixed in 3.51.3): Baserun's lock keeps clear of it, "
        "but let no other program write to the store"
    )
    return Check(AREA, "sqlite", NOTE, words)


def _journal(info: StoreInfo) -> Check:
    if info.journal_mode in (None, "wal"):
        return Check(AREA, "journal", OK, "write-ahead log")
    words = (
        f"mode {info.journal_mode}: the file system has no write-ahead log, so readers and writers wait for each other"
    )
    return Check(AREA, "journal", WARNING, words)


def _ledger(ledger: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    for name, reasons in ledger.items():
        words = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items()) or "nothing"
        yield Check("ledger", name, WARNING if name == "dropped" and reasons else OK, words)
