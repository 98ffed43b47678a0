"""The last step of CI: no test that should have run was skipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "check_skips.py"
PASSED = '<testcase classname="tests.a" name="test_passes"/>'
TWICE = PASSED + PASSED.replace("passes", "passes_too")
FAILED = '<testcase classname="tests.a" name="test_fails"><failure message="no"/></testcase>'
SKIPPED = '<testcase classname="tests.a" name="test_skips"><skipped type="pytest.skip" message="{}"/></testcase>'
RAN = '<testcase classname="tests.a" name="test_skips"/>'
NO_OPENAI = "could not import &apos;openai&apos;: No module named &apos;openai&apos;"


def check(folder: Path, *required: str, **cases: str) -> subprocess.CompletedProcess[str]:
    for environment, text in cases.items():
        (folder / f"{environment}.xml").write_text(f"<testsuites><testsuite>{text}</testsuite></testsuites>")
    return subprocess.run([sys.executable, SCRIPT, folder, *required], capture_output=True, text=True)


def test_counts_everything_on_its_last_line(tmp_path: Path) -> None:
    """The last line sums all environments."""
    answer = check(tmp_path, "tests", tests=TWICE, lowest=PASSED)

    assert (answer.returncode, answer.stdout.splitlines()[-1]) == (0, "3 passed, 0 failed, 0 skipped")


@pytest.mark.parametrize("reason", ["not today", NO_OPENAI])
def test_a_skipped_test_is_a_failure(tmp_path: Path, reason: str) -> None:
    """A test skipped in an environment with all extras fails CI."""
    answer = check(tmp_path, tests=PASSED + SKIPPED.format(reason))

    assert answer.returncode == 1
    assert "should have run: tests: tests.a.test_skips" in answer.stdout


def test_a_missing_extra_may_skip_in_the_bare_environment(tmp_path: Path) -> None:
    """In the bare environment a test may be skipped for a missing extra, if it ran in another environment."""
    answer = check(tmp_path, bare=PASSED + SKIPPED.format(NO_OPENAI), tests=RAN)

    assert answer.returncode == 0


def test_a_whole_module_may_skip_in_the_bare_environment(tmp_path: Path) -> None:
    """In the bare environment a whole module may be skipped, if its tests ran in another environment."""
    skipped = f'<skipped type="pytest.skip" message="collection skipped">Skipped: {NO_OPENAI}</skipped>'
    module = f'<testcase classname="" name="tests.a">{skipped}</testcase>'

    answer = check(tmp_path, bare=PASSED + module, tests=RAN)

    assert answer.returncode == 0


def test_a_test_that_was_skipped_everywhere_is_a_failure(tmp_path: Path) -> None:
    """A test that was skipped, or left out, in every environment fails CI."""
    answer = check(tmp_path, bare=PASSED + SKIPPED.format(NO_OPENAI), tests=PASSED)

    assert answer.returncode == 1


@pytest.mark.parametrize(
    ("cases", "complaint"),
    [
        ({"lowest": PASSED}, "should have run: tests: did not run"),
        ({"tests": ""}, "should have run: tests: no test ran"),
        ({"tests": PASSED + FAILED}, "1 passed, 1 failed, 0 skipped"),
    ],
    ids=["missing", "empty", "failed"],
)
def test_what_did_not_run_or_pass_is_a_failure(tmp_path: Path, cases: dict[str, str], complaint: str) -> None:
    """An environment that is missing, has no tests, or has a failed test fails CI."""
    answer = check(tmp_path, "tests", **cases)

    assert answer.returncode == 1
    assert complaint in answer.stdout
