"""When clients are instrumented: at once, at their import, or not at all; and how they are restored."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import baserun
from baserun import _instrument
from baserun.testing import capture
from waiting import eventually

CLIENT = "quite_a_client"
INTEGRATION = "recording_of_quite_a_client"

CLIENT_CODE = """
MADE = []


def ask():
    return "answer"
"""

INTEGRATION_CODE = """
import quite_a_client

from baserun.instrumentation import CallDetails, finish_call, start_call

ask = quite_a_client.ask


class Answered:
    def describe(self):
        return CallDetails(operation="chat")


def recorded():
    span = start_call("chat")
    answer = ask()
    if span is not None:
        finish_call(span, Answered(), 0)
    return answer


def instrument():
    quite_a_client.MADE.append("on")
    quite_a_client.ask = recorded


def uninstrument():
    quite_a_client.MADE.append("off")
    quite_a_client.ask = ask
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a client and its integration on the path, as if both were installed."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / f"{CLIENT}.py").write_text(CLIENT_CODE)
    (folder / f"{INTEGRATION}.py").write_text(INTEGRATION_CODE)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(_instrument.CLIENTS, CLIENT, INTEGRATION)
    yield
    baserun.shutdown()
    for name in (CLIENT, INTEGRATION):
        sys.modules.pop(name, None)


def imported() -> Any:
    return importlib.import_module(CLIENT)


def watchers() -> int:
    return sum(type(finder).__module__ == "baserun._instrument" for finder in sys.meta_path)


def test_client_that_is_imported_already() -> None:
    """First use instruments a client that is imported already."""
    client = imported()
    before = client.MADE[:]

    with capture() as captured:
        answer = client.ask()

    assert (before, answer) == ([], "answer")
    assert [call.name for call in captured.calls] == ["chat"]


def test_client_that_is_imported_later() -> None:
    """A client that is imported after first use is instrumented at its import."""
    with capture() as captured:
        is_there = CLIENT in sys.modules
        client = imported()
        client.ask()

    assert is_there is False
    assert [call.name for call in captured.calls] == ["chat"]


def test_client_that_is_being_imported(tmp_path: Path) -> None:
    """A client that another thread is importing at first use is instrumented when its import is complete."""
    gate = tmp_path / "gate"
    slowly = f"import os, time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.001)\n"
    (tmp_path / "installed" / f"{CLIENT}.py").write_text(slowly + CLIENT_CODE)
    importing = threading.Thread(target=imported)

    importing.start()
    eventually(lambda: CLIENT in sys.modules)
    with capture() as captured:
        gate.touch()
        importing.join()
        eventually(lambda: imported().MADE)
        imported().ask()

    assert [call.name for call in captured.calls] == ["chat"]


def test_first_use_imports_no_client() -> None:
    """First use imports neither a client nor its integration."""
    baserun.init("memory:instrument")

    assert CLIENT not in sys.modules
    assert INTEGRATION not in sys.modules


def test_import_leaves_no_trace_in_the_module() -> None:
    """A module whose import was watched has its ordinary type, loader and spec."""
    with capture():
        client = imported()

    assert type(client) is ModuleType
    assert isinstance(client.__loader__, SourceFileLoader)
    assert client.__spec__ is importlib.util.find_spec(CLIENT)
    assert client.__spec__ is not None
    assert client.__spec__.loader is client.__loader__


def test_import_that_fails_raises_its_own_error(tmp_path: Path) -> None:
    """A client whose import fails raises its own error."""
    (tmp_path / "installed" / f"{CLIENT}.py").write_text("raise RuntimeError('broken')")

    with capture(), pytest.raises(RuntimeError, match="broken"):
        imported()

    assert CLIENT not in sys.modules


def test_client_that_is_not_installed(tmp_path: Path) -> None:
    """Importing a client that is not installed raises `ModuleNotFoundError` each time."""
    (tmp_path / "installed" / f"{CLIENT}.py").unlink()
    importlib.invalidate_caches()

    with capture():
        for _ in range(2):
            with pytest.raises(ModuleNotFoundError, match=CLIENT):
                imported()


def test_looking_for_a_client_is_not_importing_it() -> None:
    """After a call of `importlib.util.find_spec` the import of the client is still noticed."""
    with capture() as captured:
        spec = importlib.util.find_spec(CLIENT)
        imported().ask()

    assert spec is not None
    assert spec.loader is not None
    assert spec.loader.get_source(CLIENT) == CLIENT_CODE  # type: ignore[attr-defined]
    assert len(captured.calls) == 1


def test_shut_down_during_the_import(tmp_path: Path) -> None:
    """A client whose import ends after a `shutdown` is not instrumented."""
    code = "import baserun\nbaserun.shutdown()\n" + CLIENT_CODE
    (tmp_path / "installed" / f"{CLIENT}.py").write_text(code)
    baserun.init("memory:instrument")

    assert imported().MADE == []


def test_integration_that_fails_leaves_the_client_alone(tmp_path: Path) -> None:
    """When instrumenting fails, the client works unrecorded."""
    (tmp_path / "installed" / f"{INTEGRATION}.py").write_text("raise RuntimeError('broken')")

    with capture() as captured:
        answer = imported().ask()

    assert answer == "answer"
    assert captured.calls == []


def test_shutdown_leaves_the_client_as_it_was() -> None:
    """`shutdown` restores the client's own function and stops watching imports."""
    client = imported()
    original = client.ask
    baserun.init("memory:instrument")
    during = client.ask

    baserun.shutdown()

    assert during is not original
    assert client.ask is original
    assert watchers() == 0


@pytest.mark.parametrize("choice", ["none", ("openai",), ()])
def test_clients_that_were_not_chosen(choice: Any) -> None:
    """A client that `instrument` does not name is not recorded."""
    with capture(instrument=choice) as captured:
        imported().ask()

    assert captured.calls == []


@pytest.mark.parametrize("choice", [CLIENT, (CLIENT,), ["openai", CLIENT]])
def test_clients_that_were_chosen(choice: Any) -> None:
    """`instrument` takes one name or several."""
    with capture(instrument=choice) as captured:
        imported().ask()

    assert len(captured.calls) == 1


def test_switched_off_records_no_client() -> None:
    """With `enabled=False` no client is instrumented and no import watched."""
    client = imported()

    with capture(enabled=False):
        importlib.import_module(CLIENT).ask()

    assert client.MADE == []
    assert watchers() == 0


def test_watching_does_not_add_up() -> None:
    """Imports are watched once, however often Baserun is configured."""
    for number in range(5):
        baserun.init(f"memory:instrument-{number}")
    with capture(), capture():
        inside = watchers()

    assert (inside, watchers()) == (1, 1)


def test_captured_block_restores_clients() -> None:
    """In a process with ``instrument="none"`` a `capture` block instruments clients and restores them at its end."""
    client = imported()
    original = client.ask
    baserun.init("memory:instrument", instrument="none")

    with capture():
        during = client.ask

    assert during is not original
    assert client.ask is original
