"""Fail if a test that should have run was skipped; the last line of the output has the totals.

    python .ci/check_skips.py FOLDER [ENVIRONMENT ...]

FOLDER holds one JUnit file for each tox environment; the named environments must be among them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree


class Rule(NamedTuple):
    """A reason that allows tests to be skipped in the environments that match."""

    environment: str
    reason: str
    must_run_elsewhere: bool


RULES = (
    Rule("bare", r"could not import '[\w.]+'", must_run_elsewhere=True),
    Rule("(?!browser).*", r"could not import 'playwright[\w.]*'", must_run_elsewhere=True),
    Rule("(?!real-model).*", r"could not import 'llama_cpp'", must_run_elsewhere=True),
    Rule("lowest|openai1|openai2", r"this client cannot \w+ yet", must_run_elsewhere=True),
    Rule("tests|lowest|storm", r"Django 6 has them", must_run_elsewhere=True),
    Rule("(?!py31[345]).*", r"from Python 3\.13 on", must_run_elsewhere=False),
    Rule("(?!py313).*", r"could not import 'uvloop'", must_run_elsewhere=False),
)
"""Any other skip is a fault."""


class Results(NamedTuple):
    """The results of one environment."""

    passed: set[str]
    failed: set[str]
    skipped: dict[str, str]
    """Names and reasons."""


def main(folder: str, *required: str) -> int:
    """Print the results of each environment and the faults; return 1 if there are any."""
    results = {file.stem: read(file) for file in sorted(Path(folder).glob("*.xml"))}
    faults = [f"{name}: did not run" for name in required if name not in results]
    faults += [f"{name}: no test ran" for name, result in results.items() if not result.passed]
    ran = set().union(*(result.passed for result in results.values()))
    for environment, result in results.items():
        print(f"{environment}: {counted(result)}")
        faults += [
            f"{environment}: {test}: {reason}"
            for test, reason in result.skipped.items()
            if not may_skip(environment, test, reason, ran)
        ]
    for fault in faults:
        print(f"should have run: {fault}")
    passed, failed, skipped = (sum(len(result[field]) for result in results.values()) for field in range(3))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if faults or any(result.failed for result in results.values()) else 0


def read(file: Path) -> Results:
    """Return the results in one JUnit file."""
    results = Results(set(), set(), {})
    for case in ElementTree.parse(file).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}".lstrip(".")
        mark = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            results.failed.add(name)
        elif mark is not None and mark.get("type") != "pytest.xfail":
            # If a whole module was skipped, the reason is in the text, not in the message.
            results.skipped[name] = f"{mark.get('message')} {mark.text or ''}".strip()
        else:
            results.passed.add(name)
    return Results(results.passed - results.failed, results.failed, results.skipped)


def counted(result: Results) -> str:
    """Return the numbers of a result as text."""
    return ", ".join(f"{len(tests)} {word}" for word, tests in zip(Results._fields, result, strict=True))


def may_skip(environment: str, test: str, reason: str, ran: set[str]) -> bool:
    """Whether a rule allows this skip; a whole module counts as run elsewhere if one of its tests ran."""
    for rule in RULES:
        if re.fullmatch(rule.environment, environment) and re.search(rule.reason, reason):
            return not rule.must_run_elsewhere or any(name == test or name.startswith(f"{test}.") for name in ran)
    return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
