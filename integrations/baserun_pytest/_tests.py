"""The hooks around each test: they begin and end its trace, look at its checks and replay its recording."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from baserun.testing._test_session import RecordedTest, TestSession
from baserun_pytest._calls import RecordedCalls
from baserun_pytest._marker import replay_of
from baserun_pytest._replay import NOT_IN_RECORDING, Replay
from baserun_pytest._results import add_properties, describe_check, properties_of
from baserun_pytest._run import Run, run_of
from baserun_pytest._summary import Summary
from baserun_pytest.plugin import is_used_by

NAME = "baserun-tests"
_OUTCOME_TAG = "outcome"
_ASKED_LATE = (
    "Without --baserun a test is recorded that names baserun_calls or baserun_session, itself or by its fixtures; "
    "getfixturevalue() asks for them too late, so write the fixture's name into the arguments of the test."
)


def register(config: pytest.Config, *, is_recorded: bool) -> None:
    """Register the hooks, to record all tests, or those that use a fixture or the marker."""
    run = run_of(config) if is_recorded else None
    if run is not None:
        config.pluginmanager.register(run, "baserun-run")
        config.pluginmanager.register(Summary(run), "baserun-summary")
    tests = Tests(config, run)
    config.pluginmanager.register(tests, NAME)
    config.pluginmanager.register(Replays(tests), "baserun-replays")


def tests_of(config: pytest.Config) -> Tests:
    """Return the plugin, which is registered if a test names one of our fixtures.

    Raises:
        pytest.UsageError: The fixture was requested with `getfixturevalue()`.
    """
    plugin: Any = config.pluginmanager.get_plugin(NAME)
    if not isinstance(plugin, Tests):
        raise pytest.UsageError(_ASKED_LATE)
    return plugin


class Tests:
    """Records tests: all into the session of the run, or those that use us each into a memory store of its own."""

    def __init__(self, config: pytest.Config, run: Run | None) -> None:
        self._run = run
        self._is_strict = bool(config.option.baserun_strict)
        self._mode = str(config.option.baserun_record)
        self._replay: Replay | None = None
        self._test_session: TestSession | None = None
        self._test: RecordedTest | None = None
        self._failure: tuple[str, BaseException | None] | None = None
        self._told: str | None = None
        self._written: set[Path] = set()
        self._count = 0

    @property
    def test_session(self) -> TestSession:
        """The session that the running test is recorded in."""
        if self._test_session is None:
            raise pytest.UsageError(_ASKED_LATE)
        return self._test_session

    def calls(self) -> RecordedCalls:
        """Return the calls of the running test."""
        test_session, test = self.test_session, self._test
        assert test is not None
        return RecordedCalls(lambda: test_session.calls(test))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Begin the session of the run."""
        if self._run is not None and self._run.is_here:
            self._test_session = TestSession(self._run.store, self._run.session_id, self._run.metadata)
            self._test_session.open()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """End it."""
        self._close()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin the test's trace."""
        self._begin(item)

    def start_replay(self, item: pytest.Item) -> None:
        """Begin the replay of a test that has the marker."""
        replay = replay_of(item, self._mode, self._written)
        if replay is not None:
            replay.start()
            self._replay = replay

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Fail the test for calls that are not in its recording, and for checks that did not hold."""
        try:
            result = yield
        except (Exception, pytest.fail.Exception) as error:
            self._judge_replay(error)
            raise
        self._judge_replay(None)
        self._judge_checks()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Stop the replay, judge what fixtures did in their teardown, and write a new recording."""
        try:
            result = yield
        finally:
            replay, self._replay = self._replay, None
            if replay is not None:
                replay.stop()
        problem = None if replay is None else replay.new_problem()
        if problem is not None:
            pytest.fail(problem, pytrace=False)
        self._judge_checks()
        if replay is not None and not self._has_failed and replay.write():
            self._written.add(replay.path)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep how each phase ended; after the last one the trace ends, and is stored before the report is sent."""
        if call.when == "teardown" and self._test is not None:
            error = None if call.excinfo is None else call.excinfo.value
            self._keep("failed" if error is not None else None, error)
            self._end(item)
        report = yield
        if report.failed and self._told is not None and self._told not in report.longreprtext:
            # Of a `unittest.TestCase` only the first failure is shown.
            report.sections.append(("baserun replay", self._told))
        self._told = None
        unwritten = None if self._replay is None else self._replay.unwritten()
        if report.failed and unwritten is not None:
            report.sections.append(("baserun replay", unwritten))
        if call.when != "teardown" and self._test is not None:
            error = None if call.excinfo is None or report.outcome != "failed" else call.excinfo.value
            self._keep(_outcome_of(report), error)
        return report

    def _begin(self, item: pytest.Item) -> None:
        self._failure = None
        if self._run is None:
            if not is_used_by(item):
                return
            self._count += 1
            self._test_session = TestSession(f"memory:pytest-{self._count}")
            self._test_session.open()
        if self._test_session is not None:
            self._test = self._test_session.begin(item.nodeid, _facts_of(item))

    def _judge_replay(self, error: BaseException | None) -> None:
        if self._replay is None:
            return
        problem = self._replay.new_problem()
        if problem is None and error is None:
            problem = self._replay.left_over()
        if problem is not None:
            self._told = problem
            # As a cause, our own refusal would repeat the message.
            cause = None if error is not None and NOT_IN_RECORDING in str(error) else error
            raise pytest.fail.Exception(problem, pytrace=False) from cause

    def _judge_checks(self) -> None:
        failed = [] if self._test is None else self._test.new_failures()
        if failed and self._is_strict:
            pytest.fail("\n".join(f"A check did not hold: {describe_check(each)}" for each in failed), pytrace=False)

    @property
    def _has_failed(self) -> bool:
        return self._failure is not None and self._failure[0] == "failed"

    def _keep(self, outcome: str | None, error: BaseException | None) -> None:
        """Keep the outcome of the first phase that raised, else of the last one that has an outcome."""
        if outcome is not None and (self._failure is None or self._failure[1] is None):
            self._failure = (outcome, error)

    def _end(self, item: pytest.Item) -> None:
        test_session, test = self._test_session, self._test
        self._test = None
        if test_session is None or test is None:
            return
        outcome, error = self._failure or ("passed", None)
        test_session.finish(error, {_OUTCOME_TAG: outcome})
        if self._run is None:
            self._close()
        else:
            add_properties(item, properties_of(test_session, test))

    def _close(self) -> None:
        test_session, self._test_session = self._test_session, None
        if test_session is None:
            return
        if self._test is not None:  # Ctrl-C, or `pytest.exit`, in a test
            self._test = None
            test_session.interrupt({_OUTCOME_TAG: "interrupted"})
        test_session.close()


class Replays:
    """Begins the replay of a test: before its fixtures, and after the hooks that may skip it or expect it to fail."""

    def __init__(self, tests: Tests) -> None:
        self._tests = tests

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin the replay.

        Not a wrapper: without a recording this fails, and other plugins' wrappers must have begun, since they will end.
        """
        self._tests.start_replay(item)


def _outcome_of(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return report.outcome


def _facts_of(item: pytest.Item) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    attempt = getattr(item, "execution_count", None)  # of pytest-rerunfailures
    if isinstance(attempt, int) and attempt > 1:
        facts["attempt"] = attempt
    return facts
