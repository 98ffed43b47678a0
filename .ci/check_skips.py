"""Fail when a test was skipped that should have run; the last line says how many passed and failed.

    python .ci/check_skips.py FOLDER [ENVIRONMENT ...]

FOLDER holds one JUnit file for each tox environment; the named environments must be among them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

ALLOWED = {
    "bare": r"could not import '(openai|genai_prices|click|rich)'",
}
"""For an environment, the reasons for which its tests may be skipped. Everywhere else every test must run."""


def main(folder: str, *required: str) -> int:
    """Print what ran where, and what should have; 1 when something should have."""
    files = {file.stem: file for file in sorted(Path(folder).glob("*.xml"))}
    faults = [f"{name}: did not run" for name in required if name not in files]
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for name, file in files.items():
        counts, skipped = read(file)
        print(f"{name}: " + ", ".join(f"{count} {word}" for word, count in counts.items()))
        faults += [f"{name}: {reason}" for reason in skipped if not is_allowed(name, reason)]
        if not counts["passed"]:
            faults.append(f"{name}: no test ran")
        for word, count in counts.items():
            totals[word] += count
    for fault in faults:
        print(f"should have run: {fault}")
    print("{passed} passed, {failed} failed, {skipped} skipped".format_map(totals))
    return 1 if faults or totals["failed"] else 0


def read(file: Path) -> tuple[dict[str, int], list[str]]:
    """The counts of one JUnit file, and for each skipped test its name and reason."""
    cases = list(ElementTree.parse(file).iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = [
        f"{case.get('classname')}.{case.get('name')}: {mark.get('message')}"
        for case in cases
        if (mark := case.find("skipped")) is not None and mark.get("type") != "pytest.xfail"
    ]
    return {"passed": len(cases) - failed - len(skipped), "failed": failed, "skipped": len(skipped)}, skipped


def is_allowed(environment: str, reason: str) -> bool:
    """Whether tests may be skipped for this reason in this environment."""
    pattern = ALLOWED.get(environment)
    return pattern is not None and re.search(pattern, reason) is not None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
