"""The results of a test, as properties of its report: workers pass those on, and JUnit files contain them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from baserun.store import StoredCall
from baserun.testing._test_session import RecordedTest, TestSession

_FIRST = "baserun_session"
"""The first of our properties; a test may have some of its own, with any names, before it."""
_LONGEST = 200

Property = tuple[str, object]
_OWN = pytest.StashKey[list[Property]]()


class TestResult(msgspec.Struct, kw_only=True):
    """The results of one test, or of one attempt at it."""

    nodeid: str
    session: str
    calls: int = 0
    call_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    uncounted_calls: int = 0
    """Calls whose tokens are unknown."""
    calls_elsewhere: int = 0
    """Calls that are not in the session of the run: of requests with sessions of their own, or of threads."""
    cost_usd: Decimal = Decimal(0)
    unpriced_calls: int = 0
    failed_checks: list[str] = msgspec.field(default_factory=list)


def properties_of(test_session: TestSession, test: RecordedTest) -> list[Property]:
    """Return the properties of a test that has ended."""
    found: list[Property] = [(_FIRST, test_session.session.id), ("baserun_trace", test.trace.id)]
    calls = test_session.calls(test)
    if calls:
        found += [*_totals(calls), ("baserun_calls_elsewhere", _calls_elsewhere(test_session, test, calls))]
    return found + [("baserun_failed_check", describe_check(check)) for check in test.failed_checks]


def _totals(calls: list[StoredCall]) -> list[Property]:
    usages = [call.usage for call in calls if call.usage is not None]
    prices = [call.cost_usd for call in calls if call.cost_usd is not None]
    cost = sum(prices, Decimal(0))
    return [
        ("baserun_calls", len(calls)),
        ("baserun_call_ms", round(sum(call.duration_ms or 0 for call in calls), 3)),
        ("baserun_input_tokens", sum(usage.input_tokens or 0 for usage in usages)),
        ("baserun_output_tokens", sum(usage.output_tokens or 0 for usage in usages)),
        ("baserun_uncounted_calls", len(calls) - len(usages)),
        ("baserun_cost_usd", f"{cost:f}"),
        ("baserun_unpriced_calls", len(calls) - len(prices)),
    ]


def _calls_elsewhere(test_session: TestSession, test: RecordedTest, calls: list[StoredCall]) -> int:
    stored = {call.id for call in calls}
    return sum(span.id in stored and span.trace.session is not test_session.session for span in test.spans)


def add_properties(item: pytest.Item, found: list[Property]) -> None:
    """Add our properties to those of a test, in place of the ones that an earlier attempt at it has left."""
    earlier = item.stash.get(_OWN, [])
    others = [each for each in item.user_properties if not any(each is own for own in earlier)]
    item.user_properties[:] = [*others, *found]
    item.stash[_OWN] = found


def result_of(report: pytest.TestReport) -> TestResult | None:
    """Read the results from the last report of a test; None if it was not recorded."""
    places = [place for place, (name, _) in enumerate(report.user_properties) if name == _FIRST]
    if not places:
        return None
    ours = report.user_properties[places[-1] :]
    told = {str(name): value for name, value in ours}
    failed = [str(value) for name, value in ours if name == "baserun_failed_check"]
    result = TestResult(nodeid=report.nodeid, session=str(told[_FIRST]), failed_checks=failed)
    if "baserun_calls" in told:
        result.calls = _number(told["baserun_calls"])
        result.call_ms = float(str(told["baserun_call_ms"]))
        result.input_tokens = _number(told["baserun_input_tokens"])
        result.output_tokens = _number(told["baserun_output_tokens"])
        result.uncounted_calls = _number(told["baserun_uncounted_calls"])
        result.cost_usd = Decimal(str(told["baserun_cost_usd"]))
        result.unpriced_calls = _number(told["baserun_unpriced_calls"])
        result.calls_elsewhere = _number(told["baserun_calls_elsewhere"])
    return result


def _number(value: object) -> int:
    return int(str(value))


def describe_check(check: Any) -> str:
    """Describe a failed check on one line, with no character that a terminal would obey."""
    compared = check.value if isinstance(check.value, dict) else {}
    said = [f"{word} {_short(compared[word])}" for word in ("expected", "actual") if compared.get(word) is not None]
    name = check.name if check.name.isprintable() else repr(check.name)[1:-1]
    return ": ".join([name, ", ".join(said)] if said else [name])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def total(results: Iterable[TestResult], name: str) -> Any:
    """Return the sum of one field of all results."""
    return sum(getattr(result, name) for result in results)
