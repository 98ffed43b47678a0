"""The plugin that pytest loads wherever Baserun is installed: options, markers and fixtures. Imports no `baserun`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from baserun import Session
    from baserun_pytest._calls import RecordedCalls
    from baserun_pytest._offline import OfflineClient

REPLAY = "baserun_replay"
FIXTURES = frozenset({"baserun_session", "baserun_calls", "baserun_offline"})
MODES = ("none", "once", "new", "all")
_HELP = {
    "--baserun": "Record this run with Baserun: one session, each test a trace with the calls of models in it.",
    "--baserun-store": "The store to record into, a path or URL; implies --baserun.",
    "--baserun-strict": "Fail tests whose checks (baserun.check...) did not hold; implies --baserun.",
    "--baserun-record": "What @pytest.mark.baserun_replay does where the recording has no answer: none (fail, the "
    "default), once (call the provider and write the recording if there is none yet), new (also for calls that it does "
    "not have), all (record everything again).",
}
_MARKER = (
    'baserun_replay(path=..., ignore=(), partial=False): answer calls of models from the recording at "path", beside '
    "the test's file (left out, one named after the test), with the network closed; `ignore` names members of requests "
    "that do not matter, `partial` allows that not all recorded calls are made."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("baserun", "recording and replaying calls of models")
    group.addoption("--baserun", action="store_true", default=False, help=_HELP["--baserun"])
    group.addoption("--baserun-store", metavar="STORE", default=None, help=_HELP["--baserun-store"])
    group.addoption("--baserun-strict", action="store_true", default=False, help=_HELP["--baserun-strict"])
    group.addoption("--baserun-record", choices=MODES, default="none", help=_HELP["--baserun-record"])


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and record the run if an option asks for it."""
    config.addinivalue_line("markers", _MARKER)
    options = config.option
    if options.baserun or options.baserun_store is not None or options.baserun_strict:
        from baserun_pytest._tests import register

        register(config, is_recorded=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Record the tests that use a fixture or the marker, in a run that is not recorded as a whole."""
    if session.config.pluginmanager.has_plugin("baserun-tests"):
        return
    if any(is_used_by(item) for item in session.items):
        from baserun_pytest._tests import register

        register(session.config, is_recorded=False)


def is_used_by(item: pytest.Item) -> bool:
    """Whether a test has the marker or uses one of the fixtures."""
    return item.get_closest_marker(REPLAY) is not None or not FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.fixture
def baserun_session(request: pytest.FixtureRequest) -> Session:
    """The session in which this test is recorded: the run's, or without `--baserun` one of its own."""
    from baserun_pytest._tests import tests_of

    return tests_of(request.config).test_session.session


@pytest.fixture
def baserun_calls(request: pytest.FixtureRequest) -> RecordedCalls:
    """The calls to models that this test has made so far: a live sequence of `baserun.store.StoredCall`."""
    from baserun_pytest._tests import tests_of

    return tests_of(request.config).calls()


@pytest.fixture
def baserun_offline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineClient]:
    """An `OfflineModel` to which every client of a provider is redirected; ``.client`` is a client of it."""
    from baserun_pytest._offline import offline

    with offline(monkeypatch, request.config) as model:
        yield model
