"""A store with real conversations in it, and visitors of its pages."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from starlette.testclient import TestClient

import baserun
from baserun.store import Store, open_store
from baserun.testing import capture
from baserun_monitor import LOOPBACK, Pages

ADA = baserun.hash_user("ada@example.com")
HOME = "http://127.0.0.1:4320"
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> ![x](http://evil.test/p.png) javascript:alert(3) "
    "\x1b[31mred\x1b]0;t\x07 \u202eevil\u2066 \x00 {{ 7*7 }} '\"><svg onload=alert(4)>"
)

Visit = Callable[..., Any]


def _filler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("monitor_filler", Path(__file__).with_name("filler.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", name="filled")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two days of conversations; nobody may change it."""
    path = tmp_path_factory.mktemp("filled") / "shop.sqlite3"
    _filler().fill(path, days=2, now=datetime.now(UTC))
    return path


@pytest.fixture(name="path")
def _path(filled: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    copy = tmp_path / "shop.sqlite3"
    for file in filled.parent.glob("shop.sqlite3*"):
        shutil.copy(file, tmp_path / file.name)
    return copy


@pytest.fixture(name="store")
def _store(path: Path) -> Iterator[Store]:
    store = open_store(path, budget=None)  # the machine that tests may be busy
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
    """A store in which everything that a stranger can choose is hostile."""
    path = tmp_path / "hostile.sqlite3"
    with capture(store=str(path)) as captured:
        with baserun.with_session(user_identifier="=cmd|' /C calc'!A0 <script>", metadata={HOSTILE: HOSTILE}):
            _misbehave()
        assert captured.flush()
    store = open_store(path, budget=None)
    yield store
    store.close()


def _misbehave() -> None:
    from baserun.instrumentation import CallDetails, finish_call, start_call

    class Described:
        def describe(self) -> CallDetails:
            call = {
                "id": HOSTILE,
                "type": "function",
                "function": {"name": HOSTILE, "arguments": HOSTILE},
            }
            return CallDetails(
                provider=HOSTILE,
                operation=HOSTILE,
                request_model=HOSTILE,
                response_model=HOSTILE,
                response_id=HOSTILE,
                input=[
                    {"role": HOSTILE, "content": HOSTILE},
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "image_url",
                                "image_url": {"url": "javascript:alert(5)"},
                            }
                        ],
                    },
                    {"role": "user", "content": "x" * 1_000_000},
                ],
                output=[{"role": "assistant", "content": HOSTILE, "tool_calls": [call]}],
                parameters={HOSTILE: HOSTILE},
                input_preview=HOSTILE,
                output_preview="=1+1",
            )

    try:
        with baserun.start_trace(HOSTILE):
            baserun.tag("tag", HOSTILE)
            baserun.log(HOSTILE, name=HOSTILE)
            span = start_call(HOSTILE)
            assert span is not None
            finish_call(span, Described(), 100, status="error", error=ValueError(HOSTILE))
            baserun.feedback(HOSTILE, 0.1, comment=HOSTILE)
            raise ValueError(HOSTILE)
    except ValueError:
        pass
