"""The offline model run as a program."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from baserun.testing import OfflineModel
from baserun.testing.offline import main

COMMAND = [sys.executable, "-W", "error", "-m", "baserun.testing.offline"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    """The program prints its URL, serves, and stops cleanly on either signal."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/models") as answer:
            status = answer.status
        program.send_signal(number)
        _, errors = program.communicate(timeout=30)

    assert status == 200
    assert (program.returncode, errors) == (0, "")


def test_fault_from_the_start() -> None:
    """`--fault` applies to every request."""
    command = [*COMMAND, "--fault", "times=always,status=503"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"{url}/models")
        program.terminate()

    with raised.value as answer:
        assert answer.status == 503


def test_bad_fault_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown fault ends the program before it serves."""
    with pytest.raises(SystemExit):
        main(["--fault", "statu=1"])

    assert "There is no fault 'statu'; write one of" in capsys.readouterr().err


def test_place_that_cannot_be_served(capsys: pytest.CaptureFixture[str]) -> None:
    """A port that is none, or in use, ends the program with one line."""
    with OfflineModel() as model:
        taken = int(model.azure_endpoint.rpartition(":")[2])
        for port in (70_000, taken):
            with pytest.raises(SystemExit):
                main(["--port", f"{port}"])
            told = capsys.readouterr()

            assert told.out == ""
            assert f"error: cannot serve at 127.0.0.1, port {port}: " in told.err


def test_taken_port_raises() -> None:
    """Starting on a port that is in use raises the system's error."""
    with OfflineModel() as model:
        port = int(model.azure_endpoint.rpartition(":")[2])

        with pytest.raises(OSError, match="in use"):
            OfflineModel(port=port).start()
