"""First use, the store and options it fixes, shutdown and starting again."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import baserun
from baserun import _current
from baserun.instrumentation import start_call


def is_in_use() -> bool:
    return _current._runtime is not None


def stored_in(path: Path) -> list[str]:
    return [session.id for session in baserun.open_store(path).sessions()]


FIRST_USES: dict[str, Callable[[], Any]] = {
    "init": lambda: baserun.init(),
    "api_key": lambda: setattr(baserun, "api_key", "key"),
    "with_session": lambda: baserun.with_session().__enter__(),
    "start_session": lambda: baserun.start_session(),
    "end_session": lambda: baserun.end_session("chat"),
    "start_trace": lambda: baserun.start_trace("t").__enter__(),
    "span": lambda: baserun.span("s").__enter__(),
    "trace": lambda: baserun.trace(lambda: None)(),
    "log": lambda: baserun.log("hello"),
    "tag": lambda: baserun.tag("key", 1),
    "check": lambda: baserun.check("name", True),
    "feedback": lambda: baserun.feedback("name", 1, session_id="chat"),
    "extract": lambda: baserun.extract({"baggage": "session.id=chat"}).__enter__(),
    "start_call": lambda: start_call("chat"),
}

NO_USES: dict[str, Callable[[], Any]] = {
    "current": lambda: (baserun.current_session(), baserun.current_trace(), baserun.current_span()),
    "decorating": lambda: baserun.trace(lambda: None),
    "making a block": lambda: (baserun.with_session("u"), baserun.start_trace("t"), baserun.span("s")),
    "hash_user": lambda: baserun.hash_user("a@b.c"),
    "flush": lambda: baserun.flush(),
    "stats": lambda: baserun.stats(),
    "shutdown": lambda: baserun.shutdown(),
    "reading api_key": lambda: baserun.api_key,
    "inject": lambda: baserun.inject({}),
    "propagate": lambda: baserun.propagate(print),
    "suppress": lambda: baserun.suppress().__enter__(),
    "signals": lambda: baserun.signals.ALL,
}


@pytest.mark.parametrize("name", FIRST_USES)
def test_first_use(name: str) -> None:
    """Recording or configuring anything starts Baserun."""
    before = is_in_use()

    FIRST_USES[name]()

    assert (before, is_in_use()) == (False, True)


@pytest.mark.parametrize("name", NO_USES)
def test_no_use(name: str, tmp_path: Path) -> None:
    """Reading what is current, decorating, flushing and shutting down start nothing and open nothing."""
    NO_USES[name]()

    assert not is_in_use()
    assert list(tmp_path.iterdir()) == []


def test_nothing_recorded_opens_nothing(tmp_path: Path) -> None:
    """After `init` there is no file and no thread until there is something to write."""
    baserun.init()

    assert list(tmp_path.iterdir()) == []
    assert [thread.name for thread in threading.enumerate() if "baserun" in thread.name] == []


def test_default_store(tmp_path: Path) -> None:
    """The default store is `.baserun/baserun.sqlite3` in the folder that is current at first use."""
    with baserun.with_session() as session:
        pass
    baserun.flush()

    assert stored_in(tmp_path / ".baserun" / "baserun.sqlite3") == [session.id]


def test_store_is_fixed_at_first_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program that changes its folder after first use keeps writing to the same store."""
    with baserun.with_session() as first:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
    with baserun.with_session() as second:
        pass
    baserun.flush()

    assert sorted(stored_in(tmp_path / ".baserun" / "baserun.sqlite3")) == sorted([first.id, second.id])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_environment_is_read_at_first_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment is read at first use, not at import; later changes have no effect."""
    monkeypatch.setenv("BASERUN_STORE", str(tmp_path / "first.sqlite3"))
    with baserun.with_session() as session:
        pass
    monkeypatch.setenv("BASERUN_STORE", str(tmp_path / "second.sqlite3"))
    with baserun.with_session(session_identifier=session.id):
        pass
    baserun.flush()

    assert stored_in(tmp_path / "first.sqlite3") == [session.id]
    assert not (tmp_path / "second.sqlite3").exists()


def test_api_key(caplog: pytest.LogCaptureFixture) -> None:
    """Setting `baserun.api_key` is first use; without `server_url` one log line says that records stay local."""
    with caplog.at_level(logging.INFO, logger="baserun"):
        baserun.api_key = "key"

    assert baserun.api_key == "key"
    assert [record.getMessage() for record in caplog.records] == [
        "api_key is set, but no server_url: records stay in the local store"
    ]


def test_last_api_key_counts() -> None:
    """`baserun.api_key` and the argument of `init` are the same option: the last value set counts."""
    seen = [baserun.api_key]
    baserun.api_key = "a"
    seen.append(baserun.api_key)
    baserun.api_key = "b"
    seen.append(baserun.api_key)
    baserun.init(environment="staging")
    seen.append(baserun.api_key)
    baserun.init(api_key="c")
    seen.append(baserun.api_key)
    baserun.api_key = None
    seen.append(baserun.api_key)
    baserun.shutdown()
    seen.append(baserun.api_key)

    assert seen == [None, "a", "b", "b", "c", None, None]


def test_api_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """From first use on `baserun.api_key` shows the value from the environment."""
    monkeypatch.setenv("BASERUN_API_KEY", "key")
    before = baserun.api_key
    baserun.init()

    assert (before, baserun.api_key) == (None, "key")


def test_threads_that_begin_together_share_one_start(tmp_path: Path) -> None:
    """First use in many threads at once starts Baserun once, and everything is recorded in one store."""
    barrier = threading.Barrier(16)
    ids: list[str] = []

    def work() -> None:
        barrier.wait()
        with baserun.with_session() as session:
            ids.append(session.id)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    baserun.flush()

    assert sorted(stored_in(tmp_path / ".baserun" / "baserun.sqlite3")) == sorted(ids)
    assert baserun.stats().dropped == {}


def test_init_again_with_the_same_options_has_no_effect() -> None:
    """A script that Streamlit or a notebook runs again calls `init` each time; what others record goes on."""
    baserun.init("mine.sqlite3", environment="staging")
    runtime = _current.runtime()
    baserun.init("mine.sqlite3", environment="staging")
    same = _current.runtime()
    baserun.init("mine.sqlite3", environment="production")

    assert same is runtime
    assert _current.runtime() is not runtime


def test_init_again_in_another_folder_has_an_effect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative path is resolved at each call, so the same words may name another store."""
    baserun.init("mine.sqlite3")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    baserun.init("mine.sqlite3")
    with baserun.with_session() as session:
        pass
    baserun.flush()

    assert stored_in(tmp_path / "elsewhere" / "mine.sqlite3") == [session.id]


def test_start_that_fails_leaves_the_application_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where Baserun cannot start, as in a deleted folder, the program runs unrecorded and one log line says so."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with baserun.with_session("u") as session, baserun.start_trace("t"):
        baserun.log("hello")

    assert session.user_identifier == "u"
    assert baserun.stats().captured == 0
    assert [record.getMessage() for record in caplog.records] == [
        "Baserun failed while starting; the application goes on (said once)"
    ]


def test_flush_and_stats_before_any_use() -> None:
    """Before first use `flush` returns True and all counts are zero."""
    stats = baserun.stats()

    assert baserun.flush() is True
    assert (stats.captured, stats.stored, stats.queued, stats.dropped, stats.closed) == (0, 0, 0, {}, True)


def test_ledger() -> None:
    """After a flush every captured record is counted as stored."""
    baserun.init("memory:ledger")
    with baserun.with_session(), baserun.start_trace("t"), baserun.span("s"):
        baserun.log("hello")
    baserun.flush()

    stats = baserun.stats()
    assert (stats.captured, stats.stored, stats.queued, stats.queued_bytes) == (5, 5, 0, 0)


def test_shutdown_writes_everything_and_ends_its_thread(tmp_path: Path) -> None:
    """After `shutdown` everything is stored and no thread of ours runs."""
    with baserun.with_session() as session:
        pass

    assert baserun.shutdown() is True
    assert not is_in_use()
    assert [thread.name for thread in threading.enumerate() if "baserun" in thread.name] == []
    assert stored_in(tmp_path / ".baserun" / "baserun.sqlite3") == [session.id]


def test_use_after_shutdown_is_configured_by_the_last_init(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Recording after a `shutdown` uses the store and options of the last `init`, whatever folder is current."""
    baserun.init("mine.sqlite3", environment="staging")
    with baserun.with_session(session_identifier="chat"):
        baserun.shutdown()
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        with baserun.start_trace("late"):
            pass
    baserun.flush()

    (trace,) = baserun.open_store(tmp_path / "mine.sqlite3").traces()
    assert (trace.name, trace.session_id, trace.environment) == ("late", "chat", "staging")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_documented_program(tmp_path: Path) -> None:
    """A second program that resumes the first one's session by id adds its trace to the same session."""
    first = (
        "from hashlib import sha256\n"
        "import baserun\n"
        "user = sha256(b'user@example.com').hexdigest()\n"
        "with baserun.with_session(user_identifier=user) as session:\n"
        "    with baserun.start_trace('first'): pass\n"
        "    print(session.id)\n"
    )
    second = (
        "import sys, baserun\n"
        "user = baserun.hash_user('user@example.com')\n"
        "with baserun.with_session(user_identifier=user, session_identifier=sys.argv[1]):\n"
        "    with baserun.start_trace('second'): pass\n"
    )

    told = subprocess.run([sys.executable, "-c", first], cwd=tmp_path, capture_output=True, text=True, check=True)
    subprocess.run([sys.executable, "-c", second, told.stdout.strip()], cwd=tmp_path, check=True)

    session = baserun.open_store(tmp_path / ".baserun" / "baserun.sqlite3").session(told.stdout.strip())
    assert session is not None
    assert [trace.name for trace in session.traces] == ["first", "second"]  # type: ignore[union-attr]
    assert session.user_identifier == baserun.hash_user("user@example.com")
    assert told.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_child_of_a_fork_has_ids_of_its_own(tmp_path: Path) -> None:
    """A forked child records in the open session, with trace ids that differ from its parent's."""
    program = (
        "import os, baserun\n"
        "with baserun.with_session(session_identifier='chat'):\n"
        "    with baserun.start_trace('before'): pass\n"
        "    child = os.fork()\n"
        "    with baserun.start_trace('child' if child == 0 else 'parent'): pass\n"
        "    if child == 0:\n"
        "        assert baserun.flush()\n"
        "        os._exit(0)\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
    )

    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=tmp_path, check=True)

    session = baserun.open_store(tmp_path / ".baserun" / "baserun.sqlite3").session("chat")
    assert session is not None
    assert sorted(trace.name for trace in session.traces) == ["before", "child", "parent"]  # type: ignore[union-attr]
