"""Opening the store that this process records into, without naming it again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import baserun
from baserun import _runtime
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
    """`open_store()` reads where `init` said to record."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded = recorded_session()

    assert ids_of(baserun.open_store()) == [recorded]


def test_store_of_the_environment_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`open_store()` reads where `BASERUN_STORE` said to record."""
    monkeypatch.setenv("BASERUN_STORE", str(tmp_path / "mine.sqlite3"))
    recorded = recorded_session()

    assert ids_of(baserun.open_store()) == [recorded]


def test_store_of_a_captured_block_is_opened(captured: Captured) -> None:
    """In a test, `open_store()` reads what the test records."""
    recorded = recorded_session()

    assert ids_of(baserun.open_store()) == [recorded]


def test_named_store_is_opened_whatever_is_configured(tmp_path: Path) -> None:
    """A store that is named is the one that is opened."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded_session()

    assert ids_of(baserun.open_store(tmp_path / "another.sqlite3")) == []


def test_opening_a_store_is_no_first_use() -> None:
    """Who only reads instruments nothing."""
    baserun.open_store().close()

    assert _runtime._runtime is None


def test_user_is_erased_where_the_process_records(tmp_path: Path) -> None:
    """Erasing through `open_store()` finds the records of this process, not an empty store at the default place."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded_session()

    with closing(baserun.open_store()) as store:
        receipt = store.erase_user("ada")

    assert receipt.sessions == 1


def test_user_is_asked_for_as_the_application_knows_them(tmp_path: Path) -> None:
    """With a `user_key`, whoever reads or erases names the user by the same value as whoever records."""
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
    """A user who was stored without a key is still asked for by the same value, and found by the stored one too."""
    baserun.init(tmp_path / "mine.sqlite3")
    recorded = recorded_session()
    baserun.init(tmp_path / "mine.sqlite3", user_key="pepper")

    with closing(baserun.open_store()) as store:
        listed = [session.id for session in store.sessions(user="ada")]
        receipt = store.erase_user("ada")

    assert (listed, receipt.sessions) == ([recorded], 1)


def test_user_from_before_and_after_there_was_a_key_is_erased(tmp_path: Path) -> None:
    """Everything of one user is exported and erased, under both names."""
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
