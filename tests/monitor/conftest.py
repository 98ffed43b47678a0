"""Fixtures: stores with real and hostile conversations, and visitors of their pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import baserun
import filler
import hostile
from baserun.store import Store, open_store
from baserun_monitor import LOOPBACK, Pages
from page_visitors import HOME

ADA = baserun.hash_user("ada@example.com")


@pytest.fixture(scope="session", name="filled")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two days of conversations, which tests must not change."""
    path = tmp_path_factory.mktemp("filled") / "shop.sqlite3"
    filler.fill(path, days=2, now=datetime.now(UTC))
    return path


@pytest.fixture(name="path")
def _path(filled: Path, tmp_path: Path) -> Path:
    """A copy of the filled store for one test."""
    copy = tmp_path / "shop.sqlite3"
    for file in filled.parent.glob("shop.sqlite3*"):
        shutil.copy(file, tmp_path / file.name)
    return copy


@pytest.fixture(name="store")
def _store(path: Path) -> Iterator[Store]:
    store = open_store(path, budget=None)  # no budget: the machine that runs the tests may be busy
    yield store
    store.close()


@pytest.fixture(name="pages")
def _pages(store: Store) -> Pages:
    """The pages as `baserun ui` serves them."""
    return Pages(store, allow=lambda request: True, hosts=LOOPBACK)


@pytest.fixture(name="visitor")
def _visitor(pages: Pages) -> TestClient:
    return TestClient(pages, base_url=HOME, follow_redirects=False)


@pytest.fixture(name="hostile")
def _hostile(tmp_path: Path) -> Iterator[Store]:
    """A store in which all values that a stranger can choose are hostile."""
    path = tmp_path / "hostile.sqlite3"
    hostile.fill(str(path))
    store = open_store(path, budget=None)
    yield store
    store.close()
