"""`open_store()` without a name: the store that this process records into."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import baserun
from baserun import _current
from baserun.store import Store
from baserun.testing import Captured


def recorded_session() -> str:
    with baserun.with_session("ada") as session:
        pass
    baserun.flush()
    return session.id


def ids_of(store: Store) -> list[str]:
    with closing(store):
        return [session.id for session in store.sessions()]


def test_store_of_init_is_opened(tmp_path: Path) -> None:
    """`open_store()` opens the store given to `init`."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded = recorded_session()

    assert ids_of(baserun.open_store()) == [recorded]


def test_store_of_the_environment_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`open_store()` opens the store of `BASERUN_STORE`."""
    monkeypatch.setenv("BASERUN_STORE", str(tmp_path / "mine.sqlite3"))
    recorded = recorded_session()

    assert ids_of(baserun.open_store()) == [recorded]


def test_store_of_a_captured_block_is_opened(captured: Captured) -> None:
    """In a `capture` block `open_store()` opens the store of the block."""
    recorded = recorded_session()

    assert ids_of(baserun.open_store()) == [recorded]


def test_named_store_is_opened_whatever_is_configured(tmp_path: Path) -> None:
    """`open_store` with a path opens that store, whatever `init` was given."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded_session()

    assert ids_of(baserun.open_store(tmp_path / "another.sqlite3")) == []


def test_opening_a_store_is_no_first_use() -> None:
    """`open_store` is no first use: it starts no recording."""
    baserun.open_store().close()

    assert _current._runtime is None


def test_user_is_erased_where_the_process_records(tmp_path: Path) -> None:
    """Erasing through `open_store()` works on the store of this process, not on an empty one at the default path."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded_session()

    with closing(baserun.open_store()) as store:
        receipt = store.erase_user("ada")

    assert receipt.sessions == 1


def test_reading_takes_the_identifier_of_the_application(tmp_path: Path) -> None:
    """With a `user_key`, reading, exporting and erasing take the same user identifier as recording."""
    baserun.init(tmp_path / "mine.sqlite3", user_key="pepper")
    recorded = recorded_session()

    with closing(baserun.open_store()) as store:
        listed = [session.id for session in store.sessions(user="ada")]
        others = store.sessions(user="bob").items
        exported = [record["record"] for record in store.export_user("ada")]
        known = store.user("ada")
        receipt = store.erase_user("ada")
        left = store.user("ada")

    assert (listed, others, exported) == ([recorded], [], ["user", "session"])
    assert known is not None
    assert known.user_identifier.startswith("u1_")
    assert (receipt.user_identifier, receipt.sessions) == (known.user_identifier, 1)
    assert left is None


def test_user_from_before_there_was_a_key_is_found(tmp_path: Path) -> None:
    """A user stored before there was a `user_key` is still found and erased by the same identifier."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded = recorded_session()
    baserun.init(tmp_path / "mine.sqlite3", user_key="pepper")

    with closing(baserun.open_store()) as store:
        listed = [session.id for session in store.sessions(user="ada")]
        receipt = store.erase_user("ada")

    assert (listed, receipt.sessions) == ([recorded], 1)


def test_user_from_before_and_after_there_was_a_key_is_erased(tmp_path: Path) -> None:
    """A user stored both without and with a `user_key` is exported and erased under both identifiers."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded_session()
    baserun.init(tmp_path / "mine.sqlite3", user_key="pepper")
    recorded_session()

    with closing(baserun.open_store()) as store:
        exported = [record["record"] for record in store.export_user("ada")]
        receipt = store.erase_user("ada")
        left = store.users().items

    assert exported == ["user", "session", "user", "session"]
    assert receipt.sessions == 2
    assert left == []
