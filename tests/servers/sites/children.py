"""Starts twenty commands in greenlets while others record, and prints how many of their ends were noticed."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import subprocess  # noqa: E402  (gevent comes first)
import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

import baserun  # noqa: E402
from baserun.testing import capture  # noqa: E402

COMMANDS = 20
PATIENCE = 20.0  # seconds; it takes less than one

over: list[bool] = []


def record() -> None:
    """Record and keep the processor busy, so that children end before their parents go on."""
    with baserun.with_session():
        while not over:
            baserun.log("working")
            until = time.perf_counter() + 0.005
            while time.perf_counter() < until:
                pass
            gevent.sleep(0)


def main() -> None:
    with capture(instrument="none") as captured:
        recording = [gevent.spawn(record) for _ in range(3)]
        commands = [gevent.spawn(subprocess.check_call, [sys.executable, "-S", "-c", ""]) for _ in range(COMMANDS)]
        noticed = gevent.joinall(commands, timeout=PATIENCE)
        over.append(True)
        gevent.joinall(recording, raise_error=True)
        assert baserun.flush(), captured.stats
        print(len(noticed), captured.stats.closed)  # noqa: T201  (whoever started this reads it)


if __name__ == "__main__":
    main()
