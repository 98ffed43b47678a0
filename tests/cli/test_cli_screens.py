"""Output on a terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from typing import Any

import pytest
from click.testing import Result

import baserun

Run = Callable[..., Result]

COMMAND = [sys.executable, "-c", "from baserun.cli import main; main()"]
STYLE = re.compile(r"\x1b\[[0-9;]*m")
ONE_BY_ONE = """
import sys
from baserun.cli._app import app
for arguments in sys.argv[1:]:
    app(arguments.split(), prog_name="baserun", standalone_mode=False)
"""
"""Runs many commands in one process, since starting a process takes longer than all of them."""
EVERYTHING = [
    "sessions",
    "sessions show 0000",
    "traces",
    "traces show 0000",
    "users",
    "users show mallory",
    "search red",
]
MORE = ["users export mallory", "stats", "doctor", "sessions --json", "sessions show 0000 --json"]


def on_terminal(store: Path, *commands: str, columns: int = 80, **variables: str) -> str:
    """Run commands on a terminal of their own, and return what they draw."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "BASERUN_STORE": str(store), **variables}
    command = [sys.executable, "-c", ONE_BY_ONE, *commands]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        drawn = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return drawn.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


def obeyed(text: str) -> set[str]:
    """Return the characters that a terminal would interpret."""
    return {letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}


def test_nothing_hostile_reaches_a_terminal(hostile: Path) -> None:
    """With hostile records the only control sequences on a terminal are our own colours."""
    drawn = on_terminal(hostile, *EVERYTHING, *MORE)

    assert "Traceback" not in drawn
    assert drawn.count("␛[31mred") > len([*EVERYTHING, *MORE])
    assert obeyed(STYLE.sub("", drawn)) == set()
    assert "\x1b[31mred" not in drawn


@pytest.mark.parametrize("arguments", [*EVERYTHING, *MORE])
def test_a_pipe_gets_no_control_sequences(
    run: Run, hostile: Path, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    """In a pipe there are no control sequences, neither hostile ones nor colours, even with `FORCE_COLOR`."""
    monkeypatch.setenv("FORCE_COLOR", "1")

    result = run("--store", str(hostile), *arguments.split())

    assert result.exit_code == 0, result.output
    assert obeyed(result.stdout) <= {"\t"}


def test_a_search_or_id_that_is_hostile_is_not_echoed(run: Run, hostile: Path) -> None:
    """Error messages do not repeat control characters of the arguments."""
    for arguments in (
        ("sessions", "show", "\x1b[31mred"),
        ("users", "show", "a@b\x1b[2J"),
        ("sessions", "\x1b[31mred"),
    ):
        assert obeyed(run("--store", str(hostile), *arguments).output) == set()


def test_markup_is_text(hostile: Path) -> None:
    """Text that looks like rich's markup is printed unchanged."""
    assert "[bold]markup[/bold]" in STYLE.sub("", on_terminal(hostile, "sessions show 0000", columns=140))


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_lines_fit_the_screen(story: Path, columns: int) -> None:
    """On a terminal no line is longer than its width."""
    commands = [
        "sessions",
        "traces",
        "users",
        "search order",
        "sessions show 0000",
        "traces show 0000...0001",
        "doctor",
    ]

    drawn = STYLE.sub("", on_terminal(story, *commands, columns=columns))

    assert "Traceback" not in drawn
    assert max(len(line) for line in drawn.splitlines()) <= columns


def test_a_terminal_gets_relative_times_and_short_ids(story: Path) -> None:
    """A terminal gets relative times, shortened ids and rounded amounts."""
    drawn = STYLE.sub("", on_terminal(story, "sessions", columns=140))

    assert "0000…0001" in drawn
    assert " ago " in drawn
    assert "$0.000135+" in drawn, "one call of unknown cost is not in it"


def test_lists_have_what_speech_alone_leaves_unknown(record: Callable[..., Path]) -> None:
    """It is among no calls, and its tokens and its cost are unknown, and not nothing."""

    def tell(teller: Any) -> None:
        with baserun.with_session("ada"):
            teller.call(answer="sound", kind="audio", request_model="tts-1", response_model=None, usage=None)

    drawn = STYLE.sub("", on_terminal(record(tell), "sessions", "users", "traces", columns=160))

    assert len(re.findall(r" unknown +unknown ", drawn)) == 3


def test_colours_can_be_switched_off(story: Path) -> None:
    """With `NO_COLOR` there are no colours."""
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", on_terminal(story, "sessions", NO_COLOR="1"))


def test_an_empty_list_prints_a_sentence(story: Path) -> None:
    """An empty list prints a sentence instead of a table."""
    assert STYLE.sub("", on_terminal(story, "sessions --status cancelled")) == "No session is like that.\n"


def test_a_closed_pipe_is_no_error(story: Path) -> None:
    """A command whose pipe is closed, as by ``head``, prints no error."""
    command = subprocess.Popen(
        [*COMMAND, "--store", str(story), "sessions", "show", "0000", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    errors = command.stderr.read()
    command.stderr.close()
    command.wait()

    assert errors == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize(
    "arguments", ["sessions", "sessions --json", "stats", "users export alice@example.com", "--help"]
)
def test_a_full_disk_is_one_line(story: Path, arguments: str) -> None:
    """When the output cannot be written, one line says so, and the exit code is 1."""
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [*COMMAND, *arguments.split()],
            env={**os.environ, "BASERUN_STORE": str(story)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (1, "baserun: [Errno 28] No space left on device\n")


def test_a_closed_output_is_no_error(story: Path) -> None:
    """A command started without standard output ends with exit code 0 and prints no error."""
    command = f"{sys.executable} -c 'from baserun.cli import main; main()' sessions >&-"

    ended = subprocess.run(
        command, shell=True, env={**os.environ, "BASERUN_STORE": str(story)}, capture_output=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_pipe_of_another_encoding_is_no_error(story: Path) -> None:
    """Characters that the output's encoding lacks are written as escapes."""
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "BASERUN_STORE": str(story)}

    written = subprocess.check_output([*COMMAND, "sessions", "show", "0000"], env=environment)

    assert b"\\u2192 find_order(number=123)" in written


def test_erasing_asks_on_a_terminal(story: Path) -> None:
    """On a terminal `users erase` asks, with the numbers of records, and without a yes changes nothing."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "BASERUN_STORE": str(story)}
    with subprocess.Popen(
        [*COMMAND, "users", "erase", "alice@example.com"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as command:
        os.close(theirs)
        os.write(ours, b"n\n")
        drawn = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)

    assert "with 1 session and 3 traces for good? [y/N]" in drawn
    assert command.returncode == 1
    assert "Nothing was changed." in drawn
