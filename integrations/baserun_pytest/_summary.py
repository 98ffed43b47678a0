"""The summary of a recorded run in the terminal."""

from __future__ import annotations

import pytest

from baserun_pytest._results import TestResult, result_of, total
from baserun_pytest._run import Run

_SHOWN = 3
"""How many of the slowest tests are named."""


class Summary:
    """Collects the results of tests, from this process or from workers, and adds them up."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._results: list[TestResult] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the results from the last report of a test."""
        result = result_of(report) if report.when == "teardown" else None
        if result is not None:
            self._results.append(result)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the summary, unless no test was run."""
        if not self._results:
            return
        terminalreporter.section("baserun")
        for line in self._lines():
            terminalreporter.write_line(line)

    def _lines(self) -> list[str]:
        results = self._results
        with_calls = sorted((each for each in results if each.calls), key=lambda each: -each.call_ms)
        lines = [self._totals(with_calls)]
        lines += [
            f"slowest: {_duration(each.call_ms)} in {_calls(each.calls)}: {each.nodeid}" for each in with_calls[:_SHOWN]
        ]
        failed = [f"failed check: {failed} ({each.nodeid})" for each in results for failed in each.failed_checks]
        lines += dict.fromkeys(failed)  # once, however often a test was tried
        lines.append(f"store: {self._run.place}")
        return lines + (self._commands() if self._run.is_kept else [])

    def _commands(self) -> list[str]:
        """Return the commands that show the run, and what the session of the run does not have."""
        sessions = sorted({each.session for each in self._results})
        lines = [f"look:  {self._run.command(f'sessions show {session}')}" for session in sessions]
        elsewhere = total(self._results, "calls_elsewhere")
        if elsewhere:
            lines.append(f"       {_calls(elsewhere)} outside of its session: {self._run.command('traces list')}")
        return lines

    def _totals(self, with_calls: list[TestResult]) -> str:
        results = self._results
        calls = _calls(total(results, "calls"))
        tests, all_tests = ({each.nodeid for each in some} for some in (with_calls, results))
        return f"{calls} in {len(tests)} of {_tests(len(all_tests))}; {self._tokens()}; {self._cost()}"

    def _tokens(self) -> str:
        read, written = total(self._results, "input_tokens"), total(self._results, "output_tokens")
        calls, uncounted = total(self._results, "calls"), total(self._results, "uncounted_calls")
        if calls and uncounted == calls:
            return "tokens unknown"
        known = f"{read:,} tokens in, {written:,} out"
        return f"{known} (known of {_calls(calls - uncounted)})" if uncounted else known

    def _cost(self) -> str:
        cost, unpriced = total(self._results, "cost_usd"), total(self._results, "unpriced_calls")
        calls = total(self._results, "calls")
        if calls and unpriced == calls:
            return "cost unknown"
        known = f"${cost:.6f}".rstrip("0").rstrip(".") if cost else "$0"
        return f"{known} and {_calls(unpriced)} of unknown cost" if unpriced else known


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count:,} tests"


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:,.1f} s"
